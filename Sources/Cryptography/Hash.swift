// SPDX-License-Identifier: Apache-2.0
internal import CLibcrypto

/// Digests of whole messages. The parts are hashed as if they were one.
package enum Hash {
    package static func digest(_ algorithm: HashAlgorithm, _ parts: [UInt8]...) -> [UInt8] {
        digest(algorithm, concatenating: parts)
    }

    package static func digest(_ algorithm: HashAlgorithm, concatenating parts: [[UInt8]]) -> [UInt8] {
        digest(algorithm) { update in
            for part in parts { part.withUnsafeBufferPointer(update) }
        }
    }

    package static func digest(_ algorithm: HashAlgorithm, inputs: [HashInput]) -> [UInt8] {
        digest(algorithm) { update in
            for input in inputs { input.withBuffer(update) }
        }
    }

    private static func digest(
        _ algorithm: HashAlgorithm,
        over feed: ((UnsafeBufferPointer<UInt8>) -> Void) -> Void
    ) -> [UInt8] {
        // A digest that was fetched fails only when memory runs out.
        guard let context = EVP_MD_CTX_new() else { fatalError("out of memory") }
        defer { EVP_MD_CTX_free(context) }
        precondition(EVP_DigestInit_ex2(context, algorithm.digest, nil) == 1, "EVP_DigestInit_ex2 failed")
        feed { part in
            precondition(EVP_DigestUpdate(context, part.baseAddress, part.count) == 1, "EVP_DigestUpdate failed")
        }
        return Array(unsafeUninitializedCapacity: HashAlgorithm.maximumDigestLength) { buffer, count in
            precondition(EVP_DigestFinal_ex(context, buffer.baseAddress, nil) == 1, "EVP_DigestFinal_ex failed")
            count = algorithm.digestLength
        }
    }
}
