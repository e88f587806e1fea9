// SPDX-License-Identifier: Apache-2.0
import Cryptography
import Primitives

/// Only the cryptography of a handshake, as the responder does it: one key agreement, the prf and the
/// ciphers over messages of the usual lengths.
enum Cryptographic {
    static func handshake(group: DiffieHellmanGroup) {
        guard let own = try? KeyAgreement(group), let shared = try? own.sharedSecret(peerPublicValue: peer(group))
        else {
            fatalError("key agreement failed")
        }
        let skeyid = HMAC(.sha256, key: Array(repeating: 1, count: 32))
        let d = skeyid.deriveSecret(inputs: [.secret(shared), .bytes(Array(repeating: 0, count: 17))])
        let a = skeyid.deriveSecret(inputs: [.secret(d), .secret(shared), .bytes(Array(repeating: 0, count: 17))])
        let e = skeyid.deriveSecret(inputs: [.secret(a), .secret(shared), .bytes(Array(repeating: 0, count: 17))])
        let identity = Array(repeating: UInt8(0), count: 700)
        _ = skeyid.authenticate(identity)
        _ = skeyid.authenticate(identity)
        guard let cipher = try? CBCContext(.aes256CBC, key: e) else { return }
        let iv = Array(repeating: UInt8(0), count: 16)
        let short = Array(repeating: UInt8(0), count: 64)
        let long = Array(repeating: UInt8(0), count: 208)
        _ = try? cipher.decrypt(short, iv: iv)
        _ = try? cipher.encrypt(short, iv: iv)
        _ = try? cipher.decrypt(long, iv: iv)
        _ = try? cipher.encrypt(long, iv: iv)
        _ = try? cipher.decrypt(short, iv: iv)
        let keyed = HMAC(.sha256, key: a)
        for _ in 0..<3 { _ = keyed.authenticate(long) }
        let material = HMAC(.sha256, key: d)
        for _ in 0..<4 { _ = material.authenticate(long) }
    }

    nonisolated(unsafe) private static var peers: [DiffieHellmanGroup: [UInt8]] = [:]

    private static func peer(_ group: DiffieHellmanGroup) -> [UInt8] {
        if let value = peers[group] { return value }
        let value = (try? KeyAgreement(group))?.publicValue ?? []
        peers[group] = value
        return value
    }
}
