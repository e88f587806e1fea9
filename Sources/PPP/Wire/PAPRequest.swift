// SPDX-License-Identifier: Apache-2.0
package import Primitives

/// The data of an Authenticate-Request.
///
/// - SeeAlso: RFC 1334 §2.2.1
package struct PAPRequest: Hashable, Sendable {
    package static let request = ControlPacket.Code(rawValue: 1)
    package static let ack = ControlPacket.Code(rawValue: 2)
    package static let nak = ControlPacket.Code(rawValue: 3)

    /// At most 255 bytes.
    package var peerID: ArraySlice<UInt8>
    /// At most 255 bytes.
    package var password: SecretBytes

    package init(peerID: ArraySlice<UInt8>, password: SecretBytes) {
        self.peerID = peerID
        self.password = password
    }

    /// Bytes after the password are skipped.
    package init(from reader: inout ByteReader) throws(DecodeError) {
        peerID = try reader.take(Int(try reader.integer(UInt8.self)))
        password = SecretBytes(copying: try reader.take(Int(try reader.integer(UInt8.self))))
    }

    /// - Precondition: Name and password are at most 255 bytes long.
    package func encode(into writer: inout ByteWriter) {
        precondition(peerID.count <= 0xFF && password.count <= 0xFF, "name or password too long")
        writer.integer(UInt8(peerID.count))
        writer.append(peerID)
        writer.integer(UInt8(password.count))
        writer.append(password)
    }

    /// The data of an Authenticate-Ack or -Nak.
    package static func reply(_ message: String) -> [UInt8] {
        let text = Array(message.utf8.prefix(0xFF))
        return [UInt8(truncatingIfNeeded: text.count)] + text
    }
}
