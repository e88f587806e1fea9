// SPDX-License-Identifier: Apache-2.0
package import Primitives

/// IKE SAs that we replace ourselves, because their peers did not.
extension Endpoint {
    /// Begins a main mode to replace this SA, unless one is under way or another SA has taken its place already.
    package mutating func startRekeying(_ id: IKESAID, at now: MonotonicTime) -> [Effect] {
        guard let association = associations[id], let phase = association.established, !phase.isSuperseded,
            !initiations.values.contains(where: { $0.origin.predecessor == id }),
            // A profile that was taken away negotiates nothing any more.
            association.profile < surroundings.configuredProfiles,
            // Whose key has ended stays until its IKE SA has, and no longer.
            surroundings.isCurrent(phase.keyIndex, in: association.profile, at: now)
        else { return [] }
        let acceptance = surroundings.acceptance(of: association.profile, for: phase.client)
        let missing = acceptance.missing(of: phase.transform.legacyAlgorithms)
        guard missing.isEmpty else { return [association.report(.rekeyingFailed(missing.refusal))] }
        guard surroundings.configuration.profiles[association.profile].admits(phase.identity) else {
            return [association.report(.rekeyingFailed("its profile does not name the peer any more"))]
        }
        let origin = IKEv1.MainModeInitiation.Origin(
            predecessor: id,
            profile: association.profile,
            trace: association.trace,
            path: association.path,
            transform: phase.transform,
            natTraversal: phase.natTraversal,
            isFragmenting: association.isFragmenting,
            identity: phase.identity,
            client: phase.client,
            keyIndex: phase.keyIndex
        )
        var effects: [Effect] = []
        let initiation = IKEv1.MainModeInitiation(origin, surroundings, at: now, effects: &effects)
        initiations[initiation.cookie] = initiation
        initiationDeadlines.set(initiation.cookie, to: initiation.deadline)
        return effects
    }

    /// A message of an exchange that we began.
    mutating func receiveAnswer(_ arrival: IKEv1.Arrival) -> [Effect] {
        carryOn(arrival.header.initiatorCookie, at: arrival.now) { $0.receive(arrival, $1, &$2) }
    }

    mutating func advanceInitiations(to now: MonotonicTime, into effects: inout [Effect]) {
        while let cookie = initiationDeadlines.popDue(at: now) {
            var repeated = 0
            effects += carryOn(cookie, at: now) { initiation, _, effects in
                defer { repeated = effects.count }
                return initiation.advance(to: now, &effects)
            }
            surroundings.counters.retransmissions += UInt64(repeated)
        }
    }

    private mutating func carryOn(
        _ cookie: Cookie,
        at now: MonotonicTime,
        _ body: (inout IKEv1.MainModeInitiation, Surroundings, inout [Effect]) -> IKEv1.MainModeInitiation.Outcome
    ) -> [Effect] {
        guard var initiation = initiations[cookie] else { return [] }
        var effects: [Effect] = []
        let outcome = body(&initiation, surroundings, &effects)
        effects = inPieces(effects, if: initiation.origin.isFragmenting)
        if case .waiting = outcome {
            initiations[cookie] = initiation
            initiationDeadlines.set(cookie, to: initiation.deadline)
            return effects
        }
        initiations[cookie] = nil
        initiationDeadlines.set(cookie, to: nil)
        let origin = initiation.origin
        func report(_ kind: Event.Kind) -> Effect {
            .report(Event(trace: origin.trace, peer: origin.path.peer, kind: kind))
        }
        switch outcome {
        case .waiting:
            break
        case .failed(let reason):
            effects.append(report(.rekeyingFailed(reason)))
        case .established(let cookies, let phase):
            // Gone meanwhile: then nobody wants its successor.
            guard associations[origin.predecessor] != nil else { break }
            var proved = phase
            proved.isProved = true
            let id = takeOver(initiation, cookies, proved)
            surroundings.counters.replacedByUs += 1
            effects += recordEstablished(id, isOurs: true)
            bowOut(origin.predecessor, at: now)
            effects.append(
                report(
                    .phase1Established(
                        profile: surroundings.configuration.profiles[origin.profile].name,
                        identity: "\(origin.identity)",
                        transform: phase.transform,
                        nat: phase.nat,
                        client: phase.client,
                        key: surroundings.configuration.profiles[origin.profile].name(ofKey: phase.keyIndex)
                    )
                )
            )
            let transform = phase.transform
            if let kind = surroundings.noteLegacy(transform.legacyAlgorithms, in: "\(transform)") {
                effects.append(report(kind))
            }
            effects += run(.proved, of: id)
        }
        return effects
    }
}
