// SPDX-License-Identifier: Apache-2.0
package import Cryptography
package import DataPlane
package import Primitives

/// All of L2TP: which datagram belongs to which control connection and session.
///
/// A value: it opens no socket and reads no clock. Every peer speaks through a socket of its own,
/// named by its ``RequestID``; nothing that comes in on one socket can touch a tunnel of another.
package struct Endpoint: Sendable {
    package enum Effect: Hashable, Sendable {
        case transmit([UInt8], on: RequestID, to: SocketAddress)
        /// SCCRQ was accepted: the peer's address and port are known and the socket may be connected to them.
        case connectionOpening(ConnectionSnapshot)
        case connectionEstablished(ConnectionSnapshot)
        /// Both ends have said what they had to say, and our StopCCN, if there was one, was acknowledged or given up.
        /// All its sessions were reported closed before.
        case connectionClosed(TunnelID, on: RequestID)
        /// ICRQ was accepted. Frames of the peer may come from now on.
        case sessionOpening(SessionSnapshot)
        /// ICCN has come: PPP may start.
        case sessionEstablished(SessionSnapshot)
        case sessionClosed(SessionKey, SessionEnd)
        /// A PPP frame out of a data message, as received: address, control and protocol fields possibly compressed.
        case frame(SessionKey, ArraySlice<UInt8>)
        /// A HELLO, or another message of an established tunnel, had to be repeated. If the owner knows the peer to be alive it says so with ``Endpoint/heard(on:at:)``.
        case unanswered(TunnelID, on: RequestID)
        case report(Event)
    }

    /// Which control connection a datagram without tunnel belongs to is looked up among these.
    private struct Socket {
        /// Alive, oldest first.
        var connections: [TunnelID] = []
        /// Closing: kept to acknowledge, oldest first.
        var closing: [TunnelID] = []
        /// New tunnels.
        var openings = Allowance(perSecond: 10, burst: 32)

        var isEmpty: Bool { connections.isEmpty && closing.isEmpty }
    }

    private var configuration: Configuration
    private let entropy: any EntropySource
    private var connections: [TunnelID: ControlConnection] = [:]
    private var sockets: [RequestID: Socket] = [:]
    private var deadlines = DeadlineQueue<TunnelID>()
    /// StopCCNs to those who have no tunnel.
    private var refusals = Allowance(perSecond: 50, burst: 100)
    /// Messages that were sent again.
    package private(set) var retransmissions: UInt64 = 0

    package init(configuration: Configuration, entropy: any EntropySource) {
        self.configuration = configuration
        self.entropy = entropy
    }

    /// When ``advance(to:)`` next has something to do.
    package var nextDeadline: MonotonicTime? { deadlines.nextDeadline }

    /// Standing tunnels keep the secret and the window they began with; everything else counts for them too. Lowering a
    /// limit ends nothing.
    package mutating func reconfigure(_ configuration: Configuration) {
        self.configuration = configuration
        for (tunnel, connection) in connections { deadlines.set(tunnel, to: connection.nextDeadline(configuration)) }
    }

    /// Whether every message to a peer was acknowledged, or its peer given up: whoever shuts down waits for it.
    package var isSettled: Bool { connections.values.allSatisfy(\.channel.isIdle) }

    package mutating func receive(
        _ datagram: [UInt8],
        on socket: RequestID,
        from peer: SocketAddress,
        trace: TraceID,
        at now: MonotonicTime
    ) -> [Effect] {
        func ignore(_ kind: Event.Kind) -> [Effect] { [.report(Event(trace: trace, peer: peer, kind: kind))] }
        var reader = ByteReader(datagram)
        do throws(DecodeError) {
            switch try Datagram(from: &reader) {
            case .data(let header, let frame):
                return receive(frame, header, on: socket, from: peer, at: now)
                    ?? ignore(.dataForUnknownSession(header.tunnel, header.session))
            case .control(let header, let body):
                guard let tunnel = header.tunnel else {
                    return receiveWithoutTunnel(header, body, on: socket, from: peer, trace: trace, at: now)
                }
                guard let owner = owner(of: tunnel) else { return ignore(.unknownTunnel(tunnel)) }
                guard owner.socket == socket else { return ignore(.foreignTunnel(tunnel)) }
                guard owner.peer == peer else { return ignore(.unexpectedSource(tunnel, owner.peer)) }
                return receive(header, body, for: tunnel, at: now)
            }
        } catch {
            return ignore(.malformedDatagram(error))
        }
    }

    package mutating func advance(to now: MonotonicTime) -> [Effect] {
        var effects: [Effect] = []
        // Every turn moves the deadline of its connection, but not necessarily beyond now; taking each only once
        // makes sure that this ends.
        var due: [TunnelID] = []
        while let tunnel = deadlines.popDue(at: now) { due.append(tunnel) }
        for tunnel in due {
            var repeated: UInt64 = 0
            effects += turn(tunnel, at: now) { connection, configuration in
                let before = connection.channel.repetitionCount
                defer { repeated = connection.channel.repetitionCount - before }
                return connection.advance(to: now, configuration)
            }
            retransmissions += repeated
        }
        return effects
    }

    /// The peer of this socket is alive, as its traffic shows.
    package mutating func heard(on socket: RequestID, at now: MonotonicTime) {
        for tunnel in sockets[socket]?.connections ?? [] {
            let deadline = connections.withValue(of: tunnel) { [configuration] connection in
                connection.heard(at: now)
                return connection.nextDeadline(configuration)
            }
            deadlines.set(tunnel, to: deadline ?? nil)
        }
    }

    /// The peer of this socket has another address from now on, as its security association has proved; its port is
    /// the same. What still comes from the old address is nobody's.
    package mutating func move(_ socket: RequestID, to address: IPAddress) {
        guard let moved = sockets[socket] else { return }
        for tunnel in moved.connections + moved.closing {
            connections.withValue(of: tunnel) { $0.move(to: address) }
        }
    }

    /// A PPP frame as a data message, with where it goes; `nil` if the session is unknown.
    ///
    /// Mutating, because it counts where the session has sequence numbers.
    package mutating func dataMessage(
        carrying frame: [UInt8],
        for session: SessionKey
    ) -> (datagram: [UInt8], socket: RequestID, peer: SocketAddress)? {
        let way = connections.withValue(of: session.tunnel) { connection in
            (
                header: connection.sessions[session.session]?.dataHeader(peerTunnel: connection.peerID),
                socket: connection.socket, peer: connection.peer
            )
        }
        guard let way, let header = way.header else { return nil }
        return (header.datagram(around: frame), way.socket, way.peer)
    }

    /// Ends a session with a CDN.
    package mutating func close(_ session: SessionKey, because end: SessionEnd, at now: MonotonicTime) -> [Effect] {
        let effects = turn(session.tunnel, at: now) { connection, _ in connection.close(session.session, because: end) }
        // The CDN first: what the owner does about the end may be a StopCCN, whose number is higher.
        return effects.filter(\.isTransmit) + effects.filter { !$0.isTransmit }
    }

    /// Ends a control connection, and its sessions with it, with a StopCCN.
    package mutating func close(_ tunnel: TunnelID, because result: StopResult, at now: MonotonicTime) -> [Effect] {
        turn(tunnel, at: now) { $0.close(because: result, at: now, $1) }
    }

    /// Forgets a control connection, and its sessions with it, without a word to the peer, who has forgotten it too.
    package mutating func abandon(_ tunnel: TunnelID, at now: MonotonicTime) -> [Effect] {
        turn(tunnel, at: now) { connection, _ in connection.abandon() }
    }

    /// ``close(_:because:at:)`` for every control connection: we are shutting down.
    package mutating func closeAll(at now: MonotonicTime) -> [Effect] {
        sortedTunnels.flatMap { close($0, because: .shuttingDown, at: now) }
    }

    /// The security associations of this socket are gone: what runs over it is forgotten without a word to the peer.
    package mutating func socketLost(_ socket: RequestID, at now: MonotonicTime) -> [Effect] {
        guard let lost = sockets[socket] else { return [] }
        return (lost.connections + lost.closing).flatMap { tunnel in
            turn(tunnel, at: now) { connection, _ in connection.abandon() }
        }
    }

    package var snapshots: [ConnectionSnapshot] {
        sortedTunnels.compactMap { connections[$0]?.snapshot }
    }

    /// Of control connections.
    package var count: Int { connections.count }

    /// It has said goodbye, or was told so: nothing comes of it any more.
    package func isClosing(_ tunnel: TunnelID) -> Bool { connections[tunnel]?.isClosing ?? true }

    package func snapshot(of tunnel: TunnelID) -> ConnectionSnapshot? { connections[tunnel]?.snapshot }

    package func snapshot(of session: SessionKey) -> SessionSnapshot? {
        guard let connection = connections[session.tunnel], let session = connection.sessions[session.session] else {
            return nil
        }
        return connection.snapshot(of: session)
    }

    package func sessions(of tunnel: TunnelID) -> [SessionSnapshot] {
        guard let connection = connections[tunnel] else { return [] }
        return connection.sessions.values.map(connection.snapshot(of:))
            .sorted { $0.key.session.rawValue < $1.key.session.rawValue }
    }

    private var sortedTunnels: [TunnelID] { connections.keys.sorted { $0.rawValue < $1.rawValue } }
}

