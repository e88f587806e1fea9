// SPDX-License-Identifier: Apache-2.0
package import Primitives

/// Another configuration, with IKE SAs standing.
extension Endpoint {
    /// What another configuration means for an IKE SA.
    package enum Standing: Hashable, Sendable {
        case stays
        /// There is no profile of that name any more.
        case profileRemoved(String)
        /// The profile is not for the peer's address any more.
        case addressOutside(profile: String, IPAddress)
    }

    package func profileName(of id: IKESAID) -> String? {
        associations[id].map { surroundings.configuration.profiles[$0.profile].name }
    }

    /// `nil` for an SA that is not there.
    package func standing(of id: IKESAID, under succession: ProfileSuccession) -> Standing? {
        guard let association = associations[id] else { return nil }
        let name = surroundings.configuration.profiles[association.profile].name
        guard let successor = succession.profile(after: association.profile) else { return .profileRemoved(name) }
        let address = association.path.peer.address
        return succession.new[successor].applies(to: address) ? .stays : .addressOutside(profile: name, address)
    }

    /// What becomes of the profiles under another configuration.
    package func succession(to configuration: Configuration) -> ProfileSuccession {
        let former = surroundings.configuration.profiles.prefix(surroundings.configuredProfiles)
        return ProfileSuccession(from: Array(former), to: configuration.profiles)
    }

    /// Goes on with another configuration. Established SAs stay, with what they agreed on; whoever negotiates from now
    /// on does so by the new one. Phase 1 under a profile that is not what it was begins anew. SAs whose profile is
    /// gone stay until the owner closes them: see ``standing(of:under:)``.
    package mutating func reconfigure(_ configuration: Configuration, at now: MonotonicTime) -> [Effect] {
        let former = surroundings.configuration
        let succession = succession(to: configuration)
        var effects: [Effect] = []
        if configuration.exchangeTimeout != former.exchangeTimeout {
            // Cookies are good for as long as an exchange takes.
            antiClogging = IKEv1.AntiClogging(
                exchangeTimeout: configuration.exchangeTimeout,
                entropy: surroundings.entropy
            )
            firstMessages = IKEv1.FirstMessages(life: configuration.exchangeTimeout)
        }
        let isSameForPeers =
            Array(former.profiles.prefix(surroundings.configuredProfiles)) == configuration.profiles
        if !isSameForPeers {
            firstMessages.removeAll()
            for id in associations.keys.sorted(by: { $0.rawValue < $1.rawValue })
            where associations[id].map({ $0.isHalfOpen && !succession.isUnchanged($0.profile) }) ?? false {
                effects += close(id, at: now)
            }
            if !succession.keepsKeys { surroundings.keyUse = PreSharedKeyUse() }
        }
        var (everybodys, places) = (configuration, [Int: Int]())
        for association in associations.values
        where succession.profile(after: association.profile) == nil && places[association.profile] == nil {
            places[association.profile] = everybodys.profiles.count
            everybodys.profiles.append(former.profiles[association.profile])
        }
        carryGrants(succession, to: configuration)
        surroundings.reconfigure(everybodys, configured: configuration.profiles.count, at: now)
        if !isSameForPeers || !places.isEmpty { renumber(succession, leaving: places, into: &effects) }
        return effects + reviewGrants(at: now)
    }

    private mutating func renumber(_ succession: ProfileSuccession, leaving: [Int: Int], into effects: inout [Effect]) {
        let profiles = surroundings.configuration.profiles
        peers.renumber { [associations] id, profile, keyName in
            guard let place = succession.profile(after: profile) else { return (leaving[profile] ?? profile, keyName) }
            let key = associations[id]?.keyIndex.flatMap { succession.key(after: $0, of: profile) }
            return (place, key.map { profiles[place].name(ofKey: $0) } ?? keyName)
        }
        for id in Array(associations.keys) {
            guard let profile = associations[id]?.profile else { continue }
            if let place = succession.profile(after: profile) {
                associations[id]?.renumber(profile: place) { succession.key(after: $0, of: profile) }
            } else if let place = leaving[profile] {
                associations[id]?.renumber(profile: place) { $0 }
            }
        }
        for (cookie, initiation) in initiations {
            let origin = initiation.origin
            if let place = succession.profile(after: origin.profile),
                let key = succession.key(after: origin.keyIndex, of: origin.profile)
            {
                initiations[cookie]?.origin.profile = place
                initiations[cookie]?.origin.keyIndex = key
            } else {
                initiations[cookie] = nil
                initiationDeadlines.set(cookie, to: nil)
                let kind = Event.Kind.rekeyingFailed("a reload took its profile or its pre-shared key away")
                effects.append(.report(Event(trace: origin.trace, peer: origin.path.peer, kind: kind)))
            }
        }
    }

