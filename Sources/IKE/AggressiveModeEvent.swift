// SPDX-License-Identifier: Apache-2.0
package import Primitives

/// What aggressive mode has to tell.
package enum AggressiveModeEvent: Hashable, Sendable {
    case refused(identity: String)

    package var description: EventDescription {
        switch self {
        case .refused(let identity):
            EventDescription(
                .ike,
                .notice,
                "aggressive-mode-refused",
                "the peer wants aggressive mode as \(identity), which no profile allows",
                remedy:
                    "clear the group name on the client, or name it in identities of a profile with aggressive-mode: true"
            )
        }
    }
}
