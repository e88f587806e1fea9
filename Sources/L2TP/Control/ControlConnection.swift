// SPDX-License-Identifier: Apache-2.0
package import Cryptography
package import DataPlane
package import Primitives

/// A control connection that a peer opened, with its sessions. The RFC's state "idle" is not here: a connection
/// exists from an acceptable SCCRQ on.
///
/// What goes to the peer is queued in the channel and comes out of ``flush(at:)``, behind all effects of the turn.
///
/// - SeeAlso: RFC 2661 §7.2.1
package struct ControlConnection: Sendable {
    package enum State: Hashable, Sendable {
        /// For the SCCCN, with the right response if we sent a challenge.
        case waitControlConnection(response: [UInt8]?, until: MonotonicTime)
        case established(since: MonotonicTime)
        /// StopCCN was sent or received. What comes is only acknowledged, for a full retransmission cycle.
        case closing(until: MonotonicTime)
        /// To be forgotten.
        case closed
    }

    /// Ours.
    package let id: TunnelID
    package let peerID: TunnelID
    package let socket: RequestID
    package private(set) var peer: SocketAddress
    package let trace: TraceID
    package let hostName: String
    package let vendorName: String?
    package private(set) var state: State
    package var channel: ReliableDelivery
    package internal(set) var sessions: [SessionID: Session] = [:]
    /// At the same time, until now.
    var mostSessions = 0
    /// By the peer's id.
    var sessionsByPeer: [SessionID: SessionID] = [:]
    /// When sessions have waited long enough for their ICCN.
    var waitingSessions = DeadlineQueue<SessionID>()
    private var lastHeard: MonotonicTime
    /// That of its beginning: what the peer hides, it hides with this one.
    private let secret: SecretBytes?
    private var hasReportedEnd = false

    /// Opens the connection that `offer` asks for, with an SCCRP.
    ///
    /// - Parameter challenge: Ours; `nil` to demand no authentication. The secret must be there if either end challenges.
    package init(
        id: TunnelID,
        accepting offer: TunnelOffer,
        on socket: RequestID,
        from peer: SocketAddress,
        trace: TraceID,
        challenge: [UInt8]?,
        configuration: Configuration,
        at now: MonotonicTime
    ) {
        self.id = id
        peerID = offer.assigned
        self.socket = socket
        self.peer = peer
        self.trace = trace
        hostName = offer.hostName
        vendorName = offer.vendorName
        lastHeard = now
        secret = configuration.secret
        channel = ReliableDelivery(
            peerTunnel: offer.assigned,
            peerWindow: offer.receiveWindowSize,
            window: configuration.receiveWindowSize,
            schedule: configuration.schedule
        )
        func response(to challenge: [UInt8]?, in type: MessageType) -> [UInt8]? {
            guard let challenge, let secret = configuration.secret else { return nil }
            return TunnelAuthentication.response(to: challenge, in: type, secret: secret)
        }
        state = .waitControlConnection(
            response: response(to: challenge, in: .scccn),
            until: now.advanced(by: configuration.establishmentLimit)
        )
        var answer = TunnelOffer(assigned: id, hostName: configuration.hostName)
        answer.vendorName = configuration.vendorName
        answer.receiveWindowSize = max(configuration.receiveWindowSize, 1)
        answer.challenge = challenge
        send(.sccrp(answer, challengeResponse: response(to: offer.challenge, in: .sccrp)))
    }

    package var isClosing: Bool {
        switch state {
        case .waitControlConnection, .established: false
        case .closing, .closed: true
        }
    }

    package func nextDeadline(_ configuration: Configuration) -> MonotonicTime? {
        let ownDeadline: MonotonicTime? =
            switch state {
            case .waitControlConnection(_, let until), .closing(let until): until
            case .established:
                if channel.isIdle {
                    lastHeard.advanced(by: configuration.keepaliveInterval)
                } else {
                    channel.isExhausted && isPatient ? lastHeard.advanced(by: configuration.silenceLimit) : nil
                }
            case .closed: nil
            }
        return [channel.deadline, ownDeadline, waitingSessions.nextDeadline].compactMap { $0 }.min()
    }

    /// The peer is alive: a data message has come, or the owner saw its traffic elsewhere.
    package mutating func heard(at now: MonotonicTime) {
        lastHeard = max(lastHeard, now)
    }

    /// The peer speaks from another address from now on, and from the same port.
    package mutating func move(to address: IPAddress) {
        peer.address = address
    }

    /// Takes a control message off the wire.
    package mutating func receive(
        _ header: ControlHeader,
        _ body: ByteReader,
        at now: MonotonicTime,
        _ configuration: Configuration,
        _ entropy: any EntropySource
    ) -> [Endpoint.Effect] {
        heard(at: now)
        switch channel.receive(header, body, at: now) {
        case .acknowledgement, .duplicate, .early:
            return []
        case .outsideWindow:
            return [report(.messageOutsideWindow(id, header.ns))]
        case .delivered(let messages):
            let effects = messages.flatMap { take($0, at: now, configuration, entropy) }
            guard channel.queued > queueLimit(configuration) else { return effects }
            // Whoever asks on and on without acknowledging the answers does not get more memory.
            return effects
                + close(
                    because: .generalError(.insufficientResources, message: "too much is not acknowledged"),
                    at: now,
                    configuration
                )
        }
    }

    /// Room for an answer to every call there may be, twice; or to every call there was under a higher limit.
    private func queueLimit(_ configuration: Configuration) -> Int {
        2 * max(min(configuration.sessionsPerTunnelLimit, 32_768), mostSessions) + 64
    }

    /// Queues a message about the tunnel, or about the peer's session `session`.
    mutating func send(_ message: ControlMessage, session: SessionID? = nil) {
        channel.send(message.encoded(), session: session)
    }

    /// What is to go out now.
    package mutating func flush(at now: MonotonicTime) -> [Endpoint.Effect] {
        channel.flush(at: now).map { .transmit($0, on: socket, to: peer) }
    }

    func report(_ kind: Event.Kind) -> Endpoint.Effect {
        .report(Event(trace: trace, peer: peer, kind: kind))
    }

    private mutating func take(
        _ received: ReliableDelivery.Message,
        at now: MonotonicTime,
        _ configuration: Configuration,
        _ entropy: any EntropySource
    ) -> [Endpoint.Effect] {
        guard !isClosing else { return [] }
        var ignored: [MessageError] = []
        var body = received.body
        do throws(MessageFailure) {
            let message = try ControlMessage(from: &body, secret: secret, ignored: &ignored)
            let effects = ignored.map { report(.ignoredAVP(id, $0)) }
            guard message.type.concernsSession else { return effects + take(message, at: now, configuration) }
            return effects + takeCall(message, session: received.session, at: now, configuration, entropy)
        } catch {
            return ignored.map { report(.ignoredAVP(id, $0)) }
                + fail(error, session: received.session, at: now, configuration, entropy)
        }
    }

    // MARK: - Transitions

    /// What a message about the tunnel leads to.
    private enum Outcome {
        case nothing
        case established
        case authenticationFailed
        case unexpected
        case unknown(MessageType)
        case stoppedByPeer(ResultCode)
    }

    private mutating func take(
        _ message: ControlMessage,
        at now: MonotonicTime,
        _ configuration: Configuration
    ) -> [Endpoint.Effect] {
        let former = state
        let (next, outcome) = transition(on: message, at: now, linger: configuration.schedule.cycle)
        state = next
        switch outcome {
        case .nothing:
            return []
        case .established:
            return [.connectionEstablished(snapshot)]
        case .unknown(let type):
            return [report(.unknownMessage(id, type))]
        case .authenticationFailed:
            return [report(.authenticationFailed(id, hostName: hostName))] + leave(saying: .notAuthorized)
        case .unexpected:
            return [report(.unexpectedMessage(id, message.type, in: former.name))]
                + leave(saying: .stateMachineError)
        case .stoppedByPeer(let result):
            return [report(.connectionStopped(id, by: .peer, result))] + leave(saying: nil)
        }
    }

    private func transition(
        on message: ControlMessage,
        at now: MonotonicTime,
        linger: Duration
    ) -> (State, Outcome) {
        let closing = State.closing(until: now.advanced(by: linger))
        return switch (state, message) {
        case (.waitControlConnection(let expected, _), .scccn(let response)):
            Self.authenticates(response, expected)
                ? (.established(since: now), .established) : (closing, .authenticationFailed)

        case (.waitControlConnection, .sccrq), (.waitControlConnection, .sccrp),
            (.established, .sccrq), (.established, .sccrp), (.established, .scccn):
            (closing, .unexpected)

        case (.waitControlConnection, .stopCCN(_, let result)), (.established, .stopCCN(_, let result)):
            (closing, .stoppedByPeer(result))

        case (.waitControlConnection, .hello), (.established, .hello):
            (state, .nothing)

        case (.waitControlConnection, .unknown(let type)), (.established, .unknown(let type)):
            (state, .unknown(type))

        // Messages about calls go another way.
        case (.closing, _), (.closed, _),
            (_, .ocrq), (_, .ocrp), (_, .occn), (_, .icrq), (_, .icrp), (_, .iccn), (_, .cdn), (_, .wen), (_, .sli):
            (state, .nothing)
        }
    }

    private static func authenticates(_ response: [UInt8]?, _ expected: [UInt8]?) -> Bool {
        guard let expected else { return true }
        return response.map(expected.equalsInConstantTime) ?? false
    }

    /// A message that could not be read ends the session that it concerns, or the tunnel.
    private mutating func fail(
        _ failure: MessageFailure,
        session: SessionID?,
        at now: MonotonicTime,
        _ configuration: Configuration,
        _ entropy: any EntropySource
    ) -> [Endpoint.Effect] {
        if let type = failure.type, type.concernsSession {
            return failCall(failure, session: session, entropy)
        }
        state = .closing(until: now.advanced(by: configuration.schedule.cycle))
        // A StopCCN is one, whatever is wrong with it.
        guard failure.type != .stopCCN else {
            return [report(.connectionStopped(id, by: .peer, nil))] + leave(saying: nil)
        }
        return [report(.connectionFailed(id, failure))] + leave(saying: StopResult(answering: failure.error))
    }

    // MARK: - Endings

    /// Ends the connection with a StopCCN.
    package mutating func close(
        because result: StopResult,
        at now: MonotonicTime,
        _ configuration: Configuration
    ) -> [Endpoint.Effect] {
        guard !isClosing else { return [] }
        state = .closing(until: now.advanced(by: configuration.schedule.cycle))
        return [report(.connectionStopped(id, by: .local, ResultCode(result)))] + leave(saying: result)
    }

    /// Ends the connection without a word.
    package mutating func abandon() -> [Endpoint.Effect] {
        let wasClosing = isClosing
        state = .closed
        return wasClosing ? [] : leave(saying: nil)
    }

    /// What ending comes with, whatever the reason.
    ///
    /// - Parameter result: What the peer is told; `nil` if there is nobody to tell.
    private mutating func leave(saying result: StopResult?) -> [Endpoint.Effect] {
        let ended = sessions.keys.sorted { $0.rawValue < $1.rawValue }
        sessions = [:]
        sessionsByPeer = [:]
        waitingSessions = DeadlineQueue()
        if let result {
            channel.dropUnsent()
            send(.stopCCN(assigned: id, ResultCode(result)))
            channel.hurry()
        } else {
            channel.dropUnacknowledged()
        }
        return ended.map { .sessionClosed(SessionKey(tunnel: id, session: $0), .connectionEnded) }
    }

    /// Says once that it is over: when nothing of ours waits for an acknowledgement any more.
    package mutating func reportEnd() -> [Endpoint.Effect] {
        guard isClosing, !hasReportedEnd, channel.isIdle || state == .closed else { return [] }
        hasReportedEnd = true
        return [.connectionClosed(id, on: socket)]
    }

    // MARK: - Time

    /// Whether the peer's silence alone decides when it is given up, and not the number of repetitions: where a call
    /// would be lost, and where nothing but a HELLO is unanswered.
    private var isPatient: Bool {
        switch state {
        case .established: channel.waitsForKeepalive || sessions.values.contains(where: \.isEstablished)
        case .waitControlConnection, .closing, .closed: false
        }
    }

    package mutating func advance(to now: MonotonicTime, _ configuration: Configuration) -> [Endpoint.Effect] {
        let isPatient = isPatient
        let silence = lastHeard.duration(to: now)
        let isOverdue = silence >= configuration.silenceLimit
        let isRepeating = channel.deadline.map { $0 <= now } ?? false
        let patientWait = isPatient && !isOverdue ? configuration.patientInterval : nil
        guard !(isPatient && isOverdue && channel.isExhausted),
            channel.advance(to: now, beyondSchedule: patientWait)
        else {
            return (isClosing ? [] : [report(.peerSilent(id, for: silence))]) + abandon()
        }
        switch state {
        case .established where isRepeating:
            return expireCalls(at: now) + [.unanswered(id, on: socket)]
        case .waitControlConnection(_, let until) where until <= now:
            state = .closing(until: now.advanced(by: configuration.schedule.cycle))
            return [report(.connectionTimedOut(id, waitingFor: .scccn))]
                + leave(saying: .generalError(.noControlConnection, message: "no SCCCN came"))
        case .closing(let until) where until <= now:
            return abandon()
        case .established where channel.isIdle && silence >= configuration.keepaliveInterval:
            channel.send(ControlMessage.hello.encoded(), session: nil, isKeepalive: true)
            return expireCalls(at: now)
        case .waitControlConnection, .established, .closing, .closed:
            return expireCalls(at: now)
        }
    }
}

extension ControlConnection.State {
    package var name: String {
        switch self {
        case .waitControlConnection: "waitControlConnection"
        case .established: "established"
        case .closing: "closing"
        case .closed: "closed"
        }
    }
}

extension ControlConnection {
    package var snapshot: ConnectionSnapshot {
        ConnectionSnapshot(
            id: id,
            peerID: peerID,
            socket: socket,
            peer: peer,
            trace: trace,
            hostName: hostName,
            vendorName: vendorName,
            state: state.name,
            sessionCount: sessions.count
        )
    }

    package func snapshot(of session: Session) -> SessionSnapshot {
        SessionSnapshot(
            key: SessionKey(tunnel: id, session: session.id),
            peerTunnel: peerID,
            peerSession: session.peerID,
            socket: socket,
            peer: peer,
            trace: trace,
            usesSequenceNumbers: session.usesSequenceNumbers,
            isEstablished: session.isEstablished,
            callSerialNumber: session.callSerialNumber,
            callingNumber: session.callingNumber
        )
    }
}
