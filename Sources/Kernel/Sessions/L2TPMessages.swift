// SPDX-License-Identifier: Apache-2.0
internal import CLinux
package import DataPlane
internal import Glibc

/// Builds and reads what is said in the generic netlink family of L2TP.
package enum L2TPMessages {
    /// The name of the generic netlink family.
    package static let familyName = "l2tp"
    /// The multicast group in which the kernel tells of tunnels and sessions made, changed and removed by netlink.
    package static let groupName = "l2tp"

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

    package static func getSession(_ id: KernelSessionID, family: UInt16) -> NetlinkMessage {
        var message = NetlinkMessage(type: Int(family), flags: 0)
        message.append(genlmsghdr(cmd: UInt8(L2TP_CMD_SESSION_GET), version: 1, reserved: 0))
        message.put(Int(L2TP_ATTR_CONN_ID), u32: id.tunnel)
        message.put(Int(L2TP_ATTR_SESSION_ID), u32: id.session)
        return message
    }

    /// Those of some sessions that the kernel does not have.
    static func missing(
        _ ids: [KernelSessionID],
        family: UInt16,
        over socket: NetlinkSocket
    ) throws(DataPlaneError) -> Set<KernelSessionID> {
        var missing: Set<KernelSessionID> = []
        for start in stride(from: 0, to: ids.count, by: NetlinkBatch.limit) {
            let some = ids[start..<min(start + NetlinkBatch.limit, ids.count)]
            var batch = NetlinkBatch()
            for id in some { batch.append(getSession(id, family: family), step: "L2TP_CMD_SESSION_GET") }
            for (position, failure) in socket.perform(&batch, visitor: { _ in }).failures {
                guard failure.code == ENODEV || failure.code == ENOENT else { throw failure }
                missing.insert(some[start + position])
            }
        }
        return missing
    }

    /// A notice that somebody removed a session or, without one, a whole tunnel.
    package struct Removal: Hashable {
        package var tunnel: UInt32
        package var session: UInt32?

        /// `nil` if it is another notice.
        package init?(_ message: NetlinkReply, family: UInt16) {
            guard message.type == family else { return nil }
            var cursor = NetlinkCursor(message.payload)
            guard let command = try? cursor.integer(UInt8.self), (try? cursor.skip(3)) != nil,
                let attributes = try? cursor.attributes(), let connection = attributes[Int(L2TP_ATTR_CONN_ID)],
                connection.count == 4
            else { return nil }
            tunnel = UInt32(hostOrder: connection)
            switch Int(command) {
            case Int(L2TP_CMD_TUNNEL_DELETE): session = nil
            case Int(L2TP_CMD_SESSION_DELETE):
                guard let number = attributes[Int(L2TP_ATTR_SESSION_ID)], number.count == 4 else { return nil }
                session = UInt32(hostOrder: number)
            default: return nil
            }
        }
    }
}