extension Endpoint.Effect {
    fileprivate var isTransmit: Bool {
        guard case .transmit = self else { return false }
        return true
    }
}

extension Endpoint {
    /// Runs one event through a connection, and then does what every event may entail: what is queued goes out, the
    /// deadline moves, and what has ended is forgotten.
    private mutating func turn(
        _ tunnel: TunnelID,
        at now: MonotonicTime,
        _ body: (inout ControlConnection, Configuration) -> [Effect]
    ) -> [Effect] {
        let outcome = connections.withValue(of: tunnel) { [configuration] connection in
            let wasClosing = connection.isClosing
            let effects = body(&connection, configuration) + connection.flush(at: now) + connection.reportEnd()
            return (
                effects: effects, socket: connection.socket, state: connection.state, wasClosing: wasClosing,
                deadline: connection.nextDeadline(configuration)
            )
        }
        guard let outcome else { return [] }
        var effects = outcome.effects
        let socket = outcome.socket
        deadlines.set(tunnel, to: outcome.deadline)
        switch outcome.state {
        case .closed:
            forget(tunnel, on: socket)
        case .closing where !outcome.wasClosing:
            sockets[socket]?.connections.removeAll { $0 == tunnel }
            sockets[socket]?.closing.append(tunnel)
            // No peer makes us keep more that is over than may be alive.
            if let closing = sockets[socket]?.closing, closing.count > configuration.tunnelsPerSocketLimit {
                effects += connections[closing[0]]?.abandon() ?? []
                effects += connections[closing[0]]?.reportEnd() ?? []
                forget(closing[0], on: socket)
            }
        case .waitControlConnection, .established, .closing:
            break
        }
        return effects
    }

