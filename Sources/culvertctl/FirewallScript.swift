// SPDX-License-Identifier: Apache-2.0
import ConfigFile
import ControlPlane
import Kernel
import Primitives

/// The packet filter rules that a gateway with these settings needs, as text for `nft -f`.
///
/// Nothing that others chose gets into it: addresses come from their numbers, names of interfaces are checked.
struct FirewallScript {
    static let table = "inet culvert-firewall"

    /// As it is told in the first comment.
    let file: String
    let listen: [IPAddress]
    /// What peers are given: pools, and the fixed addresses outside of them.
    let inside: [IPPrefix]
    /// Where peers' packets leave with the gateway's own address.
    let masquerade: [InterfaceName]

    /// A name that means one interface, and nothing else to `nft`.
    struct InterfaceName: Hashable {
        let text: String

        init?(_ text: String) {
            guard (1...15).contains(text.utf8.count), text != ".", text != "..",
                text.utf8.allSatisfy({ byte in
                    switch byte {
                    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "-"),
                        UInt8(ascii: "_"), UInt8(ascii: "@"):
                        true
                    default: false
                    }
                })
            else { return nil }
            self.text = text
        }
    }

    init(_ settings: Settings, file: String, masquerade: [InterfaceName]) {
        self.file = file
        self.masquerade = masquerade
        listen = settings.listen
        let pools = settings.controlPlane.pools.map(\.range)
        var fixed: [IPPrefix] = []
        for address in settings.controlPlane.users.compactMap(\.address) {
            guard !pools.contains(where: { $0.contains(address) }),
                let prefix = IPPrefix(address, length: address.bitWidth), !fixed.contains(prefix)
            else { continue }
            fixed.append(prefix)
        }
        inside = pools + fixed
    }

    var text: String {
        """
        #!/usr/sbin/nft -f
        # What a gateway with \(file.visible) needs of the packet filter,
        # as culvertctl firewall says it. It opens and closes nothing else.
        #
        # In nftables every table has its say, and one drop is enough: an accept in here does
        # not help against a chain elsewhere that drops. If you have one, put these lines into
        # it, before what drops:
        #
        #   at input:
        \(comment(input.map(\.rule)))
        #   at forward:
        \(comment(yourForward))
        #   at output, if that drops, too:
        \(comment(output))
        #
        # Interfaces of peers are \(Ownership.unitPrefix)0, \(Ownership.unitPrefix)1 and so on. The rule for 1701 lets nobody in: culvertd's own
        # table (culvertctl rules) drops what did not come through IPsec.

        # made anew, in one step
        table \(Self.table)
        delete table \(Self.table)
        table \(Self.table) {
            chain input {
                type filter hook input priority filter - 10; policy accept;
        \(lines(input.map { $0.counted }))
                udp dport 1701 counter drop comment "L2TP in clear"
            }
            chain forward {
                type filter hook forward priority filter - 10; policy accept;
        \(lines(forward))
            }\(postrouting)
        }

        """
    }

    // MARK: Rules

    private struct Rule {
        var match: String
        var comment: String

        var rule: String { "\(match) accept comment \"\(comment)\"" }
        var counted: String { "\(match) counter accept comment \"\(comment)\"" }
    }

    private var input: [Rule] {
        destinations.flatMap { destination in
            [
                Rule(match: "\(destination)udp dport { 500, 4500 }", comment: "IKE, and ESP in UDP"),
                Rule(match: "\(destination)meta l4proto esp", comment: "ESP"),
            ]
        } + [Rule(match: "meta ipsec exists udp dport 1701", comment: "L2TP, after decryption only")] + narrowings
    }

    /// What routers say when a packet does not fit: the MTU follows (`Docs/MTU.md`).
    private var narrowings: [Rule] {
        var rules: [Rule] = []
        if listen.contains(where: \.isV4) {
            let match = "icmp type destination-unreachable icmp code frag-needed"
            rules.append(Rule(match: match, comment: "what a path takes"))
        }
        if !listen.allSatisfy(\.isV4) {
            rules.append(Rule(match: "icmpv6 type packet-too-big", comment: "what a path takes"))
        }
        return rules
    }

    private var output: [String] {
        [
            "udp sport { 500, 4500 } accept", "meta l4proto esp accept", "rt ipsec exists udp sport 1701 accept",
            "oifname \"\(Ownership.unitPrefix)*\" accept",
        ]
    }

    private var yourForward: [String] {
        sets(of: inside).flatMap { family, set in
            [
                "iifname \"\(Ownership.unitPrefix)*\" \(family) saddr \(set) accept",
                "oifname \"\(Ownership.unitPrefix)*\" \(family) daddr \(set) ct state established,related accept",
            ]
        }
    }

    private var forward: [String] {
        sets(of: inside).flatMap { family, set in
            [
                "iifname \"\(Ownership.unitPrefix)*\" \(family) saddr \(set) counter accept comment \"from peers\"",
                "oifname \"\(Ownership.unitPrefix)*\" \(family) daddr \(set) counter accept comment \"to peers\"",
            ]
        }
    }

    private var postrouting: String {
        guard !masquerade.isEmpty else { return "" }
        let names = masquerade.map { "\"\($0.text)\"" }.joined(separator: ", ")
        let rules = sets(of: inside).map { family, set in
            "oifname { \(names) } \(family) saddr \(set) counter masquerade comment \"peers go out as the gateway\""
        }
        return """

                chain postrouting {
                    type nat hook postrouting priority srcnat; policy accept;
            \(lines(rules))
                }
            """
    }

    /// What stands before a match, for each family that is listened on; empty for any address.
    private var destinations: [String] {
        let anyV4 = listen.contains { $0.isV4 && $0.isUnspecified }
        let anyV6 = listen.contains { !$0.isV4 && $0.isUnspecified }
        if anyV4, anyV6 { return [""] }
        var all = listen.filter { $0.isUnspecified }.map { $0.isV4 ? "meta nfproto ipv4 " : "meta nfproto ipv6 " }
        let named = listen.filter { address in !(address.isV4 ? anyV4 : anyV6) }
        let prefixes = named.compactMap { IPPrefix($0, length: $0.bitWidth) }
        all += sets(of: prefixes).map { family, set in "\(family) daddr \(set) " }
        return all
    }

    /// For each family that is there, `ip` or `ip6`, its members.
    private func sets(of prefixes: [IPPrefix]) -> [(family: String, set: String)] {
        [true, false].compactMap { isV4 in
            let members = prefixes.filter { $0.address.isV4 == isV4 }.map { prefix in
                prefix.length == prefix.address.bitWidth ? prefix.address.description : prefix.description
            }
            guard !members.isEmpty else { return nil }
            return (isV4 ? "ip" : "ip6", "{ \(members.joined(separator: ", ")) }")
        }
    }

    private func comment(_ rules: [String]) -> String {
        rules.map { "#       \($0)" }.joined(separator: "\n")
    }

    private func lines(_ rules: [String]) -> String {
        rules.map { "        \($0)" }.joined(separator: "\n")
    }
}
