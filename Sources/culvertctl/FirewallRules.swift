// SPDX-License-Identifier: Apache-2.0
import FoundationEssentials
import Primitives

/// Any JSON.
enum JSONValue: Hashable, Sendable, Decodable {
    case null
    case bool(Bool)
    case number(Int)
    case text(String)
    case list([JSONValue])
    case object([String: JSONValue])

    init(from decoder: any Decoder) throws {
        let value = try decoder.singleValueContainer()
        if let object = try? value.decode([String: JSONValue].self) {
            self = .object(object)
        } else if let list = try? value.decode([JSONValue].self) {
            self = .list(list)
        } else if let text = try? value.decode(String.self) {
            self = .text(text)
        } else if let bool = try? value.decode(Bool.self) {
            self = .bool(bool)
        } else if let number = try? value.decode(Int.self) {
            self = .number(number)
        } else {
            self = .null
        }
    }

    subscript(key: String) -> JSONValue? {
        if case .object(let object) = self { object[key] } else { nil }
    }

    var text: String? {
        if case .text(let text) = self { text } else { nil }
    }

    var list: [JSONValue]? {
        if case .list(let list) = self { list } else { nil }
    }
}

/// The rules of a packet filter, as `nft -j list ruleset` prints them, and what they do with a packet.
///
/// What is not understood is not guessed: then the answer is ``Decision/perhaps``.
struct FirewallRules: Hashable, Sendable {
    struct Chain: Hashable, Sendable {
        var family: String
        var table: String
        var name: String
        /// `input`; `nil` if it is only jumped to.
        var hook: String?
        var type: String?
        var dropsByDefault = false
        /// Statements of each rule.
        var rules: [[JSONValue]] = []

        var place: String { "\(family) \(table) \(name)" }
    }

    /// A packet as far as rules can ask.
    struct Packet: Hashable, Sendable {
        var family = 4
        /// `udp`, `esp`, `tcp`
        var proto: String
        var port: Int?
        var source: IPAddress?
        /// `nil` if it may come in anywhere but at `lo`.
        var interface: String?
        var cameThroughIPsec = false
    }

    enum Decision: Hashable, Sendable {
        case accepted
        /// By the chain.
        case refused(Chain)
        /// It depends on something that we do not know, in the chain.
        case perhaps(Chain)
    }

    var chains: [Chain] = []

    init() {
    }

    /// `nil` for what is no output of nft.
    init?(json: [UInt8]) {
        guard let root = try? JSONDecoder().decode(JSONValue.self, from: Data(json)), let list = root["nftables"]?.list
        else { return nil }
        for entry in list {
            if let chain = entry["chain"], let family = chain["family"]?.text, let table = chain["table"]?.text,
                let name = chain["name"]?.text
            {
                var made = Chain(family: family, table: table, name: name)
                made.hook = chain["hook"]?.text
                made.type = chain["type"]?.text
                made.dropsByDefault = chain["policy"]?.text == "drop"
                chains.append(made)
            } else if let rule = entry["rule"], let statements = rule["expr"]?.list,
                let index = chains.firstIndex(where: {
                    $0.family == rule["family"]?.text && $0.table == rule["table"]?.text
                        && $0.name == rule["chain"]?.text
                })
            {
                chains[index].rules.append(statements)
            }
        }
    }

    /// What all chains at a hook make of a packet; ours are left out.
    func decide(_ packet: Packet, at hook: String) -> Decision {
        let families = ["inet", packet.family == 4 ? "ip" : "ip6"]
        var doubtful: Chain?
        for chain in chains
        where chain.hook == hook && chain.type == "filter" && families.contains(chain.family)
            && chain.table != "culvert"
        {
            switch walk(chain, packet, depth: 0) {
            case .accept: continue
            case .drop: return .refused(chain)
            case .doubt: doubtful = doubtful ?? chain
            case .end(let isDoubtful):
                guard chain.dropsByDefault else { continue }
                if !isDoubtful { return .refused(chain) }
                doubtful = doubtful ?? chain
            }
        }
        return doubtful.map { .perhaps($0) } ?? .accepted
    }

    /// Whether any rule translates source addresses.
    var translatesSources: Bool {
        chains.contains { chain in
            chain.table != "culvert"
                && chain.rules.contains {
                    $0.contains { $0["masquerade"] != nil || $0["snat"] != nil || $0["xt"]?["type"]?.text == "target" }
                }
        }
    }

