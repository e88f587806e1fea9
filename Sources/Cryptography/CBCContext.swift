// SPDX-License-Identifier: Apache-2.0
internal import CLibcrypto
package import Primitives

/// A cipher with its key set up, kept for as long as the key is.
///
/// A call leaves nothing behind that the next one could see. Not thread-safe: the thread of the owning shard
/// is the only one that calls it, which is why it may say it is sendable.
package final class CBCContext: @unchecked Sendable {
    private enum Direction: Int32 {
        case decrypt = 0
        case encrypt = 1
    }

    package let cipher: BlockCipher
    private let key: SecretBytes
    /// Made when first needed.
    private var encryption: OpaquePointer?
    private var decryption: OpaquePointer?

    /// - Throws: ``CryptographyError/invalidKeyLength``.
    package init(_ cipher: BlockCipher, key: SecretBytes) throws(CryptographyError) {
        guard key.count == cipher.keyLength else { throw .invalidKeyLength }
        self.cipher = cipher
        self.key = key
    }

    deinit {
        EVP_CIPHER_CTX_free(encryption)
        EVP_CIPHER_CTX_free(decryption)
    }

    /// - Parameter plaintext: A whole number of blocks, possibly none.
    package func encrypt(_ plaintext: [UInt8], iv: [UInt8]) throws(CryptographyError) -> [UInt8] {
        try checkLengths(of: plaintext, iv: iv)
        if encryption == nil { encryption = try keyed(.encrypt) }
        return try run(encryption, .encrypt, over: plaintext, iv: iv)
    }

    /// - Parameter ciphertext: A whole number of blocks, possibly none.
    package func decrypt(_ ciphertext: [UInt8], iv: [UInt8]) throws(CryptographyError) -> [UInt8] {
        try checkLengths(of: ciphertext, iv: iv)
        if decryption == nil { decryption = try keyed(.decrypt) }
        return try run(decryption, .decrypt, over: ciphertext, iv: iv)
    }

    private func checkLengths(of message: [UInt8], iv: [UInt8]) throws(CryptographyError) {
        guard iv.count == cipher.blockLength, message.count.isMultiple(of: cipher.blockLength),
            message.count <= Int(Int32.max)
        else { throw .invalidLength }
    }

    private func keyed(_ direction: Direction) throws(CryptographyError) -> OpaquePointer {
        guard let context = EVP_CIPHER_CTX_new() else { throw Libcrypto.failure(of: "EVP_CIPHER_CTX_new") }
        let result = key.withBytes { span in
            span.withUnsafeBufferPointer { key in
                EVP_CipherInit_ex2(context, cipher.cipher, key.baseAddress, nil, direction.rawValue, nil)
            }
        }
        guard result == 1, EVP_CIPHER_CTX_set_padding(context, 0) == 1 else {
            EVP_CIPHER_CTX_free(context)
            throw Libcrypto.failure(of: "EVP_CipherInit_ex2")
        }
        return context
    }

    private func run(
        _ context: OpaquePointer?,
        _ direction: Direction,
        over input: [UInt8],
        iv: [UInt8]
    ) throws(CryptographyError) -> [UInt8] {
        guard EVP_CipherInit_ex2(context, nil, nil, iv, direction.rawValue, nil) == 1 else {
            throw Libcrypto.failure(of: "EVP_CipherInit_ex2")
        }
        guard !input.isEmpty else { return [] }
        var isDone = false
        // Without padding, whole blocks come out as they go in: nothing is held back for a final call.
        let output = [UInt8](unsafeUninitializedCapacity: input.count) { buffer, count in
            var length: Int32 = 0
            isDone =
                EVP_CipherUpdate(context, buffer.baseAddress, &length, input, Int32(input.count)) == 1
                && Int(length) == input.count
            count = isDone ? input.count : 0
        }
        guard isDone else { throw Libcrypto.failure(of: "EVP_CipherUpdate") }
        return output
    }
}
