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
        /// All its sessions were reported closed before.
        case connectionClosed(TunnelID, on: RequestID)
        /// ICRQ was accepted. Frames of the peer may come from now on.
        case sessionOpening(SessionSnapshot)
        /// ICCN has come: PPP may start.
        case sessionEstablished(SessionSnapshot)
        case sessionClosed(SessionKey, SessionEnd)
        /// A PPP frame out of a data message, as received: address, control and protocol fields possibly compressed.
        case frame(SessionKey, ArraySlice<UInt8>)
        case report(Event)
    }

    package init(configuration: Configuration, entropy: any EntropySource) {
    }

    /// When ``advance(to:)`` next has something to do.
    package var nextDeadline: MonotonicTime? { nil }

    package mutating func receive(
        _ datagram: [UInt8],
        on socket: RequestID,
        from peer: SocketAddress,
        trace: TraceID,
        at now: MonotonicTime
    ) -> [Effect] { [] }

    package mutating func advance(to now: MonotonicTime) -> [Effect] { [] }

    /// A PPP frame as a data message, with where it goes; `nil` if the session is unknown.
    package func dataMessage(
        carrying frame: [UInt8],
        for session: SessionKey
    ) -> (datagram: [UInt8], socket: RequestID, peer: SocketAddress)? { nil }

    /// Ends a session with a CDN.
    package mutating func close(_ session: SessionKey, because end: SessionEnd, at now: MonotonicTime) -> [Effect] { [] }

    /// Ends a control connection, and its sessions with it, with a StopCCN.
    package mutating func close(_ tunnel: TunnelID, because result: StopResult, at now: MonotonicTime) -> [Effect] { [] }

    /// ``close(_:because:at:)`` for every control connection: we are shutting down.
    package mutating func closeAll(at now: MonotonicTime) -> [Effect] { [] }

    /// The security associations of this socket are gone: what runs over it is forgotten without a word to the peer.
    package mutating func socketLost(_ socket: RequestID, at now: MonotonicTime) -> [Effect] { [] }

    package var snapshots: [ConnectionSnapshot] { [] }

    package func snapshot(of session: SessionKey) -> SessionSnapshot? { nil }

    package func sessions(of tunnel: TunnelID) -> [SessionSnapshot] { [] }
}

/// What the operator decided about L2TP.
package struct Configuration: Hashable, Sendable {
    /// Sent as Host Name.
    package var hostName: String
    package var vendorName = "Culvert"
    /// Shared with every LAC, for tunnel authentication and hidden AVPs; `nil` for none.
    package var secret: SecretBytes?
    /// Silence after which a HELLO is sent.
    package var helloInterval: Duration = .seconds(60)
    package var receiveWindowSize: UInt16 = 16
    package var sessionsPerTunnelLimit = 256
    package var tunnelLimit = 16_384
    package var tunnelsPerSocketLimit = 8
    package var firstRetransmission: Duration = .seconds(1)
    package var longestRetransmission: Duration = .seconds(8)
    package var retransmissionLimit = 5

    package init(hostName: String) {
        self.hostName = hostName
    }
}

/// Why a session ends, with who says so.
package enum SessionEnd: Hashable, Sendable {
    /// We or the peer disconnect for an administrative reason (CDN result 3).
    case administrative
    /// PPP is over: terminated, refused or silent (CDN result 2 with the text).
    case ppp(String)
    /// The peer's CDN: result code, error code, message.
    case byPeer(result: UInt16, error: UInt16?, message: String?)
    /// Its control connection ended.
    case connectionEnded
    /// We could not serve it: table full, kernel refused (CDN result 4).
    case noResources(String)
    /// The peer broke the protocol.
    case protocolError(String)
}

package struct ConnectionSnapshot: Hashable, Sendable {
    package var id: TunnelID
    package var peerID: TunnelID
    package var socket: RequestID
    package var peer: SocketAddress
    package var trace: TraceID
    package var hostName: String
    package var vendorName: String?
    /// `waitControlConnection`, `established`, `closing`, …
    package var state: String
    package var sessionCount: Int

    package init(
        id: TunnelID,
        peerID: TunnelID,
        socket: RequestID,
        peer: SocketAddress,
        trace: TraceID,
        hostName: String,
        vendorName: String?,
        state: String,
        sessionCount: Int
    ) {
        self.id = id
        self.peerID = peerID
        self.socket = socket
        self.peer = peer
        self.trace = trace
        self.hostName = hostName
        self.vendorName = vendorName
        self.state = state
        self.sessionCount = sessionCount
    }
}

package struct SessionSnapshot: Hashable, Sendable {
    package var key: SessionKey
    package var peerTunnel: TunnelID
    package var peerSession: SessionID
    package var socket: RequestID
    package var peer: SocketAddress
    package var trace: TraceID
    package var usesSequenceNumbers: Bool
    package var isEstablished: Bool
    package var callSerialNumber: UInt32
    package var callingNumber: String?

    package init(
        key: SessionKey,
        peerTunnel: TunnelID,
        peerSession: SessionID,
        socket: RequestID,
        peer: SocketAddress,
        trace: TraceID,
        usesSequenceNumbers: Bool,
        isEstablished: Bool,
        callSerialNumber: UInt32,
        callingNumber: String?
    ) {
        self.key = key
        self.peerTunnel = peerTunnel
        self.peerSession = peerSession
        self.socket = socket
        self.peer = peer
        self.trace = trace
        self.usesSequenceNumbers = usesSequenceNumbers
        self.isEstablished = isEstablished
        self.callSerialNumber = callSerialNumber
        self.callingNumber = callingNumber
    }
}

extension Endpoint {
    package func snapshot(of tunnel: TunnelID) -> ConnectionSnapshot? { nil }
}
