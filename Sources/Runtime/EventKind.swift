// SPDX-License-Identifier: Apache-2.0
package import Primitives

/// What an event is to a script: coarse, few and stable. Which event is which kind stands in ``table`` alone.
package enum EventKind: String, Hashable, Sendable, CaseIterable {
    /// A call's network is up.
    case callUp = "call-up"
    case callDown = "call-down"
    /// Somebody did not get what it asked for: keys, a tunnel, a session, a user's right, an address.
    case refused
    /// The keys of a call were replaced by others.
    case rekeyed
    /// Nobody looks at what comes from there for a while.
    case banned
    /// The configuration was read again, or an operator changed something.
    case configuration
    /// The kernel refused or lost something, or somebody else changed it.
    case kernel
    case other

    /// By `layer.name`. What is not here is ``kernel`` if its layer is, and otherwise ``other``.
    package static let table: [EventKind: [String]] = [
        .callUp: ["control.call-up"],
        .callDown: ["control.call-down"],
        .refused: [
            "authentication.tries-exhausted", "authentication.user-changed", "authentication.user-refused",
            "control.call-limit", "control.no-address", "control.peer-refused", "ike.aggressive-mode-limit",
            "ike.aggressive-mode-refused", "ike.aggressive-mode-without-key", "ike.authentication-failed",
            "ike.half-open-limit", "ike.half-open-source-limit", "ike.identity-refused", "ike.ike-sa-limit",
            "ike.invalid-identity", "ike.invalid-key-exchange", "ike.key-trials-over-budget", "ike.no-current-key",
            "ike.no-profile", "ike.no-proposal-chosen", "ike.several-negotiations", "ike.too-many-children",
            "ike.too-many-exchanges", "ike.unsupported-exchange", "ike.unsupported-version",
            "l2tp.outgoing-call-refused", "l2tp.session-limit-reached", "l2tp.tunnel-authentication-failed",
            "l2tp.tunnel-limit-reached", "l2tp.tunnel-rate-limited", "l2tp.tunnel-secret-missing",
            "ppp.negotiation-failed",
        ],
        .rekeyed: ["ike.child-replaced"],
        .banned: [
            "authentication.throttled-source", "authentication.throttled-user", "ike.aggressive-mode-rate",
            "ike.authentication-delay", "ike.first-message-rate",
        ],
        .configuration: [
            "control.impaired", "control.reload-refused", "control.reloaded", "control.terminate",
        ],
        .kernel: ["ike.child-vanished", "ike.install-failed", "ike.spi-exhausted"],
    ]

    private static let byName = Dictionary(
        table.flatMap { kind, names in names.map { ($0, kind) } },
        uniquingKeysWith: { first, _ in first }
    )

    package init(of event: EventDescription) {
        let known = Self.byName["\(event.layer.rawValue).\(event.name)"]
        self = known ?? (event.layer == .kernel ? .kernel : .other)
    }
}
