// SPDX-License-Identifier: Apache-2.0
package import DataPlane
internal import Primitives

/// Several messages that go to the kernel in one system call, and what came of each.
///
/// The kernel performs them in order, tells of every failure by the sequence number, and goes on after one:
/// a batch is not a transaction. Only the last message asks for an acknowledgement, so success is: no error by then.
///
/// Netfilter's are transactions: framed by two messages, of which the last is never acknowledged and the first fails
/// if the whole does.
package struct NetlinkBatch {
    /// What to call the message when it fails.
    package private(set) var steps: [String] = []
    package private(set) var bytes: [UInt8] = []

    package let isTransaction: Bool

    /// How many messages make one call: their errors have to fit into the receive buffer.
    package static let limit = 64

    package var count: Int { steps.count }
    package var isFull: Bool { count >= Self.limit || bytes.count + NetlinkMessage.capacity > Self.capacity }

    /// So much is reserved at once, for growing would leave copies of keys behind.
    private static let capacity = 65_536

    package init(isTransaction: Bool = false) {
        self.isTransaction = isTransaction
        bytes.reserveCapacity(Self.capacity)
    }

    /// A batch of one, with room for another.
    package init(_ message: consuming NetlinkMessage, step: String) {
        isTransaction = false
        bytes.reserveCapacity(2 * NetlinkMessage.capacity)
        append(message, step: step)
    }

    package mutating func append(_ message: consuming NetlinkMessage, step: String) {
        message.write(to: &bytes, sequence: UInt32(steps.count))
        steps.append(step)
    }

    /// Takes all messages of another batch over, which is empty then.
    package mutating func append(consuming other: inout NetlinkBatch) {
        var offset = 0
        for step in other.steps {
            let length = Int(UInt32(hostOrder: other.bytes[offset..<offset + 4])).paddedToFour
            bytes.append(contentsOf: other.bytes[offset..<offset + length])
            steps.append(step)
            offset += length
        }
        other.wipe()
    }

    /// The position of the message whose acknowledgement ends it all.
    package var lastAcknowledged: Int { count - (isTransaction ? 2 : 1) }

    /// Fills in sequence numbers from `first` on, and asks for the one acknowledgement.
    ///
    /// - Parameter port: Who asks: the kernel repeats it when it tells everybody what was done.
    /// - Returns: The last message's sequence number.
    package mutating func finish(from first: UInt32, port: UInt32 = 0) -> UInt32 {
        var offset = 0
        var sequence = first
        while offset < bytes.count {
            bytes.overwrite(sequence, at: offset + 8)
            bytes.overwrite(port, at: offset + 12)
            if sequence &- first == UInt32(lastAcknowledged) {
                let flags = UInt16(hostOrder: bytes[offset + 6..<offset + 8])
                bytes.overwrite(flags | NetlinkFlags.acknowledge, at: offset + 6)
            }
            offset += Int(UInt32(hostOrder: bytes[offset..<offset + 4])).paddedToFour
            sequence &+= 1
        }
        return sequence &- 1
    }

    /// Turns a message into one the kernel passes over.
    ///
    /// - Parameter isSilent: It does not even answer.
    mutating func neutralise(_ position: Int, isSilent: Bool) {
        var offset = 0
        for _ in 0..<position { offset += Int(UInt32(hostOrder: bytes[offset..<offset + 4])).paddedToFour }
        bytes.overwrite(UInt16(1), at: offset + 4)  // NLMSG_NOOP
        let flags = UInt16(hostOrder: bytes[offset + 6..<offset + 8])
        if isSilent { bytes.overwrite(flags & ~NetlinkFlags.acknowledge, at: offset + 6) }
    }

    /// Overwrites what was built: it may hold keys.
    package mutating func wipe() {
        bytes.wipe()
        bytes.removeAll(keepingCapacity: true)
        steps.removeAll(keepingCapacity: true)
    }
}

