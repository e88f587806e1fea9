// SPDX-License-Identifier: Apache-2.0
import Cryptography
import PPP
import Primitives
import Simulation
import Testing

/// What broken and hostile peers send, each beside the legitimate traffic that must still pass.
struct HostileInputTests {
    private func sent(_ effects: [Link.Effect]) -> [[UInt8]] { LinkBench.sent(effects) }

    /// The twin of most cases: whatever came before, an honest conversation goes on.
    private func expectService(_ bench: inout LinkBench) {
        bench.wait(.seconds(2))
        #expect(bench.phase == "network")
        #expect(sent(bench.hear("C021 09 33 0008 00000000")).map { Array($0.prefix(4)) } == [hex("C021 0A 33")])
        #expect(bench.ends.isEmpty)
    }

    @Test("P01: a frame with any packet length or option length changes nothing of a link that is up")
    func lengths() {
        for length in [0, 1, 3, 5, 9, 11, 0xFFFF] as [UInt16] {
            for protocolNumber in ["C021", "8021", "C023"] {
                var bench = LinkBench.up()
                let bytes = [UInt8(length >> 8), UInt8(length & 0xFF)]
                bench.hear(hex(protocolNumber) + [1, 0x51] + bytes + [3, 6, 10, 99])
                expectService(&bench)
            }
        }
        for option in [0, 1, 7, 255] as [UInt8] {
            var bench = LinkBench.up()
            let effects = bench.hear(hex("C021 01 51 000A 03") + [option] + hex("01020304"))
            #expect(sent(effects).isEmpty)
            expectService(&bench)
        }
    }

    @Test("P02: Code-Reject and Protocol-Reject that are cut short are discarded")
    func rejectsCutShort() {
        for text in ["C021 07 51 0004", "C021 08 51 0004", "C021 08 51 0005 C0"] {
            var bench = LinkBench.up()
            let effects = bench.hear(text)
            #expect(sent(effects).isEmpty)
            #expect(LinkBench.events(effects).map(\.description.name) == ["malformed-packet"], "\(text)")
            expectService(&bench)
        }
    }

    @Test("P03: of 50,000 Configure-Requests in a second no more than fifty are looked at, and the next call comes up")
    func floodsOfConfigureRequests() {
        // Refused ones, which no automaton counts.
        var bench = LinkBench()
        let asked = bench.run { $0.lowerLayerUp(at: $1) }
        var answers = 0
        for number in 0..<50_000 {
            let request = [0xC0, 0x21, 1, UInt8(truncatingIfNeeded: number), 0, 7, 0x0D, 3, 6]
            answers += sent(bench.link.receive(request[...], at: bench.now)).count
        }
        #expect(answers == 50)
        #expect(bench.phase == "establish")
        bench.wait(.seconds(2))
        bench.acknowledge(asked)
        bench.negotiateLCP()
        #expect(bench.phase == "authenticate")
        // And those that open and close the layer: sent away soon.
        var up = LinkBench.up()
        for number in 0..<50_000 where up.phase != "terminate" {
            up.negotiateLCP("01 04 05" + (number % 2 == 0 ? "00" : "01"))
            if number % 10 == 0 { up.wait(.seconds(1)) }
        }
        #expect(up.phase == "terminate" || up.phase == "dead")
    }

    @Test("P03: a peer that Naks our request for ever is given up on after ten times, one that Naks once is not")
    func naksForEver() {
        func nak(_ rounds: Int) -> LinkBench {
            var bench = LinkBench()
            var asked = sent(bench.run { $0.lowerLayerUp(at: $1) })
            for _ in 0..<rounds {
                guard let request = asked.last(where: { $0[2] == 1 }) else { break }
                asked = sent(bench.hear([0xC0, 0x21, 3, request[3], 0, 8, 1, 4, 5, 0]))
            }
            return bench
        }
        let stubborn = nak(20)
        #expect(stubborn.events.contains(.negotiationFailed(.lcp, .endless)))
        #expect(stubborn.phase == "terminate")
        var twin = nak(1)
        twin.wait(.seconds(3))
        twin.negotiateLCP()
        #expect(twin.events.contains(.negotiationFailed(.lcp, .endless)) == false)
    }

    @Test("P04: the reply to an Echo-Request of 1,500 bytes is cut to the peer's MRU of 576")
    func longEchoes() {
        var bench = LinkBench.up(options: "01 04 0240")
        #expect(bench.link.snapshot.peerMRU == 576)
        let request = hex("C021 09 07 05DC 00000000") + [UInt8](repeating: 0x55, count: 1492)
        let reply = sent(bench.hear(request))
        #expect(reply.map(\.count) == [2 + 576])
        #expect(reply.first.map { Array($0.prefix(6)) } == hex("C021 0A 07 0240"))
        // The twin: a short one comes back whole.
        #expect(sent(bench.hear("C021 09 08 000A 00000000 ABCD")).first?.suffix(2) == hex("ABCD")[...])
    }

