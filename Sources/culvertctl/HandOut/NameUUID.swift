// SPDX-License-Identifier: Apache-2.0
import Cryptography

/// UUIDs made of names.
///
/// - SeeAlso: RFC 9562 §5.5
enum NameUUID {
    /// Of our own names: a random UUID.
    private static let namespace: [UInt8] = [
        0x6E, 0x1B, 0x3C, 0x52, 0x0D, 0x5F, 0x4C, 0x8E, 0x9A, 0x37, 0x41, 0xD2, 0xB7, 0x70, 0x88, 0x1F,
    ]

    static func string(of name: String, in namespace: [UInt8] = namespace) -> String {
        var bytes = Array(Hash.digest(.sha1, namespace, Array(name.utf8)).prefix(16))
        bytes[6] = bytes[6] & 0x0F | 0x50
        bytes[8] = bytes[8] & 0x3F | 0x80
        var text = ""
        for (index, byte) in bytes.enumerated() {
            if [4, 6, 8, 10].contains(index) { text += "-" }
            text += (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
        }
        return text
    }
}
