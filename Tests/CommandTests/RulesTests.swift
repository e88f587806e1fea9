// SPDX-License-Identifier: Apache-2.0
import DataPlane
import Testing

@testable import culvertctl

@Suite("The rules, as a person reads them")
struct RulesTests {
    private static let list = RuleSet(
        table: "inet culvert",
        rules: [
            RuleSet.Rule(
                chain: "in",
                hook: "input",
                priority: 200,
                match: "UDP, to port 1701, came in clear",
                action: "it is dropped",
                reason: "L2TP without IPsec is refused, whether or not anybody listens, and that at some length.",
                counter: "refused-l2tp-in-clear",
                packets: 1234
            ),
            RuleSet.Rule(
                chain: "in",
                hook: "input",
                priority: 200,
                match: "UDP",
                action: "chain quotes decides",
                reason: "It must.",
                counter: "refused-quote-in-clear",
                packets: nil
            ),
            RuleSet.Rule(
                chain: "quotes",
                hook: nil,
                priority: nil,
                match: "ICMP",
                action: "it is dropped",
                reason: "It tells.",
                counter: nil,
                packets: nil
            ),
        ]
    )

    @Test
    func `A heading for each chain, a paragraph for each rule`() {
        #expect(
            render(Self.list) == """
                table inet culvert: culvertd's own; nobody else can change it, and it goes with
                culvertd

                in: at input, priority 200
                  UDP, to port 1701, came in clear
                    -> it is dropped
                    L2TP without IPsec is refused, whether or not anybody listens, and that at
                    some length.
                    refused-l2tp-in-clear: 1,234 packets
                  UDP
                    -> chain quotes decides
                    It must.
                    refused-quote-in-clear: not known

                quotes: where other rules send packets
                  ICMP
                    -> it is dropped
                    It tells.

                """
        )
    }

    @Test
    func `Nothing that the daemon says reaches the terminal raw or breaks the width`() {
        let hostile = "\u{1B}[2J\u{202E}evil\n" + String(repeating: "x", count: 300)
        var list = Self.list
        list.table = hostile
        list.rules[0].chain = hostile
        list.rules[0].hook = hostile
        list.rules[0].match = hostile
        list.rules[0].action = hostile
        list.rules[0].reason = hostile
        list.rules[0].counter = hostile
        for line in render(list).split(separator: "\n") { #expect(line.count <= 80, "\(line)") }
        for scalar in render(list).unicodeScalars { #expect(scalar == "\n" || scalar.isVisible) }
    }

    @Test
    func `What the daemon sends is understood`() throws {
        let json = #"{"rules":[{"action":"a","chain":"c","match":"m","reason":"r"}],"table":"t"}"#
        let list = try #require(JSON.value(RuleSet.self, from: Array(json.utf8)))
        #expect(list.rules.first?.hook == nil && list.rules.first?.action == "a")
    }
}
