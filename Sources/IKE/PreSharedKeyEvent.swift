// SPDX-License-Identifier: Apache-2.0
package import Primitives

/// What looking for the right pre-shared key has to tell.
package enum PreSharedKeyEvent: Hashable, Sendable {
    case overBudget
    /// How many were tried, and never which.
    case noneFits(tried: Int, profile: String)
    case noneIsCurrent(profile: String)

    package var description: EventDescription {
        switch self {
        case .overBudget:
            EventDescription(
                .ike,
                .warning,
                "key-trials-over-budget",
                "too many peers tried keys at once: this one was not tried with all of them",
                remedy: "let clients try again later; give groups of users profiles of their own"
            )
        case .noneFits(let tried, let profile):
            EventDescription(
                .ike,
                .warning,
                "authentication-failed",
                "the pre-shared key differs: the peer's proof is readable with none of ours, \(tried) tried",
                remedy: "compare the peer's pre-shared key with that in `secrets` of profile \(profile),"
                    + " and check that it has not ended and that this is the profile meant for its address",
                fields: [.init("profile", profile), .init("tried", tried)]
            )
        case .noneIsCurrent(let profile):
            EventDescription(
                .ike,
                .warning,
                "no-current-key",
                "every pre-shared key of profile \(profile) has ended",
                remedy:
                    "add a key to `secrets` that has no `until` or a later one, and check the clock of this machine",
                fields: [.init("profile", profile)]
            )
        }
    }
}
