// SPDX-License-Identifier: Apache-2.0
package import Primitives

/// What names of peers have to tell.
package enum IdentityEvent: Hashable, Sendable {
    /// The peer knows the key, but its name is not one of the profile's.
    case refused(identity: String, profile: String)

    package var description: EventDescription {
        switch self {
        case .refused(let identity, let profile):
            EventDescription(
                .ike,
                .warning,
                "identity-refused",
                "the peer knows the pre-shared key but calls itself \(identity), which the profile does not name",
                remedy: "add \(identity) to `identities` of profile \(profile), if the peer may come",
                fields: [.init("profile", profile)],
                facts: [.init("identity", identity)]
            )
        }
    }
}
