// SPDX-License-Identifier: Apache-2.0
internal import Cryptography
internal import DataPlane

/// The numbers of RFC 2407 §4.4-4.5 and RFC 2409 Appendix A, with IANA's later additions.
extension IKEv1 {
    package static let keyIKE: UInt8 = 1
    package static let preSharedKey: UInt64 = 1
    package static let lifeSeconds: UInt64 = 1
    package static let lifeKilobytes: UInt64 = 2

    /// Of a phase 1 transform.
    package enum IKEAttribute {
        package static let encryption: UInt16 = 1
        package static let hash: UInt16 = 2
        package static let authentication: UInt16 = 3
        package static let group: UInt16 = 4
        package static let lifeType: UInt16 = 11
        package static let lifeDuration: UInt16 = 12
        package static let keyLength: UInt16 = 14
    }

    /// Of an ESP transform.
    package enum ESPAttribute {
        package static let lifeType: UInt16 = 1
        package static let lifeDuration: UInt16 = 2
        package static let group: UInt16 = 3
        package static let encapsulationMode: UInt16 = 4
        package static let authentication: UInt16 = 5
        package static let keyLength: UInt16 = 6
    }

    package enum EncapsulationMode {
        package static let tunnel: UInt64 = 1
        package static let transport: UInt64 = 2
        package static let udpTunnel: UInt64 = 3
        package static let udpTransport: UInt64 = 4
        package static let udpTunnelDraft: UInt64 = 61443
        package static let udpTransportDraft: UInt64 = 61444
    }

    static func authenticationName(_ method: UInt64?) -> String {
        switch method {
        case nil: "nothing"
        case 1: "pre-shared key"
        case 2: "DSS signatures"
        case 3: "RSA signatures"
        case 4, 5: "RSA encryption"
        case 9, 10, 11: "ECDSA signatures"
        case 64221: "hybrid RSA"
        case 65001: "pre-shared key and XAuth"
        case 65005: "RSA signatures and XAuth"
        case let method?: "method \(method)"
        }
    }

    static func encapsulationName(_ mode: UInt64) -> String {
        switch mode {
        case EncapsulationMode.tunnel: "tunnel"
        case EncapsulationMode.transport: "transport"
        case EncapsulationMode.udpTunnel, EncapsulationMode.udpTunnelDraft: "UDP-encapsulated tunnel"
        case EncapsulationMode.udpTransport, EncapsulationMode.udpTransportDraft: "UDP-encapsulated transport"
        default: "encapsulation \(mode)"
        }
    }

    static func groupName(_ number: UInt64) -> String {
        if let group = UInt16(exactly: number).flatMap(DiffieHellmanGroup.init(rawValue:)) {
            return group.operatorName
        }
        return switch number {
        case 1: "modp768"
        case 22: "modp1024s160"
        case 23: "modp2048s224"
        case 24: "modp2048s256"
        case 25: "ecp192"
        case 26: "ecp224"
        case 31: "x25519"
        case 32: "x448"
        default: "group\(number)"
        }
    }

    static func ikeCipherName(_ number: UInt64, keyLength: UInt64?) -> String {
        switch number {
        case 1: "des"
        case 2: "idea"
        case 3: "blowfish"
        case 4: "rc5"
        case 5: "3des"
        case 6: "cast"
        case 7: "aes\(keyLength ?? 128)"
        case 8: "camellia\(keyLength ?? 128)"
        default: "cipher\(number)"
        }
    }

    static func ikeCipher(_ number: UInt64?, keyLength: UInt64?) -> IKETransform.Cipher? {
        switch (number, keyLength) {
        // RFC 3602 §5.3 demands the attribute; without it everybody means 128 bits.
        case (7, nil), (7, 128): .aesCBC(keyBits: 128)
        case (7, 192): .aesCBC(keyBits: 192)
        case (7, 256): .aesCBC(keyBits: 256)
        case (5, nil): .tripleDESCBC
        default: nil
        }
    }

    static func hashName(_ number: UInt64) -> String {
        if let hash = hash(number) { return hash.name }
        return number == 3 ? "tiger" : "hash\(number)"
    }

    static func hash(_ number: UInt64?) -> HashAlgorithm? {
        switch number {
        case 1: .md5
        case 2: .sha1
        case 4: .sha256
        case 5: .sha384
        case 6: .sha512
        default: nil
        }
    }

    static func number(of hash: HashAlgorithm) -> UInt16 {
        switch hash {
        case .md5: 1
        case .sha1: 2
        case .sha256: 4
        case .sha384: 5
        case .sha512: 6
        }
    }

    static func espCipherName(_ id: UInt8, keyLength: UInt64?) -> String {
        switch id {
        case 2: "des"
        case 3: "3des"
        case 4: "rc5"
        case 5: "idea"
        case 6: "cast"
        case 7: "blowfish"
        case 11: "null"
        case 12: "aes\(keyLength ?? 128)"
        case 13: "aes\(keyLength ?? 128)ctr"
        case 14: "aes\(keyLength ?? 128)ccm8"
        case 15: "aes\(keyLength ?? 128)ccm12"
        case 16: "aes\(keyLength ?? 128)ccm16"
        case 18: "aes\(keyLength ?? 128)gcm8"
        case 19: "aes\(keyLength ?? 128)gcm12"
        case 20: "aes\(keyLength ?? 128)gcm16"
        case 22: "camellia\(keyLength ?? 128)"
        case 23: "aes\(keyLength ?? 128)gmac"
        default: "cipher\(id)"
        }
    }

    static func espCipher(_ id: UInt8, keyLength: UInt64?) -> ESPTransform.Cipher? {
        switch (id, keyLength) {
        case (3, nil): .tripleDESCBC
        case (12, nil), (12, 128): .aesCBC(keyBits: 128)
        case (12, 192): .aesCBC(keyBits: 192)
        case (12, 256): .aesCBC(keyBits: 256)
        case (20, nil), (20, 128): .aesGCM16(keyBits: 128)
        case (20, 192): .aesGCM16(keyBits: 192)
        case (20, 256): .aesGCM16(keyBits: 256)
        default: nil
        }
    }

    static func integrityName(_ number: UInt64) -> String {
        switch number {
        case 1: "md5"
        case 2: "sha1"
        case 3: "desmac"
        case 4: "kpdk"
        case 5: "sha256"
        case 6: "sha384"
        case 7: "sha512"
        case 8: "ripemd"
        case 9: "aesxcbc"
        default: "integrity\(number)"
        }
    }

    static func integrity(_ number: UInt64) -> ESPTransform.Integrity? {
        switch number {
        case 1: .hmacMD5_96
        case 2: .hmacSHA1_96
        case 5: .hmacSHA256_128
        case 6: .hmacSHA384_192
        case 7: .hmacSHA512_256
        default: nil
        }
    }
}
