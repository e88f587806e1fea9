// SPDX-License-Identifier: Apache-2.0
internal import Cryptography
internal import Primitives

/// The calls of a control connection.
///
/// - SeeAlso: RFC 2661 §7.4.2
extension ControlConnection {
    /// Takes a message about a call.
    ///
    /// - Parameter session: Of the header: ours, or `nil` while the peer has not been told it.
    mutating func takeCall(
        _ message: ControlMessage,
        session: SessionID?,
        at now: MonotonicTime,
        _ configuration: Configuration,
        _ entropy: any EntropySource
    ) -> [Endpoint.Effect] {
        if let id = local(session, assigned: message.assignedSession) {
            return perform(sessions[id]?.receive(message) ?? [], for: id, message)
        }
        switch message {
        case .icrq(let call):
            return accept(call, at: now, configuration, entropy)
        case .ocrq(let assigned, _):
            sendCDN(ResultCode(5, message: "no outgoing calls"), to: assigned, entropy)
            return [report(.outgoingCallRefused(id))]
        case .ocrp(let assigned), .icrp(let assigned):
            sendCDN(ResultCode(2, error: .invalidSessionID), to: assigned, entropy)
            return [report(.unexpectedMessage(id, message.type, in: state.name))]
        case .iccn, .occn, .cdn, .wen, .sli, .sccrq, .sccrp, .scccn, .stopCCN, .hello, .unknown:
            return [report(.unknownSession(id, message.type))]
        }
    }

    private mutating func accept(
        _ call: IncomingCall,
        at now: MonotonicTime,
        _ configuration: Configuration,
        _ entropy: any EntropySource
    ) -> [Endpoint.Effect] {
        switch state {
        case .established:
            break
        case .waitControlConnection, .closing, .closed:
            sendCDN(ResultCode(2, error: .noControlConnection), to: call.assigned, entropy)
            return [report(.unexpectedMessage(id, .icrq, in: state.name))]
        }
        let limit = min(configuration.sessionsPerTunnelLimit, 32_768)
        guard sessions.count < limit else {
            sendCDN(ResultCode(.noResources("too many calls")), to: call.assigned, entropy)
            return [report(.sessionLimitReached(id, limit: limit))]
        }
        let session = Session(id: unusedSessionID(entropy), accepting: call)
        sessions[session.id] = session
        mostSessions = max(mostSessions, sessions.count)
        sessionsByPeer[session.peerID] = session.id
        waitingSessions.set(session.id, to: now.advanced(by: configuration.establishmentLimit))
        send(.icrp(assigned: session.id), session: session.peerID)
        return [.sessionOpening(snapshot(of: session))]
    }

    /// Ends a session with a CDN.
    package mutating func close(_ session: SessionID, because end: SessionEnd) -> [Endpoint.Effect] {
        guard let peer = sessions[session]?.peerID else { return [] }
        send(.cdn(assigned: session, ResultCode(end)), session: peer)
        return forget(session, end)
    }

    /// Ends the session that an unreadable message concerns, as far as that can be said.
    mutating func failCall(
        _ failure: MessageFailure,
        session: SessionID?,
        _ entropy: any EntropySource
    ) -> [Endpoint.Effect] {
        let local = local(session, assigned: failure.assignedSession)
        // A CDN is one, whatever is wrong with it.
        if failure.type == .cdn {
            guard let local else { return [report(.unknownSession(id, .cdn))] }
            return forget(local, .byPeer(result: 0, error: nil, message: nil))
        }
        let answer = ResultCode(2, error: failure.error.generalError, message: failure.error.description)
        if let local, let peer = sessions[local]?.peerID {
            send(.cdn(assigned: local, answer), session: peer)
            return [report(.sessionRefused(id, failure))]
                + forget(local, .protocolError(failure.error.description))
        }
        if failure.type == .icrq, let assigned = failure.assignedSession {
            sendCDN(answer, to: assigned, entropy)
        }
        return [report(.sessionRefused(id, failure))]
    }

    /// Ends sessions whose ICCN did not come.
    mutating func expireCalls(at now: MonotonicTime) -> [Endpoint.Effect] {
        var effects: [Endpoint.Effect] = []
        while let session = waitingSessions.popDue(at: now) {
            effects.append(report(.sessionTimedOut(SessionKey(tunnel: id, session: session))))
            effects += close(session, because: .protocolError("no ICCN came"))
        }
        return effects
    }

    private mutating func perform(
        _ effects: [Session.Effect],
        for session: SessionID,
        _ message: ControlMessage
    ) -> [Endpoint.Effect] {
        let key = SessionKey(tunnel: id, session: session)
        var result: [Endpoint.Effect] = []
        for effect in effects {
            switch effect {
            case .established:
                stopWaiting(session)
                if let established = sessions[session] {
                    result.append(.sessionEstablished(snapshot(of: established)))
                }
            case .disconnect(let end):
                if case .protocolError(let reason) = end { result.append(report(.sessionFailed(key, reason))) }
                result += close(session, because: end)
            case .ended(let end):
                result += forget(session, end)
            case .report(let errors):
                result.append(report(.callErrors(key, errors)))
            case .unexpected:
                result.append(report(.unexpectedMessage(id, message.type, in: state.name)))
            }
        }
        return result
    }

    private mutating func forget(_ session: SessionID, _ end: SessionEnd) -> [Endpoint.Effect] {
        guard let former = sessions.removeValue(forKey: session) else { return [] }
        sessionsByPeer[former.peerID] = nil
        stopWaiting(session)
        return [.sessionClosed(SessionKey(tunnel: id, session: session), end)]
    }

    private mutating func stopWaiting(_ session: SessionID) {
        waitingSessions.set(session, to: nil)
        if waitingSessions.count == 0 { waitingSessions = DeadlineQueue() }
    }

    /// Refuses a call of which the peer has no number of ours. It gets one that means nothing: the AVP must be there,
    /// and must not be zero.
    private mutating func sendCDN(_ result: ResultCode, to peer: SessionID, _ entropy: any EntropySource) {
        send(.cdn(assigned: unusedSessionID(entropy), result), session: peer)
    }

    /// The session that a message concerns: by the header, or by what the peer assigned.
    private func local(_ session: SessionID?, assigned: SessionID?) -> SessionID? {
        if let session { return sessions[session] == nil ? nil : session }
        return assigned.flatMap { sessionsByPeer[$0] }
    }

    private func unusedSessionID(_ entropy: any EntropySource) -> SessionID {
        while true {
            if let id = SessionID(rawValue: entropy.integer()), sessions[id] == nil { return id }
        }
    }
}

extension ControlMessage {
    /// The sender's number of the session.
    fileprivate var assignedSession: SessionID? {
        switch self {
        case .icrq(let call): call.assigned
        case .ocrq(let assigned, _), .ocrp(let assigned), .icrp(let assigned), .cdn(let assigned, _): assigned
        case .sccrq, .sccrp, .scccn, .stopCCN, .hello, .occn, .iccn, .wen, .sli, .unknown: nil
        }
    }
}
