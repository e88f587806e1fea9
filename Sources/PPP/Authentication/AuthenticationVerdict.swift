// SPDX-License-Identifier: Apache-2.0

/// What came of an attempt.
package enum AuthenticationVerdict: Hashable, Sendable {
    /// With MS-CHAPv2 the 20-byte authenticator response that proves us to the peer (RFC 2759 §8.7).
    case accepted(authenticatorResponse: [UInt8]?)
    case refused(Refusal)

    package enum Refusal: Hashable, Sendable {
        case unknownUser
        case wrongPassword
        /// What is stored about the user does not serve this method: an NT hash and CHAP, say.
        case methodUnsuitable
        case disabled
        /// Too many failures before this one: the proof was not looked at.
        case throttled
    }
}
