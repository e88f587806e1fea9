// SPDX-License-Identifier: Apache-2.0
internal import CLinux
package import DataPlane
internal import Glibc

extension PortShift {
    /// The rules in words, with what their counters say now.
    package func description() -> RuleSet {
        Self.description(table: table, clampsSegments: clampsSegments) { Counter(rawValue: $0).flatMap(packets) }
    }

    /// Made from the very expressions that the kernel gets.
    ///
    /// - Parameter packets: What a counter says.
    package static func description(
        table: String,
        clampsSegments: Bool = true,
        packets: (String) -> UInt64?
    ) -> RuleSet {
        let chains = transaction(table: table, isActive: true, clampsSegments: clampsSegments).chains
        return RuleSet(
            table: "inet \(table)",
            rules: chains.flatMap { chain in
                chain.rules.map { expressions in
                    let words = RuleWords(expressions)
                    return RuleSet.Rule(
                        chain: chain.name,
                        hook: chain.hook.map { name(ofHook: $0.number) },
                        priority: chain.hook.map { Int($0.priority) },
                        match: words.conditions.isEmpty ? "anything else" : words.conditions.joined(separator: ", "),
                        action: words.actions.joined(separator: "; "),
                        reason: reason(of: words),
                        counter: words.counter,
                        packets: words.counter.flatMap(packets)
                    )
                }
            }
        )
    }

    private static func name(ofHook number: UInt32) -> String {
        switch number {
        case NF_INET_PRE_ROUTING.rawValue: "prerouting"
        case NF_INET_LOCAL_IN.rawValue: "input"
        case NF_INET_FORWARD.rawValue: "forward"
        case NF_INET_LOCAL_OUT.rawValue: "output"
        case NF_INET_POST_ROUTING.rawValue: "postrouting"
        case _: "hook \(number)"
        }
    }

    private static func reason(of words: RuleWords) -> String {
        if let counter = words.counter { return reasons[counter] ?? "" }
        if let chain = words.chain { return reasonsToJump[chain] ?? "" }
        return """
            Your NAT would make the kernel choose the policy anew, without that of the tunnel's socket: the answer \
            would leave in clear. What connection tracking does not see is not translated.
            """
    }

    private static let reasonsToJump = [
        "inside": "It came under the keys of one of our peers; that chain lets L2TP alone go on.",
        "quotes": "What the gateway itself says in ICMP may quote what came protected; that chain tells.",
        "quotes-v6": "What the gateway itself says in ICMPv6 may quote what came protected; that chain tells.",
    ]

    /// Why there are rules with this counter.
    private static let reasons = [
        Counter.shiftedIn.rawValue: """
        All clients use port 1701, and many may share one address. The association that a packet came through \
        tells whose it is; the private port leads it to that client's socket.
        """,
        Counter.shiftedOut.rawValue: """
        Before encryption the private port becomes the one that clients know. Connection tracking does not see \
        the packet: your NAT would make it leave in clear.
        """,
        Counter.refusedInside.rawValue: """
        A peer's keys are good for L2TP. They are no way to anything else that the gateway serves.
        """,
        Counter.refusedL2TP.rawValue: "L2TP without IPsec is refused, whether or not anybody listens.",
        Counter.refusedPrivate.rawValue: "Private ports are for what came through IPsec.",
        Counter.refusedOut.rawValue: "No association protects it (any more). Rather nothing than in clear.",
        Counter.clamped.rawValue: """
        TCP would fill packets that do not fit into the tunnel, and hear of it only if nobody drops ICMP. So each \
        side is told a size that fits. Of both ways the narrower one counts; a smaller size stays as it is.
        """,
        Counter.refusedQuote.rawValue: """
        An ICMP error quotes what it is about, up to half a kilobyte. This one would tell in clear what came \
        protected.
        """,
    ]
}

/// One rule in words: which packets it is about, and what becomes of them.
private struct RuleWords {
    /// What a register holds.
    private enum Subject {
        case meta(NetfilterExpression.Meta)
        case field(NetfilterExpression.Field)
        case routeIsProtected
        case requestID
        case value([UInt8])
        case segmentSize
        case nothing
    }

    private enum Test {
        case equal([UInt8])
        case notEqual([UInt8])
        case atLeast([UInt8])
        case range([UInt8], [UInt8])
    }

    private(set) var conditions: [String] = []
    private(set) var actions: [String] = []
    private(set) var counter: String?
    /// The chain that it jumps to.
    private(set) var chain: String?

    private var registers: [NetfilterExpression.Register: Subject] = [:]
    private var isUDP = false
    /// Under which the rest of the actions is done.
    private var provisos: [String] = []

    init(_ expressions: [NetfilterExpression]) {
        var rest = expressions[...]
        while let expression = rest.popFirst() {
            if case .compare(let register, .greaterOrEqual, let low) = expression,
                case .compare(register, .lessOrEqual, let high)? = rest.first
            {
                rest.removeFirst()
                test(register, .range(low, high))
            } else {
                read(expression)
            }
        }
    }

