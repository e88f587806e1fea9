// SPDX-License-Identifier: Apache-2.0
internal import Cryptography
internal import DataPlane
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
        package let client: Client
        /// Of the pre-shared key that the peer knew, by its place in ``Profile/preSharedKeys``.
        package internal(set) var keyIndex: Int
        package let since: MonotonicTime
        var expires: MonotonicTime
        var renewal: IKEv1.Replacement
        /// When message 6 is forgotten.
        var answerExpires: MonotonicTime?
        var nextKeepalive: MonotonicTime?
        /// The IKE SA that this one takes over from.
        package var previous: IKESAID?
        package var isPreviousDeleted = false
        /// The same, unless the peer said that it knows of no other.
        var heritage: IKESAID? { isInitialContact && !isPreviousDeleted ? nil : previous }
        /// A newer IKE SA stands for the same peer, which has proved there that it is the same.
        package var isSuperseded = false
        /// A quick mode came to its end over ``IKEv1/ResponderSA/path``.
        package var isProved = false
        /// The peer said that it has no other SA with us.
        package var isInitialContact = false
        var liveness: IKEv1.Liveness
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
            client: Client,
            keyIndex: Int,
            since: MonotonicTime,
            expires: MonotonicTime,
            answerExpires: MonotonicTime?,
            nextKeepalive: MonotonicTime?,
            liveness: IKEv1.Liveness,
            entropy: any EntropySource
        ) {
            self.keys = keys
            self.transform = transform
            self.natTraversal = natTraversal
            self.nat = nat
            self.identity = identity
            self.client = client
            self.keyIndex = keyIndex
            self.since = since
            self.expires = expires
            let margin = IKEv1.rekeyMargin(of: since.duration(to: expires), entropy)
            renewal = IKEv1.Replacement(from: expires.advanced(by: .zero - margin))
            self.answerExpires = answerExpires
            self.nextKeepalive = nextKeepalive
            self.liveness = liveness
        }

        /// Whoever stands for the peer now is asked, and nobody before it.
        var isProbed: Bool { liveness.isAnswering && !isSuperseded }

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
            for child in children { deadline = min(deadline, child.deadline) }
            if let next = renewal.next { deadline = min(deadline, next) }
            if isProbed { deadline = min(deadline, liveness.next) }
            return deadline
        }
    }

    /// The IKE SA is gone for the peer, its children are not.
    package struct Retired: Sendable {
        package let transform: IKETransform
        package let nat: NATFinding
        package let identity: IKEv1.IDPayload
        package let client: Client
        package internal(set) var keyIndex: Int
        package let since: MonotonicTime
        var nextKeepalive: MonotonicTime?
        let previous: IKESAID?
        var children: [IKEv1.Child]

        var deadline: MonotonicTime? {
            (children.map(\.deadline) + (nextKeepalive.map { [$0] } ?? [])).min()
        }
    }

    /// The peer deleted its last IKE SA. If it negotiates the next one soon, that is the same peer in the same call.
    package struct Deleted: Sendable {
        package let transform: IKETransform
        package let nat: NATFinding
        package let identity: IKEv1.IDPayload
        package let client: Client
        package internal(set) var keyIndex: Int
        package let since: MonotonicTime
        package var until: MonotonicTime

        /// Time enough to begin anew, too short to be in the way.
        static let patience: Duration = .seconds(10)
    }

    /// A newer IKE SA stands for the same peer now, as was proved.
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
    ///
    /// - Parameter isDeleted: The peer deleted it: it may say that it has no other one, and still go on with it.
    package mutating func succeed(_ previous: IKESAID, isDeleted: Bool) {
        guard case .established(var phase) = state else { return }
        phase.previous = previous
        phase.isPreviousDeleted = isDeleted
        state = .established(phase)
    }

    func childID(_ inboundSPI: ESPSPI) -> ChildSA.ID {
        ChildSA.ID(ike: id, inboundSPI: inboundSPI)
    }

    /// A retired SA without children is gone.
    func settle(_ phase: Retired) -> (State, [IKEv1.Effect]) {
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
        effects += advanceChildren(of: &phase, to: now, &surroundings)
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
        effects += advanceChildren(of: &phase, to: now, &surroundings)
        if let due = phase.renewal.next, due <= now {
            phase.renewal.noteAttempt(at: now, before: phase.expires)
            // Who has nothing to lose by it lets the SA end.
            if !phase.isSuperseded, !phase.children.isEmpty { surroundings.errands.append(.renew(at: now)) }
        }
        let liveness = advanceLiveness(of: &phase, to: now, &surroundings)
        effects += liveness.effects
        if liveness.isDead { return (.closed, effects + die(&phase, at: now, &surroundings)) }
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
        for spi in phase.quickModes.compactMap(\.inboundSPI) { surroundings.release(spi) }
        let (next, effects) = settle(
            Retired(
                transform: phase.transform,
                nat: phase.nat,
                identity: phase.identity,
                client: phase.client,
                keyIndex: phase.keyIndex,
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
        for spi in phase.quickModes.compactMap(\.inboundSPI) { surroundings.release(spi) }
    }

    /// The peer was not heard for too long. Nobody will read the goodbye, unless it is the way to us that is broken.
    private func die(
        _ phase: inout Established,
        at now: MonotonicTime,
        _ surroundings: inout Surroundings
    ) -> [IKEv1.Effect] {
        let silence = phase.liveness.lastHeard.duration(to: now)
        let goodbye = delete(phase.children, in: &phase, surroundings) + deleteSelf(in: &phase, surroundings)
        release(&phase, &surroundings)
        surroundings.errands.append(.died)
        return goodbye + [report(.deadPeer(silence: silence, children: phase.children.count)), .closed(id)]
    }

    /// Ends without a word to the peer, which does not know it any more.
    package mutating func vanish(_ kind: Event.Kind, _ surroundings: inout Surroundings) -> [IKEv1.Effect] {
        switch state {
        case .established(var phase):
            release(&phase, &surroundings)
        case .retired(let phase):
            for child in phase.children { surroundings.release(child.inboundSPI) }
        case .deleted:
            break
        case .waitKeyExchange, .waitIdentity, .waitHash, .refused, .closed:
            return []
        }
        state = .closed
        return [report(kind), .closed(id)]
    }

    /// Nothing will follow this one that was deleted, or something has.
    package mutating func endPatience() -> [IKEv1.Effect] {
        guard case .deleted = state else { return [] }
        state = .closed
        return [.closed(id)]
    }

    /// A new IKE SA of the same peer is there: its first quick mode has time to come.
    package mutating func extendPatience(at now: MonotonicTime) {
        guard case .deleted(var phase) = state else { return }
        phase.until = max(phase.until, now.advanced(by: Deleted.patience))
        state = .deleted(phase)
    }
}
