// SPDX-License-Identifier: Apache-2.0
import Cryptography
import Primitives
import Testing

@Suite struct KeyAgreementTests {
    static let modpGroups = DiffieHellmanGroup.allCases.filter { $0.modulus != nil }
    static let curves = DiffieHellmanGroup.allCases.filter { $0.modulus == nil }

    /// A small number at the length of the group's public values.
    private func number(_ value: UInt8, _ group: DiffieHellmanGroup) -> [UInt8] {
        [UInt8](repeating: 0, count: group.publicValueLength - 1) + [value]
    }

    /// `modulus` less a number that its last byte covers.
    private func modulus(of group: DiffieHellmanGroup, less value: UInt8) throws -> [UInt8] {
        var bytes = try #require(group.modulus)
        bytes[bytes.count - 1] -= value
        return bytes
    }

    @Test("Both sides come to the same secret, at its full length", arguments: DiffieHellmanGroup.allCases)
    func agreement(group: DiffieHellmanGroup) throws {
        let initiator = try KeyAgreement(group)
        let responder = try KeyAgreement(group)
        #expect(initiator.group == group)
        #expect(initiator.publicValue.count == group.publicValueLength)
        #expect(initiator.publicValue != responder.publicValue)
        let secret = try initiator.sharedSecret(peerPublicValue: responder.publicValue)
        #expect(secret.count == group.sharedSecretLength)
        #expect(try responder.sharedSecret(peerPublicValue: initiator.publicValue) == secret)
        #expect(try initiator.sharedSecret(peerPublicValue: initiator.publicValue) != secret)
    }

    @Test("A key pair gives the same secret again", arguments: [DiffieHellmanGroup.modp1024, .ecp256])
    func repetition(group: DiffieHellmanGroup) throws {
        let local = try KeyAgreement(group)
        let peer = try KeyAgreement(group)
        let secret = try local.sharedSecret(peerPublicValue: peer.publicValue)
        #expect(throws: CryptographyError.self) { try local.sharedSecret(peerPublicValue: []) }
        #expect(try local.sharedSecret(peerPublicValue: peer.publicValue) == secret)
    }

    @Test("The generator is 2, and values keep their leading zeros", arguments: modpGroups)
    func smallExponents(group: DiffieHellmanGroup) throws {
        let local = try KeyAgreement(group, fixedPrivateValue: [3])
        #expect(local.publicValue == number(8, group))
        #expect(try local.sharedSecret(peerPublicValue: number(5, group)).revealed == number(125, group))
        // The cube of p-5 is p-125.
        let peer = try modulus(of: group, less: 5)
        #expect(try local.sharedSecret(peerPublicValue: peer).revealed == modulus(of: group, less: 125))
    }

    @Test("0, 1, p-1, p and more are refused, 2 and p-2 are not", arguments: modpGroups)
    func range(group: DiffieHellmanGroup) throws {
        let local = try KeyAgreement(group)
        var beyond = try modulus(of: group, less: 0)
        // The last eight bytes of every modulus are ones; so this is p + 1.
        beyond.replaceSubrange(beyond.count - 8..<beyond.count, with: repeatElement(0, count: 8))
        beyond[beyond.count - 9] &+= 1
        let refused = try [
            number(0, group), number(1, group), modulus(of: group, less: 1), modulus(of: group, less: 0), beyond,
            [UInt8](repeating: 0xFF, count: group.publicValueLength),
        ]
        for value in refused {
            #expect(throws: CryptographyError.invalidPublicValue) { try local.sharedSecret(peerPublicValue: value) }
            #expect(throws: CryptographyError.invalidPublicValue) { try KeyAgreement.check(value, of: group) }
        }
        for value in try [number(2, group), modulus(of: group, less: 2)] {
            #expect(try local.sharedSecret(peerPublicValue: value).count == group.sharedSecretLength)
        }
    }