/// Which of a batch's messages failed, gathered from the kernel's answers.
package struct AcknowledgementLedger {
    private let first: UInt32
    private let steps: [String]
    private let lastAcknowledged: Int
    private let isTransaction: Bool
    /// By position in the batch.
    package private(set) var failures: [Int: DataPlaneError] = [:]
    /// What the kernel sent beside acknowledgements.
    package private(set) var replies: [NetlinkReply] = []
    package private(set) var isComplete: Bool
    /// Nobody knows what the kernel did with those messages that are among the failures because no answer came.
    package private(set) var isUncertain = false

    /// - Parameter first: The sequence number that `batch` will have first.
    package init(_ batch: NetlinkBatch, first: UInt32) {
        self.first = first
        steps = batch.steps
        lastAcknowledged = batch.lastAcknowledged
        isTransaction = batch.isTransaction
        isComplete = steps.isEmpty
    }

    /// Takes one datagram of the kernel's. What belongs to an earlier batch is ignored.
    package mutating func receive(_ datagram: ArraySlice<UInt8>) {
        var arrived: [NetlinkReply] = []
        receive(datagram) { arrived.append($0) }
        replies += arrived
    }

    /// The same; what is no acknowledgement goes to `visitor` and is not kept.
    package mutating func receive(_ datagram: ArraySlice<UInt8>, visitor: (NetlinkReply) -> Void) {
        var cursor = NetlinkCursor(datagram)
        while let reply = try? cursor.message() {
            let position = Int(reply.sequence &- first)
            guard position < steps.count else { continue }
            if reply.type == NetlinkReply.errorType {
                note(NetlinkError(reply), at: position)
            } else if reply.type == NetlinkReply.doneType {
                noteEnd(reply, at: position)
            } else {
                visitor(reply)
            }
        }
    }

    /// The end of a dump, which may have failed on the way.
    private mutating func noteEnd(_ reply: NetlinkReply, at position: Int) {
        let code = NetlinkError.code(in: reply.payload) ?? 0
        if code != 0 { failures[position] = DataPlaneError(step: steps[position], code: code) }
        isComplete = isComplete || position == lastAcknowledged
    }

    private mutating func note(_ error: NetlinkError, at position: Int) {
        if error.code != 0 {
            failures[position] = DataPlaneError(step: steps[position], code: error.code, text: error.text)
        }
        isComplete = isComplete || position == lastAcknowledged || isTransaction && position == 0
    }

    mutating func keep(_ replies: [NetlinkReply]) {
        self.replies += replies
    }

    /// Writes down that a message failed.
    mutating func fail(_ position: Int, code: Int32) {
        failures[position] = DataPlaneError(step: steps[position], code: code)
    }

    /// Nothing more will come: what is not known to have failed by itself failed by `code`.
    ///
    /// - Parameter isUncertain: The kernel has got the messages.
    package mutating func abandon(code: Int32, text: String, isUncertain: Bool = false) {
        self.isUncertain = isUncertain
        for position in steps.indices where failures[position] == nil {
            failures[position] = DataPlaneError(step: steps[position], code: code, text: text)
        }
        isComplete = true
    }
}

/// The payload of `NLMSG_ERROR`.
struct NetlinkError {
    /// Positive; 0 is an acknowledgement.
    var code: Int32
    /// The kernel's own words: NLMSGERR_ATTR_MSG.
    var text: String?

    init(_ reply: NetlinkReply) {
        var cursor = NetlinkCursor(reply.payload)
        guard let refusal = Self.code(in: reply.payload), (try? cursor.skip(4)) != nil,
            let length = try? cursor.integer(UInt32.self)
        else {
            code = 71  // EPROTO
            return
        }
        code = refusal
        // The rest of the request's header, and the request itself unless the socket asked for short answers.
        let echoed = reply.flags & NetlinkFlags.capped != 0 ? 16 : max(Int(length), 16).paddedToFour
        guard reply.flags & NetlinkFlags.hasDetails != 0, (try? cursor.skip(echoed - 4)) != nil else { return }
        if let value = (try? cursor.attributes())?[1] {
            text = String(decoding: value.prefix { $0 != 0 }, as: UTF8.self)
        }
    }

    /// The errno value with which the payload of an error, or of the end of a dump, begins.
    static func code(in payload: ArraySlice<UInt8>) -> Int32? {
        var cursor = NetlinkCursor(payload)
        guard let raw = try? cursor.integer(UInt32.self) else { return nil }
        return Int32(truncatingIfNeeded: 0 &- Int64(Int32(bitPattern: raw)))
    }
}

/// `nlmsg_flags` by what they mean.
enum NetlinkFlags {
    /// NLM_F_ACK
    static let acknowledge: UInt16 = 0x4
    /// NLM_F_CAPPED
    static let capped: UInt16 = 0x100
    /// NLM_F_ACK_TLVS
    static let hasDetails: UInt16 = 0x200
}

extension [UInt8] {
    /// Overwrites bytes with an integer in host order.
    fileprivate mutating func overwrite<T: FixedWidthInteger & UnsignedInteger>(_ value: T, at offset: Int) {
        Swift.withUnsafeBytes(of: value) { replaceSubrange(offset..<offset + $0.count, with: $0) }
    }
}
