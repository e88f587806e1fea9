// SPDX-License-Identifier: Apache-2.0
import Cryptography
import DataPlane
import IKE
import Primitives
import Testing

/// What strangers can do with aggressive mode where it is on: cases C of Docs/Conformance/security-cases.md.
struct AggressiveSecurityTests {
    /// First messages with a name that is known, each from somebody else, as far as one can see.
    private static func flood(
        _ rig: inout Rig,
        _ count: Int,
        over duration: Duration,
        source: (Int) -> SocketAddress
    ) throws -> (effects: Int, sent: Int, received: Int) {
        let entropy = SeededEntropy(seed: 4711)
        var peer = RawInitiator.group()
        let usual = try peer.aggressive1()
        var totals = (effects: 0, sent: 0, received: 0)
        let from = rig.now
        for number in 0..<count {
            var bytes = usual
            bytes.replaceSubrange(0..<8, with: entropy.bytes(8))
            bytes[7] |= 1
            rig.now = from.advanced(by: duration * number / count)
            let datagram = Datagram(bytes: bytes, port: .ike, local: gateway, peer: source(number))
            let effects = rig.endpoint.receive(datagram, at: rig.now)
            totals.effects += effects.count
            totals.received += bytes.count
            for reply in effects.datagrams { totals.sent += reply.bytes.count }
            if number % 1024 == 0 { totals.effects += rig.endpoint.advance(to: rig.now).count }
        }
        return totals
    }

    @Test("C03: a flood of forged first messages costs few agreements and little memory, main mode does not notice it")
    func forgedFirstMessages() throws {
        var rig = Rig(
            Endpoint(
                configuration: Configuration(profiles: [.test(), .aggressive()]),
                entropy: SeededEntropy(seed: 1)
            )
        )
        let count = packetCount(100_000)
        let totals = try Self.flood(&rig, count, over: .seconds(10)) { number in
            SocketAddress(.v4(0x0B00_0000 + UInt32(number)), port: 500)
        }
        let occupancy = rig.endpoint.occupancy
        #expect(occupancy.aggressive <= AggressiveAdmission.most)
        #expect(occupancy.associations <= AggressiveAdmission.most)
        #expect(occupancy.aggressiveSources <= AggressiveAdmission.mostSources)
        #expect(occupancy.firstMessages <= IKEv1.FirstMessages.most && occupancy.untriedOffers == 0)
        #expect(occupancy.claimedSources <= Admission.mostClaimed && occupancy.provedSources == 0)
        // 128 that wait 30 s, 77 that wait 10 s, and 51 places that are free again every 5 s.
        #expect(rig.endpoint.counters.keyAgreements <= 500)
        #expect(totals.sent * 50 < totals.received)
        #expect(totals.effects < 3_000)
        // Main mode from there and from elsewhere.
        try rig.toEstablished()
        try rig.toChild()
        _ = rig.wait(.seconds(31))
        #expect(rig.endpoint.occupancy.aggressive == 0 && rig.endpoint.occupancy.halfOpen == 0)
        rig.peer = .group()
        rig.peer.cookieI = Cookie(rawValue: 2)
        rig.source.port = 501
        rig.peer.ownAddress = rig.source
        #expect(try rig.toAggressive().verdicts == ["started", "phase1-established"])
    }

    @Test("C03: one source gets eight exchanges, then one a second, and no more than eight that wait")
    func oneSource() throws {
        var rig = Rig.aggressive()
        _ = try Self.flood(&rig, 30, over: .milliseconds(10)) { SocketAddress(client.address, port: UInt16($0 + 1000)) }
        #expect(rig.endpoint.counters.keyAgreements == 8)
        #expect(rig.endpoint.occupancy.aggressive == 8)
        // Tokens are there again after ten seconds, places are not.
        rig.now = rig.now.advanced(by: .seconds(10))
        rig.source.port = 900
        #expect(rig.send(try rig.peer.aggressive1()).isEmpty)
        #expect(rig.endpoint.counters.keyAgreements == 8)
        _ = rig.wait(.seconds(21))
        #expect(rig.endpoint.occupancy.aggressive == 0)
        rig.peer.cookieI = Cookie(rawValue: 2)
        rig.peer.ownAddress = rig.source
        #expect(try rig.toAggressive().verdicts == ["started", "phase1-established"])
        // Another source had them all along.
        rig.source = SocketAddress(.v4(0xCB00_7105), port: 500)
        rig.peer.ownAddress = rig.source
        rig.peer.cookieI = Cookie(rawValue: 3)
        #expect(try rig.toAggressive().verdicts == ["started", "phase1-established"])
    }

