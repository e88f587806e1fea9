// SPDX-License-Identifier: Apache-2.0
package import Primitives

/// What pieces of messages have to tell.
package enum FragmentationEvent: Hashable, Sendable {
    case refused(String)

    package var description: EventDescription {
        switch self {
        case .refused(let reason):
            EventDescription(
                .ike,
                .notice,
                "fragment-refused",
                "a piece of a message cannot be put together: \(reason)",
                remedy: "none is needed if it is rare; else see what the peer sends"
            )
        }
    }
}
