// SPDX-License-Identifier: Apache-2.0
package import Cryptography
package import Primitives

/// One PPP link, from LCP to IPCP, as the authenticating end.
///
/// A value: frames and the time go in, effects come out. It does not know how frames travel.
///
/// What happens when LCP goes down and comes back (a peer may renegotiate at any time): IP stops, the peer proves
/// itself again, and gets the same address back without anybody being asked; as another user it is turned away.
/// So ``Effect/networkWanted(userName:)`` comes at most once in the life of a link.
///
/// - SeeAlso: RFC 1661 §3.2
package struct Link: Sendable {
    package enum Effect: Hashable, Sendable {
        /// Two bytes of protocol, then the packet: never compressed, without address and control fields.
        case send([UInt8])
        /// Compare this with what is stored about the user and come back with ``Link/authenticated(_:at:)``.
        case verify(AuthenticationAttempt)
        /// The peer is who it claims to be: it wants an address. Answered with ``Link/openNetwork(_:at:)`` or ``Link/close(_:at:)``.
        case networkWanted(userName: String)
        /// IP may flow.
        case networkUp(NetworkParameters)
        case networkDown
        /// The link is over. Nothing follows.
        case finished(LinkEnd)
        /// An Echo-Request was not answered. If the owner knows the peer to be alive it says so with ``Link/heard(at:)``.
        case unanswered
        case report(Event.Kind)
    }

    enum Phase: Sendable {
        case dead
        case establish
        case authenticate(Authenticator)
        case network(Network)
        /// We said goodbye, or the peer did.
        case terminate(LinkEnd)
        case finished
    }

    let configuration: Configuration
    let entropy: any EntropySource
    var phase = Phase.dead
    var lcp: ControlProtocol<LCPOptions>
    var echo = Echo()
    var lastHeard = MonotonicTime(sinceBoot: .zero)
    /// Runs until the network is up, and again while it is renegotiated.
    var setUpDeadline: MonotonicTime?
    /// Runs in the authentication phase, and stands still while a verdict is looked for.
    var authenticationDeadline: MonotonicTime?
    /// What the owner was asked to verify, and has not answered.
    var verification: Verification?
    /// Attempts that did not end with an acceptance, before LCP was last renegotiated.
    var failedAttempts = 0
    /// Who was accepted, once.
    var userName: String?
    /// What that user was given, once.
    var offer: NetworkOffer?
    /// The peer's last IPCP Configure-Request that came before we were ready for it.
    var early: ControlPacket?
    var protocolRejects = AnswerBudget(perSecond: 5)
    var echoReplies = AnswerBudget(perSecond: 10)
    /// All other packets: more than any negotiation takes.
    var packets = AnswerBudget(perSecond: 50)
    var rejectIdentifier: UInt8 = 0
    /// How often the peer took an open layer down since it last answered an Echo-Request.
    var renegotiations = 0
    /// Packets that were sent again, or asked for again, because nothing came back.
    package private(set) var retransmissions: UInt64 = 0

    package init(configuration: Configuration, entropy: any EntropySource) {
        self.configuration = configuration
        self.entropy = entropy
        lcp = ControlProtocol(
            LCPOptions(mru: configuration.mru, methods: configuration.authentication, entropy: entropy)
        )
    }

    /// When ``advance(to:)`` next has something to do.
    package var nextDeadline: MonotonicTime? {
        var next = setUpDeadline
        func consider(_ deadline: MonotonicTime?) {
            if let deadline, next.map({ deadline < $0 }) ?? true { next = deadline }
        }
        consider(lcp.nextDeadline)
        consider(echo.nextDeadline)
        switch phase {
        case .authenticate(let authenticator):
            consider(authenticator.nextDeadline)
            if verification == nil { consider(authenticationDeadline) }
        case .network(let network): consider(network.ipcp?.nextDeadline)
        case .dead, .establish, .terminate, .finished: break
        }
        return next
    }

    /// The session stands, or its first frame has come. A second call changes nothing.
    package mutating func lowerLayerUp(at now: MonotonicTime) -> [Effect] {
        guard case .dead = phase else { return [] }
        phase = .establish
        lastHeard = now
        setUpDeadline = now.advanced(by: configuration.setUpTimeout)
        var effects: [Effect] = []
        apply(lcp.handle(.open, limits: limits, at: now), to: &effects, at: now)
        apply(lcp.handle(.up, limits: limits, at: now), to: &effects, at: now)
        return effects
    }

    /// The session is gone: no goodbye is possible.
    package mutating func lowerLayerDown(at now: MonotonicTime) -> [Effect] {
        var effects: [Effect] = []
        if case .terminate(let end) = phase {
            finish(end, &effects)
        } else {
            finish(.lowerLayerDown, &effects)
        }
        return effects
    }

    /// - Parameter frame: As received: address and control fields may stand before it, and the
    ///   protocol may be compressed to one byte.
    package mutating func receive(_ frame: ArraySlice<UInt8>, at now: MonotonicTime) -> [Effect] {
        if case .finished = phase { return [] }
        var effects = lowerLayerUp(at: now)
        heard(at: now)
        var reader = ByteReader(frame)
        do throws(DecodeError) {
            receive(try Frame(from: &reader), &effects, now)
        } catch {
            effects.append(.report(.malformedPacket(nil, error)))
        }
        return effects
    }

    package mutating func advance(to now: MonotonicTime) -> [Effect] {
        if case .finished = phase { return [] }
        var effects: [Effect] = []
        if let deadline = setUpDeadline, deadline <= now {
            setUpDeadline = nil
            effects.append(.report(.setUpTimeout(phase: snapshot.phase, after: configuration.setUpTimeout)))
            close(.silence, &effects, now)
        }
        let outcome = lcp.advance(to: now, limits: limits)
        noteRetransmissions(outcome.count { if case .send = $0 { true } else { false } })
        apply(outcome, to: &effects, at: now)
        advanceEcho(&effects, now)
        switch phase {
        case .authenticate: advanceAuthentication(&effects, now)
        case .network: advanceNetwork(&effects, now)
        case .dead, .establish, .terminate, .finished: break
        }
        return effects
    }

    /// The peer is alive, as its traffic shows.
    package mutating func heard(at now: MonotonicTime) {
        lastHeard = max(lastHeard, now)
        echo.unanswered = 0
        if echo.nextDeadline != nil { echo.nextDeadline = now.advanced(by: configuration.effectiveEchoInterval) }
    }

    /// The answer to ``Effect/verify(_:)``, however late. The owner is asked for one verdict at a time.
    package mutating func authenticated(_ verdict: AuthenticationVerdict, at now: MonotonicTime) -> [Effect] {
        var effects: [Effect] = []
        takeVerdict(verdict, &effects, now)
        return effects
    }

    /// The answer to ``Effect/networkWanted(userName:)``.
    package mutating func openNetwork(_ offer: NetworkOffer, at now: MonotonicTime) -> [Effect] {
        guard self.offer == nil, userName != nil else { return [] }
        var effects: [Effect] = []
        // The peer may have begun to renegotiate LCP meanwhile: then the offer waits for the new proof.
        self.offer = offer
        openIPCP(offer, &effects, now)
        return effects
    }

    /// Says goodbye (Terminate-Request, repeated as the standard says) and finishes.
    package mutating func close(_ end: LinkEnd, at now: MonotonicTime) -> [Effect] {
        var effects: [Effect] = []
        close(end, &effects, now)
        return effects
    }

    mutating func noteRetransmissions(_ count: Int) {
        retransmissions += UInt64(count)
    }

    package var snapshot: Snapshot {
        let name: String
        var method: AuthenticationMethod?
        switch phase {
        case .dead, .finished: name = "dead"
        case .establish: name = "establish"
        case .authenticate(let authenticator): (name, method) = ("authenticate", authenticator.method)
        case .network(let network): (name, method) = ("network", network.authenticator.method)
        case .terminate: name = "terminate"
        }
        return Snapshot(
            phase: name,
            userName: userName,
            authentication: method,
            peerMRU: lcp.isOpened ? lcp.options.peerMRU : LCPOptions.defaultMRU
        )
    }
}

