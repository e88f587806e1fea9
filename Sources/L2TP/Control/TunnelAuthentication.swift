// SPDX-License-Identifier: Apache-2.0
internal import Cryptography
package import Primitives

/// CHAP with MD5 between the two ends of a tunnel.
///
/// - SeeAlso: RFC 2661 §5.1.1
package enum TunnelAuthentication {
    /// In bytes. The RFC asks for one or more.
    package static let challengeLength = 16

    /// The 16-byte response to a challenge.
    ///
    /// - Parameter type: Of the message that carries the response: it takes the place of CHAP's identifier.
    /// - SeeAlso: RFC 2661 §4.4.3, Challenge Response; RFC 1994 §4.1
    package static func response(to challenge: [UInt8], in type: MessageType, secret: SecretBytes) -> [UInt8] {
        let identifier = UInt8(truncatingIfNeeded: type.rawValue)
        return Hash.digest(.md5, inputs: [.bytes([identifier]), .secret(secret), .bytes(challenge)])
    }
}
