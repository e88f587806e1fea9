// SPDX-License-Identifier: Apache-2.0
package import Cryptography
package import DataPlane

extension IKETransform: CustomStringConvertible {
    /// The name operators write: `aes256-sha256-modp2048`.
    package var description: String { "\(cipher)-\(hash.name)-\(group.operatorName)" }

    /// Reads ``description``; `sha2_256` for `sha256` and `aes` for `aes128` are understood too.
    package init?(_ text: String) {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 3, let cipher = Cipher(parts[0]), let hash = HashAlgorithm(name: parts[1]),
            let group = DiffieHellmanGroup.allCases.first(where: { $0.operatorName == parts[2] })
        else { return nil }
        self.init(cipher: cipher, hash: hash, group: group)
    }

    /// What ``Profile/allowLegacy`` has to name before this is accepted.
    package var legacyAlgorithms: Set<LegacyAlgorithm> {
        var algorithms: Set<LegacyAlgorithm> = []
        if cipher == .tripleDESCBC { algorithms.insert(.tripleDES) }
        if hash == .md5 { algorithms.insert(.md5) }
        if group == .modp1024 { algorithms.insert(.modp1024) }
        return algorithms
    }

    var blockCipher: BlockCipher {
        switch cipher {
        case .aesCBC(let keyBits): keyBits == 256 ? .aes256CBC : keyBits == 192 ? .aes192CBC : .aes128CBC
        case .tripleDESCBC: .tripleDESCBC
        }
    }
}

extension IKETransform.Cipher: CustomStringConvertible {
    package var description: String {
        switch self {
        case .aesCBC(let keyBits): "aes\(keyBits)"
        case .tripleDESCBC: "3des"
        }
    }

    fileprivate init?(_ text: Substring) {
        switch text {
        case "aes", "aes128": self = .aesCBC(keyBits: 128)
        case "aes192": self = .aesCBC(keyBits: 192)
        case "aes256": self = .aesCBC(keyBits: 256)
        case "3des": self = .tripleDESCBC
        default: return nil
        }
    }
}

extension ESPTransform {
    /// Reads the description: `aes256-sha256`, `aes128gcm16`, `3des-sha1`.
    package init?(parsing text: String) {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        switch (parts.count, parts.first) {
        case (1, "aes128gcm16"): self.init(cipher: .aesGCM16(keyBits: 128), integrity: nil)
        case (1, "aes192gcm16"): self.init(cipher: .aesGCM16(keyBits: 192), integrity: nil)
        case (1, "aes256gcm16"): self.init(cipher: .aesGCM16(keyBits: 256), integrity: nil)
        case (2, let first?):
            guard let cipher = IKETransform.Cipher(first) else { return nil }
            let integrity: Integrity
            switch parts[1] {
            case "md5": integrity = .hmacMD5_96
            case "sha", "sha1": integrity = .hmacSHA1_96
            case "sha256", "sha2_256": integrity = .hmacSHA256_128
            case "sha256_96": integrity = .hmacSHA256_96
            case "sha384", "sha2_384": integrity = .hmacSHA384_192
            case "sha512", "sha2_512": integrity = .hmacSHA512_256
            default: return nil
            }
            switch cipher {
            case .aesCBC(let keyBits): self.init(cipher: .aesCBC(keyBits: keyBits), integrity: integrity)
            case .tripleDESCBC: self.init(cipher: .tripleDESCBC, integrity: integrity)
            }
        default: return nil
        }
    }

    /// With HMAC-SHA2-256 of 96 bits instead of 128, or the other way round; anything else stays as it is.
    package func truncatingSHA256(to96 is96: Bool) -> ESPTransform {
        guard integrity == .hmacSHA256_128 || integrity == .hmacSHA256_96 else { return self }
        return ESPTransform(cipher: cipher, integrity: is96 ? .hmacSHA256_96 : .hmacSHA256_128)
    }

    /// Without what no proposal can say: how far HMAC-SHA2-256 is cut.
    ///
    /// - SeeAlso: RFC 4868 §2.6
    var asNegotiated: ESPTransform { truncatingSHA256(to96: false) }

    /// What ``Profile/allowLegacy`` has to name before this is accepted.
    package var legacyAlgorithms: Set<LegacyAlgorithm> {
        var algorithms: Set<LegacyAlgorithm> = []
        if cipher == .tripleDESCBC { algorithms.insert(.tripleDES) }
        if integrity == .hmacMD5_96 { algorithms.insert(.md5) }
        return algorithms
    }
}

extension HashAlgorithm {
    /// As operators write it.
    var name: String {
        switch self {
        case .md5: "md5"
        case .sha1: "sha1"
        case .sha256: "sha256"
        case .sha384: "sha384"
        case .sha512: "sha512"
        }
    }

    fileprivate init?(name: Substring) {
        switch name {
        case "md5": self = .md5
        case "sha", "sha1": self = .sha1
        case "sha256", "sha2_256": self = .sha256
        case "sha384", "sha2_384": self = .sha384
        case "sha512", "sha2_512": self = .sha512
        default: return nil
        }
    }
}

extension DiffieHellmanGroup {
    /// As operators write it.
    package var operatorName: String {
        switch self {
        case .modp1024: "modp1024"
        case .modp1536: "modp1536"
        case .modp2048: "modp2048"
        case .modp3072: "modp3072"
        case .modp4096: "modp4096"
        case .modp6144: "modp6144"
        case .modp8192: "modp8192"
        case .ecp256: "ecp256"
        case .ecp384: "ecp384"
        case .ecp521: "ecp521"
        }
    }

    /// What ``Profile/allowLegacy`` has to name before perfect forward secrecy with it is accepted.
    package var legacyAlgorithms: Set<LegacyAlgorithm> { self == .modp1024 ? [.modp1024] : [] }

    /// Reads ``operatorName``.
    package init?(operatorName: String) {
        guard let group = DiffieHellmanGroup.allCases.first(where: { $0.operatorName == operatorName }) else {
            return nil
        }
        self = group
    }
}