    @Test("P06: a PAP request with lengths beyond the packet is dropped, never verified, and no try")
    func malformedPAP() {
        var bench = LinkBench.authenticating()
        for fields in ["", "05 616C", "FF 616C", "02 616C", "02 616C 05 70", "FF 61 FF 70"] {
            let bytes = hex(fields)
            let effects = bench.hear([0xC0, 0x23, 1, 9, 0, UInt8(4 + bytes.count)] + bytes)
            #expect(LinkBench.events(effects).map(\.description.name) == ["malformed-packet"], "\(fields)")
            #expect(effects.count == 1)
        }
        let longest = [UInt8](repeating: 0x61, count: 253)
        let most = [253] + longest + [255] + [UInt8](repeating: 0x62, count: 255)
        let effects = bench.hear(
            [0xC0, 0x23, 1, 10, UInt8((4 + most.count) >> 8), UInt8((4 + most.count) & 0xFF)] + most
        )
        #expect(effects.count == 1 && bench.verifications.count == 1)
    }

    @Test(
        "P07: CHAP values of 0 to 255 bytes, names of 0 and 1,000 bytes, wrong identifiers: only the right one counts"
    )
    func malformedCHAP() throws {
        func response(_ bench: LinkBench, size: Int, name: [UInt8], identifier: UInt8? = nil) throws -> [UInt8] {
            let challenge = try #require(
                sent(bench.effects).last { $0.starts(with: [0xC2, 0x23, 1]) }
            )
            let data = [UInt8(size)] + [UInt8](repeating: 7, count: size) + name
            let length = 4 + data.count
            return [0xC2, 0x23, 2, identifier ?? challenge[3], UInt8(length >> 8), UInt8(length & 0xFF)] + data
        }
        let alice = Array("alice".utf8)
        for method in [AuthenticationMethod.chapMD5, .mschapv2] {
            let right = method == .chapMD5 ? 16 : 49
            for size in [0, 1, 15, 16, 17, 48, 49, 50, 255] {
                var bench = LinkBench.authenticating(method)
                bench.hear(try response(bench, size: size, name: alice))
                #expect(bench.verifications.count == (size == right ? 1 : 0), "\(method) \(size)")
                #expect(bench.phase == "authenticate")
            }
            var other = LinkBench.authenticating(method)
            other.hear(try response(other, size: right, name: alice, identifier: 0xEE))
            #expect(other.verifications.isEmpty)
            other.hear(try response(other, size: right, name: alice))
            #expect(other.verifications.count == 1)
            for count in [0, 254, 1000] {
                var bench = LinkBench.authenticating(method)
                bench.hear(try response(bench, size: right, name: [UInt8](repeating: 0x61, count: count)))
                #expect(bench.verifications.isEmpty)
                #expect(bench.events.contains { $0.description.name == "user-refused" })
            }
        }
    }

    @Test("P08: a peer that rejects authentication, or Naks it with nothing, gets no link")
    func nobodyGoesUnproved() {
        for (code, option) in [(4, "03 04 C023"), (3, "03 04 C227"), (3, "03 02")] as [(UInt8, String)] {
            var bench = LinkBench()
            let request = sent(bench.run { $0.lowerLayerUp(at: $1) })[0]
            let bytes = hex(option)
            bench.hear([0xC0, 0x21, code, request[3], 0, UInt8(4 + bytes.count)] + bytes)
            #expect(bench.phase == "terminate", "\(option)")
            bench.wait(.seconds(20))
            #expect(bench.ends.count == 1)
        }
        // IPCP instead of a proof.
        var bench = LinkBench.authenticating()
        #expect(sent(bench.hear("8021 01 01 000A 03 06 0A630002")).isEmpty)
        #expect(bench.phase == "authenticate")
        bench.pap("alice")
        #expect(bench.verifications.count == 1)
    }

    @Test("P10: a peer gets the address it was given and no other, and is Naked five times at most")
    func strangeAddresses() {
        for address in ["00000000", "7F000001", "E0000001", "FFFFFFFF", "0A630001"] {
            var bench = LinkBench.authenticating()
            bench.pap("alice")
            bench.run { $0.authenticated(.accepted(authenticatorResponse: nil), at: $1) }
            bench.acknowledge(bench.run { $0.openNetwork(LinkBench.offer, at: $1) })
            let answer = sent(bench.hear("8021 01 07 000A 03 06 " + address))
            #expect(answer == [hex("8021 03 07 000A 03 06 0A630002")])
            #expect(!bench.effects.contains { if case .networkUp = $0 { true } else { false } })
            let odd = sent(bench.hear("8021 01 08 0009 03 05 0A6300"))
            #expect(odd == [hex("8021 03 08 000A 03 06 0A630002")])
            let up = bench.hear("8021 01 09 000A 03 06 0A630002")
            #expect(up.contains { if case .networkUp = $0 { true } else { false } })
        }
    }

    @Test("P12: CCP in any form is rejected as a protocol, five times a second, and data flows on")
    func compression() {
        for text in [
            "80FD 01 01 000A 12 06 01000001", "80FD 01 02 000A 12 06 01000060", "80FD 01 03 0007 15 03 2F",
            "80FD 0E 04 0004", "80FD 0F 05 0004", "80FD 01",
        ] {
            var bench = LinkBench.up()
            var answers: [[UInt8]] = []
            for _ in 0..<100 { answers += sent(bench.hear(text)) }
            #expect(answers.count == 5)
            #expect(answers.allSatisfy { $0.starts(with: hex("C021 08")) && $0[6] == 0x80 && $0[7] == 0xFD })
            expectService(&bench)
        }
        // A compressed datagram, which nobody agreed on.
        var bench = LinkBench.up()
        #expect(sent(bench.hear("00FD 9000 1234")).allSatisfy { $0.starts(with: hex("C021 08")) })
        expectService(&bench)
    }

    @Test("P13: an even protocol is dropped, an unknown one rejected, a compressed one understood")
    func protocols() {
        var bench = LinkBench.up()
        #expect(LinkBench.events(bench.hear("C022 01 01 0004")).map(\.description.name) == ["malformed-packet"])
        #expect(sent(bench.hear("C0 22")).isEmpty)
        #expect(sent(bench.hear("8057 01 01 0004")).count == 1)
        #expect(bench.hear("21 45000014").isEmpty)
        #expect(sent(bench.hear("FF03 C021 09 01 0008 00000000")).count == 1)
        expectService(&bench)
    }

    @Test("P14: a storm of Terminate-Requests is one end; Terminate-Acks nobody asked for end nothing")
    func goodbyes() {
        var bench = LinkBench.up()
        var answers = 0
        for number in 0..<1000 {
            answers += sent(bench.hear(hex("C021 05") + [UInt8(truncatingIfNeeded: number)] + hex("0004"))).count
        }
        #expect((1...50).contains(answers))
        bench.wait(.seconds(20))
        #expect(bench.ends == [.byPeer])
        #expect(bench.effects.count { $0 == .networkDown } == 1)
        #expect(bench.link.nextDeadline == nil)
        // RFC 1661 §4.1: one in state Opened means that the peer has lost its state; it is asked anew, not sent away.
        var twin = LinkBench.up()
        let asked = twin.hear("C021 06 07 0004")
        #expect(sent(asked).map { $0[2] } == [1])
        #expect(twin.phase == "establish" && twin.ends.isEmpty)
        for _ in 0..<1000 { twin.hear("C021 06 07 0004") }
        #expect(twin.phase == "establish" && twin.ends.isEmpty)
        twin.wait(.seconds(1))
        twin.acknowledge(asked)
        twin.negotiateLCP()
        #expect(twin.phase == "authenticate")
    }

    @Test("P15: a user's name goes to the database as it came; empty, too long or not UTF-8 it is refused unasked")
    func userNames() throws {
        for name in ["a\u{0}b", "a\nb", "../../etc/passwd", "grüße", String(repeating: "x", count: 253)] {
            var bench = LinkBench.authenticating()
            bench.pap(name)
            #expect(bench.verifications.map(\.userName) == [name])
        }
        for bytes in [[], [UInt8](repeating: 0x78, count: 254), [0xC3], [0x61, 0xFF]] {
            var bench = LinkBench.authenticating()
            let data = [UInt8(bytes.count)] + bytes + [1, 0x70]
            let length = 4 + data.count
            let effects = bench.hear([0xC0, 0x23, 1, 1, UInt8(length >> 8), UInt8(length & 0xFF)] + data)
            #expect(bench.verifications.isEmpty)
            #expect(sent(effects).first?[2] == 3)
            let texts = LinkBench.events(effects).map(\.description.message)
            #expect(!texts.isEmpty)
            #expect(texts.allSatisfy { $0.unicodeScalars.allSatisfy { $0.value >= 0x20 } })
        }
    }

    @Test("P16: MRUs of 0 to 65,535: too small is Naked with 576, and what is acknowledged holds for what we send")
    func maximumReceiveUnits() {
        for (mru, answer) in [("0000", 3), ("0001", 3), ("003F", 3), ("023F", 3), ("0240", 2), ("FFFF", 2)]
            as [(String, UInt8)]
        {
            var bench = LinkBench()
            bench.run { $0.lowerLayerUp(at: $1) }
            let said = sent(bench.hear("C021 01 07 0008 01 04 " + mru))
            #expect(said.map { $0[2] } == [answer], "\(mru)")
            if answer == 3 { #expect(said[0].suffix(4) == hex("01 04 0240")[...]) }
        }
        var large = LinkBench.up(options: "01 04 FFFF")
        #expect(large.link.snapshot.peerMRU == 0xFFFF)
        expectService(&large)
    }
}
