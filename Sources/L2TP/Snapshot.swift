// SPDX-License-Identifier: Apache-2.0
package import DataPlane
package import Primitives

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