    // MARK: Walking

    private enum Way: Hashable, Sendable {
        case accept
        case drop
        /// Accepted, or dropped: a rule of which we do not know whether it matches would do the other.
        case doubt
        /// Nothing decided. Whether something might have.
        case end(isDoubtful: Bool)
    }

    private enum Answer: Hashable, Sendable {
        case yes
        case no
        case unknown

        var negated: Answer {
            switch self {
            case .yes: .no
            case .no: .yes
            case .unknown: .unknown
            }
        }
    }

    private func walk(_ chain: Chain, _ packet: Packet, depth: Int) -> Way {
        guard depth < 16 else { return .doubt }
        var mightAccept = false
        for rule in chain.rules {
            switch apply(rule, packet, chain, depth: depth) {
            case (.accept?, true): return .accept
            case (.drop?, true): return mightAccept ? .doubt : .drop
            case (.doubt?, _): mightAccept = true
            case (.accept?, false): mightAccept = true
            // A rule that might drop is no reason for an alarm: a list of enemies, a limit.
            case (.drop?, false): continue
            case (.end(let isDoubtful)?, _): mightAccept = mightAccept || isDoubtful
            case (nil, true): return .end(isDoubtful: mightAccept)
            case (nil, false): continue
            }
        }
        return .end(isDoubtful: mightAccept)
    }

    /// - Returns: What the rule does, and whether it surely does so. `nil` and `true`: back to where it was jumped from.
    private func apply(_ rule: [JSONValue], _ packet: Packet, _ chain: Chain, depth: Int) -> (Way?, Bool) {
        var isCertain = true
        for statement in rule {
            guard case .object(let object) = statement, let (key, body) = object.first else { continue }
            switch key {
            case "match":
                switch test(body["left"], body["op"]?.text ?? "==", body["right"], packet) {
                case .no: return (nil, false)
                case .unknown: isCertain = false
                case .yes: break
                }
            case "accept": return (.accept, isCertain)
            case "drop", "reject": return (.drop, isCertain)
            case "return": return isCertain ? (nil, true) : (nil, false)
            case "queue": return (.doubt, false)
            case "jump": return follow(body["target"]?.text, packet, chain, isCertain, depth)
            case "goto":
                // Its end is the end of this chain, too.
                let (way, isSure) = follow(body["target"]?.text, packet, chain, isCertain, depth)
                guard case .end(let isDoubtful)? = way else { return (way, isSure) }
                return isSure && !isDoubtful ? (nil, true) : (.doubt, false)
            case "vmap": return choose(body, packet, chain, isCertain, depth)
            case "counter", "log", "comment", "notrack", "mangle": continue
            case _: isCertain = false
            }
        }
        return (nil, false)
    }

    private func follow(
        _ target: String?,
        _ packet: Packet,
        _ chain: Chain,
        _ isCertain: Bool,
        _ depth: Int
    ) -> (Way?, Bool) {
        let found = chains.first { $0.family == chain.family && $0.table == chain.table && $0.name == target }
        guard let found else { return (.doubt, false) }
        return (walk(found, packet, depth: depth + 1), isCertain)
    }

    private func choose(
        _ map: JSONValue,
        _ packet: Packet,
        _ chain: Chain,
        _ isCertain: Bool,
        _ depth: Int
    ) -> (Way?, Bool) {
        guard let pairs = map["data"]?["set"]?.list else { return (.doubt, false) }
        for pair in pairs {
            guard let pair = pair.list, pair.count == 2 else { return (.doubt, false) }
            switch test(map["key"], "==", pair[0], packet) {
            case .no: continue
            case .unknown: return (.doubt, false)
            case .yes:
                let (way, isSure) = apply([pair[1]], packet, chain, depth: depth)
                return (way, isSure && isCertain)
            }
        }
        return (nil, false)
    }

    // MARK: Conditions

    private func test(_ left: JSONValue?, _ op: String, _ right: JSONValue?, _ packet: Packet) -> Answer {
        guard let left, let right, ["==", "!=", "in"].contains(op) else { return .unknown }
        let answer: Answer
        if let key = left["meta"]?["key"]?.text {
            answer = meta(key, right, packet)
        } else if let payload = left["payload"] {
            // What is not in the packet matches neither == nor !=.
            guard let found = field(payload["protocol"]?.text ?? "", payload["field"]?.text ?? "", right, packet) else {
                return .no
            }
            answer = found
        } else if left["ct"]?["key"]?.text == "state" {
            // Our own table keeps what comes out of IPsec away from connection tracking.
            answer = Self.contains(right, text: packet.cameThroughIPsec ? "untracked" : "new")
        } else {
            answer = .unknown
        }
        return op == "!=" ? answer.negated : answer
    }

