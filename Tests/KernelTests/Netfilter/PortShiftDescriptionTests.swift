// SPDX-License-Identifier: Apache-2.0
import DataPlane
import Kernel
import Testing

struct PortShiftDescriptionTests {
    private static let set = PortShift.description(table: "culvert") { $0 == "shifted-in" ? 258 : nil }

    @Test func everyRuleThatIsBuiltIsToldInWords() {
        let prefix = "NFT_MSG_NEWRULE "
        let built = PortShift.rules(table: "culvert", isActive: true).steps
            .filter { $0.hasPrefix(prefix) }
            .map { String($0.dropFirst(prefix.count)) }
        #expect(!built.isEmpty)
        #expect(Self.set.rules.map(\.chain) == built)
        for rule in Self.set.rules {
            #expect(!rule.match.isEmpty && !rule.action.isEmpty && !rule.reason.isEmpty, "\(rule)")
            #expect(!(rule.match + rule.action).contains("no words for"), "\(rule)")
        }
    }

    @Test func everyCounterBelongsToARuleAndIsRead() {
        #expect(Set(Self.set.rules.compactMap(\.counter)) == Set(PortShift.Counter.allCases.map(\.rawValue)))
        for rule in Self.set.rules { #expect(rule.packets == (rule.counter == "shifted-in" ? 258 : nil)) }
    }

    @Test func whoWantsNoClampHasNoSuchRule() {
        let set = PortShift.description(table: "culvert", clampsSegments: false) { _ in 0 }
        #expect(!set.rules.contains { $0.chain == "forward" || $0.counter == "clamped" })
        #expect(set.rules.count == Self.set.rules.count - 2)
        let steps = PortShift.rules(table: "culvert", isActive: true, clampsSegments: false).steps
        #expect(!steps.contains { $0.hasSuffix("forward") || $0.hasSuffix("clamped") })
    }

    /// A change of the rules is a change to this text, and to Docs/Rules.md.
    @Test func theRulesAreThese() {
        let lines = Self.set.rules.map { rule in
            let place = rule.hook.map { "\(rule.chain) \($0) \(rule.priority ?? 0)" } ?? rule.chain
            return "\(place): \(rule.match)\n  \(rule.action)" + (rule.counter.map { " [\($0)]" } ?? "")
        }
        #expect(Self.set.table == "inet culvert")
        #expect(lines.joined(separator: "\n") == golden)
    }
}

private let golden = """
    inside: UDP, to port 1701
      connection tracking does not see it; it goes on
    inside: anything else
      it is dropped [refused-inside-esp]
    before prerouting -300: its association's request id is at least 65536, \
    its association's request id ends in a private port (16384 to 32767)
      chain inside decides
    in input 200: UDP, to port 1701, its association's request id is at least 65536, \
    its association's request id ends in a private port (16384 to 32767)
      the destination port becomes that private port; if it is IPv4 the checksum becomes none [shifted-in]
    in input 200: UDP, to port 1701, came in clear
      it is dropped [refused-l2tp-in-clear]
    in input 200: UDP, to a private port (16384 to 32767), came in clear
      it is dropped [refused-private-in-clear]
    quotes: destination unreachable, but not fragmentation needed, quotes UDP, without IPv4 \
    options, to a private port (16384 to 32767)
      it is dropped [refused-quote-in-clear]
    quotes: destination unreachable, but not fragmentation needed, quotes UDP, without IPv4 options, to port 1701
      it is dropped [refused-quote-in-clear]
    quotes: destination unreachable, but not fragmentation needed, quotes UDP, with IPv4 options
      it is dropped [refused-quote-in-clear]
    quotes-v6: destination unreachable, quotes UDP, to a private port (16384 to 32767)
      it is dropped [refused-quote-in-clear]
    quotes-v6: destination unreachable, quotes UDP, to port 1701
      it is dropped [refused-quote-in-clear]
    quotes-v6: destination unreachable, quotes options for every hop
      it is dropped [refused-quote-in-clear]
    quotes-v6: destination unreachable, quotes a routing header
      it is dropped [refused-quote-in-clear]
    quotes-v6: destination unreachable, quotes options for the destination
      it is dropped [refused-quote-in-clear]
    out output -310: UDP, from a private port (16384 to 32767), would leave in clear
      it is dropped [refused-out-in-clear]
    out output -310: UDP, from a private port (16384 to 32767), without a checksum
      the source port becomes 1701; connection tracking does not see it [shifted-out]
    out output -310: UDP, from a private port (16384 to 32767)
      the source port becomes 1701; connection tracking does not see it [shifted-out]
    out output -310: ICMP
      chain quotes decides
    out output -310: ICMPv6
      chain quotes-v6 decides
    forward forward -150: TCP, opens a connection, to a peer
      the largest segment that it offers becomes what fits both ways, if it is larger [clamped]
    forward forward -150: TCP, opens a connection, from a peer
      the largest segment that it offers becomes what fits both ways, if it is larger [clamped]
    """
