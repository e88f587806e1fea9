// SPDX-License-Identifier: Apache-2.0
internal import ControlPlane
internal import IKE
package import Primitives

/// What another configuration changes, in the words of the file, and what of it can be had without a restart.
///
/// Secrets are compared in constant time, and no text here shows one.
package struct ReloadPlan: Hashable, Sendable {
    package enum Kind: String, Hashable, Sendable, CaseIterable {
        case added
        case changed
        case removed
    }

    package enum Time: String, Hashable, Sendable, CaseIterable {
        case atOnce = "at once"
        /// Calls that are up keep what they have until they end.
        case newCalls = "at once for new calls"
        /// What was agreed on holds until it is negotiated anew.
        case nextRekeying = "at the next rekeying"
        /// A part of it lives on as long as calls stand on it.
        case callEnds = "when the call ends"
        case restart = "only after a restart"
    }

    /// Whose calls stand on it.
    package enum Scope: Hashable, Sendable {
        case nobody
        case everybody
        case user(String)
        case profile(String)
        case pool(String)
    }

    package struct Change: Hashable, Sendable {
        package var kind: Kind
        /// `users.alice`, `ike.profiles.remote-access.proposals`.
        package var key: String
        /// `was 60 s, is 30 s`; empty where the key says all.
        package var what: String
        package var time: Time
        package var scope: Scope
        /// What calls feel that stand on it.
        package var feeling: String
        /// The address that a user has from then on.
        package var address: IPAddress?

        package init(
            _ kind: Kind,
            _ key: String,
            _ what: String,
            _ time: Time,
            of scope: Scope = .nobody,
            feeling: String = "",
            address: IPAddress? = nil
        ) {
            self.kind = kind
            self.key = key
            self.what = what
            self.time = time
            self.scope = scope
            self.feeling = feeling
            self.address = address
        }

        package init(_ kind: Kind, _ key: String, _ time: Time, of scope: Scope = .nobody, feeling: String = "") {
            self.init(kind, key, "", time, of: scope, feeling: feeling)
        }
    }

    /// In the order of the file's sections.
    package private(set) var changes: [Change] = []
    /// What is in force once the plan is carried out: the new settings, but for what needs a restart.
    package private(set) var settings: Settings

    package init(from old: Settings, to new: Settings) {
        settings = new
        guard old != new else { return }
        // Whatever no rule below knows shows as a difference between this and the new settings.
        var known = old
        for rule in Self.rules(from: old, to: new) {
            rule.carry(new, &known)
            guard let change = rule.change else { continue }
            changes.append(change)
            if change.time == .restart { rule.carry(old, &settings) }
        }
        compareProfiles(old.controlPlane.ike.profiles, new.controlPlane.ike.profiles)
        known.controlPlane.ike.profiles = new.controlPlane.ike.profiles
        comparePools(old.controlPlane.pools, new.controlPlane.pools)
        known.controlPlane.pools = new.controlPlane.pools
        compareUsers(old.controlPlane.users, new.controlPlane.users)
        known.controlPlane.users = new.controlPlane.users
        compareRest(known, old, new)
        changes = changes.enumerated().sorted {
            (Self.rank($0.element.key), $0.offset) < (Self.rank($1.element.key), $1.offset)
        }.map(\.element)
    }

    package var isEmpty: Bool { changes.isEmpty }

    /// What of the new settings cannot be beside what stays in force until a restart. Each set alone may be right.
    package var contradictions: [String] {
        settings.listen.filter { !$0.isUnspecified }.flatMap { address -> [String] in
            let pools = settings.controlPlane.pools.filter { $0.range.contains(address) }.map {
                "the range \($0.range) of the pool \($0.name) contains \(address)"
            }
            let users = settings.controlPlane.users.filter { $0.address == address }.map {
                "the address of the user \($0.name) is \(address)"
            }
            return (pools + users).map { "\($0), which the gateway listens on until it is restarted" }
        }
    }

    mutating func add(_ change: Change) {
        changes.append(change)
    }

    /// Settings that have no rule of their own: nothing changes silently.
    private mutating func compareRest(_ known: Settings, _ old: Settings, _ new: Settings) {
        let feeling = "nothing until then"
        if known.controlSocket != new.controlSocket {
            add(Change(.changed, "control", "another of its settings", .restart, feeling: feeling))
            settings.controlSocket = old.controlSocket
        }
        if known.metrics != new.metrics {
            add(Change(.changed, "metrics", "another of its settings", .restart, feeling: feeling))
            settings.metrics = old.metrics
        }
        if known.log != new.log {
            add(Change(.changed, "log", "another of its settings", .atOnce))
        }
        if known.controlPlane != new.controlPlane {
            add(Change(.changed, "other settings", .newCalls, of: .everybody, feeling: "they keep what they have"))
        }
        var rest = known
        rest.controlPlane = new.controlPlane
        rest.controlSocket = new.controlSocket
        rest.metrics = new.metrics
        rest.log = new.log
        if rest != new { add(Change(.changed, "other settings", "outside the sections above", .restart)) }
    }

    private static let sections = [
        "gateway", "ike", "l2tp", "ppp", "limits", "liveness", "addresses", "users", "radius", "control", "metrics",
        "log",
    ]

    private static func rank(_ key: String) -> Int {
        sections.firstIndex { key.hasPrefix($0) && key.dropFirst($0.utf8.count).first ?? "." == "." } ?? sections.count
    }
}

/// How one key of the file is compared.
struct ReloadRule {
    /// `nil` if it is what it was.
    let change: ReloadPlan.Change?
    /// Copies the value the key stands for.
    let carry: (_ from: Settings, _ to: inout Settings) -> Void
}
