// SPDX-License-Identifier: Apache-2.0
internal import CLinux
internal import DataPlane
internal import Glibc
internal import Synchronization

/// The kernel's L2TP tunnel around a tunnel socket. It is made with the first session and goes when the socket is
/// closed: deleting it by netlink would wait for a grace period under a global lock.
final class KernelTunnel: Sendable {
    /// The tunnel socket.
    let descriptor: Int32
    /// 4 or 6.
    let family: Int32
    private let exists = Mutex(false)

    init(descriptor: Int32, family: Int32) {
        self.descriptor = descriptor
        self.family = family
    }

    /// Whether closing the socket ends a tunnel, too.
    var isMade: Bool { exists.withLock { $0 } }

    /// Makes the tunnel unless it is there. Of two sessions at once the second waits for the first.
    func make(_ session: L2TPSession, l2tpFamily: UInt16, over socket: NetlinkSocket) throws(DataPlaneError) {
        try exists.withLock { exists throws(DataPlaneError) in
            guard !exists else { return }
            try socket.perform(
                L2TPMessages.createTunnel(session, descriptor: descriptor, family: l2tpFamily),
                step: "L2TP_CMD_TUNNEL_CREATE"
            )
            exists = true
        }
    }
}
