// SPDX-License-Identifier: Apache-2.0
internal import CLinux
internal import CNetlink
internal import DataPlane
internal import Glibc
internal import Primitives

/// A netlink socket, owned by one thread. Requests wait for their answers, which the kernel gives within the call.
final class NetlinkSocket {
    /// The netlink families we speak.
    enum Family: Int32 {
        case route = 0
        case xfrm = 6
        case netfilter = 12
        case generic = 16

        var name: String {
            switch self {
            case .route: "NETLINK_ROUTE"
            case .xfrm: "NETLINK_XFRM"
            case .netfilter: "NETLINK_NETFILTER"
            case .generic: "NETLINK_GENERIC"
            }
        }
    }

    private let socket: OpaquePointer
    let descriptor: Int32
    private let family: Family
    private var sequence: UInt32 = 1
    private var buffer = [UInt8](repeating: 0, count: 32_768)

    /// How long an answer may take that normally is there at once.
    private static let patience = Duration.seconds(10)

    init(_ family: Family) throws(DataPlaneError) {
        guard let socket = nl_socket_alloc() else { throw DataPlaneError(step: family.name, code: ENOMEM) }
        let result = nl_connect(socket, family.rawValue)
        guard result == 0 else {
            nl_socket_free(socket)
            throw DataPlaneError(step: family.name, code: EPROTONOSUPPORT, text: String(cString: nl_geterror(result)))
        }
        self.socket = socket
        self.family = family
        descriptor = nl_socket_get_fd(socket)
        // A whole batch has to fit on the way there, and an error for each of its messages on the way back.
        nl_socket_set_buffer_size(socket, 1 << 18, 1 << 18)
        _ = culvert_netlink_short_acks(descriptor)
        _ = culvert_receive_timeout(descriptor, Int32(Self.patience.components.seconds) * 1000)
    }

    deinit {
        nl_socket_free(socket)
    }

    /// Joins multicast groups and makes room for what they send.
    func join(_ groups: [Int32], bufferSize: Int32) throws(DataPlaneError) {
        _ = culvert_receive_buffer(descriptor, bufferSize)
        for group in groups {
            let result = nl_socket_add_membership(socket, group)
            guard result == 0 else {
                let text = String(cString: nl_geterror(result))
                throw DataPlaneError(step: "NETLINK_ADD_MEMBERSHIP", code: EINVAL, text: text)
            }
        }
    }

    /// The number the kernel gave to a generic netlink family. Loads its module if the kernel can.
    func resolve(_ name: String) throws(DataPlaneError) -> UInt16 {
        let result = genl_ctrl_resolve(socket, name)
        guard result >= 0 else {
            throw DataPlaneError(
                step: "CTRL_CMD_GETFAMILY \(name)",
                code: ENOENT,
                text: String(cString: nl_geterror(result))
            )
        }
        return UInt16(result)
    }

    /// Sends a batch, waits for its end, wipes it.
    ///
    /// - Returns: The failures by position; an empty dictionary is success.
    func perform(_ batch: inout NetlinkBatch) -> AcknowledgementLedger {
        var ledger = AcknowledgementLedger(batch, first: sequence)
        defer { batch.wipe() }
        guard batch.count > 0 else { return ledger }
        sequence = batch.finish(from: sequence) &+ 1
        let sent = batch.bytes.withUnsafeBytes { culvert_netlink_send(descriptor, $0.baseAddress, UInt64($0.count)) }
        guard sent >= 0 else {
            ledger.abandon(code: Int32(-sent), text: "sendmsg on \(family.name)")
            return ledger
        }
        while !ledger.isComplete { receive(into: &ledger) }
        return ledger
    }

    /// Performs a single request.
    func perform(_ message: consuming NetlinkMessage, step: String) throws(DataPlaneError) {
        var batch = NetlinkBatch(message, step: step)
        if let failure = perform(&batch).failures[0] { throw failure }
    }

    /// Performs a single request and returns what the kernel answers beside the acknowledgement. For dumps, too: pass
    /// `NLM_F_DUMP` in the message's flags.
    func query(_ message: consuming NetlinkMessage, step: String) throws(DataPlaneError) -> [NetlinkReply] {
        var batch = NetlinkBatch(message, step: step)
        let ledger = perform(&batch)
        if let failure = ledger.failures[0] { throw failure }
        return ledger.replies
    }

    private func receive(into ledger: inout AcknowledgementLedger) {
        let received = buffer.withUnsafeMutableBytes {
            culvert_netlink_receive(descriptor, $0.baseAddress, UInt64($0.count), 1)
        }
        switch received {
        case 0...Int64(buffer.count): ledger.receive(buffer[..<Int(received)])
        case Int64(-EINTR): return
        default: ledger.abandon(code: received < 0 ? Int32(-received) : EMSGSIZE, text: "answer on \(family.name) lost")
        }
    }
}
