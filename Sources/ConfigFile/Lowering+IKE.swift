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
                if let anyIsTakenBy {
                    diagnostics.warning(
                        element.position,
                        "the profile \(profile.name.quoted) is never used: \(anyIsTakenBy.quoted) before it takes every peer",
                        remedy: "move it up"
                    )
                }
                let prefixes = profile.remote ?? []
                for prefix in prefixes {
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
        let key = preSharedKey(&section)
        let legacy = legacyAlgorithms(&section)
        let ike = section.take("proposals").map { ikeProposals($0, legacy: legacy) } ?? Profile.l2tpClientsIKE
        let esp = section.take("esp-proposals").map { espProposals($0, legacy: legacy) } ?? Profile.l2tpClientsESP
        let groups = section.take("pfs-groups").map { pfsGroups($0, legacy: legacy) } ?? Profile.l2tpClientsPFS
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
        guard let name, let key else { return nil }
        var profile = Profile(
            name: name,
            remote: remote.prefixes,
            preSharedKey: key,
            ikeProposals: ike,
            espProposals: esp,
            pfsGroups: groups,
            allowLegacy: legacy
        )
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

    private enum Authentication: String, CaseIterable {
        case psk
        case certificate
    }

    private mutating func preSharedKey(_ section: inout Section) -> SecretBytes? {
        let authentication = section.take("authentication")
        let secret = section.take("secret")
        if let authentication {
            guard let choice: Authentication = authentication.choice("authentication", &diagnostics) else { return nil }
            if choice == .certificate {
                diagnostics.error(
                    authentication.position,
                    "authentication by certificate is not supported yet",
                    remedy: "use psk"
                )
                return nil
            }
        }
        guard let secret else {
            diagnostics.error(section.position, "a profile with a pre-shared key needs the key 'secret'")
            return nil
        }
        guard let key = self.secret(secret, "the pre-shared key") else { return nil }
        let (isText, hasOuterBlank) = key.withBytes { bytes in
            var isText = true
            for index in 0..<bytes.count where !(0x20...0x7E).contains(bytes[index]) { isText = false }
            let isBlank = { (byte: UInt8) in byte == 0x20 || byte == 0x09 }
            return (isText, bytes.count > 0 && (isBlank(bytes[0]) || isBlank(bytes[bytes.count - 1])))
        }
        if hasOuterBlank {
            diagnostics.warning(
                secret.position,
                "the pre-shared key begins or ends with a blank, which is part of it",
                remedy: "take the blank out unless peers have it too"
            )
        }
        // Who writes bytes instead of text has hardly thought them up.
        if key.count < (isText ? 20 : 16) {
            diagnostics.warning(
                secret.position,
                "the pre-shared key has \(key.count) bytes: who records one handshake can find it by trying",
                remedy: "take 20 random characters or more"
            )
        }
        return key
    }

    private mutating func legacyAlgorithms(_ section: inout Section) -> Set<LegacyAlgorithm> {
        var legacy: Set<LegacyAlgorithm> = []
        guard let node = section.take("allow-legacy") else { return legacy }
        for element in node.elements("allow-legacy", &diagnostics) ?? [] {
            if case .mapping = element.content {
                diagnostics.error(
                    element.position,
                    "an end date for a legacy algorithm is not supported yet",
                    remedy: "write its name alone"
                )
                continue
            }
            guard let algorithm: LegacyAlgorithm = element.choice("an entry of allow-legacy", &diagnostics) else {
                continue
            }
            if !legacy.insert(algorithm).inserted {
                diagnostics.error(element.position, "allow-legacy lists \(algorithm.rawValue) twice")
            }
        }
        return legacy
    }
}

extension IPPrefix {
    /// Whether every address of `other` is in it.
    fileprivate func covers(_ other: IPPrefix) -> Bool {
        address.isV4 == other.address.isV4 && length <= other.length && contains(other.address)
    }
}
