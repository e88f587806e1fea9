// SPDX-License-Identifier: Apache-2.0

package enum HashAlgorithm: Hashable, Sendable, CaseIterable {
    case md5
    case sha1
    case sha256
    case sha384
    case sha512

    /// In bytes.
    package var digestLength: Int {
        switch self {
        case .md5: 16
        case .sha1: 20
        case .sha256: 32
        case .sha384: 48
        case .sha512: 64
        }
    }

    /// Of the longest digest.
    static let maximumDigestLength = 64

    /// The `EVP_MD`.
    var digest: OpaquePointer {
        switch self {
        case .md5: Libcrypto.md5
        case .sha1: Libcrypto.sha1
        case .sha256: Libcrypto.sha256
        case .sha384: Libcrypto.sha384
        case .sha512: Libcrypto.sha512
        }
    }

    /// libcrypto's name.
    var name: StaticString {
        switch self {
        case .md5: "MD5"
        case .sha1: "SHA1"
        case .sha256: "SHA2-256"
        case .sha384: "SHA2-384"
        case .sha512: "SHA2-512"
        }
    }
}
