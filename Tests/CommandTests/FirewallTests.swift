// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import ConfigFile
import Testing

@testable import culvertctl

/// What `culvertctl firewall` prints, and what it asks of nft.
struct FirewallTests {
    /// Keeps books about what it was asked.
    private final class RecordedFilter: PacketFilter {
        var tables: Set<String> = []
        var loaded: [String] = []
        var tried: [String] = []
        var refuses = false

        func has(table: String) throws(Problem) -> Bool { tables.contains(table) }

        func load(_ script: String, isTrial: Bool) throws(Problem) {
            if refuses { throw Problem("nft refused the rules (exit code 1); nothing was changed") }
            if isTrial {
                tried.append(script)
            } else {
                loaded.append(script)
                tables = script.hasPrefix("delete table ") ? [] : [FirewallScript.table]
            }
        }
    }

    private static func load(
        listen: String = "[0.0.0.0]",
        pools: String = "[ { name: office, range: 10.99.0.0/24, gateway: 10.99.0.1 } ]",
        users: String = "users: [ { name: alice, secret: s3cret } ]\n"
    ) -> ConfigFile.Load {
        { (path: String) throws(FileProblem) -> LoadedFile in
            let text: String
            switch path {
            case "gw.yaml":
                text = """
                    gateway: { name: gw1.example.net, listen: \(listen) }
                    ike:
                      profiles: [ { name: remote-access, secret: { file: psk } } ]
                    addresses:
                      pools: \(pools)
                    users: { file: users.yaml }

                    """
            case "users.yaml": text = users
            case "psk": text = "a long enough secret\n"
            default: throw .missing
            }
            return LoadedFile(bytes: Array(text.utf8), mode: 0o600, ownerIsTrusted: true)
        }
    }

    private func play(
        _ arguments: [String] = [],
        load: @escaping ConfigFile.Load = Self.load(),
        nft: RecordedFilter = RecordedFilter()
    ) throws -> String {
        try Firewall.parse(arguments + ["--config", "gw.yaml"]).play(load: load, nft: nft)
    }

    /// Lines of the script that are no comments, without indentation.
    private func rules(_ script: String) -> [String] {
        script.split(separator: "\n").map { $0.drop { $0 == " " } }.filter { !$0.hasPrefix("#") }.map(String.init)
    }

    @Test func forIPv4ItIsThis() throws {
        #expect(try play() == golden)
    }

    @Test func forBothFamiliesNothingIsAskedAboutTheAddress() throws {
        let script = try play(load: Self.load(listen: "[0.0.0.0, \"::\"]"))
        #expect(rules(script).contains("udp dport { 500, 4500 } counter accept comment \"IKE, and ESP in UDP\""))
        #expect(rules(script).contains("meta l4proto esp counter accept comment \"ESP\""))
        #expect(!script.contains("nfproto"))
        #expect(!script.contains("ip6"))
    }

