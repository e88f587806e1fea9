// SPDX-License-Identifier: Apache-2.0
internal import CLinux
package import DataPlane
internal import Glibc

/// The fixed rules by which any number of peers behind one address are told apart, and by which nothing travels in
/// clear. After decryption UDP port 1701 becomes the private port in the low half of the association's request id;
/// before encryption the private port becomes 1701 again. What is not protected is dropped, whether or not anybody
/// listens; and of what comes under a peer's keys everything but L2TP.
///
/// The table belongs to our netlink socket: nobody else can change it, and it goes when we go, however we go.
package final class PortShift {
    /// The counters an operator sees with `nft list counters`.
    package enum Counter: String, CaseIterable, Sendable {
        case shiftedIn = "shifted-in"
        case shiftedOut = "shifted-out"
        /// L2TP in clear, from outside.
        case refusedL2TP = "refused-l2tp-in-clear"
        /// Something in clear to a private port.
        case refusedPrivate = "refused-private-in-clear"
        /// L2TP of ours that no association would protect.
        case refusedOut = "refused-out-in-clear"
        /// An ICMP error of ours that would have quoted what came protected.
        case refusedQuote = "refused-quote-in-clear"
        /// Something else than L2TP under a peer's keys: whoever has keys has them for L2TP, and for nothing else here.
        case refusedInside = "refused-inside-esp"
        /// TCP connections of peers with networks behind us whose segments were limited, both ways.
        case clamped
    }

    private let socket: NetlinkSocket
    let table: String
    let clampsSegments: Bool
    /// Why TCP segments are not limited although they should be.
    package private(set) var clampRefusal: DataPlaneError?

    /// Makes the table, the whole of it or nothing; without the rules for TCP if the kernel does not know them.
    ///
    /// - Parameter clampsSegments: Limit the segments of TCP connections that are forwarded to or from peers to what
    ///   their interfaces take.
    /// - Throws: With EEXIST or EPERM if another culvertd runs here; with ENOENT or EOPNOTSUPP if the kernel lacks
    ///   nf_tables or one of its expressions.
    package init(clampsSegments: Bool = true) throws(DataPlaneError) {
        table = Ownership.tableName
        socket = try NetlinkSocket(.netfilter)
        var failure = Self.make(table, isActive: true, clampsSegments: clampsSegments, over: socket)
        if clampsSegments, let refusal = failure, !Self.isSomebodyElses(refusal) {
            // Calls are worth more than the size of segments.
            clampRefusal = refusal
            failure = Self.make(table, isActive: true, clampsSegments: false, over: socket)
        }
        self.clampsSegments = clampsSegments && clampRefusal == nil
        if let failure { throw failure }
    }

    /// Why the kernel cannot limit segments; `nil` if it can. It is tried where no packet meets it.
    static func clampRefusal() -> DataPlaneError? {
        do throws(DataPlaneError) {
            let socket = try NetlinkSocket(.netfilter)
            // Another process may try at the same time.
            var rules = NetfilterTransaction(table: "\(Ownership.tableName)-clamp-\(getpid())")
            rules.addOwnedTable()
            rules.addCounter(Counter.clamped.rawValue)
            addClamp(to: &rules, hook: nil)
            var batch = rules.finished()
            let failures = socket.perform(&batch).failures
            return failures.keys.min().flatMap { failures[$0] }
        } catch {
            return error
        }
    }

    /// - Parameter isActive: Otherwise no packet meets the rules: for finding out whether the kernel takes them.
    init(table: String, isActive: Bool, clampsSegments: Bool) throws(DataPlaneError) {
        self.table = table
        self.clampsSegments = clampsSegments
        socket = try NetlinkSocket(.netfilter)
        let failure = Self.make(table, isActive: isActive, clampsSegments: clampsSegments, over: socket)
        if let failure { throw failure }
    }

    /// - Returns: Why there is no such table; `nil` if there is.
    private static func make(
        _ table: String,
        isActive: Bool,
        clampsSegments: Bool,
        over socket: NetlinkSocket
    ) -> DataPlaneError? {
        var batch = rules(table: table, isActive: isActive, clampsSegments: clampsSegments)
        let failures = socket.perform(&batch).failures
        guard let first = failures.keys.min(), var failure = failures[first] else { return nil }
        if isSomebodyElses(failure) {
            failure.text = "the nftables table 'inet \(table)' exists already: does another culvertd run here?"
        }
        return failure
    }

    private static func isSomebodyElses(_ failure: DataPlaneError) -> Bool {
        failure.isExists || failure.code == EPERM
    }

    /// Takes the rules away. They would go with the socket, too, but when that closes is not in our hands alone.
    package func remove() {
        var transaction = NetfilterTransaction(table: table)
        transaction.removeTable()
        var batch = transaction.finished()
        _ = socket.perform(&batch)
    }

    /// How many packets were dropped because they were not protected; `nil` if the kernel does not say.
    package func refusedInClear() -> UInt64? {
        let counters: [Counter] = [.refusedL2TP, .refusedPrivate, .refusedOut, .refusedQuote]
        var sum: UInt64 = 0
        for counter in counters {
            guard let packets = packets(counter) else { return nil }
            sum += packets
        }
        return sum
    }

    /// Packets counted since the start.
    package func packets(_ counter: Counter) -> UInt64? {
        var message = NetfilterTransaction.message(NFT_MSG_GETOBJ, flags: 0)
        message.put(Int(NFTA_OBJ_TABLE.rawValue), string: table)
        message.put(Int(NFTA_OBJ_NAME.rawValue), string: counter.rawValue)
        message.put(Int(NFTA_OBJ_TYPE.rawValue), networkOrder: UInt32(NFT_OBJECT_COUNTER))
        guard let reply = try? socket.query(message, step: "NFT_MSG_GETOBJ").first else { return nil }
        return Self.packets(in: reply.payload)
    }

    package static func packets(in payload: ArraySlice<UInt8>) -> UInt64? {
        var cursor = NetlinkCursor(payload)
        guard (try? cursor.skip(MemoryLayout<nfgenmsg>.size)) != nil,
            let data = (try? cursor.attributes())?[Int(NFTA_OBJ_DATA.rawValue)]
        else { return nil }
        var inner = NetlinkCursor(data)
        guard let value = (try? inner.attributes())?[Int(NFTA_COUNTER_PACKETS.rawValue)], value.count == 8
        else { return nil }
        return UInt64(bigEndian: UInt64(hostOrder: value))
    }

    package static func rules(table: String, isActive: Bool, clampsSegments: Bool = true) -> NetlinkBatch {
        transaction(table: table, isActive: isActive, clampsSegments: clampsSegments).finished()
    }

    static func transaction(table: String, isActive: Bool, clampsSegments: Bool) -> NetfilterTransaction {
        var rules = NetfilterTransaction(table: table)
        rules.addOwnedTable()
        for counter in Counter.allCases where counter != .clamped || clampsSegments {
            rules.addCounter(counter.rawValue)
        }
        let hook = { (number: nf_inet_hooks, priority: Int32) in isActive ? (number.rawValue, priority) : nil }
        // What came under a peer's keys. First of all, so that no rule of anybody's sends it elsewhere; and before
        // conntrack: its NAT would make the kernel look for the policy anew, without the socket's.
        rules.addChain("inside", hook: nil)
        rules.addRule("inside", isL2TP + [.doNotTrack, .accept])
        rules.addRule("inside", [.count(Counter.refusedInside.rawValue), .drop])
        rules.addChain("before", hook: hook(NF_INET_PRE_ROUTING, -300))
        rules.addRule("before", isOfOurAssociation + [.jump("inside")])
        // After the operator's filter, which thus sees port 1701.
        rules.addChain("in", hook: hook(NF_INET_LOCAL_IN, 200))
        rules.addRule("in", isL2TP + isOfOurAssociation + becomesDestination)
        rules.addRule("in", isL2TP + isInClear + [.count(Counter.refusedL2TP.rawValue), .drop])
        rules.addRule("in", isPrivate(.destinationPort) + isInClear + [.count(Counter.refusedPrivate.rawValue), .drop])
        for (chain, quotes) in [("quotes", quotes), ("quotes-v6", quotesV6)] {
            rules.addChain(chain, hook: nil)
            for quote in quotes { rules.addRule(chain, quote + [.count(Counter.refusedQuote.rawValue), .drop]) }
        }
        // Before conntrack, likewise.
        rules.addChain("out", hook: hook(NF_INET_LOCAL_OUT, -310))
        rules.addRule("out", isPrivate(.sourcePort) + willBeInClear + [.count(Counter.refusedOut.rawValue), .drop])
        rules.addRule("out", isPrivate(.sourcePort) + hasNoChecksum + becomesL2TP(.none))
        rules.addRule("out", isPrivate(.sourcePort) + becomesL2TP(.incremental))
        rules.addRule("out", isTransport(1) + [.jump("quotes")])
        rules.addRule("out", isTransport(58) + [.jump("quotes-v6")])
        // Among the chains that change packets, before the operator's filter.
        if clampsSegments { addClamp(to: &rules, hook: hook(NF_INET_FORWARD, -150)) }
        return rules
    }

    /// To peers, and from them. The kernel takes the smaller one of what both ways carry, and never makes the size
    /// larger than it was.
    private static func addClamp(to rules: inout NetfilterTransaction, hook: (number: UInt32, priority: Int32)?) {
        rules.addChain("forward", hook: hook)
        for side in [NetfilterExpression.Meta.outputGroup, .inputGroup] {
            rules.addRule("forward", isTransport(6) + opensConnection + isOfPeers(side) + becomesWhatFits)
        }
    }

    private static func isOfPeers(_ side: NetfilterExpression.Meta) -> [NetfilterExpression] {
        [.load(side, .first), .compare(.first, .equal, Ownership.liveGroup.hostOrderBytes)]
    }

    /// SYN and not RST.
    private static let opensConnection: [NetfilterExpression] = [
        .loadField(.tcpFlags, .first), .mask(.first, 0x06), .compare(.first, .equal, [0x02]),
    ]

    private static let becomesWhatFits: [NetfilterExpression] = [
        .loadSegmentSize(.first), .toNetworkOrder(.first, bytes: 2), .limitSegmentSize(.first),
        .count(Counter.clamped.rawValue),
    ]

    private static let l2tpPort: UInt16 = 1701

    private static func isTransport(_ number: UInt8) -> [NetfilterExpression] {
        [.load(.transportProtocol, .first), .compare(.first, .equal, [number])]
    }

    private static let isUDP = isTransport(17)

    private static let isL2TP: [NetfilterExpression] =
        isUDP + [.loadField(.destinationPort, .first), .compare(.first, .equal, l2tpPort.networkBytes)]

    private static func isPrivate(_ port: NetfilterExpression.Field) -> [NetfilterExpression] {
        isUDP + [.loadField(port, .first)] + isPrivateInFirst
    }

    private static let isPrivateInFirst: [NetfilterExpression] = [
        .compare(.first, .greaterOrEqual, RequestID.privatePorts.lowerBound.networkBytes),
        .compare(.first, .lessOrEqual, RequestID.privatePorts.upperBound.networkBytes),
    ]

    /// ICMP errors of ours that nobody must see. While a tunnel socket is renewed nobody listens on its port, and an
    /// operator's filter may reject port 1701: the kernel answers either with "destination unreachable", which quotes
    /// in clear up to half a kilobyte of what came out of ESP. Where options or extension headers hide the port,
    /// being UDP, or not to be told, is enough. "Fragmentation needed" is never said about what comes to us.
    private static let quotes: [[NetfilterExpression]] = {
        let isQuote: [NetfilterExpression] = [
            .loadField(.typeAndCode, .first), .compare(.first, .greaterOrEqual, [3, 0]),
            .compare(.first, .lessOrEqual, [3, 0xFF]), .compare(.first, .notEqual, [3, 4]),
            .loadField(.quotedProtocol, .first), .compare(.first, .equal, [17]),
            .loadField(.quotedVersion, .first),
        ]
        let port: [NetfilterExpression] = [.compare(.first, .equal, [0x45]), .loadField(.quotedPort, .first)]
        return [
            isQuote + port + isPrivateInFirst,
            isQuote + port + isL2TPInFirst,
            isQuote + [.compare(.first, .notEqual, [0x45])],
        ]
    }()

    /// The same for IPv6.
    private static let quotesV6: [[NetfilterExpression]] = {
        func isQuote(of next: UInt8) -> [NetfilterExpression] {
            [
                .loadField(.typeAndCode, .first), .compare(.first, .greaterOrEqual, [1, 0]),
                .compare(.first, .lessOrEqual, [1, 0xFF]),
                .loadField(.quotedNextHeader, .first), .compare(.first, .equal, [next]),
            ]
        }
        let port: [NetfilterExpression] = [.loadField(.quotedPortV6, .first)]
        // Options for every hop, routing, options for the destination.
        return [isQuote(of: 17) + port + isPrivateInFirst, isQuote(of: 17) + port + isL2TPInFirst]
            + [0, 43, 60].map(isQuote)
    }()

    private static let isL2TPInFirst: [NetfilterExpression] = [.compare(.first, .equal, l2tpPort.networkBytes)]

    private static let isInClear: [NetfilterExpression] = [
        .load(.securityPath, .first), .compare(.first, .equal, [0]),
    ]
    private static let willBeInClear: [NetfilterExpression] = [
        .loadRouteIsProtected(.first), .compare(.first, .equal, [0]),
    ]

    /// The request id is one of ours, as ``Ownership/isOurs(requestID:)`` has it: a serial above a private port. Afterwards
    /// the port is in the first register, where a port lies in memory. What came without ESP has no request id and
    /// does not match.
    private static let isOfOurAssociation: [NetfilterExpression] =
        [
            .loadRequestID(.first), .toNetworkOrder(.first), .compare(.first, .greaterOrEqual, [0, 1, 0, 0]),
            .loadRequestID(.first), .shiftLeft(.first, by: 16), .toNetworkOrder(.first),
        ] + isPrivateInFirst

    /// ESP has authenticated the datagram, and behind a NAT the inner checksum is wrong anyway: with IPv4 it is
    /// replaced by "none", which is right in every case. IPv6 demands one.
    private static let becomesDestination: [NetfilterExpression] = [
        .storeField(.first, .destinationPort, .incremental),
        .count(Counter.shiftedIn.rawValue),
        .load(.networkProtocol, .second), .compare(.second, .equal, [UInt8(NFPROTO_IPV4)]),
        .set(.second, [0, 0]), .storeField(.second, .checksum, .none),
    ]

    /// A checksum of 0 means none; an incremental update would make a wrong one of it.
    private static let hasNoChecksum: [NetfilterExpression] = [
        .loadField(.checksum, .second), .compare(.second, .equal, [0, 0]),
    ]

    private static func becomesL2TP(_ update: NetfilterExpression.ChecksumUpdate) -> [NetfilterExpression] {
        [
            .set(.first, l2tpPort.networkBytes), .storeField(.first, .sourcePort, update), .doNotTrack,
            .count(Counter.shiftedOut.rawValue),
        ]
    }
}

extension UInt16 {
    fileprivate var networkBytes: [UInt8] { [UInt8(self >> 8), UInt8(truncatingIfNeeded: self)] }
}