    private mutating func forget(_ tunnel: TunnelID, on socket: RequestID) {
        connections[tunnel] = nil
        deadlines.set(tunnel, to: nil)
        sockets[socket]?.connections.removeAll { $0 == tunnel }
        sockets[socket]?.closing.removeAll { $0 == tunnel }
        if sockets[socket]?.isEmpty == true { sockets[socket] = nil }
    }

    private mutating func receive(
        _ header: ControlHeader,
        _ body: ByteReader,
        for tunnel: TunnelID,
        at now: MonotonicTime
    ) -> [Effect] {
        turn(tunnel, at: now) { [entropy] in $0.receive(header, body, at: now, $1, entropy) }
    }

    /// - Returns: `nil` if there is no such session.
    private mutating func receive(
        _ frame: ArraySlice<UInt8>,
        _ header: DataHeader,
        on socket: RequestID,
        from peer: SocketAddress,
        at now: MonotonicTime
    ) -> [Effect]? {
        guard let tunnel = header.tunnel, let session = header.session else { return nil }
        let outcome = connections.withValue(of: tunnel) { [configuration] connection in
            let isKnown = connection.socket == socket && connection.peer == peer && connection.sessions[session] != nil
            if isKnown { connection.heard(at: now) }
            return (isKnown: isKnown, deadline: connection.nextDeadline(configuration))
        }
        guard let outcome, outcome.isKnown else { return nil }
        deadlines.set(tunnel, to: outcome.deadline)
        return [.frame(SessionKey(tunnel: tunnel, session: session), frame)]
    }

