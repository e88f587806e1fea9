// SPDX-License-Identifier: Apache-2.0
package import Primitives

/// The packet that LCP, every network control protocol, PAP and CHAP have in common.
///
/// - SeeAlso: RFC 1661 §5
package struct ControlPacket: Hashable, Sendable {
    package static let headerLength = 4

    package var code: Code
    package var identifier: UInt8
    package var data: ArraySlice<UInt8>

    package init(_ code: Code, identifier: UInt8, data: ArraySlice<UInt8> = []) {
        self.code = code
        self.identifier = identifier
        self.data = data
    }

    /// Decodes one packet. What stands behind its declared length is padding, and skipped.
    ///
    /// - Throws: ``DecodeError/invalidLength(_:)`` if the length is shorter than the header;
    ///   ``DecodeError/truncated(needed:available:)`` if it points past the end of the frame.
    package init(from reader: inout ByteReader) throws(DecodeError) {
        code = Code(rawValue: try reader.integer())
        identifier = try reader.integer()
        let length = Int(try reader.integer(UInt16.self))
        guard length >= Self.headerLength else { throw .invalidLength(length) }
        data = try reader.take(length - Self.headerLength)
        _ = reader.rest()
    }

    /// - Precondition: ``data`` is at most 65531 bytes long.
    package func encode(into writer: inout ByteWriter) {
        writer.lengthDelimited(lengthAt: 2) { writer in
            writer.integer(code.rawValue)
            writer.integer(identifier)
            writer.integer(UInt16(0))
            writer.append(data)
        }
    }

    /// The packet as a frame of `protocolNumber`.
    package func frame(_ protocolNumber: ProtocolNumber) -> [UInt8] {
        var writer = ByteWriter(reservingCapacity: 2 + Self.headerLength + data.count)
        writer.integer(protocolNumber.rawValue)
        encode(into: &writer)
        return writer.bytes
    }
}

extension ControlPacket {
    /// What a packet is for. 1 to 7 mean the same in every control protocol; PAP and CHAP have numbers of their own.
    package struct Code: RawRepresentable, Hashable, Sendable {
        package var rawValue: UInt8

        package init(rawValue: UInt8) {
            self.rawValue = rawValue
        }

        package static let configureRequest = Self(rawValue: 1)
        package static let configureAck = Self(rawValue: 2)
        package static let configureNak = Self(rawValue: 3)
        package static let configureReject = Self(rawValue: 4)
        package static let terminateRequest = Self(rawValue: 5)
        package static let terminateAck = Self(rawValue: 6)
        package static let codeReject = Self(rawValue: 7)
        // RFC 1661 §5.7 to §5.9 and RFC 1570 §2: LCP alone.
        package static let protocolReject = Self(rawValue: 8)
        package static let echoRequest = Self(rawValue: 9)
        package static let echoReply = Self(rawValue: 10)
        package static let discardRequest = Self(rawValue: 11)
        package static let identification = Self(rawValue: 12)
        package static let timeRemaining = Self(rawValue: 13)
    }
}
