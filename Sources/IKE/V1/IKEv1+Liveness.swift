// SPDX-License-Identifier: Apache-2.0
internal import Cryptography
internal import DataPlane
internal import Primitives

extension IKEv1 {
    /// Whether the peer is there.
    ///
    /// - SeeAlso: RFC 3706
    struct Liveness: Sendable {
        /// It said that it answers R-U-THERE.
        let isAnswering: Bool
        private(set) var lastHeard: MonotonicTime
        /// Of our last R-U-THERE.
        private var sequence: UInt32
        /// Sent and not answered since the peer was last heard; only the last few.
        private var outstanding: [UInt32] = []
        private(set) var probes = 0
        private var wait: Duration = .zero
        /// When to look again.
        private(set) var next: MonotonicTime
        /// The highest number in an R-U-THERE of the peer.
        private var peerSequence: UInt32?
        /// Where the peer may have moved to, and the number that proves it.
        private var candidate: (path: Path, sequence: UInt32, asked: MonotonicTime)?

        /// Our numbers were sent nowhere but to where the peer is: whoever knows one is there.
        private var isSecret = true
        /// Wrong answers, up to as many as are no guessing.
        private var strays = 0

        private static let mostStrays = 64
        private static let mostOutstanding = 8
        /// Whoever plays back messages from many places gets few questions sent there.
        private static let candidateInterval: Duration = .seconds(2)

        init(isAnswering: Bool, at now: MonotonicTime, _ surroundings: Surroundings) {
            self.isAnswering = isAnswering
            lastHeard = now
            next = now.advanced(by: surroundings.configuration.deadPeerInterval)
            // The highest bit stays clear: nobody lives to see the number wrap.
            sequence = surroundings.entropy.integer(in: 1...UInt32(1) << 31 - 1)
        }

        /// ``next`` stays: when it comes, it is put off.
        mutating func heard(at now: MonotonicTime) {
            lastHeard = max(lastHeard, now)
            outstanding = []
            probes = 0
        }

        enum Verdict {
            case alive
            /// A number to ask with.
            case ask(UInt32, isRepetition: Bool)
            case dead
        }

        /// To be called when ``next`` has come.
        mutating func look(at now: MonotonicTime, _ configuration: Configuration) -> Verdict {
            let silence = lastHeard.duration(to: now)
            guard silence >= configuration.deadPeerInterval else {
                next = lastHeard.advanced(by: configuration.deadPeerInterval)
                return .alive
            }
            // A clock that leapt is no reason: nobody dies unasked.
            guard silence < configuration.silenceLimit || probes < Self.fewestProbes else { return .dead }
            probes += 1
            // Often enough that loss alone kills nobody; but who sleeps longer than that is not asked all the time.
            let interval = configuration.deadPeerInterval
            let longest = silence < interval * 3 ? interval / 6 : interval
            wait = probes == 1 ? configuration.retransmissionWait : min(wait * 2, longest)
            next = now.advanced(by: max(wait, Self.shortestWait))
            let end = lastHeard.advanced(by: configuration.silenceLimit)
            if end > now { next = min(next, end) }
            return .ask(takeSequence(), isRepetition: probes == 2)
        }

        private static let fewestProbes = 2
        /// Whatever was configured.
        private static let shortestWait: Duration = .milliseconds(500)

        /// Asks at once, whatever was heard.
        mutating func hurry(at now: MonotonicTime, _ configuration: Configuration) -> UInt32 {
            next = now.advanced(by: configuration.retransmissionWait)
            return takeSequence()
        }

        private mutating func takeSequence() -> UInt32 {
            sequence &+= 1
            outstanding = outstanding.suffix(Self.mostOutstanding - 1) + [sequence]
            return sequence
        }

        /// A number to ask with at another place than the peer's; `nil` if it was asked a moment ago.
        mutating func ask(at path: Path, _ now: MonotonicTime) -> UInt32? {
            if let candidate, candidate.asked.duration(to: now) < Self.candidateInterval { return nil }
            sequence &+= 1
            candidate = (path, sequence, now)
            isSecret = false
            return sequence
        }

        /// - Returns: `false` if nobody asked this.
        mutating func takeAnswer(
            _ number: UInt32,
            from path: Path,
            at now: MonotonicTime
        ) -> (isRight: Bool, moves: Bool) {
            if let asked = candidate, asked.sequence == number {
                guard asked.path == path else { return (false, false) }
                candidate = nil
                heard(at: now)
                return (true, true)
            }
            guard outstanding.contains(number) else {
                strays = min(strays + 1, Self.mostStrays)
                return (false, false)
            }
            heard(at: now)
            return (true, false)
        }

        /// A right answer came from where the peer is: could nobody else have given it?
        var isConclusive: Bool { isSecret && strays < Self.mostStrays }

        /// What was asked until now may be known at the former place.
        mutating func forgetSecret() { isSecret = false }

