// SPDX-License-Identifier: Apache-2.0
internal import CLibcrypto
package import Primitives

/// AES-SIV without a nonce: the same message under the same key becomes the same text, and nothing else is told by it.
/// What was changed does not open.
///
/// - SeeAlso: RFC 5297
package struct DeterministicCipher: Sendable {
    /// Of the synthetic IV, which stands before the text; in bytes.
    package static let overhead = 16
    /// Of a key for AES-256-SIV, in bytes.
    package static let keyLength = 64

    private let key: SecretBytes
    private let name: StaticString

    /// - Parameter key: 32, 48 or 64 bytes.
    /// - Throws: ``CryptographyError/invalidKeyLength``.
    package init(key: SecretBytes) throws(CryptographyError) {
        switch key.count {
        case 32: name = "AES-128-SIV"
        case 48: name = "AES-192-SIV"
        case 64: name = "AES-256-SIV"
        default: throw .invalidKeyLength
        }
        self.key = key
    }

    /// - Parameters:
    ///   - message: At least one byte.
    ///   - context: What the message is for; at least one byte. It opens in the same context alone.
    package func seal(_ message: [UInt8], context: [UInt8]) throws(CryptographyError) -> [UInt8] {
        guard !message.isEmpty, !context.isEmpty, message.count <= 1 << 16 else { throw .invalidLength }
        return try withContext(encrypts: true) { handle throws(CryptographyError) in
            guard let text = Self.run(handle, message, context) else { throw Libcrypto.failure(of: "EVP_CipherUpdate") }
            var tag = [UInt8](repeating: 0, count: Self.overhead)
            guard EVP_CIPHER_CTX_ctrl(handle, EVP_CTRL_AEAD_GET_TAG, Int32(Self.overhead), &tag) == 1 else {
                throw Libcrypto.failure(of: "EVP_CTRL_AEAD_GET_TAG")
            }
            return tag + text
        }
    }

    /// `nil` if it was not sealed with this key and context.
    package func open(_ sealed: [UInt8], context: [UInt8]) throws(CryptographyError) -> [UInt8]? {
        guard sealed.count > Self.overhead, !context.isEmpty, sealed.count <= 1 << 17 else { return nil }
        return try withContext(encrypts: false) { handle throws(CryptographyError) in
            var tag = Array(sealed.prefix(Self.overhead))
            guard EVP_CIPHER_CTX_ctrl(handle, EVP_CTRL_AEAD_SET_TAG, Int32(Self.overhead), &tag) == 1 else {
                throw Libcrypto.failure(of: "EVP_CTRL_AEAD_SET_TAG")
            }
            let text = Self.run(handle, Array(sealed.dropFirst(Self.overhead)), context)
            // What does not open leaves its complaint.
            if text == nil { ERR_clear_error() }
            return text
        }
    }

    /// A context of its own for each message: a message is all that this mode takes.
    private func withContext<R>(
        encrypts: Bool,
        _ body: (OpaquePointer) throws(CryptographyError) -> R
    ) throws(CryptographyError) -> R {
        let cipher = EVP_CIPHER_fetch(nil, name.cString, nil)
        defer { EVP_CIPHER_free(cipher) }
        guard let handle = EVP_CIPHER_CTX_new() else { throw Libcrypto.failure(of: "EVP_CIPHER_CTX_new") }
        defer { EVP_CIPHER_CTX_free(handle) }
        let isKeyed = key.withBytes { span in
            span.withUnsafeBufferPointer { bytes in
                EVP_CipherInit_ex2(handle, cipher, bytes.baseAddress, nil, encrypts ? 1 : 0, nil)
            }
        }
        guard isKeyed == 1 else { throw Libcrypto.failure(of: "EVP_CipherInit_ex2") }
        return try body(handle)
    }

    private static func run(_ handle: OpaquePointer, _ input: [UInt8], _ context: [UInt8]) -> [UInt8]? {
        var length: Int32 = 0
        guard EVP_CipherUpdate(handle, nil, &length, context, Int32(context.count)) == 1 else { return nil }
        var output = [UInt8](repeating: 0, count: input.count)
        guard EVP_CipherUpdate(handle, &output, &length, input, Int32(input.count)) == 1, Int(length) == input.count
        else { return nil }
        var end = [UInt8](repeating: 0, count: overhead)
        return EVP_CipherFinal_ex(handle, &end, &length) == 1 ? output : nil
    }
}
