// SPDX-License-Identifier: Apache-2.0

/// What is worth counting but not an event each time.
package struct Counters: Hashable, Sendable {
    /// One-byte NAT keepalives.
    package var keepalives: UInt64 = 0
    /// Informational messages in clear, which are never acted on.
    package var unprotectedInformational: UInt64 = 0
    /// Messages whose cookies name no SA, and are not what we gave a peer that may begin one.
    package var unknownSA: UInt64 = 0
    /// Repeated requests, answered again or not.
    package var duplicates: UInt64 = 0
    /// ESP in UDP that the kernel had no SA for.
    package var strayESP: UInt64 = 0
    /// R-U-THERE answered.
    package var aliveAnswers: UInt64 = 0
    /// R-U-THERE-ACK with a number that was not asked, or from where it was not asked.
    package var strayAnswers: UInt64 = 0

    /// First messages answered with a cookie.
    package var firstMessages: UInt64 = 0
    /// First messages dropped because their source sent too many.
    package var firstMessagesOverRate: UInt64 = 0
    /// Messages that would begin an exchange, dropped because their source has failed to authenticate too often.
    package var delayedAfterFailures: UInt64 = 0
    /// Messages that would begin an exchange, dropped for one of the limits on IKE SAs.
    package var halfOpenDropped: UInt64 = 0
    /// Key agreements computed for peers that had not authenticated themselves.
    package var keyAgreements: UInt64 = 0
    /// The same, not computed because the source asked for too many.
    package var keyAgreementsOverRate: UInt64 = 0
    /// Pre-shared keys tried for peers that may have one of several.
    package var keysTried: UInt64 = 0
    /// Exchanges of such peers in which none of the keys was right.
    package var keyTrialsFailed: UInt64 = 0
    /// Exchanges of such peers that had to wait, as too many keys were tried at once.
    package var keyTrialsOverBudget: UInt64 = 0
    /// First messages that were answered and pushed out of memory by newer ones.
    package var forgottenFirstMessages: UInt64 = 0
    /// Offers nobody had authenticated with, pushed out of memory by newer ones.
    package var forgottenOffers: UInt64 = 0

    /// Agreed on, in either phase, by algorithm.
    package var legacyAlgorithms: [LegacyAlgorithm: UInt64] = [:]
    /// Pieces of messages that came.
    package var fragments: UInt64 = 0
    /// Those that were no use, and those that came without the rest of their message.
    package var fragmentsDropped: UInt64 = 0
    /// Messages put together out of pieces.
    package var messagesPutTogether: UInt64 = 0

    /// Messages of ours that were sent again unasked.
    package var retransmissions: UInt64 = 0
    /// IKE SAs that took over from another of the same peer.
    package var replacedByPeer: UInt64 = 0
    package var replacedByUs: UInt64 = 0

    package init() {}

    /// For status.
    package var byName: [String: UInt64] {
        var counters = [
            "ike.keepalives": keepalives,
            "ike.unprotected-informational": unprotectedInformational,
            "ike.unknown-sa": unknownSA,
            "ike.duplicates": duplicates,
            "ike.stray-esp": strayESP,
            "ike.alive-answers": aliveAnswers,
            "ike.stray-answers": strayAnswers,
            "ike.first-messages": firstMessages,
            "ike.first-messages-over-rate": firstMessagesOverRate,
            "ike.delayed-after-failures": delayedAfterFailures,
            "ike.half-open-dropped": halfOpenDropped,
            "ike.key-agreements": keyAgreements,
            "ike.key-agreements-over-rate": keyAgreementsOverRate,
            "ike.keys-tried": keysTried,
            "ike.key-trials-failed": keyTrialsFailed,
            "ike.key-trials-over-budget": keyTrialsOverBudget,
            "ike.forgotten-first-messages": forgottenFirstMessages,
            "ike.forgotten-offers": forgottenOffers,
            "ike.fragments": fragments,
            "ike.fragments-dropped": fragmentsDropped,
            "ike.messages-put-together": messagesPutTogether,
        ]
        for algorithm in LegacyAlgorithm.allCases {
            counters["ike.legacy-\(algorithm.rawValue)"] = legacyAlgorithms[algorithm, default: 0]
        }
        return counters
    }
}
