// SPDX-License-Identifier: Apache-2.0
package import Primitives

/// A PPP frame between the link's framing and its checksum: a protocol and what it says.
///
/// - SeeAlso: RFC 1661 §2, §6.5, §6.6
package struct Frame: Hashable, Sendable {
    package var protocolNumber: ProtocolNumber
    package var information: ArraySlice<UInt8>

    package init(_ protocolNumber: ProtocolNumber, _ information: ArraySlice<UInt8>) {
        self.protocolNumber = protocolNumber
        self.information = information
    }

    /// Decodes a whole frame. Address and control fields may stand before the protocol, which may be compressed:
    /// both are understood whether or not they were negotiated.
    ///
    /// - Throws: ``DecodeError/invalidValue(field:value:)`` for a protocol number that RFC 1661 §2 rules out.
    package init(from reader: inout ByteReader) throws(DecodeError) {
        if reader.next == 0xFF {
            let fields = try reader.integer(UInt16.self)
            guard fields == 0xFF03 else { throw .invalidValue(field: "Address and Control", value: UInt64(fields)) }
        }
        let first = try reader.integer(UInt8.self)
        if first & 1 == 1 {
            protocolNumber = ProtocolNumber(rawValue: UInt16(first))
        } else {
            let number = UInt16(first) << 8 | UInt16(try reader.integer(UInt8.self))
            guard number & 1 == 1 else { throw .invalidValue(field: "Protocol", value: UInt64(number)) }
            protocolNumber = ProtocolNumber(rawValue: number)
        }
        information = reader.rest()
    }

    /// Neither compressed nor preceded by address and control fields.
    package func encode(into writer: inout ByteWriter) {
        writer.integer(protocolNumber.rawValue)
        writer.append(information)
    }
}