    private func meta(_ key: String, _ right: JSONValue, _ packet: Packet) -> Answer {
        switch key {
        case "l4proto": Self.contains(right, text: packet.proto, number: Self.number(of: packet.proto))
        case "nfproto": Self.contains(right, text: packet.family == 4 ? "ipv4" : "ipv6")
        case "secpath", "ipsec": right == .bool(packet.cameThroughIPsec) ? .yes : .no
        case "iifname", "iif": interface(right, packet)
        case _: .unknown
        }
    }

    private func interface(_ right: JSONValue, _ packet: Packet) -> Answer {
        if let name = right.text, !name.hasPrefix("@") {
            guard let interface = packet.interface else { return name == "lo" ? .no : .unknown }
            return name.hasSuffix("*")
                ? (interface.hasPrefix(name.dropLast()) ? .yes : .no) : (interface == name ? .yes : .no)
        }
        guard let set = right["set"]?.list else { return .unknown }
        let answers = set.map { interface($0, packet) }
        return answers.contains(.yes) ? .yes : answers.contains(.unknown) ? .unknown : .no
    }

    private static let transports: Set = [
        "tcp", "udp", "udplite", "icmp", "icmpv6", "igmp", "sctp", "dccp", "esp", "ah", "comp", "gre",
    ]

    /// - Returns: `nil` if such a packet has no such field.
    private func field(_ proto: String, _ field: String, _ right: JSONValue, _ packet: Packet) -> Answer? {
        switch (proto, field) {
        case ("ip", _) where packet.family == 6, ("ip6", _) where packet.family == 4: return nil
        case ("ip", "protocol"), ("ip6", "nexthdr"):
            return Self.contains(right, text: packet.proto, number: Self.number(of: packet.proto))
        case ("ip", "saddr"), ("ip6", "saddr"):
            return packet.source.map { Self.contains(right, address: $0) } ?? .unknown
        case ("ip", _), ("ip6", _): return .unknown
        case (let name, _) where Self.transports.contains(name) && name != packet.proto: return nil
        case ("udp", "dport"), ("th", "dport"):
            return packet.port.map { Self.contains(right, number: $0) } ?? .unknown
        case _: return .unknown
        }
    }

    private static func number(of proto: String) -> Int? { ["tcp": 6, "udp": 17, "esp": 50][proto] }

    private static let services = ["isakmp": 500, "ipsec-nat-t": 4500, "l2f": 1701, "l2tp": 1701]

    /// Whether a value, a range or a set has the text or the number.
    private static func contains(_ right: JSONValue, text: String? = nil, number: Int? = nil) -> Answer {
        switch right {
        case .number(let value): return value == number ? .yes : .no
        case .text(let value) where value.hasPrefix("@"): return .unknown
        case .text(let value): return value == text || number != nil && services[value] == number ? .yes : .no
        case .list(let values): return any(values) { contains($0, text: text, number: number) }
        case .object:
            if let values = right["set"]?.list { return any(values) { contains($0, text: text, number: number) } }
            if let value = right["elem"]?["val"] { return contains(value, text: text, number: number) }
            if let ends = right["range"]?.list, ends.count == 2, case .number(let low) = ends[0],
                case .number(let high) = ends[1], let number
            {
                return low <= number && number <= high ? .yes : .no
            }
            return .unknown
        case .null, .bool: return .unknown
        }
    }

    private static func contains(_ right: JSONValue, address: IPAddress) -> Answer {
        if let text = right.text, let value = IPAddress(text) { return value == address ? .yes : .no }
        if let values = right["set"]?.list { return any(values) { contains($0, address: address) } }
        if let prefix = right["prefix"], let text = prefix["addr"]?.text, let base = IPAddress(text),
            case .number(let length)? = prefix["len"], let block = IPPrefix(base, length: length)
        {
            return block.contains(address) ? .yes : .no
        }
        return .unknown
    }

    private static func any(_ values: [JSONValue], _ test: (JSONValue) -> Answer) -> Answer {
        let answers = values.map(test)
        return answers.contains(.yes) ? .yes : answers.contains(.unknown) ? .unknown : .no
    }
}
