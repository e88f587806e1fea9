// SPDX-License-Identifier: Apache-2.0
package import Cryptography
package import DataPlane

/// The preset `l2tp-clients`: what the clients of Windows, macOS, iOS, Android, ChromeOS, RouterOS and
/// Linux desktops can do, best first.
///
/// The lists hold legacy algorithms too, at their end: a profile accepts such an entry only if
/// ``Profile/allowLegacy`` names every legacy algorithm in it. Groups above 4096 bits are not in it: no
/// client needs them, and a peer that proved nothing could make us compute in them.
extension Profile {
    package static let l2tpClientsIKE: [IKETransform] = {
        let ciphers: [IKETransform.Cipher] =
            [.aesCBC(keyBits: 256), .aesCBC(keyBits: 192), .aesCBC(keyBits: 128), .tripleDESCBC]
        let hashes: [HashAlgorithm] = [.sha256, .sha384, .sha512, .sha1, .md5]
        let strong: [DiffieHellmanGroup] = [.ecp256, .ecp384, .ecp521, .modp2048, .modp3072, .modp4096]
        let all = [strong, [.modp1536], [.modp1024]].flatMap { groups in
            ciphers.flatMap { cipher in
                hashes.flatMap { hash in
                    groups.map { IKETransform(cipher: cipher, hash: hash, group: $0) }
                }
            }
        }
        return inOrderOfLegacy(all) { $0.legacyAlgorithms.count }
    }()

    package static let l2tpClientsESP: [ESPTransform] = {
        let aead = [256, 192, 128].map { ESPTransform(cipher: .aesGCM16(keyBits: $0), integrity: nil) }
        let ciphers: [ESPTransform.Cipher] =
            [.aesCBC(keyBits: 256), .aesCBC(keyBits: 192), .aesCBC(keyBits: 128), .tripleDESCBC]
        let integrities: [ESPTransform.Integrity] =
            [.hmacSHA256_128, .hmacSHA384_192, .hmacSHA512_256, .hmacSHA1_96, .hmacMD5_96]
        let rest = ciphers.flatMap { cipher in
            integrities.map { ESPTransform(cipher: cipher, integrity: $0) }
        }
        return inOrderOfLegacy(aead + rest) { $0.legacyAlgorithms.count }
    }()

    /// Groups for perfect forward secrecy.
    package static let l2tpClientsPFS: [DiffieHellmanGroup] =
        [.ecp256, .ecp384, .ecp521, .modp2048, .modp3072, .modp4096, .modp1536, .modp1024]

    /// Stable: within the same count the order stays.
    private static func inOrderOfLegacy<T>(_ all: [T], _ count: (T) -> Int) -> [T] {
        (0...LegacyAlgorithm.allCases.count).flatMap { wanted in all.filter { count($0) == wanted } }
    }
}
