// SPDX-License-Identifier: Apache-2.0
package import Primitives

/// What looking for the right pre-shared key has to tell.
package enum PreSharedKeyEvent: Hashable, Sendable {
    case overBudget

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
        }
    }
}
