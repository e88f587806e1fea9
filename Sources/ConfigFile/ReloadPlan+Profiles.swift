// SPDX-License-Identifier: Apache-2.0
internal import ControlPlane
internal import Cryptography
internal import DataPlane
internal import IKE
internal import Primitives

/// Profiles and their keys.
extension ReloadPlan {
    private static var negotiatesAnew: String {
        "they stay; the IKE SAs and ESP SAs they have live to their end and are followed by ones by the new rule"
    }

    mutating func compareProfiles(_ old: [Profile], _ new: [Profile]) {
        let succession = ProfileSuccession(from: old, to: new)
        var succeeding = Set<Int>()
        for (place, profile) in old.enumerated() {
            guard let successor = succession.profile(after: place) else {
                let feeling = "they end: nobody may come by it any more"
                add(Change(.removed, Self.key(profile), .atOnce, of: .profile(profile.name), feeling: feeling))
                continue
            }
            succeeding.insert(successor)
            compare(profile, new[successor])
        }
        for (place, profile) in new.enumerated() where !succeeding.contains(place) {
            add(Change(.added, Self.key(profile), .atOnce))
        }
        let order = old.indices.compactMap { succession.profile(after: $0) }
        if order != order.sorted() {
            add(Change(.changed, "ike.profiles", "their order", .newCalls, feeling: ""))
        }
    }

    private static func key(_ profile: Profile, _ part: String? = nil) -> String {
        "ike.profiles.\(profile.name)" + (part.map { ".\($0)" } ?? "")
    }

    private mutating func compare(_ old: Profile, _ new: Profile) {
        guard old != new else { return }
        let scope = Scope.profile(old.name)
        let count = changes.count
        func change(_ part: String, _ what: String, _ time: Time, _ feeling: String) -> Change {
            Change(.changed, Self.key(new, part), what, time, of: scope, feeling: feeling)
        }
        func says<Value: Equatable>(_ path: KeyPath<Profile, Value>, _ words: (Value) -> String) -> String? {
            guard old[keyPath: path] != new[keyPath: path] else { return nil }
            return "was \(words(old[keyPath: path])), is \(words(new[keyPath: path]))"
        }
        if old.name != new.name {
            add(change("name", "was \(old.name), is \(new.name)", .atOnce, "nothing: it is the same profile"))
        }
        if let what = says(\.remote, { $0.map(Self.list) ?? "any" }) {
            add(change("remote", what, .atOnce, "those stay that it is for; peers from elsewhere end"))
        }
        compareKeys(old, new)
        let names: ([String]) -> String = Self.list
        if let what = says(\.identities, { names($0.map(\.text)) }) {
            add(change("identities", what, .nextRekeying, "they stay; who is not named is refused when it begins anew"))
        }
        if let what = says(\.allowsAggressiveMode, Self.truth) {
            add(change("aggressive-mode", what, .nextRekeying, Self.negotiatesAnew))
        }
        if let what = says(\.concealsNAT, Self.truth) {
            add(change("conceal-nat", what, .nextRekeying, Self.negotiatesAnew))
        }
        if old.allowLegacy != new.allowLegacy || old.legacyGrants != new.legacyGrants {
            let what = "was \(Self.legacy(old)), is \(Self.legacy(new))"
            add(change("allow-legacy", what, .nextRekeying, Self.negotiatesAnew))
        }
        if let what = says(\.sha256Truncation, \.rawValue) {
            add(change("sha256-truncation", what, .nextRekeying, Self.negotiatesAnew))
        }
        if let what = says(\.ikeProposals, Self.list) {
            add(change("proposals", what, .nextRekeying, Self.negotiatesAnew))
        }
        if let what = says(\.espProposals, Self.list) {
            add(change("esp-proposals", what, .nextRekeying, Self.negotiatesAnew))
        }
        if let what = says(\.pfsGroups, { names($0.map(\.operatorName)) }) {
            add(change("pfs-groups", what, .nextRekeying, Self.negotiatesAnew))
        }
        // One key of the file stands for both.
        if let what = says(\.ikeLifetime, \.text) ?? says(\.longestIKELifetime, \.text) {
            add(change("ike-lifetime", what, .nextRekeying, Self.negotiatesAnew))
        }
        if let what = says(\.childLifetime, \.text) ?? says(\.longestChildLifetime, \.text) {
            add(change("esp-lifetime", what, .nextRekeying, Self.negotiatesAnew))
        }
        if let what = says(\.longestChildKilobytes, { $0.map { "\($0) kB of 1024 bytes" } ?? "no limit" }) {
            add(change("esp-bytes", what, .nextRekeying, Self.negotiatesAnew))
        }
        if changes.count == count {
            add(Change(.changed, Self.key(new), "another of its settings", .nextRekeying, of: scope))
        }
    }

    private mutating func compareKeys(_ old: Profile, _ new: Profile) {
        guard old.preSharedKeys != new.preSharedKeys else { return }
        let feeling = "they stay; the next IKE SA takes the new key"
        let scope = Scope.profile(old.name)
        if old.preSharedKeys.count == 1, new.preSharedKeys.count == 1, let was = old.preSharedKeys.first,
            let now = new.preSharedKeys.first, was.name == nil, now.name == nil
        {
            add(Change(.changed, Self.key(new, "secret"), "secret changed", .nextRekeying, of: scope, feeling: feeling))
            return
        }
        func place(_ key: PreSharedKey) -> String {
            key.name.map { Self.key(new, "secrets.\($0)") } ?? Self.key(new, "secret")
        }
        let gone = "they stay; who has this key cannot come with it again"
        let byName = Dictionary(grouping: new.preSharedKeys, by: \.name)
        let formerByName = Dictionary(grouping: old.preSharedKeys, by: \.name)
        var said = Set<String?>()
        for key in old.preSharedKeys + new.preSharedKeys where said.insert(key.name).inserted {
            let (was, now) = (formerByName[key.name] ?? [], byName[key.name] ?? [])
            guard was != now else { continue }
            if now.isEmpty {
                add(Change(.removed, place(key), .nextRekeying, of: scope, feeling: gone))
            } else if was.isEmpty {
                add(Change(.added, place(key), .atOnce))
            } else if was.map(\.secret) == now.map(\.secret) {
                add(Change(.changed, place(key), "its last day", .nextRekeying, of: scope, feeling: feeling))
            } else {
                let what =
                    was.count == now.count ? "secret changed" : "\(was.count) keys of that name, now \(now.count)"
                add(Change(.changed, place(key), what, .nextRekeying, of: scope, feeling: feeling))
            }
        }
        if said.allSatisfy({ formerByName[$0] == byName[$0] }) {
            add(Change(.changed, Self.key(new, "secrets"), "their order", .atOnce))
        }
    }

    private static func truth(_ value: Bool) -> String { value ? "true" : "false" }

    private static func legacy(_ profile: Profile) -> String {
        let everybodys = profile.allowLegacy.map(\.rawValue).sorted()
        let grants = profile.legacyGrants.map { grant in
            let clients = grant.clients.map { " for \($0.map(\.rawValue).sorted().joined(separator: " and "))" } ?? ""
            return grant.algorithm.rawValue + clients + (grant.until == nil ? "" : " until a day")
        }
        return list(everybodys + grants)
    }
}
