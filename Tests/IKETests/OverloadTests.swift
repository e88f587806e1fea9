// SPDX-License-Identifier: Apache-2.0
import Cryptography
import DataPlane
import IKE
import Primitives
import Testing

#if canImport(Glibc)
import Glibc
#endif

/// `CULVERT_PACKETS`, for a run larger than the usual one.
func packetCount(_ usual: Int) -> Int {
    getenv("CULVERT_PACKETS").flatMap { unsafe Int(String(cString: $0)) } ?? usual
}

/// What strangers can do to us, and what our own clients notice of it.
struct OverloadTests {
    /// First messages from as many sources as there are messages.
    ///
    /// - Parameter rarity: Every so manieth has an offer that nobody else makes.
    static func flood(
        _ rig: inout Rig,
        _ count: Int,
        over duration: Duration,
        rarity: Int = 4
    ) -> (sent: Int, received: Int) {
        let entropy = SeededEntropy(seed: 4711)
        var peer = RawInitiator()
        let usual = peer.message1()
        var sent = 0
        var received = 0
        let from = rig.now
        for number in 0..<count {
            var bytes = usual
            if number % rarity == 0 {
                peer.ikeLifetime = entropy.integer()
                bytes = peer.message1()
            }
            bytes.replaceSubrange(0..<8, with: entropy.bytes(8))
            bytes[7] |= 1
            let source = SocketAddress(.v4(entropy.integer()), port: entropy.integer())
            let datagram = Datagram(bytes: bytes, port: .ike, local: gateway, peer: source)
            rig.now = from.advanced(by: duration * number / count)
            received += bytes.count
            for reply in rig.endpoint.receive(datagram, at: rig.now).datagrams { sent += reply.bytes.count }
            if number % 1024 == 0 { _ = rig.endpoint.advance(to: rig.now) }
        }
        return (sent, received)
    }

    @Test("B08: a flood of forged first messages costs no key agreement and no place, and a client connects")
    func forgedFirstMessages() throws {
        var rig = Rig()
        let count = packetCount(10_000)
        let (sent, received) = Self.flood(&rig, count, over: .seconds(10))
        let occupancy = rig.endpoint.occupancy
        #expect(occupancy.halfOpen == 0 && occupancy.associations == 0 && occupancy.provedSources == 0)
        #expect(occupancy.claimedSources <= Admission.mostClaimed)
        #expect(occupancy.firstMessages <= IKEv1.FirstMessages.most)
        #expect(occupancy.untriedOffers <= IKEv1.Offers.mostUntried && occupancy.trustedOffers == 0)
        #expect(rig.endpoint.counters.keyAgreements == 0)
        #expect(rig.endpoint.counters.firstMessages > UInt64(count) * 9 / 10)
        #expect(sent <= 3 * received)
        #expect(rig.endpoint.snapshots.isEmpty)
        try rig.toEstablished()
        #expect(rig.endpoint.counters.keyAgreements == 1)
        // Nobody is named who was in the flood.
        #expect(rig.wait(.seconds(60)).eventNames.isEmpty)
        #expect(rig.endpoint.occupancy.firstMessages == 0)
    }

    @Test("B08: a client whose offer is known connects while made-up offers push each other out")
    func aTrustedOfferOutlivesTheFlood() throws {
        var rig = Rig()
        rig.peer.ikeOffer = ClientOffer.windows10
        rig.peer.ikeLifetime = 28_800
        try rig.toEstablished()
        #expect(rig.endpoint.occupancy.trustedOffers == 1)
        rig.now = rig.now.advanced(by: .seconds(40))
        rig.peer = RawInitiator()
        rig.peer.ikeOffer = ClientOffer.windows10
        rig.peer.ikeLifetime = 28_800
        rig.peer.cookieI = Cookie(rawValue: 2)
        var stranger = rig
        stranger.peer.ikeLifetime = 77_777
        stranger.source.port = 501
        try rig.toMessage2()
        stranger.endpoint = rig.endpoint
        try stranger.toMessage2()
        rig.endpoint = stranger.endpoint
        // 4,500 offers between message 2 and message 3.
        _ = Self.flood(&rig, 4_500, over: .seconds(1), rarity: 1)
        #expect(rig.endpoint.counters.forgottenOffers > 0)
        try rig.peer.receive4(Rig.reply(rig.send(try rig.peer.message3())))
        try rig.peer.receive6(Rig.reply(rig.send(try rig.peer.message5())))
        // One of a kind that was never here has to come again when it is over.
        stranger.endpoint = rig.endpoint
        stranger.now = rig.now
        #expect(stranger.send(try stranger.peer.message3()).isEmpty)
        stranger.peer.cookieI = Cookie(rawValue: 3)
        stranger.peer.cookieR = .zero
        try stranger.toEstablished()
        #expect(stranger.endpoint.occupancy.trustedOffers == 2)
    }