    /// A control message of somebody who has not been told a tunnel id: an SCCRQ, or a StopCCN that takes it back.
    private mutating func receiveWithoutTunnel(
        _ header: ControlHeader,
        _ body: ByteReader,
        on socket: RequestID,
        from peer: SocketAddress,
        trace: TraceID,
        at now: MonotonicTime
    ) -> [Effect] {
        func ignore(_ kind: Event.Kind) -> [Effect] { [.report(Event(trace: trace, peer: peer, kind: kind))] }
        guard !body.isAtEnd else { return ignore(.unknownTunnel(nil)) }
        var ignored: [MessageError] = []
        var reader = body
        let message: ControlMessage
        do throws(MessageFailure) {
            message = try ControlMessage(from: &reader, secret: configuration.secret, ignored: &ignored)
        } catch {
            return ignore(.malformedRequest(error)) + refuse(error, header, on: socket, to: peer, at: now)
        }
        switch message {
        case .sccrq(let offer):
            if let tunnel = connection(of: offer.assigned, on: socket, from: peer) {
                guard hasOutlivedRetransmissions(tunnel, at: now) else {
                    return receive(header, body, for: tunnel, at: now)
                }
                // Its SCCRQ cannot be under way any more: the peer has lost its state and starts anew.
                return ignore(.peerRestarted(tunnel))
                    + turn(tunnel, at: now) { connection, _ in connection.abandon() }
                    + open(offer, header, body, on: socket, from: peer, trace: trace, at: now)
            }
            return open(offer, header, body, on: socket, from: peer, trace: trace, at: now)
        case .stopCCN(let assigned, _):
            guard let tunnel = connection(of: assigned, on: socket, from: peer) else {
                return ignore(.unknownTunnel(nil))
            }
            return receive(header, body, for: tunnel, at: now)
        case .sccrp, .scccn, .hello, .ocrq, .ocrp, .occn, .icrq, .icrp, .iccn, .cdn, .wen, .sli, .unknown:
            return ignore(.unknownTunnel(nil))
        }
    }

    /// Where its messages come from. Not the connection itself: a copy that outlives a change of the original would
    /// make that change copy everything.
    private mutating func owner(of tunnel: TunnelID) -> (socket: RequestID, peer: SocketAddress)? {
        connections.withValue(of: tunnel) { ($0.socket, $0.peer) }
    }

    /// A connection that is alive, by the peer's id of it.
    private func connection(of peerID: TunnelID, on socket: RequestID, from peer: SocketAddress) -> TunnelID? {
        sockets[socket]?.connections.first { connections[$0]?.peerID == peerID && connections[$0]?.peer == peer }
    }

    private func hasOutlivedRetransmissions(_ tunnel: TunnelID, at now: MonotonicTime) -> Bool {
        switch connections[tunnel]?.state {
        case .established(let since): since.advanced(by: configuration.schedule.cycle) < now
        case .waitControlConnection, .closing, .closed, nil: false
        }
    }

