// SPDX-License-Identifier: Apache-2.0
internal import CLibcrypto
package import Primitives

/// A keyed hash whose key was set up once: keep one for each key, it makes a message five times cheaper.
///
/// A call leaves nothing behind that the next one could see, so copies of the reference behave alike.
/// Not thread-safe, as the context is worked in: the thread of the owning shard is the only one that calls it,
/// which is why it may say it is sendable.
///
/// - SeeAlso: RFC 2104
package final class HMAC: @unchecked Sendable {
    package let algorithm: HashAlgorithm
    private let context: OpaquePointer

    package init(_ algorithm: HashAlgorithm, key: SecretBytes) {
        // A fetched MAC over a fetched digest fails only when memory runs out.
        guard let context = EVP_MAC_CTX_new(Libcrypto.hmac) else { fatalError("out of memory") }
        self.algorithm = algorithm
        self.context = context
        let digestName = UnsafeMutablePointer(mutating: algorithm.name.cString)
        let parameters = [
            OSSL_PARAM_construct_utf8_string(("digest" as StaticString).cString, digestName, 0),
            OSSL_PARAM_construct_end(),
        ]
        let isKeyed = key.withBytes { span in
            span.withUnsafeBufferPointer { bytes in
                // A nil pointer would mean "keep the key"; an empty key still needs an address.
                let start = bytes.baseAddress ?? algorithm.name.utf8Start
                return EVP_MAC_init(context, start, bytes.count, parameters)
            }
        }
        precondition(isKeyed == 1, "EVP_MAC_init failed")
    }

    package convenience init(_ algorithm: HashAlgorithm, key: [UInt8]) {
        self.init(algorithm, key: SecretBytes(copying: key.span))
    }

    deinit { EVP_MAC_CTX_free(context) }

    /// In bytes.
    package var outputLength: Int { algorithm.digestLength }

    package func authenticate(_ parts: [UInt8]...) -> [UInt8] {
        output { update in
            for part in parts { part.withUnsafeBufferPointer(update) }
        } as: {
            Array($0)
        }
    }

    package func authenticate(inputs: [HashInput]) -> [UInt8] {
        output { update in
            for input in inputs { input.withBuffer(update) }
        } as: {
            Array($0)
        }
    }

    /// The same bytes as ``authenticate(inputs:)``, which never lie in an array.
    package func deriveSecret(inputs: [HashInput]) -> SecretBytes {
        output { update in
            for input in inputs { input.withBuffer(update) }
        } as: {
            SecretBytes(copying: $0.span)
        }
    }

    private func output<R>(
        over feed: ((UnsafeBufferPointer<UInt8>) -> Void) -> Void,
        as make: (UnsafeBufferPointer<UInt8>) -> R
    ) -> R {
        precondition(EVP_MAC_init(context, nil, 0, nil) == 1, "EVP_MAC_init failed")
        feed { part in
            guard part.count > 0 else { return }
            precondition(EVP_MAC_update(context, part.baseAddress, part.count) == 1, "EVP_MAC_update failed")
        }
        return withUnsafeTemporaryAllocation(of: UInt8.self, capacity: HashAlgorithm.maximumDigestLength) { buffer in
            defer { OPENSSL_cleanse(buffer.baseAddress, buffer.count) }
            var length = 0
            precondition(
                EVP_MAC_final(context, buffer.baseAddress, &length, buffer.count) == 1 && length == outputLength,
                "EVP_MAC_final failed"
            )
            return make(UnsafeBufferPointer(buffer.extracting(..<length)))
        }
    }
}
