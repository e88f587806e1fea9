// SPDX-License-Identifier: Apache-2.0
import Cryptography
import DataPlane
import IKE
import Primitives
import Testing

/// Cases of Docs/Conformance/security-cases.md that are about a whole message, each next to what must still pass.
struct SecurityCaseTests {
    private static func message1(_ payloads: [Payload]) -> [UInt8] {
        let header = ISAKMPHeader(
            initiatorCookie: Cookie(rawValue: 0x0102_0304_0506_0708),
            responderCookie: .zero,
            exchange: .identityProtection
        )
        return Message(header: header, payloads: payloads).encode()
    }

    private static func offer(_ rig: Rig) -> Payload { Payload(.securityAssociation, rig.peer.phaseOneOffer) }

    @Test("A06: a chain that refers to itself or past its end is walked once")
    func endlessChain() throws {
        var rig = Rig()
        var bytes = rig.peer.message1()
        // The last payload names another one behind it.
        bytes[bytes.count - 20] = PayloadType.vendorID.rawValue
        #expect(rig.send(bytes).words == ["transmit", "[malformed-message]"])
        rig.peer.cookieI = Cookie(rawValue: 2)
        try rig.toEstablished()
    }

    @Test("A07: two thousand payloads are refused whole, sixty-four are read")
    func payloadCount() {
        for (count, words) in [
            (64, ["transmit"]), (65, ["transmit", "[malformed-message]"]),
            (2000, ["transmit", "[malformed-message]"]),
        ] {
            var rig = Rig()
            let fill = Array(repeating: Payload(.vendorID, []), count: count - 1)
            #expect(rig.send(Self.message1([Self.offer(rig)] + fill)).words == words)
            #expect(rig.endpoint.occupancy.untriedOffers == (count > 64 ? 0 : 1))
        }
    }

    @Test(
        "A08: payloads of IKEv2 and unknown ones are ignored",
        arguments: [13, 15, 20, 33, 34, 38, 41, 43, 48, 53, 130, 131, 132, 255]
    )
    func strangePayloads(_ type: UInt8) throws {
        var rig = Rig()
        let stranger = Payload(PayloadType(rawValue: type), [1, 2, 3])
        let own = [Self.offer(rig)] + rig.peer.vendorIDs.map { Payload(.vendorID, $0) }
        _ = rig.peer.message1()
        let effects = rig.send(Self.message1(own + [stranger]))
        #expect(effects.words == ["transmit"])
        try rig.peer.receive2(Rig.reply(effects))
        try rig.peer.receive4(Rig.reply(rig.send(try rig.peer.message3())))
        try rig.peer.receive6(Rig.reply(rig.send(try rig.peer.message5())))
        #expect(rig.state == "established")
    }

