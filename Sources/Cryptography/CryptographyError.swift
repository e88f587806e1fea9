// SPDX-License-Identifier: Apache-2.0

/// Why a cryptographic operation gave no result. Carries no key material.
package enum CryptographyError: Error, Hashable, Sendable {
    /// The key is not as long as the cipher wants it.
    case invalidKeyLength
    /// The message or initialization vector is not a whole number of blocks, or a public value has not the
    /// one length its group allows.
    case invalidLength
    /// A public value of the right length which must not be used: 0, 1, p−1 or more, or a point off the curve.
    case invalidPublicValue
    /// libcrypto refused what it should have done; the text names the function and its reason.
    case libraryFailure(String)
}

extension CryptographyError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .invalidKeyLength: "the key has the wrong length for the cipher"
        case .invalidLength: "the input has a length that the algorithm does not allow"
        case .invalidPublicValue: "the Diffie-Hellman public value is not one the group allows"
        case .libraryFailure(let reason): "libcrypto failed: \(reason)"
        }
    }
}