extension Link {
    var limits: NegotiationLimits {
        NegotiationLimits(
            restartTimer: configuration.restartTimer,
            maxConfigure: configuration.maxConfigure,
            maxTerminate: configuration.maxTerminate,
            maxFailure: configuration.maxFailure
        )
    }

    private mutating func receive(_ frame: Frame, _ effects: inout [Effect], _ now: MonotonicTime) {
        switch frame.protocolNumber {
        case .lcp:
            if let packet = decode(frame, &effects, now) { receiveLCP(packet, &effects, now) }
        case .pap, .chap:
            if let packet = decode(frame, &effects, now) {
                receiveAuthentication(packet, frame.protocolNumber, &effects, now)
            }
        case .ipcp:
            if let packet = decode(frame, &effects, now) { receiveIPCP(packet, &effects, now) }
        case .ipv4, .ipv6:
            // The kernel carries these; one that comes here came before the kernel was ready.
            break
        default:
            rejectProtocol(frame, &effects, now)
        }
    }

    /// - Returns: `nil` for what is malformed, and for what comes too often to be looked at.
    private mutating func decode(
        _ frame: Frame,
        _ effects: inout [Effect],
        _ now: MonotonicTime
    ) -> ControlPacket? {
        var reader = ByteReader(frame.information)
        do throws(DecodeError) {
            let packet = try ControlPacket(from: &reader)
            // Echo-Requests have a limit of their own.
            guard frame.protocolNumber == .lcp && packet.code == .echoRequest || packets.spend(at: now) else {
                effects.append(.report(.answersLimited(frame.protocolNumber)))
                return nil
            }
            return packet
        } catch {
            effects.append(.report(.malformedPacket(frame.protocolNumber, error)))
            return nil
        }
    }

    /// Ends the link in an orderly way. What it was closed for first, stays.
    mutating func close(_ end: LinkEnd, _ effects: inout [Effect], _ now: MonotonicTime) {
        switch phase {
        case .terminate, .finished:
            break
        case .dead:
            finish(end, &effects)
        case .establish, .authenticate, .network:
            networkDown(&effects)
            phase = .terminate(end)
            setUpDeadline = nil
            apply(lcp.handle(.close, limits: limits, at: now), to: &effects, at: now)
        }
    }

    /// Each renegotiation costs a proof or a change in the kernel: a peer that does nothing else is sent away.
    mutating func limitRenegotiations(of number: ProtocolNumber, _ effects: inout [Effect], _ now: MonotonicTime) {
        guard renegotiations > configuration.maxConfigure else { return }
        renegotiations = 0
        fail(.restless, in: number, &effects, now)
    }

    mutating func fail(
        _ error: NegotiationError,
        in number: ProtocolNumber,
        _ effects: inout [Effect],
        _ now: MonotonicTime
    ) {
        effects.append(.report(error == .loop ? .loopDetected : .negotiationFailed(number, error)))
        close(.negotiationFailed("\(number): \(error)"), &effects, now)
    }

    mutating func finish(_ end: LinkEnd, _ effects: inout [Effect]) {
        if case .finished = phase { return }
        networkDown(&effects)
        phase = .finished
        setUpDeadline = nil
        lcp = ControlProtocol(lcp.options)
        echo = Echo()
        early = nil
        verification = nil
        effects.append(.finished(end))
    }
}