    @Test("B08: a peer that our answer does not reach is named, in quiet times")
    func unansweredMessage2() {
        var rig = Rig()
        _ = rig.send(rig.peer.message1())
        #expect(rig.wait(.seconds(29)).isEmpty)
        let effects = rig.wait(.seconds(1))
        #expect(effects.eventNames == ["exchange-timeout"])
        #expect(effects.events.first?.trace != nil)
        #expect(effects.events.first?.description.message.contains("message 3") == true)
        #expect(rig.endpoint.nextDeadline == nil)
    }

    // Cookies.

    @Test("B08: a cookie is good for its peer, its offer and its time alone")
    func cookies() throws {
        var rig = Rig()
        try rig.toMessage2()
        let message3 = try rig.peer.message3()
        for bit in 0..<64 {
            var copy = rig
            var changed = message3
            changed[8 + bit / 8] ^= 1 << UInt8(bit % 8)
            #expect(copy.send(changed).isEmpty)
            #expect(copy.endpoint.counters.unknownSA == 1 && copy.endpoint.counters.keyAgreements == 0)
        }
        for change in [
            { (rig: inout Rig) in rig.source.address = .v4(0xCB00_7109) }, { $0.source.port = 501 },
            { $0.local.address = .v4(0xC000_0202) }, { $0.now = $0.now.advanced(by: .seconds(41)) },
            { $0.endpoint = .test(seed: 2) },
        ] {
            var copy = rig
            change(&copy)
            #expect(copy.send(message3).isEmpty)
        }
        for seconds in [0, 10, 29, 30] {
            var copy = rig
            copy.now = copy.now.advanced(by: .seconds(seconds))
            #expect(copy.send(message3).words == ["[started]", "transmit"])
        }
    }

    @Test func aRepetitionGetsTheSameCookieLater() {
        var rig = Rig()
        let message1 = rig.peer.message1()
        let reply = Rig.reply(rig.send(message1))
        rig.now = rig.now.advanced(by: .seconds(15))
        #expect(Rig.reply(rig.send(message1)) == reply)
    }

    @Test func theTraceIsTheSameFromTheFirstWordToTheLast() throws {
        var rig = Rig()
        try rig.toMessage2()
        var silent = rig
        let lost = silent.wait(.seconds(30)).events.first?.trace
        let started = rig.send(try rig.peer.message3()).events.first
        #expect(started?.description.name == "started")
        #expect(started?.trace == lost && started?.trace == rig.endpoint.snapshots.first?.trace)
    }

    // Budgets.

    @Test("B08: one source begins 32 exchanges at once and ten a second, sixteen times as many if it is large")
    func firstMessagesPerSource() throws {
        let office = try #require(IPPrefix("198.51.100.0/24"))
        for (largeSources, burst, perSecond) in [([], 32, 10), ([office], 512, 160)] {
            var configuration = Configuration(profiles: [.test()])
            configuration.largeSources = largeSources
            var rig = Rig(Endpoint(configuration: configuration, entropy: SeededEntropy(seed: 1)))
            func answered(_ from: Int) -> (answers: Int, events: [String]) {
                var answers = 0
                var events: [String] = []
                for number in from..<from + 1000 {
                    rig.peer.cookieI = Cookie(rawValue: UInt64(number))
                    let effects = rig.send(rig.peer.message1())
                    answers += effects.datagrams.count
                    events += effects.eventNames
                }
                return (answers, events)
            }
            let first = answered(1)
            #expect(first.answers == burst)
            #expect(first.events == ["first-message-rate"])
            #expect(rig.endpoint.counters.firstMessagesOverRate == UInt64(1000 - burst))
            rig.now = rig.now.advanced(by: .seconds(1))
            #expect(answered(2000).answers == perSecond)
            rig.now = rig.now.advanced(by: .seconds(10))
            rig.peer = RawInitiator()
            try rig.toEstablished()
        }
    }

    @Test("B08: all of an IPv6 /64 is one source, the next one is another")
    func sourcesOfIPv6() {
        var rig = Rig()
        func answers(_ high: UInt64) -> Int {
            (1...100).reduce(0) { sum, number in
                rig.peer.cookieI = Cookie(rawValue: UInt64(number))
                rig.source.address = .v6(high: high, low: UInt64(number))
                return sum + rig.send(rig.peer.message1()).datagrams.count
            }
        }
        #expect(answers(0x2001_0DB8_0000_0001) == 32)
        #expect(answers(0x2001_0DB8_0000_0002) == 32)
    }

    @Test("B08: half-open exchanges live shorter the more there are")
    func patienceShrinks() throws {
        for (halfOpen, life) in [(4, 30), (5, 10), (7, 10), (8, 5)] {
            var rig = Rig(.test(halfOpenLimit: 10))
            for number in 1...halfOpen {
                rig.source.port = UInt16(1000 + number)
                _ = try rig.toHalfOpen(number)
            }
            rig.source.port = 500
            _ = try rig.toHalfOpen(100)
            #expect(rig.endpoint.occupancy.halfOpen == halfOpen + 1)
            let ids = rig.endpoint.snapshots.map(\.id)
            rig.now = rig.now.advanced(by: .seconds(life) - .milliseconds(1))
            _ = rig.endpoint.advance(to: rig.now)
            #expect(rig.endpoint.snapshots.last?.id == ids.last)
            rig.now = rig.now.advanced(by: .milliseconds(1))
            _ = rig.endpoint.advance(to: rig.now)
            #expect(rig.endpoint.snapshots.last?.id != ids.last)
        }
    }

