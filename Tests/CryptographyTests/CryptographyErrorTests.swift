// SPDX-License-Identifier: Apache-2.0
import Cryptography
import Testing

@Suite struct CryptographyErrorTests {
    @Test("Every error says in words what was wrong, and no two say the same")
    func descriptions() {
        let errors: [CryptographyError] = [
            .invalidKeyLength, .invalidLength, .invalidPublicValue, .libraryFailure("EVP_x: y"),
        ]
        #expect(Set(errors.map(\.description)).count == errors.count)
        #expect(CryptographyError.libraryFailure("EVP_x: y").description == "libcrypto failed: EVP_x: y")
    }
}
