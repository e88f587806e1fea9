// SPDX-License-Identifier: Apache-2.0
internal import Cryptography
internal import Primitives

/// What main mode and aggressive mode end with alike.
extension IKEv1.ResponderSA {
    /// What a peer that has proved to know the key has agreed on.
    struct Agreed {
        var keys: IKEv1.PhaseOneKeys
        var offered: IKEv1.SAPayload
        var transform: IKETransform
        /// `nil` if the peer announced it and did not speak it.
        var natTraversal: NATTraversal?
        var nat: NATFinding
        var identity: IKEv1.IDPayload
        var client: Client
        /// Of the key, by its place in ``Profile/preSharedKeys``.
        var keyIndex: Int
        var isAnsweringProbes: Bool
        /// What it gets, which may be less than it asked for.
        var lifetime: Duration
    }

    /// Phase 1 is done, over ``path``.
    ///
    /// - Parameter lastBlock: The last cipher block of phase 1.
    /// - Returns: The phase after it, and what there is to tell of it.
    mutating func establish(
        _ agreed: Agreed,
        lastBlock: [UInt8],
        at now: MonotonicTime,
        _ surroundings: inout Surroundings
    ) -> (Established, [IKEv1.Effect]) {
        surroundings.admission.recordSuccess(of: path.peer.address)
        let profile = acceptance(surroundings).profile
        let needsKeepalive = agreed.nat.isLocalBehindNAT && path.port == .natTraversal
        let phase = Established(
            keys: IKEv1.SessionKeys(agreed.keys, agreed.transform, lastBlock: lastBlock),
            transform: agreed.transform,
            natTraversal: agreed.natTraversal,
            nat: agreed.nat,
            identity: agreed.identity,
            client: agreed.client,
            keyIndex: agreed.keyIndex,
            since: now,
            expires: now.advanced(by: agreed.lifetime),
            answerExpires: now.advanced(by: surroundings.configuration.exchangeTimeout),
            nextKeepalive: needsKeepalive ? now.advanced(by: surroundings.configuration.keepaliveInterval) : nil,
            liveness: IKEv1.Liveness(isAnswering: agreed.isAnsweringProbes, at: now, surroundings),
            entropy: surroundings.entropy
        )
        var effects = [
            report(
                .phase1Established(
                    profile: profile.name,
                    identity: "\(agreed.identity)",
                    transform: agreed.transform,
                    nat: agreed.nat,
                    client: agreed.client,
                    key: profile.name(ofKey: agreed.keyIndex)
                )
            )
        ]
        let name = "\(agreed.transform)"
        effects.append(report(.proposalChosen(.one, offered: agreed.offered, chosen: name)))
        if let kind = surroundings.noteLegacy(agreed.transform.legacyAlgorithms, in: name) {
            effects.append(report(kind))
        }
        return (phase, effects)
    }
}
