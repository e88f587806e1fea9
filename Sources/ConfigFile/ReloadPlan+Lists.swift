// SPDX-License-Identifier: Apache-2.0
internal import ControlPlane
internal import PPP
internal import Primitives

/// Pools and users.
extension ReloadPlan {
    mutating func comparePools(_ old: [AddressPoolConfiguration], _ new: [AddressPoolConfiguration]) {
        let keeps = "they keep their addresses until they end, and nobody gets those twice"
        for pool in old {
            let key = "addresses.pools.\(pool.name)"
            guard let other = new.first(where: { $0.name == pool.name }) else {
                add(Change(.removed, key, "\(pool.range)", .callEnds, of: .pool(pool.name), feeling: keeps))
                continue
            }
            if other.range != pool.range {
                let what = "was \(pool.range), is \(other.range)"
                add(Change(.changed, "\(key).range", what, .newCalls, of: .pool(pool.name), feeling: keeps))
            }
            if other.gateway != pool.gateway {
                add(
                    Change(
                        .changed,
                        "\(key).gateway",
                        "was \(pool.gateway), is \(other.gateway)",
                        .newCalls,
                        of: .pool(pool.name),
                        feeling: "they keep the former gateway, which goes with the last of them"
                    )
                )
            }
        }
        let names = Set(old.map(\.name))
        for pool in new where !names.contains(pool.name) {
            add(Change(.added, "addresses.pools.\(pool.name)", "\(pool.range)", .atOnce))
        }
        let (before, after) = (old.map(\.name), new.map(\.name))
        if before.filter(Set(after).contains) != after.filter(names.contains) {
            add(Change(.changed, "addresses.pools", "their order", .newCalls))
        }
    }

    mutating func compareUsers(_ old: [User], _ new: [User]) {
        guard old != new else { return }
        let others = Dictionary(new.map { ($0.name, $0) }) { first, _ in first }
        for user in old {
            let key = "users.\(user.name)"
            let scope = Scope.user(user.name)
            guard let other = others[user.name] else {
                add(Change(.removed, key, .atOnce, of: scope, feeling: "they end"))
                continue
            }
            if user.secret != other.secret {
                let feeling = "they stay; the next time the new one counts"
                add(Change(.changed, key, "secret changed", .newCalls, of: scope, feeling: feeling))
            }
            if user.address != other.address {
                let words = { (address: IPAddress?) in address.map { "\($0)" } ?? "from a pool" }
                let what = "address was \(words(user.address)), is \(words(other.address))"
                let feeling = "they keep the address they have until they end"
                add(Change(.changed, key, what, .newCalls, of: scope, feeling: feeling, address: other.address))
            }
            if user.isDisabled != other.isDisabled {
                let (what, feeling) = other.isDisabled ? ("disabled", "they end") : ("enabled", "")
                add(Change(.changed, key, what, .atOnce, of: scope, feeling: feeling))
            }
        }
        let names = Set(old.map(\.name))
        for user in new where !names.contains(user.name) {
            add(Change(.added, "users.\(user.name)", "", .atOnce, address: user.address))
        }
    }
}
