// SPDX-License-Identifier: Apache-2.0
package import Primitives

/// A piece of what is hashed or authenticated. Secrets are read in place, never copied into an array.
package enum HashInput: Hashable, Sendable {
    case bytes([UInt8])
    case secret(SecretBytes)

    func withBuffer(_ body: (UnsafeBufferPointer<UInt8>) -> Void) {
        switch self {
        case .bytes(let bytes): bytes.withUnsafeBufferPointer(body)
        case .secret(let secret): secret.withBytes { $0.withUnsafeBufferPointer(body) }
        }
    }
}
