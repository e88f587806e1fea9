// SPDX-License-Identifier: Apache-2.0
package import Primitives

/// One configuration option, undecoded: what its value means, its protocol knows.
///
/// - SeeAlso: RFC 1661 §6
package struct Option: Hashable, Sendable {
    package static let headerLength = 2

    package var type: UInt8
    package var value: ArraySlice<UInt8>

    package init(_ type: UInt8, _ value: ArraySlice<UInt8> = []) {
        self.type = type
        self.value = value
    }

    /// - Throws: ``DecodeError/invalidLength(_:)`` if the length is shorter than the header;
    ///   ``DecodeError/truncated(needed:available:)`` if it points past the end of the packet.
    package init(from reader: inout ByteReader) throws(DecodeError) {
        type = try reader.integer()
        let length = Int(try reader.integer(UInt8.self))
        guard length >= Self.headerLength else { throw .invalidLength(length) }
        value = try reader.take(length - Self.headerLength)
    }

    /// - Precondition: ``value`` is at most 253 bytes long.
    package func encode(into writer: inout ByteWriter) {
        precondition(value.count <= 0xFF - Self.headerLength, "option value too long: \(value.count)")
        writer.integer(type)
        writer.integer(UInt8(value.count + Self.headerLength))
        writer.append(value)
    }

    /// More are refused, together with their packet: what answers an option may be longer than the option.
    package static let longestList = 64

    /// - Throws: Besides what an option throws: ``DecodeError/invalidValue(field:value:)`` for more than
    ///   ``longestList`` of them.
    package static func list(from data: ArraySlice<UInt8>) throws(DecodeError) -> [Option] {
        var reader = ByteReader(data)
        var options: [Option] = []
        while !reader.isAtEnd {
            guard options.count < longestList else {
                throw .invalidValue(field: "number of options", value: UInt64(longestList) + 1)
            }
            options.append(try Option(from: &reader))
        }
        return options
    }

    package static func encode(_ options: [Option]) -> [UInt8] {
        var writer = ByteWriter(reservingCapacity: 32)
        for option in options { option.encode(into: &writer) }
        return writer.bytes
    }
}

extension Option {
    /// An option whose value is one number.
    package init(_ type: UInt8, integer value: some FixedWidthInteger & UnsignedInteger) {
        var writer = ByteWriter(reservingCapacity: 4)
        writer.integer(value)
        self.init(type, writer.bytes[...])
    }

    /// The value as a number; `nil` if it has another size.
    package func integer<T: FixedWidthInteger & UnsignedInteger>(_: T.Type = T.self) -> T? {
        guard value.count == T.bitWidth / 8 else { return nil }
        return value.reduce(0) { $0 << 8 | T(truncatingIfNeeded: $1) }
    }
}
