// SPDX-License-Identifier: Apache-2.0
internal import Cryptography
package import DataPlane
package import Primitives

extension IKEv1 {
    /// What phase 1 leaves behind for all exchanges after it.
    package struct SessionKeys: Sendable {
        let hash: HashAlgorithm
        let blockCipher: BlockCipher
        let skeyidD: SecretBytes
        let skeyidA: SecretBytes
        let encryptionKey: SecretBytes
        /// The last cipher block of phase 1.
        let lastBlock: [UInt8]

        init(_ keys: PhaseOneKeys, _ transform: IKETransform, lastBlock: [UInt8]) {
            hash = transform.hash
            blockCipher = transform.blockCipher
            skeyidD = keys.skeyidD
            skeyidA = keys.skeyidA
            encryptionKey = keys.encryptionKey
            self.lastBlock = lastBlock
        }

        func iv(for messageID: UInt32) -> [UInt8] {
            IKEv1.phaseTwoIV(hash: hash, lastBlock: lastBlock, messageID: messageID)
        }
    }

    /// Keys set up for use: they cost a few kilobytes and are dropped while nothing happens.
    struct Contexts: Sendable {
        /// Keyed with SKEYID_a.
        let authentication: HMAC
        let cipher: CBCContext

        init(_ keys: SessionKeys) throws(CryptographyError) {
            authentication = HMAC(keys.hash, key: keys.skeyidA)
            cipher = try CBCContext(keys.blockCipher, key: keys.encryptionKey)
        }
    }

    /// A pair of ESP security associations that stands.
    struct Child: Hashable, Sendable {
        var inboundSPI: ESPSPI
        var outboundSPI: ESPSPI
        var transform: ESPTransform
        var expires: MonotonicTime
    }
}

extension IKEv1.ResponderSA {
    /// Children for one peer; rekeying needs two for a moment, and some clients never delete.
    static let mostChildren = 8
    static let mostQuickModes = 8
    /// How many message ids of quick modes are remembered, so that none can be played back.
    static let mostMessageIDs = 128

    /// Phase 1 is done.
    package struct Established: Sendable {
        let keys: IKEv1.SessionKeys
        package let transform: IKETransform
        let natTraversal: NATTraversal?
        package let nat: NATFinding
        package let identity: IKEv1.IDPayload
        package let since: MonotonicTime
        var expires: MonotonicTime
        /// When message 6 is forgotten.
        var answerExpires: MonotonicTime?
        var nextKeepalive: MonotonicTime?
        /// The IKE SA that this one takes over from.
        package var previous: IKESAID?
        /// A newer IKE SA stands for the same peer.
        package var isSuperseded = false
        var quickModes: [QuickMode] = []
        var messageIDs: [UInt32] = []
        var children: [IKEv1.Child] = []
        var lastAliveAnswer: MonotonicTime?
        private var kept: IKEv1.Contexts?

        init(
            keys: IKEv1.SessionKeys,
            transform: IKETransform,
            natTraversal: NATTraversal?,
            nat: NATFinding,
            identity: IKEv1.IDPayload,
            since: MonotonicTime,
            expires: MonotonicTime,
            answerExpires: MonotonicTime?,
            nextKeepalive: MonotonicTime?
        ) {
            self.keys = keys
            self.transform = transform
            self.natTraversal = natTraversal
            self.nat = nat
            self.identity = identity
            self.since = since
            self.expires = expires
            self.answerExpires = answerExpires
            self.nextKeepalive = nextKeepalive
        }

        mutating func contexts() throws(CryptographyError) -> IKEv1.Contexts {
            if let kept { return kept }
            let made = try IKEv1.Contexts(keys)
            kept = made
            return made
        }

        mutating func dropContexts() {
            kept = nil
        }

        var deadline: MonotonicTime? {
            var deadline = expires
            if let answerExpires { deadline = min(deadline, answerExpires) }
            if let nextKeepalive { deadline = min(deadline, nextKeepalive) }
            for quickMode in quickModes { deadline = min(deadline, quickMode.deadline) }
            for child in children { deadline = min(deadline, child.expires) }
            return deadline
        }
    }

    /// The IKE SA is gone for the peer, its children are not.
    package struct Retired: Sendable {
        package let transform: IKETransform
        package let nat: NATFinding
        package let identity: IKEv1.IDPayload
        package let since: MonotonicTime
        var nextKeepalive: MonotonicTime?
        let previous: IKESAID?
        var children: [IKEv1.Child]

        var deadline: MonotonicTime? {
            (children.map(\.expires) + (nextKeepalive.map { [$0] } ?? [])).min()
        }
    }

    /// A newer IKE SA stands for the same peer now.
    package mutating func supersede() {
        guard case .established(var phase) = state else { return }
        phase.isSuperseded = true
        state = .established(phase)
    }

    /// A successor stands: this SA says goodbye in a moment.
    mutating func bowOut(at now: MonotonicTime) {
        guard case .established(var phase) = state else { return }
        phase.expires = min(phase.expires, now.advanced(by: Self.handOver))
        state = .established(phase)
    }

    /// For the peer to see that the new SA is the old one's successor, and to hand the children over.
    private static let handOver: Duration = .seconds(5)

    /// Remembers the IKE SA that stood for the same peer before.
    package mutating func succeed(_ previous: IKESAID?) {
        guard case .established(var phase) = state else { return }
        phase.previous = previous
        state = .established(phase)
    }