    private mutating func open(
        _ offer: TunnelOffer,
        _ header: ControlHeader,
        _ body: ByteReader,
        on socket: RequestID,
        from peer: SocketAddress,
        trace: TraceID,
        at now: MonotonicTime
    ) -> [Effect] {
        func refuse(_ result: StopResult, _ kind: Event.Kind) -> [Effect] {
            [.report(Event(trace: trace, peer: peer, kind: kind))]
                + stop(offer.assigned, saying: result, header, on: socket, to: peer, at: now)
        }
        let offered = sockets[socket]?.connections.count ?? 0
        let limits = (perSocket: configuration.tunnelsPerSocketLimit, total: min(configuration.tunnelLimit, 32_768))
        guard offered < limits.perSocket, connections.count < limits.total else {
            let limit = offered < limits.perSocket ? limits.total : limits.perSocket
            return refuse(
                .generalError(.insufficientResources, message: "too many tunnels"),
                .connectionLimitReached(hostName: offer.hostName, limit: limit)
            )
        }
        guard offer.challenge == nil || configuration.secret != nil else {
            return refuse(.notAuthorized, .noSecret(hostName: offer.hostName))
        }
        guard header.ns == SequenceNumber(0) else {
            return [
                .report(
                    Event(
                        trace: trace,
                        peer: peer,
                        kind: .malformedDatagram(
                            .invalidValue(
                                field: "Ns of the SCCRQ",
                                value: UInt64(header.ns.rawValue)
                            )
                        )
                    )
                )
            ]
        }
        // Whoever is only hasty sends its SCCRQ again, and is served then.
        guard sockets[socket, default: Socket()].openings.spend(at: now) else {
            return [.report(Event(trace: trace, peer: peer, kind: .tooManyRequests(hostName: offer.hostName)))]
        }
        var connection = ControlConnection(
            id: unusedTunnelID(),
            accepting: offer,
            on: socket,
            from: peer,
            trace: trace,
            challenge: configuration.secret == nil ? nil : entropy.bytes(TunnelAuthentication.challengeLength),
            configuration: configuration,
            at: now
        )
        // The channel takes the SCCRQ as number 0, to acknowledge it and to know a copy; it was acted on already.
        _ = connection.channel.receive(header, body, at: now)
        connections[connection.id] = connection
        sockets[socket, default: Socket()].connections.append(connection.id)
        let opening = Effect.connectionOpening(connection.snapshot)
        return [opening] + turn(connection.id, at: now) { _, _ in [] }
    }

    /// Tells the peer that its unreadable SCCRQ is refused, if that much of it could be read.
    private mutating func refuse(
        _ failure: MessageFailure,
        _ header: ControlHeader,
        on socket: RequestID,
        to peer: SocketAddress,
        at now: MonotonicTime
    ) -> [Effect] {
        switch failure.error {
        case .malformed, .messageType, .unknownMessage:
            return []
        case .unknownMandatory, .unreadable, .missing, .wrongLength, .invalidValue, .versionNotSupported:
            guard failure.type == .sccrq, let assigned = failure.assignedTunnel else { return [] }
            let result = StopResult(answering: failure.error)
            return stop(assigned, saying: result, header, on: socket, to: peer, at: now)
        }
    }

    /// A StopCCN that leaves nothing behind: a copy of the SCCRQ gets a copy of it. The tunnel id in it belongs to no
    /// tunnel: the AVP must be there, and must not be zero.
    private mutating func stop(
        _ tunnel: TunnelID,
        saying result: StopResult,
        _ header: ControlHeader,
        on socket: RequestID,
        to peer: SocketAddress,
        at now: MonotonicTime
    ) -> [Effect] {
        guard refusals.spend(at: now) else { return [] }
        let body = ControlMessage.stopCCN(assigned: unusedTunnelID(), ResultCode(result)).encoded()
        let answer = ControlHeader(tunnel: tunnel, session: nil, ns: SequenceNumber(0), nr: header.ns.next)
        return [.transmit(answer.datagram(around: body), on: socket, to: peer)]
    }

    private func unusedTunnelID() -> TunnelID {
        while true {
            if let id = TunnelID(rawValue: entropy.integer()), connections[id] == nil { return id }
        }
    }
}
