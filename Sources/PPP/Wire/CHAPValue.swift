// SPDX-License-Identifier: Apache-2.0
package import Primitives

/// The data of a Challenge or a Response: a value of declared size, then a name up to the end.
///
/// - SeeAlso: RFC 1994 §4.1
package struct CHAPValue: Hashable, Sendable {
    package static let challenge = ControlPacket.Code(rawValue: 1)
    package static let response = ControlPacket.Code(rawValue: 2)
    package static let success = ControlPacket.Code(rawValue: 3)
    package static let failure = ControlPacket.Code(rawValue: 4)

    /// 1 to 255 bytes.
    package var value: ArraySlice<UInt8>
    package var name: ArraySlice<UInt8>

    package init(value: ArraySlice<UInt8>, name: ArraySlice<UInt8>) {
        self.value = value
        self.name = name
    }

    /// - Throws: ``DecodeError/invalidLength(_:)`` for a value of no bytes.
    package init(from reader: inout ByteReader) throws(DecodeError) {
        let size = Int(try reader.integer(UInt8.self))
        guard size > 0 else { throw .invalidLength(size) }
        value = try reader.take(size)
        name = reader.rest()
    }

    /// - Precondition: ``value`` is 1 to 255 bytes long.
    package func encode(into writer: inout ByteWriter) {
        precondition((1...0xFF).contains(value.count), "value of \(value.count) bytes")
        writer.integer(UInt8(value.count))
        writer.append(value)
        writer.append(name)
    }
}