    /// Nobody is told twice that a grant has ended.
    private mutating func carryGrants(_ succession: ProfileSuccession, to configuration: Configuration) {
        let former = surroundings.configuration.profiles
        endedGrants = Set(
            endedGrants.compactMap { ended in
                guard let profile = succession.profile(after: ended.profile) else { return nil }
                let grant = former[ended.profile].legacyGrants[ended.place]
                let place = configuration.profiles[profile].legacyGrants.firstIndex(of: grant)
                return place.map { EndedGrant(profile: profile, place: $0) }
            }
        )
    }
}

/// Which of the new profiles stands in the place of a former one, and which of its keys in the place of which.
///
/// A profile is the one of the same name. One that was only given another name is still the same.
package struct ProfileSuccession: Sendable {
    package let old: [Profile]
    package let new: [Profile]
    private let places: [Int?]
    private let keys: [[Int?]]

    package init(from old: [Profile], to new: [Profile]) {
        self.old = old
        self.new = new
        let oldNames = Set(old.map(\.name))
        var taken = Set<Int>()
        let places = old.map { profile -> Int? in
            if let same = new.firstIndex(where: { $0.name == profile.name }) { return same }
            let renamed = new.indices.first { place in
                guard !oldNames.contains(new[place].name), !taken.contains(place) else { return false }
                var candidate = new[place]
                candidate.name = profile.name
                return candidate == profile
            }
            if let renamed { taken.insert(renamed) }
            return renamed
        }
        self.places = places
        keys = zip(old, places).map { profile, place in
            guard let place else { return [] }
            return Self.keys(from: profile.preSharedKeys, to: new[place].preSharedKeys)
        }
    }

    /// The same secret, or else the same name.
    private static func keys(from old: [PreSharedKey], to new: [PreSharedKey]) -> [Int?] {
        if old == new { return Array(old.indices) }
        return old.map { key in
            new.firstIndex { $0.secret == key.secret && $0.name == key.name }
                ?? new.firstIndex { $0.secret == key.secret } ?? new.firstIndex { $0.name == key.name }
        }
    }

    package func profile(after place: Int) -> Int? {
        places.indices.contains(place) ? places[place] : nil
    }

    /// `nil` if nobody can come with it any more.
    func key(after key: Int, of profile: Int) -> Int? {
        guard keys.indices.contains(profile), keys[profile].indices.contains(key) else { return nil }
        return keys[profile][key]
    }

    /// Nothing of it is other than it was.
    func isUnchanged(_ place: Int) -> Bool {
        profile(after: place).map { new[$0] == old[place] } ?? false
    }

    /// Every profile is where it was, with the keys it had.
    var keepsKeys: Bool { old.map(\.preSharedKeys) == new.map(\.preSharedKeys) }
}

extension IKEv1.ResponderSA {
    /// The place of the pre-shared key it was made with, once that is known.
    fileprivate var keyIndex: Int? {
        switch state {
        case .established(let phase): phase.keyIndex
        case .retired(let phase): phase.keyIndex
        case .deleted(let phase): phase.keyIndex
        case .waitKeyExchange, .waitIdentity, .waitHash, .refused, .closed: nil
        }
    }

    /// - Parameter key: `nil` for one that is gone.
    fileprivate mutating func renumber(profile: Int, key: (Int) -> Int?) {
        self.profile = profile
        switch state {
        case .established(var phase):
            phase.keyIndex = key(phase.keyIndex) ?? .max
            state = .established(phase)
        case .retired(var phase):
            phase.keyIndex = key(phase.keyIndex) ?? .max
            state = .retired(phase)
        case .deleted(var phase):
            phase.keyIndex = key(phase.keyIndex) ?? .max
            state = .deleted(phase)
        case .waitKeyExchange, .waitIdentity, .waitHash, .refused, .closed:
            break
        }
    }
}
