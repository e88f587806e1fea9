// SPDX-License-Identifier: Apache-2.0


package enum HashAlgorithm: Hashable, Sendable, CaseIterable { case md5, sha1, sha256, sha384, sha512 }

package enum DiffieHellmanGroup: UInt16, Hashable, Sendable, CaseIterable {
    case modp1024 = 2
    case modp1536 = 5
    case modp2048 = 14
    case modp3072 = 15
    case modp4096 = 16
    case modp6144 = 17
    case modp8192 = 18
    case ecp256 = 19
    case ecp384 = 20
    case ecp521 = 21
}

package protocol EntropySource: Sendable {
    func bytes(_ count: Int) -> [UInt8]
}
