// SPDX-License-Identifier: Apache-2.0
internal import CLibcrypto
package import Primitives

/// A block cipher in CBC mode, without padding: the protocols bring their own.
package enum BlockCipher: Hashable, Sendable, CaseIterable {
    case aes128CBC
    case aes192CBC
    case aes256CBC
    case tripleDESCBC

    /// In bytes. For 3DES this includes the parity bits, which are ignored.
    package var keyLength: Int {
        switch self {
        case .aes128CBC: 16
        case .aes192CBC, .tripleDESCBC: 24
        case .aes256CBC: 32
        }
    }

    /// In bytes; the initialization vector is as long.
    package var blockLength: Int {
        switch self {
        case .aes128CBC, .aes192CBC, .aes256CBC: 16
        case .tripleDESCBC: 8
        }
    }

    /// Sets up the key for one message. Where the key stays, ``CBCContext`` is cheaper.
    ///
    /// - Parameter plaintext: A whole number of blocks.
    package func encrypt(
        _ plaintext: [UInt8],
        key: SecretBytes,
        iv: [UInt8]
    ) throws(CryptographyError) -> [UInt8] {
        try CBCContext(self, key: key).encrypt(plaintext, iv: iv)
    }

    /// - Parameter ciphertext: A whole number of blocks.
    package func decrypt(
        _ ciphertext: [UInt8],
        key: SecretBytes,
        iv: [UInt8]
    ) throws(CryptographyError) -> [UInt8] {
        try CBCContext(self, key: key).decrypt(ciphertext, iv: iv)
    }

    /// The `EVP_CIPHER`; `nil` if libcrypto is configured without it.
    var cipher: OpaquePointer? {
        switch self {
        case .aes128CBC: Libcrypto.aes128CBC
        case .aes192CBC: Libcrypto.aes192CBC
        case .aes256CBC: Libcrypto.aes256CBC
        case .tripleDESCBC: Libcrypto.tripleDESCBC
        }
    }
}
