// SPDX-License-Identifier: Apache-2.0
import Cryptography
import IKE
import Primitives
import Testing

/// RFC 2409 has no vectors. These are computed here a second time, from plain digests and RFC 2104 alone.
struct KeyScheduleTests {
    static func blockLength(_ hash: HashAlgorithm) -> Int {
        switch hash {
        case .md5, .sha1, .sha256: 64
        case .sha384, .sha512: 128
        }
    }

    /// RFC 2104, written out.
    static func prf(_ hash: HashAlgorithm, _ key: [UInt8], _ data: [UInt8]) -> [UInt8] {
        var key = key.count > blockLength(hash) ? Hash.digest(hash, key) : key
        key += Array(repeating: 0, count: blockLength(hash) - key.count)
        let inner = Hash.digest(hash, key.map { $0 ^ 0x36 } + data)
        return Hash.digest(hash, key.map { $0 ^ 0x5C } + inner)
    }

    static func bytes(_ secret: SecretBytes) -> [UInt8] {
        var writer = ByteWriter()
        writer.append(secret)
        return writer.bytes
    }

    static let cookies = NATTraversalTests.cookies
    static let shared = [UInt8](repeating: 0x5A, count: 256)
    static let ni = Array("initiator nonce.".utf8)
    static let nr = Array("responder nonce!".utf8)

    @Test(arguments: [
        "aes128-md5-modp2048", "aes256-sha1-modp2048", "aes256-sha256-modp2048", "aes192-sha384-modp2048",
        "aes256-sha512-modp2048", "3des-sha1-modp2048", "3des-md5-modp2048", "aes256-md5-modp2048",
    ])
    func everyKeyIsAsTheStandardSays(_ name: String) throws {
        let transform = try #require(IKETransform(name))
        let hash = transform.hash
        let keys = IKEv1.PhaseOneKeys(
            transform: transform,
            preSharedKey: secret("psk"),
            initiatorNonce: Self.ni,
            responderNonce: Self.nr,
            sharedSecret: SecretBytes(copying: Self.shared),
            cookies: Self.cookies
        )
        let skeyid = Self.prf(hash, Array("psk".utf8), Self.ni + Self.nr)
        let names = Self.cookies.bytes
        let d = Self.prf(hash, skeyid, Self.shared + names + [0])
        let a = Self.prf(hash, skeyid, d + Self.shared + names + [1])
        let e = Self.prf(hash, skeyid, a + Self.shared + names + [2])
        #expect(Self.bytes(keys.skeyidD) == d)
        #expect(Self.bytes(keys.skeyidA) == a)
        let length = RawInitiator.blockCipher(transform).keyLength
        var material = e
        if e.count < length {
            let k1 = Self.prf(hash, e, [0])
            let k2 = Self.prf(hash, e, k1)
            material = k1 + k2
        }
        #expect(Self.bytes(keys.encryptionKey) == Array(material.prefix(length)))

        let gxi = [UInt8](repeating: 1, count: 256)
        let gxr = [UInt8](repeating: 2, count: 256)
        let hashI = keys.hashI(
            initiatorPublic: gxi,
            responderPublic: gxr,
            cookies: Self.cookies,
            saBody: [7],
            identityBody: [8]
        )
        #expect(hashI == Self.prf(hash, skeyid, gxi + gxr + names + [7, 8]))
        let hashR = keys.hashR(
            initiatorPublic: gxi,
            responderPublic: gxr,
            cookies: Self.cookies,
            saBody: [7],
            identityBody: [9]
        )
        let swapped = Array(names.suffix(8) + names.prefix(8))
        #expect(hashR == Self.prf(hash, skeyid, gxr + gxi + swapped + [7, 9]))

        let block = RawInitiator.blockCipher(transform).blockLength
        let iv = IKEv1.phaseOneIV(transform: transform, initiatorPublic: gxi, responderPublic: gxr)
        #expect(iv == Array(Hash.digest(hash, gxi + gxr).prefix(block)))
        #expect(
            IKEv1.phaseTwoIV(hash: hash, lastBlock: iv, messageID: 0x0102_0304)
                == Array(Hash.digest(hash, iv + [1, 2, 3, 4]).prefix(block))
        )
    }

    @Test(arguments: [20, 36, 64, 96], [nil, [UInt8](repeating: 0x33, count: 32)])
    func keyMaterialIsAsLongAsNeeded(_ length: Int, _ shared: [UInt8]?) {
        let d = Array("skeyid_d".utf8)
        let tail = (shared ?? []) + [3, 0, 1, 2, 3] + Self.ni + Self.nr
        var expected = Self.prf(.sha1, d, tail)
        var last = expected
        while expected.count < length {
            last = Self.prf(.sha1, d, last + tail)
            expected += last
        }
        let material = IKEv1.keyMaterial(
            hash: .sha1,
            skeyidD: HMAC(.sha1, key: d),
            sharedSecret: shared.map { SecretBytes(copying: $0) },
            protocolID: .esp,
            spi: 0x0001_0203,
            initiatorNonce: Self.ni,
            responderNonce: Self.nr,
            length: length
        )
        #expect(Self.bytes(material) == Array(expected.prefix(length)))
    }
}
