// SPDX-License-Identifier: Apache-2.0
package import Primitives

/// What the peer offers as proof, and what it is checked against.
package enum AuthenticationAttempt: Hashable, Sendable {
    case pap(userName: String, password: SecretBytes)
    case chapMD5(userName: String, identifier: UInt8, challenge: [UInt8], response: [UInt8])
    /// `peerChallenge` and `authenticatorChallenge` are 16 bytes, `ntResponse` 24.
    case mschapv2(
        userName: String,
        authenticatorChallenge: [UInt8],
        peerChallenge: [UInt8],
        ntResponse: [UInt8]
    )
}
