// SPDX-License-Identifier: Apache-2.0
internal import Cryptography
package import Primitives

/// The computations of MS-CHAPv2, each under the RFC's name.
///
/// - SeeAlso: RFC 2759 §8
package enum MSCHAPv2 {
    /// The MD4 of the password in UTF-16, little endian; 16 bytes.
    ///
    /// - Parameter password: In UTF-8.
    /// - Returns: `nil` if it is not UTF-8.
    /// - SeeAlso: RFC 2759 §8.3
    package static func ntPasswordHash(_ password: SecretBytes) -> SecretBytes? {
        var utf8 = password.withBytes { span in
            var bytes: [UInt8] = []
            bytes.reserveCapacity(span.count)
            for index in span.indices { bytes.append(span[index]) }
            return bytes
        }
        var utf16: [UInt8] = []
        // Reserved in full, so that growing leaves no copy behind.
        utf16.reserveCapacity(2 * utf8.count)
        defer {
            utf8.wipe()
            utf16.wipe()
        }
        let isBroken = transcode(utf8.makeIterator(), from: UTF8.self, to: UTF16.self, stoppingOnError: true) { unit in
            utf16.append(UInt8(truncatingIfNeeded: unit))
            utf16.append(UInt8(truncatingIfNeeded: unit >> 8))
        }
        guard !isBroken else { return nil }
        var hash = Hash.md4(utf16)
        return SecretBytes(consuming: &hash)
    }

    /// The eight-byte challenge both ends derive from the two 16-byte ones and the name.
    ///
    /// - Parameter userName: As sent; a domain before a backslash does not count.
    /// - SeeAlso: RFC 2759 §8.2
    package static func challengeHash(
        peerChallenge: [UInt8],
        authenticatorChallenge: [UInt8],
        userName: String
    ) -> [UInt8] {
        let name = Array(withoutDomain(userName).utf8)
        return Array(Hash.digest(.sha1, peerChallenge, authenticatorChallenge, name).prefix(8))
    }

    /// - SeeAlso: RFC 2759 §4
    package static func withoutDomain(_ userName: String) -> Substring {
        guard let backslash = userName.lastIndex(of: "\\") else { return userName[...] }
        return userName[userName.index(after: backslash)...]
    }

    /// 24 bytes: the challenge under three pieces of the hash.
    ///
    /// - Parameters:
    ///   - challenge: 8 bytes, from ``challengeHash(peerChallenge:authenticatorChallenge:userName:)``.
    ///   - passwordHash: 16 bytes.
    /// - SeeAlso: RFC 2759 §8.5
    package static func challengeResponse(challenge: [UInt8], passwordHash: SecretBytes) -> [UInt8] {
        var padded = passwordHash.withBytes { span in
            var bytes: [UInt8] = []
            bytes.reserveCapacity(21)
            for index in span.indices { bytes.append(span[index]) }
            return bytes
        }
        padded.append(contentsOf: repeatElement(0, count: max(21 - padded.count, 0)))
        defer { padded.wipe() }
        var response: [UInt8] = []
        for start in [0, 7, 14] {
            var key = Array(padded[start..<start + 7])
            response += DES.encryptBlock(challenge, key7: key)
            key.wipe()
        }
        return response
    }

    /// 20 bytes: our own proof, which shows the peer that we know its password's hash.
    ///
    /// - SeeAlso: RFC 2759 §8.7
    package static func authenticatorResponse(
        passwordHash: SecretBytes,
        ntResponse: [UInt8],
        challenge: [UInt8]
    ) -> [UInt8] {
        let hashHash = passwordHashHash(passwordHash)
        let digest = Hash.digest(.sha1, inputs: [.secret(hashHash), .bytes(ntResponse), .bytes(magic1)])
        return Hash.digest(.sha1, digest, challenge, magic2)
    }

    /// - SeeAlso: RFC 2759 §8.4
    package static func passwordHashHash(_ passwordHash: SecretBytes) -> SecretBytes {
        var hash = passwordHash.withBytes { span in
            var bytes: [UInt8] = []
            bytes.reserveCapacity(span.count)
            for index in span.indices { bytes.append(span[index]) }
            return bytes
        }
        defer { hash.wipe() }
        var twice = Hash.md4(hash)
        return SecretBytes(consuming: &twice)
    }

    private static let magic1 = Array("Magic server to client signing constant".utf8)
    private static let magic2 = Array("Pad to make it do more than one iteration".utf8)
}
