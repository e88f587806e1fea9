// SPDX-License-Identifier: Apache-2.0
import Cryptography
import Primitives
import Testing

@Suite struct CBCContextTests {
    @Test("A kept context gives what a fresh one gives, in any order of calls", arguments: BlockCipher.allCases)
    func reuse(cipher: BlockCipher) throws {
        let entropy = SeededEntropy(seed: 2)
        let key = entropy.secret(cipher.keyLength)
        let context = try CBCContext(cipher, key: key)
        for _ in 0..<50 {
            let message = entropy.bytes(cipher.blockLength * Int(entropy.integer(in: 0...6)))
            let iv = entropy.bytes(cipher.blockLength)
            if entropy.integer(in: 0...1) == 0 {
                #expect(try context.encrypt(message, iv: iv) == cipher.encrypt(message, key: key, iv: iv))
            } else {
                #expect(try context.decrypt(message, iv: iv) == cipher.decrypt(message, key: key, iv: iv))
            }
        }
    }

    @Test("A refused message does not disturb the next one", arguments: BlockCipher.allCases)
    func refusal(cipher: BlockCipher) throws {
        let key = SeededEntropy(seed: 3).secret(cipher.keyLength)
        let context = try CBCContext(cipher, key: key)
        let iv = [UInt8](repeating: 9, count: cipher.blockLength)
        let before = try context.encrypt(iv, iv: iv)
        #expect(throws: CryptographyError.invalidLength) { try context.encrypt(iv + [0], iv: iv) }
        #expect(throws: CryptographyError.invalidLength) { try context.encrypt(iv, iv: []) }
        #expect(try context.encrypt(iv, iv: iv) == before)
    }

    @Test("A key of another length is refused", arguments: BlockCipher.allCases)
    func keyLength(cipher: BlockCipher) {
        for length in [0, cipher.keyLength - 1, cipher.keyLength + 1] {
            let key = SecretBytes(copying: [UInt8](repeating: 1, count: length))
            #expect(throws: CryptographyError.invalidKeyLength) { try CBCContext(cipher, key: key) }
        }
    }
}
