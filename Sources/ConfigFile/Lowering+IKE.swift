// SPDX-License-Identifier: Apache-2.0
internal import Cryptography
internal import DataPlane
internal import IKE
internal import Primitives

extension Lowering {
    mutating func ike(_ section: Section, listen: [IPAddress]) -> IKE.Configuration {
        var section = section
        var configuration = IKE.Configuration(profiles: [])
        var taken: [(prefix: IPPrefix, by: String, line: Int)] = []
        var anyIsTakenBy: String?
        var names: Set<String> = []
        if let node = section.require("profiles", &diagnostics),
            let elements = node.elements("ike.profiles", &diagnostics)
        {
            if elements.isEmpty {
                diagnostics.error(node.position, "ike.profiles lists no profile: nobody could dial in")
            }
            for element in elements {
                guard let profile = profile(element, listen: listen) else { continue }
                if !names.insert(profile.name).inserted {
                    diagnostics.error(element.position, "two profiles have the name \(profile.name.quoted)")
                }
                // Aggressive mode looks for the name among all profiles of an address.
                let isFoundByName = profile.allowsAggressiveMode && !profile.identities.isEmpty
                if let anyIsTakenBy, !isFoundByName {
                    diagnostics.warning(
                        element.position,
                        "the profile \(profile.name.quoted) is never used: \(anyIsTakenBy.quoted) before it takes every peer",
                        remedy: "move it up"
                    )
                }
                let prefixes = profile.remote ?? []
                for prefix in prefixes where !isFoundByName {
                    if let first = taken.first(where: { $0.prefix.covers(prefix) }) {
                        diagnostics.warning(
                            element.position,
                            "the profile \(profile.name.quoted) is never used for \(prefix): \(first.by.quoted) in line "
                                + "\(first.line) takes \(first.prefix) before it",
                            remedy: "move it up"
                        )
                    }
                }
                taken += prefixes.map { ($0, profile.name, element.position.line) }
                if profile.remote == nil { anyIsTakenBy = anyIsTakenBy ?? profile.name }
                configuration.profiles.append(profile)
            }
        }
        if let node = section.take("exchange-timeout"),
            let value = node.duration("exchange-timeout", in: .seconds(5)...(.seconds(300)), &diagnostics)
        {
            configuration.exchangeTimeout = value
        }
        if let node = section.take("keepalive-interval"),
            let value = node.duration("keepalive-interval", in: .seconds(5)...(.seconds(120)), &diagnostics)
        {
            configuration.keepaliveInterval = value
        }
        section.finish(&diagnostics)
        return configuration
    }

    private mutating func profile(_ node: Document.Node, listen: [IPAddress]) -> Profile? {
        guard var section = Section(node, name: "a profile", diagnostics: &diagnostics) else { return nil }
        let name = section.require("name", &diagnostics).flatMap { nonEmpty($0, "the name of a profile") }
        let remote = section.take("remote").map { self.remote($0, listen: listen) } ?? .any
        let keys = preSharedKeys(&section)
        let (legacy, grants) = legacyAlgorithms(&section)
        // What some may use may stand in the lists.
        let listable = legacy.union(grants.map(\.algorithm))
        let truncation = sha256Truncation(&section)
        let identities = identities(&section)
        let allowsAggressiveMode = aggressiveMode(&section, identities)
        let concealsNAT = section.take("conceal-nat").flatMap { $0.boolean("conceal-nat", &diagnostics) } ?? true
        let ike = section.take("proposals").map { ikeProposals($0, legacy: listable) } ?? Profile.l2tpClientsIKE
        let esp = section.take("esp-proposals").map { espProposals($0, legacy: listable) } ?? Profile.l2tpClientsESP
        let groups = section.take("pfs-groups").map { pfsGroups($0, legacy: listable) } ?? Profile.l2tpClientsPFS
        let lifetimes: ClosedRange<Duration> = .seconds(300)...(.seconds(86_400))
        let ikeLifetime = section.take("ike-lifetime").flatMap {
            $0.duration("ike-lifetime", in: lifetimes, &diagnostics)
        }
        let espLifetime = section.take("esp-lifetime").flatMap {
            $0.duration("esp-lifetime", in: lifetimes, &diagnostics)
        }
        let espBytes = section.take("esp-bytes").flatMap {
            // What a peer can be told is a number of kilobytes of 32 bits.
            $0.byteCount("esp-bytes", in: 10_000_000...4_000_000_000_000, &diagnostics)
        }
        section.finish(&diagnostics)
        guard let name, let keys, let key = keys.first else { return nil }
        var profile = Profile(
            name: name,
            remote: remote.prefixes,
            preSharedKey: key.secret,
            ikeProposals: ike,
            espProposals: esp,
            pfsGroups: groups,
            allowLegacy: legacy
        )
        profile.preSharedKeys = keys
        profile.legacyGrants = grants
        profile.sha256Truncation = truncation
        profile.identities = identities
        profile.allowsAggressiveMode = allowsAggressiveMode
        profile.concealsNAT = concealsNAT
        if let ikeLifetime {
            profile.ikeLifetime = ikeLifetime
            profile.longestIKELifetime = ikeLifetime
        }
        if let espLifetime {
            profile.childLifetime = espLifetime
            profile.longestChildLifetime = espLifetime
        }
        // A kilobyte of IKE has 1024 bytes.
        profile.longestChildKilobytes = espBytes.map { $0 / 1_024 }
        return profile
    }

    mutating func nonEmpty(_ node: Document.Node, _ what: String) -> String? {
        guard let text = node.text(what, &diagnostics) else { return nil }
        guard !text.isEmpty else {
            diagnostics.error(node.position, "\(what) is empty")
            return nil
        }
        return text
    }

    private enum Remote {
        case any
        case these([IPPrefix])

        /// In the words of ``Profile/remote``.
        var prefixes: [IPPrefix]? {
            switch self {
            case .any: nil
            case .these(let prefixes): prefixes
            }
        }
    }

    private mutating func remote(_ node: Document.Node, listen: [IPAddress]) -> Remote {
        if case .scalar("any", _) = node.content { return .any }
        var prefixes: [IPPrefix] = []
        let elements = node.elements("remote", &diagnostics) ?? []
        if case .list(let elements) = node.content, elements.isEmpty {
            diagnostics.error(node.position, "remote names nobody", remedy: "write any, or a list of address blocks")
        }
        for element in elements {
            guard let prefix = element.prefix("remote", &diagnostics) else { continue }
            if prefixes.contains(prefix) {
                diagnostics.error(element.position, "remote lists \(prefix) twice")
            } else if !listen.isEmpty, !listen.contains(where: { $0.isV4 == prefix.address.isV4 }) {
                let family = prefix.address.isV4 ? "IPv4" : "IPv6"
                diagnostics.error(
                    element.position,
                    "remote \(prefix) is \(family), but gateway.listen has no \(family) address"
                )
            }
            prefixes.append(prefix)
        }
        return .these(prefixes)
    }
}

extension IPPrefix {
    /// Whether every address of `other` is in it.
    fileprivate func covers(_ other: IPPrefix) -> Bool {
        address.isV4 == other.address.isV4 && length <= other.length && contains(other.address)
    }
}
