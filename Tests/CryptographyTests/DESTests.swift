// SPDX-License-Identifier: Apache-2.0
import Cryptography
import Primitives
import Testing

@Suite struct DESTests {
    /// Drops the parity bit of each byte: the key as ``DES`` takes it.
    private func key7(_ key8: [UInt8]) -> [UInt8] {
        let packed = key8.reduce(UInt64(0)) { $0 << 7 | UInt64($1 >> 1) }
        return (0..<7).map { UInt8(truncatingIfNeeded: packed >> UInt64(48 - 8 * $0)) }
    }

    @Test(
        "DES gives published blocks",
        arguments: [
            ("0101010101010101", "8000000000000000", "95f8a5e5dd31d900"),
            ("0123456789abcdef", "4e6f772069732074", "3fa40e8a984d4815"),
            ("133457799bbcdff1", "0123456789abcdef", "85e813540f0ab405"),
        ]
    ) func published(key: String, plaintext: String, ciphertext: String) {
        #expect(DES.encryptBlock(hex(plaintext), key7: key7(hex(key))) == hex(ciphertext))
    }

    @Test("DES agrees with libcrypto's 3DES of one key three times over, for random keys and blocks")
    func againstTripleDES() throws {
        let entropy = SeededEntropy(seed: 4)
        for _ in 0..<300 {
            let key8 = entropy.bytes(8)
            let block = entropy.bytes(8)
            let key = SecretBytes(copying: key8 + key8 + key8)
            let expected = try BlockCipher.tripleDESCBC.encrypt(block, key: key, iv: [UInt8](repeating: 0, count: 8))
            #expect(DES.encryptBlock(block, key7: key7(key8)) == expected)
        }
    }

    @Test("The pieces give the MS-CHAPv2 example of RFC 2759 §9.2")
    func challengeResponse() {
        let authenticatorChallenge = hex("5B5D7C7D7B3F2F3E3C2C602132262628")
        let peerChallenge = hex("21402324255E262A28295F2B3A337C7E")
        let challenge = Array(Hash.digest(.sha1, peerChallenge, authenticatorChallenge, ascii("User")).prefix(8))
        #expect(challenge == hex("D02E4386BCE91226"))
        let passwordHash = Hash.md4(ascii("clientPass").flatMap { [$0, 0] })
        #expect(passwordHash == hex("44EBBA8D5312B8D611474411F56989AE"))
        #expect(Hash.md4(passwordHash) == hex("41C00C584BD2D91C4017A2A12FA59F3F"))
        let padded = passwordHash + [UInt8](repeating: 0, count: 5)
        let response = [0, 7, 14].flatMap { DES.encryptBlock(challenge, key7: Array(padded[$0..<$0 + 7])) }
        #expect(response == hex("82309ECD8D708B5EA08FAA3981CD83544233114A3D85D6DF"))
    }

    @Test("The password of RFC 2759 §9.3 has the hash given there")
    func passwordHash() {
        #expect(Hash.md4(ascii("MyPw").flatMap { [$0, 0] }) == hex("FC156AF7EDCD6C0EDDE3337D427F4EAC"))
    }
}