    @Test("B04: whoever returns cookies gets ten key agreements a second, and a good one after bad ones")
    func keyAgreementsPerSource() throws {
        var configuration = Configuration(profiles: [.test()])
        configuration.halfOpenPerSourceLimit = 4
        var rig = Rig(Endpoint(configuration: configuration, entropy: SeededEntropy(seed: 1)))
        try rig.toMessage2()
        // On no curve: found out with the agreement, which is why that has to be paid for first.
        let bad = try rig.peer.message3(publicValue: [UInt8](repeating: 1, count: 64))
        for number in 0..<100 {
            var message = bad
            message[message.count - 1] = UInt8(number)
            _ = rig.send(message)
        }
        #expect(rig.endpoint.counters.keyAgreements == 4)
        #expect(rig.endpoint.counters.keyAgreementsOverRate == 96)
        rig.now = rig.now.advanced(by: .seconds(1))
        try rig.peer.receive4(Rig.reply(rig.send(try rig.peer.message3())))
        try rig.peer.receive6(Rig.reply(rig.send(try rig.peer.message5())))
        #expect(rig.state == "established")
    }

    @Test("F05: exchanges that stop after message 4 leave nothing")
    func exchangesThatStopAfterMessage4() throws {
        var rig = Rig.natted()
        let count = packetCount(100_000) / 100
        var most = 0
        for number in 1...count {
            rig.peer = RawInitiator()
            rig.peer.ownAddress = SocketAddress(.v4(0xC0A8_0105), port: 500)
            rig.peer.cookieI = Cookie(rawValue: UInt64(number))
            rig.source = SocketAddress(.v4(0x0B00_0000 + UInt32(number)), port: 1024)
            rig.now = rig.now.advanced(by: .milliseconds(50))
            try rig.toMessage2()
            #expect(rig.send(try rig.peer.message3()).words == ["[started]", "transmit"])
            most = max(most, rig.endpoint.occupancy.halfOpen)
            _ = rig.endpoint.advance(to: rig.now)
        }
        // Twenty a second, for thirty seconds.
        #expect(most <= 601)
        #expect(rig.wait(.seconds(30)).eventNames.allSatisfy { $0 == "exchange-timeout" })
        #expect(rig.endpoint.occupancy.halfOpen == 0 && rig.endpoint.snapshots.isEmpty)
        #expect(rig.endpoint.nextDeadline == nil)
        rig.peer = RawInitiator()
        rig.source = client
        try rig.toEstablished()
    }

    @Test("B08: a hundred thousand sources do not grow the table of sources, nor push out one that comes back")
    func sourcesAreBounded() {
        var admission = Admission(Configuration(profiles: []))
        let office = SocketAddress(.v4(0x0A00_0001), port: 500)
        for number in 0..<100_000 {
            let now = start.advanced(by: .milliseconds(number))
            let stranger = SocketAddress(.v4(0x0B00_0000 + UInt32(number)), port: 500)
            #expect(admission.takeFirstMessage(from: stranger, at: now) == nil)
            if number % 10 == 0 { _ = admission.takeFirstMessage(from: office, at: now) }
        }
        #expect(admission.claimedCount == Admission.mostClaimed)
        // A hundred a second for minutes: it has not become a stranger, who may send 32 at once.
        let end = start.advanced(by: .milliseconds(100_000))
        #expect((0..<40).count { _ in admission.takeFirstMessage(from: office, at: end) == nil } <= 1)
        let later = end.advanced(by: .seconds(1))
        #expect((0..<40).count { _ in admission.takeFirstMessage(from: office, at: later) == nil } == 10)
    }

    @Test func tablesKeepTheirBounds() {
        var table = BoundedTable<Int, Int>(capacity: 8)
        var ring = Ring<Int, Int>(capacity: 8)
        for number in 0..<1000 {
            #expect(table.withValue(of: number, fresh: number) { $0 } == number)
            // Whoever is asked for again and again stays.
            #expect(table.withValue(of: 0) { $0 } == 0)
            let (place, pushedOut) = ring.append(number, for: number)
            #expect(place == number % 8 && pushedOut?.value == (number < 8 ? nil : number - 8))
            #expect(ring[place: place]?.value == number)
            #expect(table.count <= 8 && ring.count <= 8)
        }
        #expect(ring.first?.key == 992)
        ring.remove(993)
        ring.remove(992)
        #expect(ring.first?.key == 994 && ring[place: 0] == nil && ring.place(of: 993) == nil)
        #expect(ring.append(7, for: 7).pushedOut == nil)
        while ring.removeFirst() != nil {}
        #expect(ring.count == 0 && ring.first == nil)
        #expect(ring[place: -1] == nil && ring[place: 8] == nil)
    }
}
