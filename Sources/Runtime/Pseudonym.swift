// SPDX-License-Identifier: Apache-2.0
package import Cryptography

/// Stands for a name or an address: the value itself, encrypted under the key of the day. The same value gives the same
/// text all day.
package enum Pseudonym {
    package enum Kind: String, Hashable, Sendable, CaseIterable {
        case name
        case address = "addr"
    }

    /// In bytes; of longer values the beginning counts.
    package static let longestValue = 96
    /// Values are filled up to whole ones, so that their lengths tell little. IPv4 addresses are, all of them, shorter.
    private static let block = 16

    /// `name_…`, `addr_…` with small letters and digits.
    package static func text(
        for value: String,
        _ kind: Kind,
        _ cipher: DeterministicCipher
    ) throws(CryptographyError) -> String {
        var message = Array(value.utf8.prefix(longestValue))
        // The last character stays whole.
        while !message.isEmpty, String(validating: message, as: UTF8.self) == nil { message.removeLast() }
        let rest = message.count % block
        message += [UInt8](repeating: 0, count: message.isEmpty || rest > 0 ? block - rest : 0)
        return "\(kind.rawValue)_\(base32(try cipher.seal(message, context: Array(kind.rawValue.utf8))))"
    }

    /// `nil` if the text is none of that key.
    package static func value(of text: String, _ cipher: DeterministicCipher) throws(CryptographyError) -> String? {
        let parts = text.split(separator: "_", omittingEmptySubsequences: false)
        guard parts.count == 2, let kind = Kind(rawValue: parts[0].lowercased()), let sealed = bytes(ofBase32: parts[1])
        else { return nil }
        guard var message = try cipher.open(sealed, context: Array(kind.rawValue.utf8)) else { return nil }
        while message.last == 0 { message.removeLast() }
        return String(decoding: message, as: UTF8.self)
    }

    /// RFC 4648 §6 in small letters and without padding.
    private static let digits = Array("abcdefghijklmnopqrstuvwxyz234567".utf8)

    private static func base32(_ bytes: [UInt8]) -> String {
        var text: [UInt8] = []
        var (value, bits) = (0 as UInt32, 0)
        for byte in bytes {
            value = value << 8 & 0xFFFF | UInt32(byte)
            bits += 8
            while bits >= 5 {
                bits -= 5
                text.append(digits[Int(value >> UInt32(bits) & 31)])
            }
        }
        if bits > 0 { text.append(digits[Int(value << UInt32(5 - bits) & 31)]) }
        return String(decoding: text, as: UTF8.self)
    }

    private static func bytes(ofBase32 text: Substring) -> [UInt8]? {
        guard text.utf8.count <= 400 else { return nil }
        var bytes: [UInt8] = []
        var (value, bits) = (0 as UInt32, 0)
        for character in text.lowercased().utf8 {
            guard let digit = digits.firstIndex(of: character) else { return nil }
            value = value << 5 & 0xFFFF | UInt32(digit)
            bits += 5
            if bits >= 8 {
                bits -= 8
                bytes.append(UInt8(truncatingIfNeeded: value >> UInt32(bits)))
            }
        }
        return bytes
    }
}