    /// The peer gave up a child under a newer IKE SA.
    ///
    /// - Returns: `nil` if no child has this outbound SPI.
    package mutating func removeChild(
        outboundSPI: ESPSPI,
        _ surroundings: inout Surroundings
    ) -> [IKEv1.Effect]? {
        switch state {
        case .established(var phase):
            guard let effects = remove(outboundSPI, from: &phase, &surroundings) else { return nil }
            state = .established(phase)
            return effects
        case .retired(var phase):
            guard let index = phase.children.firstIndex(where: { $0.outboundSPI == outboundSPI }) else { return nil }
            let child = phase.children.remove(at: index)
            surroundings.release(child.inboundSPI)
            let effects: [IKEv1.Effect] = [
                .remove(childID(child.inboundSPI)), report(.childDeletedByPeer(childID(child.inboundSPI))),
            ]
            let (next, more) = settle(phase)
            state = next
            return effects + more
        case .waitKeyExchange, .waitIdentity, .refused, .closed:
            return nil
        }
    }

    /// Takes away a child, or a quick mode whose child the peer has given up already.
    func remove(
        _ outboundSPI: ESPSPI,
        from phase: inout Established,
        _ surroundings: inout Surroundings
    ) -> [IKEv1.Effect]? {
        if let index = phase.children.firstIndex(where: { $0.outboundSPI == outboundSPI }) {
            let id = childID(phase.children.remove(at: index).inboundSPI)
            surroundings.release(id.inboundSPI)
            return [.remove(id), report(.childDeletedByPeer(id))]
        }
        guard let index = phase.quickModes.firstIndex(where: { $0.pendingOutboundSPI == outboundSPI }),
            let inbound = phase.quickModes[index].pendingInboundSPI
        else { return nil }
        phase.quickModes[index].finish()
        surroundings.release(inbound)
        return [.remove(childID(inbound)), report(.childDeletedByPeer(childID(inbound)))]
    }

    func childID(_ inboundSPI: ESPSPI) -> ChildSA.ID {
        ChildSA.ID(ike: id, inboundSPI: inboundSPI)
    }

    /// A retired SA without children is gone.
    private func settle(_ phase: Retired) -> (State, [IKEv1.Effect]) {
        phase.children.isEmpty ? (.closed, [.closed(id)]) : (.retired(phase), [])
    }

    func advance(
        _ retired: Retired,
        to now: MonotonicTime,
        _ surroundings: inout Surroundings
    ) -> (State, [IKEv1.Effect]) {
        var phase = retired
        var effects: [IKEv1.Effect] = []
        if let due = phase.nextKeepalive, due <= now {
            effects.append(.transmit(path.keepalive))
            phase.nextKeepalive = now.advanced(by: surroundings.configuration.keepaliveInterval)
        }
        for child in phase.children where child.expires <= now {
            surroundings.release(child.inboundSPI)
            effects += [.remove(childID(child.inboundSPI)), report(.childExpired(childID(child.inboundSPI)))]
        }
        phase.children.removeAll { $0.expires <= now }
        let (next, more) = settle(phase)
        return (next, effects + more)
    }

    mutating func advance(
        _ established: Established,
        to now: MonotonicTime,
        _ surroundings: inout Surroundings
    ) -> (State, [IKEv1.Effect]) {
        var phase = established
        var effects: [IKEv1.Effect] = []
        if let due = phase.answerExpires, due <= now {
            phase.answerExpires = nil
            answer = nil
        }
        if let due = phase.nextKeepalive, due <= now {
            effects.append(.transmit(path.keepalive))
            phase.nextKeepalive = now.advanced(by: surroundings.configuration.keepaliveInterval)
        }
        effects += advanceQuickModes(of: &phase, to: now, &surroundings)
        let expired = phase.children.filter { $0.expires <= now }
        if !expired.isEmpty {
            phase.children.removeAll { $0.expires <= now }
            effects += delete(expired, in: &phase, surroundings)
            for child in expired {
                surroundings.release(child.inboundSPI)
                effects += [.remove(childID(child.inboundSPI)), report(.childExpired(childID(child.inboundSPI)))]
            }
        }
        if phase.expires <= now {
            effects += deleteSelf(in: &phase, surroundings)
            effects.append(report(.expired(children: phase.children.count)))
            let (next, more) = leave(&phase, &surroundings)
            return (next, effects + more)
        }
        return (.established(phase), effects)
    }

    /// The IKE SA is over: its children live on until their own end, quick modes under way do not.
    func leave(_ phase: inout Established, _ surroundings: inout Surroundings) -> (State, [IKEv1.Effect]) {
        let pending = phase.quickModes.compactMap(\.pendingInboundSPI)
        for spi in pending { surroundings.release(spi) }
        let (next, effects) = settle(
            Retired(
                transform: phase.transform,
                nat: phase.nat,
                identity: phase.identity,
                since: phase.since,
                nextKeepalive: phase.nextKeepalive,
                previous: phase.previous,
                children: phase.children
            )
        )
        return (next, pending.map { .remove(childID($0)) } + effects)
    }

    /// Gives back every SPI.
    func release(_ phase: inout Established, _ surroundings: inout Surroundings) {
        for child in phase.children { surroundings.release(child.inboundSPI) }
        for spi in phase.quickModes.compactMap(\.pendingInboundSPI) { surroundings.release(spi) }
    }
}
