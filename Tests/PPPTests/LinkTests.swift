// SPDX-License-Identifier: Apache-2.0
import Cryptography
import PPP
import Primitives
import Simulation
import Testing

struct LinkTests {
    private let now = MonotonicTime(sinceBoot: .seconds(100))

    private func client(_ methods: [AuthenticationMethod] = [.chapMD5]) -> SimulatedPPPClient.Configuration {
        SimulatedPPPClient.Configuration(user: "alice", passwords: ["s3cr3t"], methods: methods)
    }

    private func up() -> LossyPPPWire {
        var wire = LossyPPPWire(client())
        wire.dial()
        wire.runUntilUp()
        return wire
    }

    private func frame(_ text: String) -> ArraySlice<UInt8> { hex(text)[...] }

    private func sent(_ effects: [Link.Effect]) -> [[UInt8]] {
        effects.compactMap { effect in
            if case .send(let frame) = effect { return frame }
            return nil
        }
    }

    @Test func asksAsSoonAsTheSessionStands() {
        var link = Link(
            configuration: Configuration(name: "gw1", authentication: [.pap], mru: 1400),
            entropy: FixedEntropy()
        )
        #expect(link.nextDeadline == nil)
        #expect(
            link.lowerLayerUp(at: now) == [.send(hex("C021 01 01 0012 01 04 0578 03 04 C023 05 06 11111111"))]
        )
        #expect(link.nextDeadline == now.advanced(by: .seconds(3)))
        #expect(link.lowerLayerUp(at: now).isEmpty)
        #expect(link.snapshot.phase == "establish")
    }

    @Test("P04: ten Echo-Requests a second are answered")
    func answersEchoesUpToTheLimit() {
        var wire = up()
        let magic = wire.link.receive(frame("C021 09 07 000A 00000000 ABCD"), at: wire.now)
        let reply = sent(magic)
        #expect(reply.count == 1)
        #expect(reply.first?.starts(with: hex("C021 0A 07 000A")) == true)
        #expect(reply.first?.suffix(2) == hex("ABCD")[...])
        var answered = 1
        for _ in 0..<50 {
            answered += sent(wire.link.receive(frame("C021 09 08 0008 00000000"), at: wire.now)).count
        }
        #expect(answered == 10)
        let later = wire.now.advanced(by: .seconds(1))
        #expect(sent(wire.link.receive(frame("C021 09 08 0008 00000000"), at: later)).count == 1)
    }

    @Test("P04: an Echo-Reply fits into what the peer takes")
    func anEchoReplyFitsIntoWhatThePeerTakes() {
        var wire = LossyPPPWire(client()) { _ in }
        wire.dial()
        wire.runUntilUp()
        let big = hex("C021 09 07 05DC 00000000") + [UInt8](repeating: 0x55, count: 1492)
        #expect(sent(wire.link.receive(big[...], at: wire.now)).map(\.count) == [1402])
    }

    @Test("P13: unknown protocols are rejected up to five times a second")
    func unknownProtocolsAreRejectedUpToTheLimit() {
        var wire = up()
        let effects = wire.link.receive(frame("8057 01 01 000E 01 0A 0000000000000001"), at: wire.now)
        #expect(effects.contains(.report(.protocolRejected(.ipv6cp))))
        #expect(sent(effects).first == hex("C021 08 02 0014 8057 01 01 000E 01 0A 0000000000000001"))
        var answered = 0
        for _ in 0..<50 { answered += sent(wire.link.receive(frame("80FD 01 01 0004"), at: wire.now)).count }
        // One was for the client's own CCP, in the same second.
        #expect(answered == 3)
    }

    @Test func userPacketsAndStrayProtocolsAreDroppedQuietly() {
        var wire = up()
        #expect(wire.link.receive(frame("0021 45000014"), at: wire.now).isEmpty)
        #expect(wire.link.receive(frame("57 60000000"), at: wire.now).isEmpty)
        var link = Link(
            configuration: Configuration(name: "gw1", authentication: [.pap], mru: 1400),
            entropy: FixedEntropy()
        )
        _ = link.lowerLayerUp(at: now)
        #expect(link.receive(frame("80FD 01 01 0004"), at: now).isEmpty)
        #expect(link.receive(frame("8021 01 01 0004"), at: now).isEmpty)
    }

    @Test("P01: malformed frames are reported and change nothing")
    func malformedFramesAreReportedAndChangeNothing() {
        var wire = up()
        let before = wire.link.snapshot
        for text in ["", "C0", "C022", "C021", "C021 01 01 0003", "C021 01 01 00FF", "8021 01 01 0006 03 01"] {
            let effects = wire.link.receive(frame(text), at: wire.now)
            #expect(effects.count == 1)
            if case .report(.malformedPacket)? = effects.first {} else { Issue.record("\(text): \(effects)") }
        }
        #expect(wire.link.snapshot == before)
    }

    @Test("P05: our own packets coming back are a loop")
    func ourOwnPacketsComingBackAreALoop() {
        var link = Link(
            configuration: Configuration(name: "gw1", authentication: [.pap], mru: 1400),
            entropy: SeededEntropy(seed: 1)
        )
        var now = now
        var effects = link.lowerLayerUp(at: now)
        var all = effects
        for _ in 0..<40 where link.nextDeadline != nil {
            let frames = sent(effects)
            effects = []
            for frame in frames { effects += link.receive(frame[...], at: now) }
            if frames.isEmpty {
                now = link.nextDeadline ?? now
                effects = link.advance(to: now)
            }
            all += effects
        }
        #expect(all.contains(.report(.loopDetected)))
        #expect(all.last == .finished(.negotiationFailed("LCP: \(NegotiationError.loop)")))
    }

    @Test("P02: the rejection of a protocol we need is the end, of another or cut short it is not")
    func theRejectionOfAProtocolWeNeedIsTheEnd() {
        for (text, number) in [("C021", ProtocolNumber.lcp), ("C223", .chap), ("8021", .ipcp)] {
            var wire = up()
            let effects = wire.link.receive(frame("C021 08 01 0006 \(text)"), at: wire.now)
            #expect(effects.contains(.networkDown))
            #expect(effects.contains(.report(.negotiationFailed(number, .protocolRejected(number)))))
            #expect(wire.link.snapshot.phase == "terminate")
        }
        var wire = up()
        #expect(wire.link.receive(frame("C021 08 01 0006 80FD"), at: wire.now).isEmpty)
        #expect(wire.link.receive(frame("C021 08 01 0005 80"), at: wire.now).count == 1)
        #expect(wire.link.snapshot.phase == "network")
    }

    @Test func aPeerThatKnowsNoEchoIsAlive() {
        var wire = up()
        let deadline = wire.link.nextDeadline!
        let request = sent(wire.link.advance(to: deadline)).first!
        #expect(request.starts(with: hex("C021 09 01 0008")))
        #expect(wire.link.receive(frame("C021 07 01 000C 09 01 0008 00000000"), at: deadline).isEmpty)
        #expect(wire.link.snapshot.phase == "network")
    }

    @Test func identificationIsReportedAndTheRestOfLCPIsTolerated() {
        var wire = up()
        let identification = frame("C021 0C 01 000D 00000000 4D53524153")
        #expect(wire.link.receive(identification, at: wire.now) == [.report(.identification("MSRAS"))])
        #expect(wire.link.receive(frame("C021 0B 01 0008 00000000"), at: wire.now).isEmpty)
        #expect(wire.link.receive(frame("C021 0D 01 000C 00000000 00000001"), at: wire.now).isEmpty)
    }

    @Test func renegotiationOfLCPAsksForProofAgainAndKeepsTheAddress() {
        var wire = up()
        // A copy of the peer's last request is only answered; a new one starts anew.
        let effects = wire.link.receive(frame("C021 01 63 0008 01 04 0500"), at: wire.now)
        #expect(effects.contains(.networkDown))
        #expect(wire.link.snapshot.phase == "establish")
        var fresh = SimulatedPPPClient(client(), entropy: SeededEntropy(seed: 9))
        swap(&wire.client, &fresh)
        wire.take(effects)
        wire.carry(wire.client.start(at: wire.now))
        wire.run(for: .seconds(30)) { $0.client.isUp && $0.networks.count == 2 }
        #expect(wire.client.isUp)
        #expect(wire.networks.count == 2)
        #expect(wire.count(.networkWanted(userName: "alice")) == 1)
    }

    @Test func renegotiationAsAnotherUserIsTheEnd() {
        var wire = up()
        wire.users["bob"] = .password(SecretBytes(copying: "b0b".utf8))
        wire.take(wire.link.receive(frame("C021 01 63 0008 01 04 0500"), at: wire.now))
        let bob = SimulatedPPPClient.Configuration(user: "bob", passwords: ["b0b"], methods: [.chapMD5])
        wire.client = SimulatedPPPClient(bob, entropy: SeededEntropy(seed: 9))
        wire.carry(wire.client.start(at: wire.now))
        wire.run(for: .seconds(30))
        #expect(wire.events.contains(.userChanged(from: "alice", to: "bob")))
        #expect(wire.ends == [.authenticationFailed])
        #expect(wire.networks.count == 1)
    }

    @Test func aPeerThatDoesNothingButRenegotiateIsSentAway() {
        for (number, other) in [("C021", "01 04 0500"), ("8021", "03 06 0A630002")] {
            var wire = up()
            var rounds = 0
            while wire.link.snapshot.phase != "terminate", rounds < 100 {
                rounds += 1
                let identifier = UInt8(rounds)
                let options = hex(other)
                let request = hex(number) + [1, identifier, 0, UInt8(4 + options.count)] + options
                let effects = wire.link.receive(request[...], at: wire.now)
                wire.take(effects)
                guard let ours = sent(effects).first(where: { $0[2] == 1 }) else { continue }
                var ack = ours
                ack[2] = 2
                wire.take(wire.link.receive(ack[...], at: wire.now))
            }
            #expect(rounds == 11)
            #expect(wire.events.contains { $0.description.message.hasSuffix(NegotiationError.restless.description) })
        }
    }

    @Test func aGoodbyeDuringNegotiationEndsTheLinkAtOnce() {
        var link = Link(
            configuration: Configuration(name: "gw1", authentication: [.pap], mru: 1400),
            entropy: FixedEntropy()
        )
        _ = link.lowerLayerUp(at: now)
        #expect(
            link.receive(frame("C021 05 09 0004"), at: now) == [
                .report(.terminatedByPeer(message: "")), .send(hex("C021 06 09 0004")), .finished(.byPeer),
            ]
        )
        #expect(link.receive(frame("C021 05 09 0004"), at: now).isEmpty)
    }

    @Test func anAddressOfTheWrongFamilyEndsTheLink() {
        var wire = LossyPPPWire(client())
        wire.dial()
        wire.run(for: .seconds(1)) { $0.count(.networkWanted(userName: "alice")) == 1 }
        var offer = wire.offer
        offer.peerAddress = IPAddress("2001:db8::1")!
        let effects = wire.link.openNetwork(offer, at: wire.now)
        #expect(effects.contains(.report(.negotiationFailed(.ipcp, .noIPv4Address))))
    }

    @Test func noAddressIsAGoodbye() {
        var wire = LossyPPPWire(client())
        wire.dial()
        wire.run(for: .seconds(1)) { $0.count(.networkWanted(userName: "alice")) == 1 }
        wire.take(wire.link.close(.noAddress, at: wire.now))
        wire.run(for: .seconds(10))
        #expect(wire.ends == [.noAddress])
        #expect(wire.networks.isEmpty)
    }

    @Test("P10: a peer that insists on its address is Naked five times, and named")
    func aPeerThatInsistsOnItsAddressIsNamed() {
        var wire = LossyPPPWire(client())
        wire.dial()
        wire.run(for: .seconds(1)) { $0.count(.networkWanted(userName: "alice")) == 1 }
        wire.take(wire.link.openNetwork(wire.offer, at: wire.now))
        var codes: [UInt8] = []
        for identifier in UInt8(100)...106 {
            let request = [0x80, 0x21, 1, identifier, 0, 10, 3, 6, 10, 0, 0, 9]
            let effects = wire.link.receive(request[...], at: wire.now)
            codes += sent(effects).filter { $0[0] == 0x80 }.map { $0[2] }
            wire.take(effects)
        }
        #expect(codes == [3, 3, 3, 3, 3])
        wire.run(for: .seconds(10))
        let reason = "IPCP: IP address: the peer insists on 10.0.0.9, offered was 10.99.0.2"
        #expect(wire.ends == [.negotiationFailed(reason)])
    }

    @Test func aLinkIsSmall() {
        #expect(MemoryLayout<Link>.size <= 1024, "\(MemoryLayout<Link>.size) bytes")
    }

    @Test func renegotiationDoesNotBuyTime() {
        var wire = LossyPPPWire(client())
        wire.delay = .seconds(1000)
        let start = wire.now
        wire.dial()
        wire.run(for: .seconds(30))
        wire.take(wire.link.receive(frame("C021 01 63 0008 01 04 0500"), at: wire.now))
        wire.run(for: .seconds(60)) { $0.events.contains(.setUpTimeout(phase: "authenticate", after: .seconds(60))) }
        #expect(start.duration(to: wire.now) == .seconds(60))
    }
}
