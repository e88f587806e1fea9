// SPDX-License-Identifier: Apache-2.0
import Cryptography
import Primitives
import Testing

@Suite struct BlockCipherTests {
    static let plaintext = hex(
        """
        6bc1bee22e409f96e93d7e117393172a ae2d8a571e03ac9c9eb76fac45af8e51
        30c81c46a35ce411e5fbc1191a0a52ef f69f2445df4f9b17ad2b417be66c3710
        """
    )
    static let iv = [UInt8](0x00...0x0F)

    @Test(
        "AES-CBC gives the ciphertexts of NIST SP 800-38A §F.2",
        arguments: [
            (
                BlockCipher.aes128CBC, "2b7e151628aed2a6abf7158809cf4f3c",
                """
                7649abac8119b246cee98e9b12e9197d 5086cb9b507219ee95db113a917678b2
                73bed6b8e3c1743b7116e69e22229516 3ff1caa1681fac09120eca307586e1a7
                """
            ),
            (
                BlockCipher.aes192CBC, "8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b",
                """
                4f021db243bc633d7178183a9fa071e8 b4d9ada9ad7dedf4e5e738763f69145a
                571b242012fb7ae07fa9baac3df102e0 08b0e27988598881d920a9e64f5615cd
                """
            ),
            (
                BlockCipher.aes256CBC, "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4",
                """
                f58c4c04d6e5f1ba779eabfb5f7bfbd6 9cfc4e967edb808d679f777bc6702c7d
                39f23369a9d9bacfa530e26304231461 b2eb05e2c39be9fcda6c19078c6a9d1b
                """
            ),
        ]
    ) func aes(cipher: BlockCipher, key: String, ciphertext: String) throws {
        let key = SecretBytes(copying: hex(key))
        #expect(try cipher.encrypt(Self.plaintext, key: key, iv: Self.iv) == hex(ciphertext))
        #expect(try cipher.decrypt(hex(ciphertext), key: key, iv: Self.iv) == Self.plaintext)
    }

    @Test("3DES with one key three times over gives the DES-CBC ciphertext of FIPS 81 §C")
    func tripleDESWithOneKey() throws {
        let key = SecretBytes(copying: hex("0123456789abcdef 0123456789abcdef 0123456789abcdef"))
        let ciphertext = hex("e5c7cdde872bf27c 43e934008c389c0f 683788499a7c05f6")
        let iv = hex("1234567890abcdef")
        #expect(try BlockCipher.tripleDESCBC.encrypt(ascii("Now is the time for all "), key: key, iv: iv) == ciphertext)
        #expect(try BlockCipher.tripleDESCBC.decrypt(ciphertext, key: key, iv: iv) == ascii("Now is the time for all "))
    }

    @Test(
        "3DES with three keys gives the blocks of NIST SP 800-67 §B.1",
        arguments: [
            ("5468652071756663", "a826fd8ce53b855f"), ("6b2062726f776e20", "cce21c8112256fe6"),
            ("666f78206a756d70", "68d5c05dd9b6b900"),
        ]
    ) func tripleDES(plaintext: String, ciphertext: String) throws {
        let key = SecretBytes(copying: hex("0123456789abcdef 23456789abcdef01 456789abcdef0123"))
        let iv = [UInt8](repeating: 0, count: 8)
        #expect(try BlockCipher.tripleDESCBC.encrypt(hex(plaintext), key: key, iv: iv) == hex(ciphertext))
        #expect(try BlockCipher.tripleDESCBC.decrypt(hex(ciphertext), key: key, iv: iv) == hex(plaintext))
    }

    @Test("Whatever is encrypted is decrypted again, none or many blocks", arguments: BlockCipher.allCases)
    func roundTrip(cipher: BlockCipher) throws {
        let entropy = SeededEntropy(seed: 1)
        let key = entropy.secret(cipher.keyLength)
        for blocks in [0, 1, 2, 19, 200] {
            let iv = entropy.bytes(cipher.blockLength)
            let plaintext = entropy.bytes(blocks * cipher.blockLength)
            let ciphertext = try cipher.encrypt(plaintext, key: key, iv: iv)
            #expect(ciphertext.count == plaintext.count)
            #expect(blocks == 0 || ciphertext != plaintext)
            #expect(try cipher.decrypt(ciphertext, key: key, iv: iv) == plaintext)
        }
    }

    @Test("A message that is not a whole number of blocks is refused", arguments: BlockCipher.allCases)
    func partialBlock(cipher: BlockCipher) {
        let key = SecretBytes(copying: [UInt8](repeating: 7, count: cipher.keyLength))
        let iv = [UInt8](repeating: 0, count: cipher.blockLength)
        for length in [1, cipher.blockLength - 1, cipher.blockLength + 1, 3 * cipher.blockLength - 1] {
            let message = [UInt8](repeating: 0, count: length)
            #expect(throws: CryptographyError.invalidLength) { try cipher.encrypt(message, key: key, iv: iv) }
            #expect(throws: CryptographyError.invalidLength) { try cipher.decrypt(message, key: key, iv: iv) }
        }
    }

    @Test("An initialization vector or key of another length is refused", arguments: BlockCipher.allCases)
    func wrongParameters(cipher: BlockCipher) {
        let message = [UInt8](repeating: 0, count: cipher.blockLength)
        for difference in [-1, 1] {
            let key = SecretBytes(copying: [UInt8](repeating: 7, count: cipher.keyLength))
            let iv = [UInt8](repeating: 0, count: cipher.blockLength + difference)
            #expect(throws: CryptographyError.invalidLength) { try cipher.encrypt(message, key: key, iv: iv) }
            #expect(throws: CryptographyError.invalidLength) { try cipher.decrypt(message, key: key, iv: iv) }
            let wrongKey = SecretBytes(copying: [UInt8](repeating: 7, count: cipher.keyLength + difference))
            #expect(throws: CryptographyError.invalidKeyLength) {
                try cipher.encrypt(message, key: wrongKey, iv: message)
            }
        }
    }
}