    @Test("The check of our own takes 2 to p-2 and nothing else")
    func ownRangeCheck() {
        // p = 0x0107 = 263, a safe prime.
        let taken = (0...0x300).filter {
            KeyAgreement.isInRange([UInt8($0 >> 8), UInt8($0 & 0xFF)], modulus: [1, 7])
        }
        #expect(taken == Array(2...261))
        #expect(!KeyAgreement.isInRange([5], modulus: [1, 7]))
        #expect(!KeyAgreement.isInRange([0, 0, 5], modulus: [1, 7]))
        #expect(!KeyAgreement.isInRange([], modulus: []))
    }

    @Test("A public value of another length is refused", arguments: DiffieHellmanGroup.allCases)
    func lengths(group: DiffieHellmanGroup) throws {
        let local = try KeyAgreement(group)
        let length = group.publicValueLength
        for wrong in [0, 1, length / 2, length - 1, length + 1, 2 * length] {
            let value = Array((local.publicValue + local.publicValue).prefix(wrong))
            #expect(throws: CryptographyError.invalidLength) { try local.sharedSecret(peerPublicValue: value) }
            #expect(throws: CryptographyError.invalidLength) { try KeyAgreement.check(value, of: group) }
        }
        try KeyAgreement.check(local.publicValue, of: group)
        let padded = [0] + local.publicValue
        #expect(throws: CryptographyError.invalidLength) { try local.sharedSecret(peerPublicValue: padded) }
    }

    @Test("A point off the curve is refused, and the next good one is not", arguments: curves)
    func offTheCurve(group: DiffieHellmanGroup) throws {
        let local = try KeyAgreement(group)
        let good = try KeyAgreement(group).publicValue
        var refused = [
            [UInt8](repeating: 0, count: good.count), [UInt8](repeating: 0xFF, count: good.count),
            Array(good.suffix(good.count / 2) + good.prefix(good.count / 2)),
        ]
        for position in [1, good.count / 2 - 1, good.count - 1] {
            var bad = good
            bad[position] ^= 1
            refused.append(bad)
        }
        for value in refused {
            #expect(throws: CryptographyError.invalidPublicValue) { try local.sharedSecret(peerPublicValue: value) }
        }
        #expect(try local.sharedSecret(peerPublicValue: good).count == group.sharedSecretLength)
    }

    @Test("A coordinate that is not reduced is refused, even if it would lie on the curve")
    func unreduced() throws {
        // The point of P-256 with x = 0, whose y is a root of b; x = p means the same and must not be taken.
        let prime = hex("FFFFFFFF00000001000000000000000000000000FFFFFFFFFFFFFFFFFFFFFFFF")
        let y = hex("66485C780E2F83D72433BD5D84A06BB6541C2AF31DAE871728BF856A174F93F4")
        let local = try KeyAgreement(.ecp256)
        let zero = [UInt8](repeating: 0, count: 32)
        #expect(try local.sharedSecret(peerPublicValue: zero + y).count == 32)
        #expect(throws: CryptographyError.invalidPublicValue) { try local.sharedSecret(peerPublicValue: prime + y) }
    }

    struct Vector: Sendable {
        var group: DiffieHellmanGroup
        var initiatorPrivate: String
        var initiatorPublic: String
        var responderPrivate: String
        var responderPublic: String
        var sharedSecret: String
    }

