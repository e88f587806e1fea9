// SPDX-License-Identifier: Apache-2.0
internal import DataPlane
internal import Primitives

extension Endpoint {
    /// Which IKE SAs are those of one peer: same profile, same name of the pre-shared key, same identity, same two
    /// addresses and ports. Neither an identity nor an address alone says that: others may know the key, and others are
    /// behind the same NAT.
    struct Peers: Sendable {
        private struct Key: Hashable, Sendable {
            var path: IKEv1.Path
            var profile: Int
            /// Of the key, whose secret may have been changed meanwhile.
            var keyName: String?
            var identity: IKEv1.IDPayload
        }

        /// In the order in which they were established.
        private var ids: [Key: [IKESAID]] = [:]
        private var keys: [IKESAID: Key] = [:]

        mutating func add(
            _ id: IKESAID,
            _ path: IKEv1.Path,
            profile: Int,
            keyName: String?,
            _ identity: IKEv1.IDPayload
        ) {
            let key = Key(path: path, profile: profile, keyName: keyName, identity: identity)
            keys[id] = key
            ids[key, default: []].append(id)
        }

        mutating func remove(_ id: IKESAID) {
            guard let key = keys.removeValue(forKey: id) else { return }
            ids[key]?.removeAll { $0 == id }
            if ids[key]?.isEmpty ?? false { ids[key] = nil }
        }

        mutating func move(_ id: IKESAID, to path: IKEv1.Path) {
            guard var key = keys[id] else { return }
            remove(id)
            key.path = path
            keys[id] = key
            let all = ids[key, default: []] + [id]
            ids[key] = all.sorted { $0.rawValue < $1.rawValue }
        }

        /// Nobody needs more, and nobody shall make us look at more.
        private static let most = 16

        /// The profile has another place now, the key perhaps another name.
        mutating func renumber(
            _ places: (IKESAID, _ profile: Int, _ keyName: String?) -> (profile: Int, keyName: String?)
        ) {
            ids = [:]
            for (id, key) in keys {
                var key = key
                (key.profile, key.keyName) = places(id, key.profile, key.keyName)
                keys[id] = key
                ids[key, default: []].append(id)
            }
            for key in ids.keys where ids[key]?.count ?? 0 > 1 { ids[key]?.sort { $0.rawValue < $1.rawValue } }
        }

        func before(_ id: IKESAID) -> ArraySlice<IKESAID> {
            guard let all = keys[id].flatMap({ ids[$0] }), let index = all.lastIndex(of: id) else { return [] }
            return all[..<index].suffix(Self.most)
        }

        func after(_ id: IKESAID) -> ArraySlice<IKESAID> {
            guard let all = keys[id].flatMap({ ids[$0] }), let index = all.lastIndex(of: id) else { return [] }
            return all[(index + 1)...].suffix(Self.most)
        }
    }

    mutating func recordEstablished(_ id: IKESAID, isOurs: Bool = false) -> [Effect] {
        guard let association = associations[id], let phase = association.established else { return [] }
        let keyName = surroundings.configuration.profiles[association.profile].name(ofKey: phase.keyIndex)
        peers.add(id, association.path, profile: association.profile, keyName: keyName, phase.identity)
        guard let heritage = peers.before(id).last(where: { associations[$0]?.hasHeritage ?? false }) else { return [] }
        if !isOurs { surroundings.counters.replacedByPeer += 1 }
        let isDeleted = associations[heritage]?.hasChildren == false
        associations[id]?.succeed(heritage, isDeleted: isDeleted)
        associations[heritage]?.extendPatience(at: phase.since)
        deadlines.set(heritage, to: associations[heritage]?.deadline)
        // If its Delete of the former one is lost, the answer shows that the children have another SA now.
        return phase.isProved ? [] : work(on: id) { $0.probe(at: phase.since, &$1) }
    }

    /// The newest IKE SA after this one that can negotiate.
    private func heir(of id: IKESAID) -> IKESAID? {
        peers.after(id).last { associations[$0]?.established != nil }
    }

    func hasHeir(_ id: IKESAID) -> Bool { heir(of: id) != nil }