    @Test func addressesThatAreListenedOnAreNamed() throws {
        let script = try play(load: Self.load(listen: "[192.0.2.1, 192.0.2.2, \"2001:db8::1\"]"))
        let input = rules(script).filter { $0.contains(" dport { 500, 4500 }") }
        #expect(
            input == [
                "ip daddr { 192.0.2.1, 192.0.2.2 } udp dport { 500, 4500 } counter accept comment \"IKE, and ESP in UDP\"",
                "ip6 daddr { 2001:db8::1 } udp dport { 500, 4500 } counter accept comment \"IKE, and ESP in UDP\"",
            ]
        )
        #expect(rules(script).contains("ip6 daddr { 2001:db8::1 } meta l4proto esp counter accept comment \"ESP\""))
    }

    @Test func everyAddressOfOneFamilyAndOneOfTheOther() throws {
        let script = try play(load: Self.load(listen: "[192.0.2.1, \"::\"]"))
        let input = rules(script).filter { $0.contains(" dport { 500, 4500 }") }
        #expect(
            input.map { String($0.prefix(28)) } == ["meta nfproto ipv6 udp dport ", "ip daddr { 192.0.2.1 } udp d"]
        )
    }

    @Test func fixedAddressesOutsideOfThePoolsBelongToThem() throws {
        let users = """
            users:
              - { name: alice, secret: s3cret, address: 10.7.0.9 }
              - { name: bob, secret: s3cret, address: 10.99.0.7 }

            """
        let pools = """
            [ { name: office, range: 10.99.0.0/24, gateway: 10.99.0.1 }, \
            { name: more, range: 10.98.0.0/25, gateway: 10.98.0.1 } ]
            """
        let script = try play(load: Self.load(pools: pools, users: users))
        let set = "ip saddr { 10.99.0.0/24, 10.98.0.0/25, 10.7.0.9 }"
        #expect(rules(script).contains("iifname \"cv*\" \(set) counter accept comment \"from peers\""))
    }

    @Test func peersGoOutAsTheGatewayWhereThatIsWanted() throws {
        let script = try play(["--masquerade", "eth0", "--masquerade", "wan.5"])
        let rule = "oifname { \"eth0\", \"wan.5\" } ip saddr { 10.99.0.0/24 } counter masquerade"
        #expect(rules(script).contains("\(rule) comment \"peers go out as the gateway\""))
        #expect(script.contains("type nat hook postrouting priority srcnat; policy accept;"))
        #expect(!(try play()).contains("nat hook"))
    }

    @Test(arguments: [
        "", "eth0\"; flush ruleset", "eth 0", "*", "cv*", "a/b", "..", ".", "sixteen-letters!", "eth0\n", "éth0",
        "0123456789abcdef", "$x", "{", "#",
    ])
    func aNameThatIsNoInterfaceGetsNowhere(_ name: String) {
        #expect(throws: (any Error).self) { try Firewall.parse(["--masquerade", name, "--config", "gw.yaml"]) }
    }

    @Test func aPathCannotEndItsComment() throws {
        let odd = "gw\ntable inet x {}\n.yaml"
        let load: ConfigFile.Load = { (path: String) throws(FileProblem) -> LoadedFile in
            try Self.load()(path == odd ? "gw.yaml" : path)
        }
        let script = try Firewall.parse(["--config", odd]).play(load: load, nft: RecordedFilter())
        #expect(rules(script) == rules(golden))
    }

    @Test func applyingTwiceSaysSo() throws {
        let nft = RecordedFilter()
        #expect(try play(["--apply"], nft: nft).hasPrefix("the table inet culvert-firewall is installed"))
        #expect(try play(["--apply"], nft: nft).hasPrefix("the table inet culvert-firewall is replaced"))
        #expect(nft.loaded == [golden, golden])
        #expect(try play(["--remove"], nft: nft) == "the table inet culvert-firewall is gone\n")
        #expect(nft.loaded.last == "delete table inet culvert-firewall\n")
        let nothing = try play(["--remove"], nft: nft)
        #expect(nothing == "there is no table inet culvert-firewall: nothing is to be done\n")
        #expect(nft.loaded.count == 3)
    }

    @Test func aTrialChangesNothing() throws {
        let nft = RecordedFilter()
        #expect(try play(["--check"], nft: nft) == "the kernel would take these rules; nothing was changed\n")
        #expect(nft.tried == [golden])
        #expect(nft.loaded.isEmpty)
    }

    @Test func aRefusalIsAProblem() {
        let nft = RecordedFilter()
        nft.refuses = true
        for way in ["--apply", "--check"] {
            #expect(throws: Problem.self) { try play([way], nft: nft) }
        }
    }

    @Test func aConfigurationThatIsNotUsableMakesNoRules() {
        let nft = RecordedFilter()
        #expect(throws: Problem.self) { try play(["--apply"], load: Self.load(listen: "[nowhere]"), nft: nft) }
        #expect(nft.loaded.isEmpty)
    }

    @Test(arguments: [["--apply", "--remove"], ["--apply", "--check"], ["--remove", "--masquerade", "eth0"]])
    func whatDoesNotGoTogetherIsRefused(_ arguments: [String]) {
        #expect(throws: (any Error).self) { try Firewall.parse(arguments) }
    }
}

private let golden = """
    #!/usr/sbin/nft -f
    # What a gateway with gw.yaml needs of the packet filter,
    # as culvertctl firewall says it. It opens and closes nothing else.
    #
    # In nftables every table has its say, and one drop is enough: an accept in here does
    # not help against a chain elsewhere that drops. If you have one, put these lines into
    # it, before what drops:
    #
    #   at input:
    #       meta nfproto ipv4 udp dport { 500, 4500 } accept comment "IKE, and ESP in UDP"
    #       meta nfproto ipv4 meta l4proto esp accept comment "ESP"
    #       meta ipsec exists udp dport 1701 accept comment "L2TP, after decryption only"
    #       icmp type destination-unreachable icmp code frag-needed accept comment "what a path takes"
    #   at forward:
    #       iifname "cv*" ip saddr { 10.99.0.0/24 } accept
    #       oifname "cv*" ip daddr { 10.99.0.0/24 } ct state established,related accept
    #   at output, if that drops, too:
    #       udp sport { 500, 4500 } accept
    #       meta l4proto esp accept
    #       rt ipsec exists udp sport 1701 accept
    #       oifname "cv*" accept
    #
    # Interfaces of peers are cv0, cv1 and so on. The rule for 1701 lets nobody in: culvertd's own
    # table (culvertctl rules) drops what did not come through IPsec.

    # made anew, in one step
    table inet culvert-firewall
    delete table inet culvert-firewall
    table inet culvert-firewall {
        chain input {
            type filter hook input priority filter - 10; policy accept;
            meta nfproto ipv4 udp dport { 500, 4500 } counter accept comment "IKE, and ESP in UDP"
            meta nfproto ipv4 meta l4proto esp counter accept comment "ESP"
            meta ipsec exists udp dport 1701 counter accept comment "L2TP, after decryption only"
            icmp type destination-unreachable icmp code frag-needed counter accept comment "what a path takes"
            udp dport 1701 counter drop comment "L2TP in clear"
        }
        chain forward {
            type filter hook forward priority filter - 10; policy accept;
            iifname "cv*" ip saddr { 10.99.0.0/24 } counter accept comment "from peers"
            oifname "cv*" ip daddr { 10.99.0.0/24 } counter accept comment "to peers"
        }
    }

    """
