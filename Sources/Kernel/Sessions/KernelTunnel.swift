// SPDX-License-Identifier: Apache-2.0
internal import CLinux
package import DataPlane
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

package enum L2TPMessages {
    /// The name of the generic netlink family.
    package static let familyName = "l2tp"

    package static func createTunnel(_ session: L2TPSession, descriptor: Int32, family: UInt16) -> NetlinkMessage {
        var message = NetlinkMessage(type: Int(family), flags: 0)
        message.append(genlmsghdr(cmd: UInt8(L2TP_CMD_TUNNEL_CREATE), version: 1, reserved: 0))
        message.put(Int(L2TP_ATTR_CONN_ID), u32: session.id.tunnel)
        message.put(Int(L2TP_ATTR_PEER_CONN_ID), u32: session.peerID.tunnel)
        message.put(Int(L2TP_ATTR_PROTO_VERSION), u8: 2)
        message.put(Int(L2TP_ATTR_ENCAP_TYPE), u16: UInt16(L2TP_ENCAPTYPE_UDP.rawValue))
        message.put(Int(L2TP_ATTR_FD), u32: UInt32(bitPattern: descriptor))
        return message
    }
}
