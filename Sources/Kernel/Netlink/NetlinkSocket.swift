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

    private let patience: Int32
    private let faults: FaultPlan?

    /// Milliseconds that an answer may take which normally is there at once.
    static let patience: Int32 = 5000

    init(
        _ family: Family,
        patience: Int32 = patience,
        faults: FaultPlan? = nil
    ) throws(DataPlaneError) {
        guard let socket = nl_socket_alloc() else { throw DataPlaneError(step: family.name, code: ENOMEM) }
        let result = nl_connect(socket, family.rawValue)
        guard result == 0 else {
            nl_socket_free(socket)
            throw DataPlaneError(step: family.name, code: EPROTONOSUPPORT, text: String(cString: nl_geterror(result)))
        }
        self.socket = socket
        self.family = family
        self.patience = patience
        self.faults = faults
        descriptor = nl_socket_get_fd(socket)
        // A whole batch has to fit on the way there, and an error for each of its messages on the way back.
        nl_socket_set_buffer_size(socket, 1 << 18, 1 << 18)
        _ = culvert_netlink_short_acks(descriptor)
        _ = culvert_receive_timeout(descriptor, patience)
    }

    deinit {
        nl_socket_free(socket)
    }

    /// The address under which the kernel knows the socket: what it does at our behest bears it.
    var port: UInt32 { nl_socket_get_local_port(socket) }

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

    /// The number of a generic netlink family's multicast group.
    func resolve(group: String, of family: String) throws(DataPlaneError) -> Int32 {
        let result = genl_ctrl_resolve_grp(socket, family, group)
        guard result >= 0 else {
            let text = String(cString: nl_geterror(result))
            throw DataPlaneError(step: "CTRL_CMD_GETFAMILY \(family)", code: ENOENT, text: text)
        }
        return result
    }

    /// Sends a batch, waits for its end, wipes it.
    ///
    /// - Returns: The failures by position; an empty dictionary is success.
    func perform(_ batch: inout NetlinkBatch) -> AcknowledgementLedger {
        var replies: [NetlinkReply] = []
        var ledger = perform(&batch) { replies.append($0) }
        ledger.keep(replies)
        return ledger
    }

    /// The same; what the kernel answers beside acknowledgements goes to `visitor`, is not kept, and is overwritten
    /// afterwards: it may hold keys.
    func perform(_ batch: inout NetlinkBatch, visitor: (NetlinkReply) -> Void) -> AcknowledgementLedger {
        var ledger = AcknowledgementLedger(batch, first: sequence)
        defer { batch.wipe() }
        guard batch.count > 0 else { return ledger }
        sequence = batch.finish(from: sequence, port: port) &+ 1
        let refusals = applyFaults(to: &batch)
        let sent = batch.bytes.withUnsafeBytes { culvert_netlink_send(descriptor, $0.baseAddress, UInt64($0.count)) }
        guard sent >= 0 else {
            ledger.abandon(code: Int32(-sent), text: "sendmsg on \(family.name)")
            return ledger
        }
        while !ledger.isComplete { receive(into: &ledger, visitor) }
        for (position, code) in refusals { ledger.fail(position, code: code) }
        return ledger
    }

    private func applyFaults(to batch: inout NetlinkBatch) -> [(position: Int, code: Int32)] {
        guard let faults else { return [] }
        var refusals: [(Int, Int32)] = []
        for (position, step) in batch.steps.enumerated() {
            guard let fault = faults.fault(at: step) else { continue }
            batch.neutralise(position, isSilent: fault == .silence)
            if case .refusal(let code) = fault { refusals.append((position, code)) }
        }
        return refusals
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

    /// Performs a single request, a dump perhaps, and shows what the kernel answers to `visitor`, who may not keep
    /// it: it is overwritten afterwards.
    func visit(
        _ message: consuming NetlinkMessage,
        step: String,
        _ visitor: (NetlinkReply) -> Void
    ) throws(DataPlaneError) {
        var batch = NetlinkBatch(message, step: step)
        let ledger = perform(&batch, visitor: visitor)
        if let failure = ledger.failures[0] { throw failure }
    }

    private func receive(into ledger: inout AcknowledgementLedger, _ visitor: (NetlinkReply) -> Void) {
        let received = buffer.withUnsafeMutableBytes {
            culvert_netlink_receive(descriptor, $0.baseAddress, UInt64($0.count), 1)
        }
        switch received {
        case 0...Int64(buffer.count):
            ledger.receive(buffer[..<Int(received)], visitor: visitor)
            buffer.withUnsafeMutableBytes { wipe($0, Int(received)) }
        case Int64(-EINTR): return
        case Int64(-EAGAIN):
            let text = "no answer on \(family.name) within \(patience) ms"
            ledger.abandon(code: ETIMEDOUT, text: text, isUncertain: true)
        default:
            let code = received < 0 ? Int32(-received) : EMSGSIZE
            ledger.abandon(code: code, text: "answer on \(family.name) lost", isUncertain: true)
        }
    }

    private func wipe(_ bytes: UnsafeMutableRawBufferPointer, _ count: Int) {
        if let base = bytes.baseAddress { explicit_bzero(base, min(count, bytes.count)) }
    }
}