    @Test("C03: exchanges that end well use up the rate of a source, and an office has sixteen times as much")
    func rates() throws {
        for isOffice in [false, true] {
            var configuration = Configuration(profiles: [.aggressive()])
            if isOffice { configuration.largeSources = [try #require(IPPrefix("198.51.100.0/24"))] }
            var rig = Rig(Endpoint(configuration: configuration, entropy: SeededEntropy(seed: 1)))
            var done = 0
            var said: [String] = []
            for number in 1...20 {
                rig.peer = .group()
                rig.peer.cookieI = Cookie(rawValue: UInt64(number))
                rig.source.port = UInt16(2000 + number)
                rig.peer.ownAddress = rig.source
                let first = rig.send(try rig.peer.aggressive1())
                guard !first.datagrams.isEmpty else {
                    said += first.verdicts
                    continue
                }
                try rig.peer.receiveAggressive2(Rig.reply(first))
                if rig.send(try rig.peer.aggressive3()).verdicts == ["started", "phase1-established"] { done += 1 }
            }
            #expect(done == (isOffice ? 20 : 8))
            #expect(said == (isOffice ? [] : ["aggressive-mode-rate"]))
        }
    }

    @Test("C03: message 2 is repeated when message 1 is, four times, and never on its own")
    func repetitions() throws {
        var rig = Rig.aggressive()
        let message1 = try rig.peer.aggressive1()
        let message2 = Rig.reply(rig.send(message1))
        var answers = 0
        for _ in 0..<1000 {
            rig.now = rig.now.advanced(by: .milliseconds(20))
            let effects = rig.send(message1) + rig.endpoint.advance(to: rig.now)
            for datagram in effects.datagrams { #expect(datagram.bytes == message2) }
            answers += effects.datagrams.count
        }
        #expect(answers == 4 && rig.endpoint.counters.keyAgreements == 1)
        try rig.peer.receiveAggressive2(message2)
        #expect(rig.send(try rig.peer.aggressive3()).verdicts == ["started", "phase1-established"])
        #expect(rig.send(message1).isEmpty)
    }

    @Test("C03: the shortest first message gets less than three times its length")
    func amplification() throws {
        for offer in ["aes256-sha256-ecp256", "aes256-sha512-ecp256", "aes256-sha512-modp4096"] {
            var profile = Profile.aggressive("*x")
            profile.ikeProposals = ClientOffer.ike(offer)
            for local in ["192.0.2.1", "2001:db8::1"] {
                var rig = Rig.aggressive(profile)
                rig.local = SocketAddress(try #require(IPAddress(local)), port: 500)
                if !rig.local.address.isV4 {
                    rig.source = SocketAddress(try #require(IPAddress("2001:db8::2")), port: 500)
                }
                rig.peer.identity = IKEv1.IDPayload(type: .keyID, protocolNumber: 0, port: 0, data: [0x78])
                rig.peer.ikeOffer = ClientOffer.ike(offer)
                rig.peer.vendorIDs = [VendorID.rfc3947]
                let message1 = try rig.peer.aggressive1(nonce: [UInt8](repeating: 1, count: 8))
                let reply = Rig.reply(rig.send(message1))
                #expect(!reply.isEmpty && reply.count <= 3 * message1.count)
                #expect(reply.count <= 1280)
            }
        }
    }

    @Test("C04: a quick mode before message 3 is dropped; it brings message 2 again, to who was sent it, and no more")
    func earlyQuickMode() throws {
        var rig = Rig.aggressive()
        let message2 = Rig.reply(rig.send(try rig.peer.aggressive1()))
        try rig.peer.receiveAggressive2(message2)
        let message3 = try rig.peer.aggressive3()
        var quick = rig.peer.newQuick()
        let quick1 = try rig.peer.quick1(&quick)
        rig.now = rig.now.advanced(by: .seconds(1))
        var elsewhere = rig
        elsewhere.source = SocketAddress(.v4(0xCB00_7105), port: 500)
        #expect(elsewhere.send(quick1).words == ["[unexpected-message]"])
        let effects = rig.send(quick1)
        #expect(effects.words == ["[unexpected-message]", "transmit"])
        #expect(Rig.reply(effects) == message2)
        #expect(rig.send(quick1).words == ["[unexpected-message]"])
        var short = quick1
        short.removeLast(quick1.count - 28 - 16)
        short.replaceSubrange(24..<28, with: RawInitiator.bytes(UInt32(short.count)))
        rig.now = rig.now.advanced(by: .seconds(1))
        #expect(rig.send(short).words == ["[unexpected-message]"])
        for exchange in [ExchangeType.transaction, .newGroupMode, .identityProtection] {
            var header = rig.peer.header(exchange, exchange == .identityProtection ? 0 : 9)
            header.flags = .encryption
            let other = Message(header: header, payloads: [Payload(.hash, [1])]).encode()
            #expect(rig.send(other).words == ["[unexpected-message]"])
        }
        #expect(rig.send(message3).verdicts == ["started", "phase1-established"])
        #expect(rig.send(quick1).installs.count == 1)
    }

    @Test("C02: the cookie of a refusal begins nothing, and the cookie of aggressive mode no main mode")
    func cookies() throws {
        var rig = Rig.aggressive()
        rig.peer.ikeOffer = ClientOffer.ike("3des-md5-modp1024")
        let refusal = try RawInitiator.decode(Rig.reply(rig.send(try rig.peer.aggressive1())))
        rig.peer.cookieR = refusal.header.responderCookie
        let message3 = Message(
            header: rig.peer.header(.aggressive),
            payloads: [Payload(.hash, [UInt8](repeating: 1, count: 16))]
        ).encode()
        #expect(rig.send(message3).isEmpty && rig.endpoint.snapshots.isEmpty)
        rig.peer = .group()
        rig.peer.cookieI = Cookie(rawValue: 2)
        try rig.toAggressive2()
        #expect(IKEv1.AntiClogging.place(in: rig.peer.cookieR) == nil)
        let cookies = rig.peer.cookies
        _ = rig.wait(.seconds(31))
        #expect(rig.endpoint.snapshots.isEmpty)
        let main3 = try rig.peer.message3()
        #expect(rig.peer.cookies == cookies)
        #expect(rig.send(main3).isEmpty && rig.endpoint.snapshots.isEmpty)
    }

    @Test("C05: whoever has no name of ours is met with the silence that meets everybody where aggressive mode is off")
    func unknownNames() throws {
        let off = Profile.test()
        let here = try #require(IPPrefix("203.0.113.0/24"))
        let identities: [IKEv1.IDPayload] = [
            .keyID("marketing"), .keyID("Sales"), .keyID("sales2"), .keyID(""), RawInitiator().identity,
            IKEv1.IDPayload(type: .keyID, protocolNumber: 0, port: 0, data: [UInt8](repeating: 1, count: 5000)),
            IKEv1.IDPayload(type: .distinguishedName, protocolNumber: 0, port: 0, data: Array("sales".utf8)),
        ]
        for identity in identities {
            for profile in [off, .aggressive(), .aggressive("sales", remote: [here])] {
                var rig = Rig(.test(profile))
                rig.peer.identity = identity
                let message1 = try rig.peer.aggressive1()
                #expect(rig.send(message1).words == ["[aggressive-mode-refused]"])
                // It is said once.
                for _ in 0..<10 { #expect(rig.send(message1).isEmpty) }
                #expect(rig.endpoint.counters.keyAgreements == 0 && rig.endpoint.occupancy.associations == 0)
                #expect(rig.wait(.seconds(60)).isEmpty)
            }
        }
        // The twin: the same message with the name of a profile.
        var rig = Rig.aggressive()
        #expect(try rig.toAggressive().verdicts == ["started", "phase1-established"])
    }

    @Test("B12: wrong keys in aggressive mode are slowed down as in main mode")
    func wrongKeys() throws {
        var rig = Rig.aggressive()
        func attempt(_ number: Int, key: String) throws -> [Endpoint.Effect] {
            rig.now = rig.now.advanced(by: .seconds(1))
            _ = rig.endpoint.advance(to: rig.now)
            rig.peer = .group()
            rig.peer.cookieI = Cookie(rawValue: UInt64(number))
            rig.peer.preSharedKey = key
            let first = rig.send(try rig.peer.aggressive1())
            guard !first.datagrams.isEmpty else { return first }
            #expect(try rig.peer.receiveAggressive2(Rig.reply(first)) == (key == "correct horse"))
            return rig.send(try rig.peer.aggressive3(isEncrypted: number % 2 == 0))
        }
        for number in 1...10 {
            let events = try attempt(number, key: "battery staple").verdicts
            #expect(events == ["started", "authentication-failed"] + (number == 10 ? ["authentication-delay"] : []))
        }
        rig.now = rig.now.advanced(by: .milliseconds(-500))
        #expect(try attempt(11, key: "correct horse").isEmpty)
        #expect(rig.endpoint.counters.delayedAfterFailures == 1)
        #expect(try attempt(12, key: "correct horse").verdicts == ["started", "phase1-established"])
        #expect(try attempt(13, key: "battery staple").verdicts == ["started", "authentication-failed"])
    }

    @Test("B14: a second offer under the same cookies is dropped")
    func secondOffer() throws {
        var rig = Rig.aggressive()
        try rig.toAggressive2()
        var other = rig.peer
        other.ikeOffer = ClientOffer.ike("aes128-sha1-modp2048")
        #expect(rig.send(try other.aggressive1()).isEmpty)
        #expect(rig.send(try rig.peer.aggressive3()).verdicts == ["started", "phase1-established"])
        #expect(rig.endpoint.counters.keyAgreements == 1)
    }
}