    @Test("A08: an IKEv2 offer in place of ours is refused")
    func ikev2Offer() {
        var rig = Rig()
        let body = Self.offer(rig).body
        #expect(
            rig.send(Self.message1([Payload(PayloadType(rawValue: 33), body)])).words
                == ["transmit", "[malformed-message]"]
        )
    }

    @Test("A10: no message of ours in main mode needs to be fragmented on its way")
    func sizes() throws {
        let largest = ClientOffer.ike("aes256-sha512-modp4096")
        var profile = Profile.test()
        profile.ikeProposals = largest
        var rig = Rig.natted(.test(profile))
        rig.peer.ikeOffer = largest
        // Message 6 says that this is too long.
        rig.peer.ikeLifetime = 200_000
        let reply2 = Rig.reply(rig.send(rig.peer.message1()))
        try rig.peer.receive2(reply2)
        let reply4 = Rig.reply(rig.send(try rig.peer.message3()))
        try rig.peer.receive4(reply4)
        let reply6 = Rig.reply(rig.send(try rig.peer.message5()))
        for reply in [reply2, reply4, reply6] { #expect((28...1280).contains(reply.count)) }
    }

    @Test("A12: messages 2 and 4 hold what we mean to say and not a byte more")
    func repliesByteByByte() throws {
        var rig = Rig()
        let reply2 = Rig.reply(rig.send(rig.peer.message1()))
        try rig.peer.receive2(reply2)
        let sa = Array(Self.offer(rig).body)
        func payload(_ next: UInt8, _ body: [UInt8]) -> [UInt8] {
            [next, 0, UInt8((body.count + 4) >> 8), UInt8((body.count + 4) & 0xFF)] + body
        }
        func message(_ first: UInt8, _ body: [UInt8]) -> [UInt8] {
            rig.peer.cookies.bytes + [first, 0x10, 2, 0, 0, 0, 0, 0] + RawInitiator.bytes(UInt32(28 + body.count))
                + body
        }
        #expect(
            reply2
                == message(1, payload(13, sa) + payload(13, VendorID.rfc3947) + payload(0, VendorID.deadPeerDetection))
        )
        let reply4 = Rig.reply(rig.send(try rig.peer.message3()))
        let chain = try RawInitiator.decode(reply4).chain
        let discovery = [client, gateway].map {
            NATTraversal.discoveryHash(.sha256, cookies: rig.peer.cookies, address: $0)
        }
        let publicValue = Array(try chain.only(.keyExchange))
        let nonce = Array(try chain.only(.nonce))
        #expect(publicValue.count == 64 && nonce.count == 32)
        #expect(
            reply4
                == message(
                    4,
                    payload(10, publicValue) + payload(20, nonce) + payload(20, discovery[0])
                        + payload(0, discovery[1])
                )
        )
    }

    @Test("A12: a refusal is forty bytes, and not sent in answer to fewer")
    func refusalByteByByte() throws {
        var rig = Rig()
        rig.peer.ikeOffer = ClientOffer.android712
        let reply = Rig.reply(rig.send(rig.peer.message1()))
        #expect(reply.count == 40)
        #expect(Array(reply.suffix(12)) == hex("0000000C 00000001 01 00 000E"))
        rig.peer.cookieI = Cookie(rawValue: 2)
        var short = Self.message1([])
        short.replaceSubrange(0..<8, with: rig.peer.cookieI.bytes)
        #expect(rig.send(short).words == ["[malformed-message]"])
    }

    @Test("B03: no proposal and no transform are refused, proposals out of order are not")
    func emptyOffers() throws {
        var rig = Rig()
        var offer = rig.peer.phaseOneOffer
        offer.proposals = []
        #expect(rig.send(rig.peer.message1(offer)).eventNames == ["malformed-message"])
        offer = rig.peer.phaseOneOffer
        offer.proposals[0].transforms = []
        rig.peer.cookieI = Cookie(rawValue: 2)
        #expect(rig.send(rig.peer.message1(offer)).eventNames == ["malformed-message"])
        offer = rig.peer.phaseOneOffer
        var second = offer.proposals[0]
        second.number = 200
        offer.proposals = [second] + offer.proposals
        rig.peer.cookieI = Cookie(rawValue: 3)
        #expect(rig.send(rig.peer.message1(offer)).words == ["transmit"])
    }

    @Test("B04: a key exchange or nonce that is missing or comes twice is refused", arguments: 0..<4)
    func keyExchangeCount(_ example: Int) throws {
        var rig = Rig()
        try rig.toMessage2()
        let good = try RawInitiator.decode(try rig.peer.message3())
        var payloads = good.chain.payloads
        switch example {
        case 0: payloads.removeFirst()
        case 1: payloads.remove(at: 1)
        case 2: payloads.append(payloads[0])
        default: payloads.append(payloads[1])
        }
        let bad = Message(header: good.header, payloads: payloads).encode()
        #expect(rig.send(bad).words == ["[started]", "transmit", "[malformed-message]"])
        #expect(rig.endpoint.counters.keyAgreements == 0)
        _ = rig.send(Message(header: good.header, payloads: good.chain.payloads).encode())
        #expect(rig.state == "main-mode-2")
    }

    @Test("B11: vendor ids may be cut, empty or many; the right one among them still counts")
    func vendorIDs() throws {
        for count in [1, 20, 60] {
            var rig = Rig.natted()
            rig.peer.vendorIDs = Array(repeating: Array(VendorID.rfc3947.prefix(15)), count: count) + [[], [0x40]]
            var other = rig
            try rig.toMessage4()
            #expect(rig.endpoint.snapshots.first?.isPeerBehindNAT == false)
            other.peer.vendorIDs[0] = VendorID.rfc3947
            try other.toEstablished()
            #expect(other.endpoint.snapshots.first?.isPeerBehindNAT == true)
        }
        var rig = Rig()
        rig.peer.vendorIDs = Array(repeating: VendorID.rfc3947, count: 500)
        #expect(rig.send(rig.peer.message1()).eventNames == ["malformed-message"])
    }

    @Test("B13: a message after the end of a refused exchange is harmless")
    func lateMessages() throws {
        var rig = Rig()
        rig.peer.preSharedKey = "battery staple"
        try rig.toMessage4()
        let message5 = try rig.peer.message5()
        _ = rig.send(message5)
        _ = rig.wait(.seconds(30))
        #expect(rig.send(message5).isEmpty)
        #expect(rig.endpoint.counters.unknownSA == 1)
        rig.peer = RawInitiator()
        rig.peer.cookieI = Cookie(rawValue: 2)
        try rig.toEstablished()
    }

    @Test("B14: messages 1, 3 and 5 a thousand times are one SA and four repetitions each, until the peer is proved")
    func repetitions() throws {
        var rig = Rig()
        func again(_ bytes: [UInt8]) -> Int {
            (0..<1000).reduce(0) { sum, _ in
                rig.now = rig.now.advanced(by: .milliseconds(5))
                return sum + rig.send(bytes).datagrams.count
            }
        }
        let message1 = rig.peer.message1()
        try rig.peer.receive2(Rig.reply(rig.send(message1)))
        #expect(again(message1) == 4)
        let message3 = try rig.peer.message3()
        try rig.peer.receive4(Rig.reply(rig.send(message3)))
        #expect(again(message3) == 4)
        #expect(again(message1) == 0)
        let message5 = try rig.peer.message5()
        try rig.peer.receive6(Rig.reply(rig.send(message5)))
        // It has proved that it is there: as often as it asks, but not faster than 400 ms.
        #expect(again(message5) == 12)
        #expect(again(message3) == 0)
        #expect(rig.endpoint.snapshots.count == 1 && rig.endpoint.counters.keyAgreements == 1)
    }

    @Test("B15: messages out of order and a second offer in the same exchange are dropped")
    func outOfOrder() throws {
        var rig = Rig()
        try rig.toMessage2()
        var ahead = rig
        try ahead.toMessage4Again()
        let message5 = try ahead.peer.message5()
        #expect(rig.send(message5).isEmpty)
        #expect(rig.endpoint.snapshots.isEmpty)
        var other = rig.peer
        other.cookieR = .zero
        other.ikeOffer = ClientOffer.ike("aes128-sha1-modp2048")
        #expect(rig.send(other.message1()).isEmpty)
        try rig.toMessage4Again()
        #expect(rig.send(other.message1()).isEmpty)
        try rig.peer.receive6(Rig.reply(rig.send(try rig.peer.message5())))
        #expect(rig.state == "established")
    }

    // Aggressive mode where no profile allows it; where one does: AggressiveSecurityTests.

    private static func aggressive1(_ rig: Rig, _ identity: IKEv1.IDPayload) throws -> [UInt8] {
        let agreement = try KeyAgreement(.ecp256)
        return Message(
            header: rig.peer.header(.aggressive),
            payloads: [
                Self.offer(rig), Payload(.keyExchange, agreement.publicValue), Payload(.nonce, [UInt8](1...16)),
                Payload(.identification, identity),
            ]
        ).encode()
    }

    @Test("C01: aggressive mode is refused without a byte, main mode is not")
    func aggressiveMode() throws {
        var rig = Rig()
        let effects = rig.send(try Self.aggressive1(rig, rig.peer.identity))
        #expect(effects.words == ["[aggressive-mode-refused]"])
        #expect(effects.events.first?.description.remedy?.contains("group name") == true)
        #expect(rig.endpoint.counters.keyAgreements == 0 && rig.endpoint.snapshots.isEmpty)
        rig.peer.cookieI = Cookie(rawValue: 2)
        try rig.toEstablished()
    }

    @Test("C05: aggressive mode does not tell one identity from another")
    func aggressiveIdentities() throws {
        var rig = Rig()
        try rig.toEstablished()
        for identity in [
            rig.peer.identity, IKEv1.IDPayload(type: .userFQDN, protocolNumber: 0, port: 0, data: Array("nobody".utf8)),
            IKEv1.IDPayload(type: .keyID, protocolNumber: 0, port: 0, data: [UInt8](repeating: 1, count: 5000)),
        ] {
            var stranger = Rig(rig.endpoint)
            stranger.peer.cookieI = Cookie(rawValue: 2)
            #expect(stranger.send(try Self.aggressive1(stranger, identity)).words == ["[aggressive-mode-refused]"])
            #expect(stranger.endpoint.counters.keyAgreements == 1)
        }
    }

    /// A message of another exchange between messages 2 and 3, and between 4 and 5, of main mode.
    private static func intrude(_ exchange: ExchangeType) throws {
        var rig = Rig()
        try rig.toMessage2()
        var header = rig.peer.header(exchange, exchange == .aggressive ? 0 : 7)
        let payloads = [Payload(.hash, [UInt8](repeating: 1, count: 32))]
        #expect(rig.send(Message(header: header, payloads: payloads).encode()).isEmpty)
        #expect(rig.endpoint.snapshots.isEmpty)
        try rig.toMessage4Again()
        header.flags = .encryption
        #expect(rig.send(Message(header: header, payloads: payloads).encode()).words == ["[unexpected-message]"])
        try rig.peer.receive6(Rig.reply(rig.send(try rig.peer.message5())))
        #expect(rig.state == "established")
    }

    @Test("C02: a message 3 of aggressive mode with a cookie of ours makes nothing and disturbs nothing")
    func aggressiveMessage3() throws {
        try Self.intrude(.aggressive)
    }

    @Test(
        "C04: quick mode and transactions before main mode is done make nothing and disturb nothing",
        arguments: [ExchangeType.quickMode, .transaction, .newGroupMode]
    )
    func exchangesBeforeMainModeIsDone(_ exchange: ExchangeType) throws {
        try Self.intrude(exchange)
    }

    @Test("C03: a flood of aggressive mode gets no answer, its victim hears nothing of us")
    func aggressiveFlood() throws {
        var rig = Rig()
        let bytes = try Self.aggressive1(rig, rig.peer.identity)
        var events = 0
        for _ in 0..<1000 {
            let effects = rig.send(bytes)
            #expect(effects.datagrams.isEmpty)
            events += effects.count
        }
        #expect(events == 1)
        rig.peer.cookieI = Cookie(rawValue: 2)
        try rig.toEstablished()
    }

    // NAT detection.

    @Test("F01: any number of NAT-D payloads of any size is taken", arguments: [0, 1, 2, 11, 60])
    func discoveryPayloads(_ count: Int) throws {
        for size in [0, 16, 32, 100] {
            var rig = Rig()
            try rig.toMessage2()
            let good = try RawInitiator.decode(try rig.peer.message3())
            let own = good.chain.payloads.filter { $0.type != .natDiscovery }
            let fill = Array(repeating: Payload(.natDiscovery, [UInt8](repeating: 9, count: size)), count: count)
            let reply = Rig.reply(rig.send(Message(header: good.header, payloads: own + fill).encode()))
            try rig.peer.receive4(reply)
            // Wrong ones look like a NAT; fewer than two are none.
            #expect(rig.endpoint.snapshots.first?.isPeerBehindNAT == (count >= 2))
            try rig.peer.receive6(Rig.reply(rig.send(try rig.peer.message5())))
            #expect(rig.state == "established")
        }
    }
}

extension Rig {
    /// From message 2 on.
    fileprivate mutating func toMessage4Again() throws {
        try peer.receive4(Rig.reply(send(try peer.message3())))
    }
}
