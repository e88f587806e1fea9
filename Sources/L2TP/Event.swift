// SPDX-License-Identifier: Apache-2.0
package import Primitives

/// What L2TP has to tell an operator, beyond the effects: refusals, failures, and what peers do wrong.
package struct Event: Hashable, Sendable {
    package var trace: TraceID
    package var peer: SocketAddress
    package var kind: Kind

    package enum Kind: Hashable, Sendable {
        // Datagrams that concern no tunnel; none is answered.
        case malformedDatagram(DecodeError)
        case malformedRequest(MessageFailure)
        case unknownTunnel(TunnelID?)
        case foreignTunnel(TunnelID)
        case unexpectedSource(TunnelID, SocketAddress)
        case dataForUnknownSession(TunnelID?, SessionID?)

        // Control connections.
        case connectionLimitReached(hostName: String, limit: Int)
        /// An SCCRQ that was not answered, because too many came on this socket.
        case tooManyRequests(hostName: String)
        case noSecret(hostName: String)
        case authenticationFailed(TunnelID, hostName: String)
        case connectionFailed(TunnelID, MessageFailure)
        case connectionTimedOut(TunnelID, waitingFor: MessageType)
        /// The peer acknowledges nothing any more; for how long nothing at all was heard of it.
        case peerSilent(TunnelID, for: Duration)
        case peerRestarted(TunnelID)
        case connectionStopped(TunnelID, by: Party, ResultCode?)
        case unexpectedMessage(TunnelID, MessageType, in: String)
        case unknownMessage(TunnelID, MessageType)
        case ignoredAVP(TunnelID, MessageError)
        case messageOutsideWindow(TunnelID, SequenceNumber)

        // Sessions.
        case sessionRefused(TunnelID, MessageFailure)
        case sessionLimitReached(TunnelID, limit: Int)
        case outgoingCallRefused(TunnelID)
        case sessionFailed(SessionKey, String)
        case sessionTimedOut(SessionKey)
        case unknownSession(TunnelID, MessageType)
        case callErrors(SessionKey, CallErrors)
    }

    package enum Party: String, Hashable, Sendable {
        case local
        case peer
    }

    package init(trace: TraceID, peer: SocketAddress, kind: Kind) {
        self.trace = trace
        self.peer = peer
        self.kind = kind
    }
}

extension Event {
    package var description: EventDescription { kind.description }
}

extension Event.Kind {
    package var description: EventDescription {
        switch self {
        case .malformedDatagram(let error):
            EventDescription(.l2tp, .notice, "malformed-message", "a datagram is not L2TP: \(error)")
        case .malformedRequest(let failure):
            EventDescription(
                .l2tp,
                .notice,
                "malformed-message",
                "\(Self.name(failure.type)) outside of a tunnel is not acceptable: \(failure.error)"
            )
        case .unknownTunnel(let tunnel):
            EventDescription(
                .l2tp,
                .debug,
                "unknown-tunnel",
                "a control message is for tunnel \(Self.number(tunnel)), which does not exist"
            )
        case .foreignTunnel(let tunnel):
            EventDescription(
                .l2tp,
                .warning,
                "foreign-tunnel",
                "a message is for tunnel \(tunnel), which belongs to another peer",
                fields: [.init("tunnel", tunnel)]
            )
        case .unexpectedSource(let tunnel, let expected):
            EventDescription(
                .l2tp,
                .notice,
                "unexpected-source",
                "a message for tunnel \(tunnel) does not come from \(expected), which opened it",
                fields: [.init("tunnel", tunnel)]
            )
        case .dataForUnknownSession(let tunnel, let session):
            EventDescription(
                .l2tp,
                .debug,
                "data-for-unknown-session",
                "a data message is for session \(Self.number(tunnel))/\(Self.number(session)), which does not exist"
            )
        case .connectionLimitReached, .tooManyRequests, .noSecret, .authenticationFailed, .connectionFailed,
            .connectionTimedOut, .peerSilent, .peerRestarted, .connectionStopped, .unexpectedMessage, .unknownMessage,
            .ignoredAVP, .messageOutsideWindow:
            connectionDescription
        case .sessionRefused, .sessionLimitReached, .outgoingCallRefused, .sessionFailed, .sessionTimedOut,
            .unknownSession, .callErrors:
            sessionDescription
        }
    }

    fileprivate static func name(_ type: MessageType?) -> String { type?.description ?? "a message" }

    fileprivate static func number(_ id: (some RawRepresentable<UInt16>)?) -> String { "\(id?.rawValue ?? 0)" }
}
