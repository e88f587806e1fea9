// SPDX-License-Identifier: Apache-2.0

/// A PPP session of L2TPv2 in the kernel: tunnel (made with its first session), session, PPP
/// channel and PPP unit. The unit comes up only with ``PPPInterface``.
package struct L2TPSession: Hashable, Sendable {
    package var id: KernelSessionID
    /// The peer's ends. The corresponding kernel attributes are `L2TP_ATTR_PEER_CONN_ID` and
    /// `L2TP_ATTR_PEER_SESSION_ID`.
    package var peerID: KernelSessionID
    /// The tunnel socket, already connected to the peer.
    package var socket: RequestID
    /// Put sequence numbers on data packets, and expect them.
    package var usesSequenceNumbers: Bool
    /// MTU of the PPP unit.
    package var mtu: Int

    package init(
        id: KernelSessionID,
        peerID: KernelSessionID,
        socket: RequestID,
        usesSequenceNumbers: Bool,
        mtu: Int
    ) {
        self.id = id
        self.peerID = peerID
        self.socket = socket
        self.usesSequenceNumbers = usesSequenceNumbers
        self.mtu = mtu
    }
}