        /// An R-U-THERE counts as a sign of life only once: anybody may have recorded it.
        mutating func takeQuestion(_ number: UInt32, at now: MonotonicTime) {
            guard peerSequence.map({ number > $0 }) ?? true else { return }
            peerSequence = number
            heard(at: now)
        }
    }
}

extension IKEv1.ResponderSA {
    /// The peer is alive, as its traffic shows.
    mutating func heard(at now: MonotonicTime) {
        guard case .established(var phase) = state else { return }
        phase.liveness.heard(at: now)
        state = .established(phase)
    }

    /// Asks, or finds that it has asked long enough.
    func advanceLiveness(
        of phase: inout Established,
        to now: MonotonicTime,
        _ surroundings: inout Surroundings
    ) -> (isDead: Bool, effects: [IKEv1.Effect]) {
        guard phase.isProbed, phase.liveness.next <= now else { return (false, []) }
        switch phase.liveness.look(at: now, surroundings.configuration) {
        case .alive:
            return (false, [])
        case .ask(let number, let isRepetition):
            let effects = question(number, over: path, in: &phase, surroundings)
            return (false, effects + (isRepetition ? [.unanswered(id)] : []))
        case .dead:
            return (true, [])
        }
    }

    func question(
        _ number: UInt32,
        over path: IKEv1.Path,
        in phase: inout Established,
        _ surroundings: Surroundings
    ) -> [IKEv1.Effect] {
        let question = IKEv1.NotificationPayload(
            protocolID: .isakmp,
            spi: cookies.bytes,
            type: .areYouThere,
            data: number.bytes
        )
        let message = protected([Payload(.notification, question)], in: &phase, surroundings)
        if phase.quickModes.allSatisfy(\.isOver) { phase.dropContexts() }
        return message.map { [.transmit(path.datagram($0))] } ?? []
    }

    /// Asks at once.
    mutating func probe(at now: MonotonicTime, _ surroundings: inout Surroundings) -> [IKEv1.Effect] {
        guard case .established(var phase) = state, phase.liveness.isAnswering else { return [] }
        let number = phase.liveness.hurry(at: now, surroundings.configuration)
        let effects = question(number, over: path, in: &phase, surroundings)
        state = .established(phase)
        return effects
    }

    /// Something authentic came from another place. It may be a playback: only an answer from there, to a question
    /// that was asked nowhere else, says that the peer has moved.
    func askElsewhere(
        _ arrival: IKEv1.Arrival,
        in phase: inout Established,
        _ surroundings: Surroundings
    ) -> [IKEv1.Effect] {
        guard arrival.path != path, phase.liveness.isAnswering, mayMove(to: arrival.path, phase.nat, surroundings),
            let number = phase.liveness.ask(at: arrival.path, arrival.now)
        else { return [] }
        return question(number, over: arrival.path, in: &phase, surroundings)
    }

    /// - SeeAlso: RFC 3947 §7
    func mayMove(to path: IKEv1.Path, _ nat: NATFinding, _ surroundings: Surroundings) -> Bool {
        nat.isPeerBehindNAT && self.path.port == .natTraversal && path.port == .natTraversal
            && acceptance(surroundings).profile.applies(to: path.peer.address)
    }

    /// The same while the phase is lent out.
    mutating func move(
        to new: IKEv1.Path,
        in phase: inout Established,
        _ surroundings: inout Surroundings
    ) -> [IKEv1.Effect] {
        guard new != path else { return [] }
        phase.isProved = false
        phase.liveness.forgetSecret()
        return move(to: new, &surroundings)
    }

    /// The peer has proved to be there.
    mutating func move(to new: IKEv1.Path, _ surroundings: inout Surroundings) -> [IKEv1.Effect] {
        guard new != path else { return [] }
        let old = path.peer
        path = new
        disprove()
        surroundings.errands.append(.moved)
        return [
            .moved(id, local: new.local, to: new.peer),
            report(.peerMoved(from: old)),
        ]
    }

    /// ESP, its integrity checked, came from another place.
    mutating func peerHasMoved(to peer: SocketAddress, _ surroundings: inout Surroundings) -> [IKEv1.Effect] {
        let nat: NATFinding
        switch state {
        case .established(let phase): nat = phase.nat
        case .retired(let phase): nat = phase.nat
        case .waitKeyExchange, .waitIdentity, .waitHash, .deleted, .refused, .closed: return []
        }
        var new = path
        new.peer = peer
        return mayMove(to: new, nat, surroundings) ? move(to: new, &surroundings) : []
    }

    /// At a new place nothing is proved yet as quick mode proves it: ESP from a spoofed address moves an SA as well.
    private mutating func disprove() {
        guard case .established(var phase) = state else { return }
        phase.isProved = false
        phase.liveness.forgetSecret()
        state = .established(phase)
    }

    /// Goes where another IKE SA of the same peer went.
    mutating func follow(to new: IKEv1.Path) -> [IKEv1.Effect] {
        path = new
        disprove()
        return [.moved(id, local: new.local, to: new.peer)]
    }
}