    mutating func run(_ errand: Errand, of id: IKESAID) -> [Effect] {
        switch errand {
        case .remove(let spi, let now):
            return removeFromPredecessors(of: id, spi, at: now)
        case .proved:
            return settleSuccession(to: id)
        case .present:
            for former in peers.before(id) {
                _ = work(on: former) { association, _ in
                    association.supersede()
                    return []
                }
            }
            return []
        case .left(let now):
            // If whoever made the newer IKE SA is not there, nothing of this peer shall stay.
            guard let heir = heir(of: id), associations[heir]?.established?.isProved == false else { return [] }
            return work(on: heir) { $0.probe(at: now, &$1) }
        case .moved:
            return moveTogether(with: id)
        case .died:
            return endOrphans(of: id)
        case .replace(let former, let now):
            guard let heir = heir(of: id) else { return [] }
            return work(on: heir) { $0.replace(former, at: now, &$1) }
        case .replaced(let former, let now):
            return work(on: former.ike) { association, _ in
                association.letGo(former.inboundSPI, at: now)
                return []
            }
        case .renew(let now):
            return startRekeying(id, at: now)
        case .announce(let former):
            guard let heir = heir(of: id) else { return [] }
            return work(on: heir) { $0.announce(former, &$1) }
        }
    }

    /// The peer has proved that it, and nobody else, made this IKE SA.
    private mutating func settleSuccession(to id: IKESAID) -> [Effect] {
        let startsAnew = associations[id]?.established?.isInitialContact ?? false
        var effects: [Effect] = []
        for former in peers.before(id) {
            if startsAnew {
                effects += work(on: former) { $0.vanish(.replacedByPeer, &$1) }
            } else {
                effects += work(on: former) { association, _ in
                    association.supersede()
                    return association.endPatience()
                }
            }
        }
        return effects
    }

    /// A NAT that has changed its mind has done so for all of them.
    private mutating func moveTogether(with id: IKESAID) -> [Effect] {
        guard let path = associations[id]?.path else { return [] }
        let others = peers.before(id) + peers.after(id)
        var effects: [Effect] = []
        peers.move(id, to: path)
        for other in others {
            effects += work(on: other) { association, _ in association.follow(to: path) }
            peers.move(other, to: path)
        }
        return effects
    }

    /// What has no keys of its own to ask the peer with does not outlive the SA that asked.
    private mutating func endOrphans(of id: IKESAID) -> [Effect] {
        guard !peers.after(id).contains(where: { associations[$0]?.established != nil }) else { return [] }
        var effects: [Effect] = []
        for former in peers.before(id).reversed() {
            if let phase = associations[former]?.established, !phase.isSuperseded { break }
            effects += work(on: former) { association, surroundings in
                if case .deleted = association.state { return [] }
                return association.vanish(.deadWithSuccessor, &surroundings)
            }
        }
        return effects
    }

    /// A peer gives up a child of an old IKE SA under its new one.
    private mutating func removeFromPredecessors(
        of id: IKESAID,
        _ spi: ESPSPI,
        at now: MonotonicTime
    ) -> [Effect] {
        for former in peers.before(id).reversed() {
            var isRemoved = false
            let isReplaced = associations[former]?.terms(ofChild: spi).map { terms in
                associations[id]?.carries(terms) ?? false
            }
            let effects = work(on: former) { association, surroundings in
                guard
                    let effects = association.removeChild(
                        outboundSPI: spi,
                        isReplaced: isReplaced ?? false,
                        at: now,
                        &surroundings
                    )
                else { return [] }
                isRemoved = true
                return effects
            }
            if isRemoved { return effects }
        }
        return []
    }
}

extension IKEv1.ResponderSA {
    fileprivate func terms(ofChild outboundSPI: ESPSPI) -> IKEv1.Terms? {
        children.first { $0.outboundSPI == outboundSPI }?.terms
    }

    fileprivate func carries(_ terms: IKEv1.Terms) -> Bool {
        children.contains { $0.departure == nil && $0.terms.cover(terms) }
    }
}