    static let rfc5903 = [
        Vector(
            group: .ecp256,
            initiatorPrivate:
                """
                C88F01F510D9AC3F70A292DAA2316DE544E9AAB8AFE84049C62A9C57862D1433
                """,
            initiatorPublic:
                """
                DAD0B65394221CF9B051E1FECA5787D098DFE637FC90B9EF945D0C3772581180
                5271A0461CDB8252D61F1C456FA3E59AB1F45B33ACCF5F58389E0577B8990BB3
                """,
            responderPrivate:
                """
                C6EF9C5D78AE012A011164ACB397CE2088685D8F06BF9BE0B283AB46476BEE53
                """,
            responderPublic:
                """
                D12DFB5289C8D4F81208B70270398C342296970A0BCCB74C736FC7554494BF63
                56FBF3CA366CC23E8157854C13C58D6AAC23F046ADA30F8353E74F33039872AB
                """,
            sharedSecret:
                """
                D6840F6B42F6EDAFD13116E0E12565202FEF8E9ECE7DCE03812464D04B9442DE
                """
        ),
        Vector(
            group: .ecp384,
            initiatorPrivate:
                """
                099F3C7034D4A2C699884D73A375A67F7624EF7C6B3C0F160647B67414DCE655E35B538041E649EE3FAEF896783AB194
                """,
            initiatorPublic:
                """
                667842D7D180AC2CDE6F74F37551F55755C7645C20EF73E31634FE72B4C55EE6DE3AC808ACB4BDB4C88732AEE95F41AA
                9482ED1FC0EEB9CAFC4984625CCFC23F65032149E0E144ADA024181535A0F38EEB9FCFF3C2C947DAE69B4C634573A81C
                """,
            responderPrivate:
                """
                41CB0779B4BDB85D47846725FBEC3C9430FAB46CC8DC5060855CC9BDA0AA2942E0308312916B8ED2960E4BD55A7448FC
                """,
            responderPublic:
                """
                E558DBEF53EECDE3D3FCCFC1AEA08A89A987475D12FD950D83CFA41732BC509D0D1AC43A0336DEF96FDA41D0774A3571
                DCFBEC7AACF3196472169E838430367F66EEBE3C6E70C416DD5F0C68759DD1FFF83FA40142209DFF5EAAD96DB9E6386C
                """,
            sharedSecret:
                """
                11187331C279962D93D604243FD592CB9D0A926F422E47187521287E7156C5C4D603135569B9E9D09CF5D4A270F59746
                """
        ),
        Vector(
            group: .ecp521,
            initiatorPrivate:
                """
                0037ADE9319A89F4DABDB3EF411AACCCA5123C61ACAB57B5393DCE47608172A095AA85A30FE1C2952C6771D937BA9777
                F5957B2639BAB072462F68C27A57382D4A52
                """,
            initiatorPublic:
                """
                0015417E84DBF28C0AD3C278713349DC7DF153C897A1891BD98BAB4357C9ECBEE1E3BF42E00B8E380AEAE57C2D107564
                941885942AF5A7F4601723C4195D176CED3E
                017CAE20B6641D2EEB695786D8C946146239D099E18E1D5A514C739D7CB4A10AD8A788015AC405D7799DC75E7B7D5B6C
                F2261A6A7F1507438BF01BEB6CA3926F9582
                """,
            responderPrivate:
                """
                0145BA99A847AF43793FDD0E872E7CDFA16BE30FDC780F97BCCC3F078380201E9C677D600B343757A3BDBF2A3163E4C2
                F869CCA7458AA4A4EFFC311F5CB151685EB9
                """,
            responderPublic:
                """
                00D0B3975AC4B799F5BEA16D5E13E9AF971D5E9B984C9F39728B5E5739735A219B97C356436ADC6E95BB0352F6BE64A6
                C2912D4EF2D0433CED2B6171640012D9460F
                015C68226383956E3BD066E797B623C27CE0EAC2F551A10C2C724D9852077B87220B6536C5C408A1D2AEBB8E86D678AE
                49CB57091F4732296579AB44FCD17F0FC56A
                """,
            sharedSecret:
                """
                01144C7D79AE6956BC8EDB8E7C787C4521CB086FA64407F97894E5E6B2D79B04D1427E73CA4BAA240A34786859810C06
                B3C715A3A8CC3151F2BEE417996D19F3DDEA
                """
        ),
    ]

    @Test("The curves give the values of RFC 5903 §8", arguments: rfc5903)
    func vectors(vector: Vector) throws {
        let initiator = try KeyAgreement(vector.group, fixedPrivateValue: hex(vector.initiatorPrivate))
        let responder = try KeyAgreement(vector.group, fixedPrivateValue: hex(vector.responderPrivate))
        #expect(initiator.publicValue == hex(vector.initiatorPublic))
        #expect(responder.publicValue == hex(vector.responderPublic))
        let secret = hex(vector.sharedSecret)
        #expect(try initiator.sharedSecret(peerPublicValue: responder.publicValue).revealed == secret)
        #expect(try responder.sharedSecret(peerPublicValue: initiator.publicValue).revealed == secret)
    }
}
