// SPDX-License-Identifier: Apache-2.0
import Cryptography
import Primitives
import Testing

struct DeterministicCipherTests {
    /// RFC 5297 appendix A.1.
    @Test func isTheOneOfTheRFC() throws {
        let key = (0...15).map { UInt8(0xFF - $0) } + (0...15).map { UInt8(0xF0 + $0) }
        let context = (0x10...0x27).map { UInt8($0) }
        let message: [UInt8] = [
            0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xAA, 0xBB, 0xCC, 0xDD, 0xEE,
        ]
        let sealed: [UInt8] = [
            0x85, 0x63, 0x2D, 0x07, 0xC6, 0xE8, 0xF3, 0x7F, 0x95, 0x0A, 0xCD, 0x32, 0x0A, 0x2E, 0xCC, 0x93,
            0x40, 0xC0, 0x2B, 0x96, 0x90, 0xC4, 0xDC, 0x04, 0xDA, 0xEF, 0x7F, 0x6A, 0xFE, 0x5C,
        ]
        let cipher = try DeterministicCipher(key: SecretBytes(copying: key))
        #expect(try cipher.seal(message, context: context) == sealed)
        #expect(try cipher.open(sealed, context: context) == message)
    }

    @Test func nothingThatWasChangedOpens() throws {
        let cipher = try DeterministicCipher(key: SecretBytes(copying: [UInt8](repeating: 7, count: 64)))
        let sealed = try cipher.seal([1, 2, 3], context: [1])
        #expect(try cipher.open(sealed, context: [1]) == [1, 2, 3])
        #expect(try cipher.open(sealed, context: [2]) == nil)
        #expect(try cipher.open(sealed, context: []) == nil)
        for index in sealed.indices {
            var changed = sealed
            changed[index] ^= 1
            #expect(try cipher.open(changed, context: [1]) == nil)
            #expect(try cipher.open(Array(sealed[..<index]), context: [1]) == nil)
        }
    }

    @Test(arguments: [0, 16, 31, 33, 63, 65])
    func keysOfOtherLengthsAreRefused(count: Int) {
        #expect(throws: CryptographyError.invalidKeyLength) {
            try DeterministicCipher(key: SecretBytes(copying: [UInt8](repeating: 0, count: count)))
        }
    }

    @Test func nothingIsNotEncrypted() throws {
        let cipher = try DeterministicCipher(key: SecretBytes(copying: [UInt8](repeating: 7, count: 64)))
        #expect(throws: CryptographyError.invalidLength) { try cipher.seal([], context: [1]) }
        #expect(throws: CryptographyError.invalidLength) { try cipher.seal([1], context: []) }
    }
}