    private mutating func read(_ expression: NetfilterExpression) {
        switch expression {
        case .load(let key, let register): registers[register] = .meta(key)
        case .loadField(let field, let register): registers[register] = .field(field)
        case .loadRouteIsProtected(let register): registers[register] = .routeIsProtected
        case .loadRequestID(let register): registers[register] = .requestID
        case .set(let register, let value): registers[register] = .value(value)
        // Of the request id, whose low half they bring to where a port lies; of a segment size; those bits that are
        // asked about.
        case .shiftLeft, .toNetworkOrder, .mask: break
        case .loadSegmentSize(let register): registers[register] = .segmentSize
        case .limitSegmentSize(let register):
            guard case .segmentSize = registers[register] else {
                act(Self.unknown("a segment size"))
                break
            }
            act("the largest segment that it offers becomes what fits both ways, if it is larger")
        case .compare(let register, .equal, let value): test(register, .equal(value))
        case .compare(let register, .notEqual, let value): test(register, .notEqual(value))
        case .compare(let register, .greaterOrEqual, let value): test(register, .atLeast(value))
        case .storeField(let register, let field, _): store(registers[register] ?? .nothing, in: field)
        case .count(let name): counter = name
        case .doNotTrack: act("connection tracking does not see it")
        case .drop: act("it is dropped")
        case .accept: act("it goes on")
        case .jump(let chain):
            self.chain = chain
            act("chain \(chain) decides")
        case _: act(Self.unknown("\(expression)"))
        }
    }

    private mutating func act(_ action: String) {
        actions.append((provisos + [action]).joined(separator: " "))
    }

    private mutating func store(_ subject: Subject, in field: NetfilterExpression.Field) {
        switch (subject, field) {
        case (.requestID, .destinationPort): act("the destination port becomes that private port")
        case (.value(let value), .sourcePort): act("the source port becomes \(Self.number(value))")
        case (.value([0, 0]), .checksum): act("the checksum becomes none")
        case _: act(Self.unknown("\(subject) in \(field)"))
        }
    }

    private mutating func test(_ register: NetfilterExpression.Register, _ test: Test) {
        let words = words(registers[register] ?? .nothing, test)
        if actions.isEmpty { conditions.append(words) } else { provisos.append("if it is \(words)") }
    }

    private mutating func words(_ subject: Subject, _ test: Test) -> String {
        switch (subject, test) {
        case (.meta(.transportProtocol), .equal([17])):
            isUDP = true
            return "UDP"
        case (.meta(.transportProtocol), .equal([1])): return "ICMP"
        case (.meta(.transportProtocol), .equal([58])): return "ICMPv6"
        case (.meta(.transportProtocol), .equal([6])): return "TCP"
        case (.field(.tcpFlags), .equal([2])): return "opens a connection"
        case (.meta(.inputGroup), .equal(Ownership.liveGroup.hostOrderBytes)): return "from a peer"
        case (.meta(.outputGroup), .equal(Ownership.liveGroup.hostOrderBytes)): return "to a peer"
        case (.meta(.networkProtocol), .equal([UInt8(NFPROTO_IPV4)])): return "IPv4"
        case (.meta(.networkProtocol), .equal([UInt8(NFPROTO_IPV6)])): return "IPv6"
        case (.meta(.securityPath), .equal([1])): return "came through IPsec"
        case (.meta(.securityPath), .equal([0])): return "came in clear"
        case (.routeIsProtected, .equal([0])): return "would leave in clear"
        case (.routeIsProtected, .equal([1])): return "will leave through IPsec"
        case (.requestID, .atLeast(let value)): return "its association's request id is at least \(Self.number(value))"
        case (.requestID, .range): return "its association's request id ends in \(Self.ports(test))"
        case (.field(.sourcePort), _) where isUDP: return "from \(Self.ports(test))"
        case (.field(.sourcePort), .range([3, 0], [3, 255])), (.field(.sourcePort), .range([1, 0], [1, 255])):
            return "destination unreachable"
        case (.field(.sourcePort), .notEqual([3, 4])): return "but not fragmentation needed"
        case (.field(.destinationPort), _): return "to \(Self.ports(test))"
        case (.field(.checksum), .equal([0, 0])): return "without a checksum"
        case (.field(.quotedProtocol), .equal([17])), (.field(.quotedNextHeader), .equal([17])): return "quotes UDP"
        case (.field(.quotedNextHeader), .equal([0])): return "quotes options for every hop"
        case (.field(.quotedNextHeader), .equal([43])): return "quotes a routing header"
        case (.field(.quotedNextHeader), .equal([60])): return "quotes options for the destination"
        case (.field(.quotedVersion), .equal([0x45])): return "without IPv4 options"
        case (.field(.quotedVersion), .notEqual([0x45])): return "with IPv4 options"
        case (.field(.quotedPort), _), (.field(.quotedPortV6), _): return "to \(Self.ports(test))"
        case _: return Self.unknown("\(subject) \(test)")
        }
    }

    private static func ports(_ test: Test) -> String {
        switch test {
        case .equal(let value): "port \(number(value))"
        case .notEqual(let value): "any port but \(number(value))"
        case .atLeast(let value): "a port from \(number(value)) on"
        case .range(let low, let high): "a private port (\(number(low)) to \(number(high)))"
        }
    }

    private static func number(_ bytes: [UInt8]) -> UInt64 { bytes.reduce(0) { $0 << 8 | UInt64($1) } }

    /// A test looks for this: nothing in the table may go without words.
    private static func unknown(_ what: String) -> String { "(no words for \(what))" }
}
