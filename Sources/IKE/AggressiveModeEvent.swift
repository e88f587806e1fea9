// SPDX-License-Identifier: Apache-2.0
package import Primitives

/// What aggressive mode has to tell.
package enum AggressiveModeEvent: Hashable, Sendable {
    case refused(identity: String)
    /// Every key of the profile has come to its end.
    case noKey(identity: String, profile: String)
    /// So many are under way already, of one source or in all.
    case overLimit(Int)
    /// So many of one source in a second.
    case overRate(Int)

    package var description: EventDescription {
        switch self {
        case .refused(let identity):
            EventDescription(
                .ike,
                .notice,
                "aggressive-mode-refused",
                "the peer wants aggressive mode as \(identity), which no profile allows",
                remedy:
                    "clear the group name on the client, or name it in identities of a profile with aggressive-mode: true",
                facts: [.init("identity", identity)]
            )
        case .noKey(let identity, let profile):
            EventDescription(
                .ike,
                .warning,
                "aggressive-mode-without-key",
                "the peer wants aggressive mode as \(identity), but no pre-shared key of its profile is valid today",
                remedy: "give profile \(profile) a key that has not come to its end",
                fields: [.init("profile", profile)],
                facts: [.init("identity", identity)]
            )
        case .overLimit(let limit):
            EventDescription(
                .ike,
                .warning,
                "aggressive-mode-limit",
                "\(limit) exchanges of aggressive mode wait for their last message, no other one begins",
                remedy: "use clients without a group name, whose main mode has no such limit; if it is an office with"
                    + " many of them, name its address in limits.large-sources"
            )
        case .overRate(let limit):
            EventDescription(
                .ike,
                .warning,
                "aggressive-mode-rate",
                "this address begins more than \(limit) exchange of aggressive mode a second, the rest is not answered",
                remedy: "if it is an office with many clients, name its address in limits.large-sources"
            )
        }
    }
}
