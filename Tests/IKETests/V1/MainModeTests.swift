// SPDX-License-Identifier: Apache-2.0
import Cryptography
import DataPlane
import IKE
import Primitives
import Testing

struct MainModeTests {
    @Test func message2HasOneTransformAndOurVendorIDs() throws {
        var rig = Rig()
        rig.peer.ikeOffer = ClientOffer.windows10
        let reply = try RawInitiator.decode(Rig.reply(rig.send(rig.peer.message1())))
        let answer = try IKEv1.SAPayload(reply.chain.only(.securityAssociation))
        #expect(answer.proposals.count == 1 && answer.proposals[0].transforms.count == 1)
        // Attributes come back as they were sent, lifetime in four bytes included.
        #expect(answer.proposals[0].transforms[0] == rig.peer.phaseOneOffer.proposals[0].transforms[0])
        #expect(reply.chain.all(.vendorID).map { Array($0) } == [VendorID.rfc3947, VendorID.deadPeerDetection])
        #expect(reply.header.initiatorCookie == rig.peer.cookieI)
        #expect(!reply.header.responderCookie.isZero)
        #expect(reply.header.messageID == 0 && reply.header.flags.isEmpty)
    }

    @Test(arguments: NATTraversal.allCases)
    func everyVariantOfNATTraversalIsSpoken(_ variant: NATTraversal) throws {
        var rig = Rig.natted()
        rig.peer.vendorIDs = [variant.vendorID]
        try rig.toMessage2()
        let reply = Rig.reply(rig.send(try rig.peer.message3(discovery: variant.discoveryPayload)))
        let message4 = try RawInitiator.decode(reply)
        #expect(message4.chain.all(variant.discoveryPayload).count == 2)
        try rig.peer.receive4(reply)
        rig.float()
        try rig.peer.receive6(Rig.reply(rig.send(try rig.peer.message5())))
        #expect(rig.endpoint.snapshots.first?.isPeerBehindNAT == true)
        rig.peer.encapsulation = variant == .rfc3947 ? 4 : 61444
        let (quick, child, _) = try rig.toQuick2()
        #expect(child.isEncapsulated)
        let addresses = try quick.chain.all(variant.originalAddressPayload).map { try IKEv1.NATOAPayload($0).address }
        #expect(addresses == [client.address, gateway.address])
    }

    @Test("F02: NAT-D of a variant that nobody announced is ignored")
    func payloadsOfAVariantNobodyAnnouncedAreIgnored() throws {
        var rig = Rig.natted()
        rig.peer.vendorIDs = []
        try rig.toMessage2()
        let message4 = try RawInitiator.decode(Rig.reply(rig.send(try rig.peer.message3())))
        #expect(message4.chain.all(.natDiscovery).isEmpty)
        #expect(rig.endpoint.snapshots.first?.isPeerBehindNAT == false)
    }

    @Test func theHashesInMessage4AreOfTheAddressesWeSee() throws {
        var rig = Rig.natted()
        try rig.toMessage2()
        let reply = try RawInitiator.decode(Rig.reply(rig.send(try rig.peer.message3())))
        let expected = [rig.source, rig.local].map {
            NATTraversal.discoveryHash(.sha256, cookies: rig.peer.cookies, address: $0)
        }
        #expect(reply.chain.all(.natDiscovery).map { Array($0) } == expected)
    }

    @Test func message6ProvesTheKeyAndNamesOurAddress() throws {
        var rig = Rig()
        try rig.toMessage4()
        let chain = try rig.peer.receive6(Rig.reply(rig.send(try rig.peer.message5())))
        let identity = try chain.only(.identification)
        #expect(try IKEv1.IDPayload(identity) == IKEv1.IDPayload(gateway.address, protocolNumber: 0, port: 0))
        let proof = rig.peer.keys?.hashR(
            initiatorPublic: rig.peer.agreement?.publicValue ?? [],
            responderPublic: rig.peer.publicR,
            cookies: rig.peer.cookies,
            saBody: rig.peer.saBody,
            identityBody: Array(identity)
        )
        #expect(try Array(chain.only(.hash)) == proof)
    }

    @Test(
        "B10: an identity is a name and nothing else, whatever it holds",
        arguments: [
            IKEv1.IDPayload(type: .fqdn, protocolNumber: 0, port: 0, data: Array("laptop.example".utf8)),
            IKEv1.IDPayload(type: .userFQDN, protocolNumber: 0, port: 0, data: Array("a@example".utf8)),
            IKEv1.IDPayload(type: .keyID, protocolNumber: 0, port: 0, data: [1, 2, 3]),
            IKEv1.IDPayload(type: .distinguishedName, protocolNumber: 17, port: 4500, data: [0xFF]),
            IKEv1.IDPayload(
                type: .distinguishedName,
                protocolNumber: 0,
                port: 0,
                data: Array(repeating: 0x30, count: 9_000)
            ),
            IKEv1.IDPayload(type: .ipv4Address, protocolNumber: 6, port: 1, data: [0, 0, 0]),
            IKEv1.IDPayload(type: IKEv1.IDType(rawValue: 200), protocolNumber: 0, port: 0, data: []),
        ]
    )
    func anyIdentityIsTaken(_ identity: IKEv1.IDPayload) throws {
        var rig = Rig()
        rig.peer.identity = identity
        try rig.toEstablished()
        #expect(rig.endpoint.snapshots.first?.peerIdentity == "\(identity)")
    }

    @Test func aShorterLifetimeIsSaid() throws {
        var rig = Rig()
        rig.peer.ikeLifetime = 200_000
        try rig.toMessage4()
        let chain = try rig.peer.receive6(Rig.reply(rig.send(try rig.peer.message5())))
        let notification = try IKEv1.NotificationPayload(chain.only(.notification))
        #expect(notification.type == .responderLifetime)
        #expect(notification.spi == rig.peer.cookies.bytes)
        #expect(notification.data == hex("800B0001 000C0004 00015180"))
        #expect(rig.wait(.seconds(86_399)).eventNames.isEmpty)
        #expect(rig.wait(.seconds(1)).eventNames == ["expired"])
    }

    @Test func aLifetimeWithinTheLimitIsObeyed() throws {
        var rig = Rig()
        rig.peer.ikeLifetime = 86_400
        try rig.toMessage4()
        let chain = try rig.peer.receive6(Rig.reply(rig.send(try rig.peer.message5())))
        #expect(chain.all(.notification).isEmpty)
    }

    @Test func theAddressIsTakenOverWithMessage5Alone() throws {
        var rig = Rig.natted()
        try rig.toMessage4()
        #expect(rig.endpoint.snapshots.first?.peer.port == 1024)
        var forged = try rig.peer.message5()
        forged[40] ^= 1
        var other = rig
        _ = other.send(forged)
        #expect(other.endpoint.snapshots.first?.peer.port == 1024)
        rig.peer.iv = IKEv1.phaseOneIV(
            transform: rig.peer.ikeOffer[0],
            initiatorPublic: rig.peer.agreement?.publicValue ?? [],
            responderPublic: rig.peer.publicR
        )
        let effects = rig.send(try rig.peer.message5())
        #expect(rig.endpoint.snapshots.first?.peer.port == 40_500)
        let datagram = try #require(effects.datagrams.first)
        #expect(datagram.port == .natTraversal)
        #expect(Array(datagram.bytes.prefix(4)) == [0, 0, 0, 0])
        #expect(datagram.peer == rig.source && datagram.local == rig.local)
    }

    @Test func aPeerThatMovesOutOfItsProfileIsRefused() throws {
        let prefix = try #require(IPPrefix("198.51.100.0/24"))
        var rig = Rig(.test(.test(remote: [prefix])))
        try rig.toMessage4()
        rig.source = SocketAddress(.v4(0xCB00_7109), port: 500)
        let effects = rig.send(try rig.peer.message5())
        #expect(effects.eventNames == ["authentication-failed"])
        #expect(rig.state == "refused")
    }

    @Test func message3FromAnotherAddressIsIgnored() throws {
        var rig = Rig()
        try rig.toMessage2()
        rig.source = SocketAddress(.v4(0xCB00_7109), port: 500)
        #expect(rig.send(try rig.peer.message3()).isEmpty)
    }

    struct KeyExchange: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var value: [UInt8]
        var event: String
    }

    @Test(
        "B04: a public value that is none is refused before the agreement, a good one after it is taken",
        arguments: [
            KeyExchange(testDescription: "nothing", value: [], event: "invalid-key-exchange"),
            KeyExchange(
                testDescription: "too short",
                value: Array(repeating: 7, count: 255),
                event: "invalid-key-exchange"
            ),
            KeyExchange(
                testDescription: "too long",
                value: Array(repeating: 7, count: 257),
                event: "invalid-key-exchange"
            ),
            KeyExchange(testDescription: "0", value: Array(repeating: 0, count: 256), event: "invalid-key-exchange"),
            KeyExchange(
                testDescription: "1",
                value: Array(repeating: 0, count: 255) + [1],
                event: "invalid-key-exchange"
            ),
            KeyExchange(
                testDescription: "above p",
                value: Array(repeating: 255, count: 256),
                event: "invalid-key-exchange"
            ),
        ]
    )
    func aPublicValueThatIsNoneIsRefusedOnceAndTheExchangeLives(_ example: KeyExchange) throws {
        var rig = Rig()
        rig.peer.ikeOffer = ClientOffer.ike("aes256-sha256-modp2048")
        try rig.toMessage2()
        let bad = try rig.peer.message3(publicValue: example.value)
        let effects = rig.send(bad)
        #expect(effects.eventNames == ["started", example.event])
        #expect(rig.endpoint.counters.keyAgreements == 0)
        let notice = try RawInitiator.decode(Rig.reply(effects))
        #expect(try IKEv1.NotificationPayload(notice.chain.only(.notification)).type == .invalidKeyInformation)
        #expect(rig.send(bad).isEmpty)
        #expect(rig.state == "main-mode-1")
        try rig.peer.receive4(Rig.reply(rig.send(try rig.peer.message3())))
        try rig.peer.receive6(Rig.reply(rig.send(try rig.peer.message5())))
        #expect(rig.state == "established")
    }

    @Test(
        "B05: a nonce has 8 to 256 bytes",
        arguments: [(0, false), (7, false), (8, true), (256, true), (257, false), (9000, false)]
    )
    func theNonceHasItsLimits(_ length: Int, _ isTaken: Bool) throws {
        var rig = Rig()
        try rig.toMessage2()
        let effects = rig.send(try rig.peer.message3(nonce: Array(repeating: 1, count: length)))
        #expect(effects.eventNames == ["started"] + (isTaken ? [] : ["malformed-message"]))
        #expect(rig.state == (isTaken ? "main-mode-2" : "main-mode-1"))
    }

    @Test("B09: an identity in clear is ignored, and the encrypted one still taken")
    func anIdentityInClearIsIgnored() throws {
        var rig = Rig()
        try rig.toMessage4()
        let clear = Message(
            header: rig.peer.header(.identityProtection),
            payloads: rig.peer.message5Payloads
        ).encode()
        #expect(rig.send(clear).eventNames == ["unexpected-message"])
        #expect(rig.state == "main-mode-2")
        _ = rig.send(try rig.peer.message5())
        #expect(rig.state == "established")
    }

    @Test(arguments: [[PayloadType.hash], [.identification], []])
    func message5WithoutIdentityOrHashIsRefused(_ types: [PayloadType]) throws {
        var rig = Rig()
        try rig.toMessage4()
        let payloads = rig.peer.message5Payloads.filter { types.contains($0.type) }
        let effects = rig.send(try rig.peer.message5(payloads + [Payload(.vendorID, [1])]))
        #expect(effects.eventNames == ["authentication-failed"])
    }

    @Test func initialContactInMessage5IsRecorded() throws {
        var rig = Rig()
        try rig.toMessage4()
        let notification = IKEv1.NotificationPayload(
            protocolID: .isakmp,
            spi: rig.peer.cookies.bytes,
            type: .initialContact
        )
        let effects = rig.send(
            try rig.peer.message5(rig.peer.message5Payloads + [Payload(.notification, notification)])
        )
        #expect(effects.eventNames == ["phase1-established", "phase1-chosen", "initial-contact"])
    }

    @Test func aWrongKeyEndsInOneEventAndSilence() throws {
        var rig = Rig()
        rig.peer.preSharedKey = "battery staple"
        try rig.toMessage4()
        let message5 = try rig.peer.message5()
        let effects = rig.send(message5)
        let event = try #require(effects.events.first)
        #expect(event.description.name == "authentication-failed")
        #expect(event.description.message.contains("pre-shared key differs"))
        #expect(event.description.remedy?.contains("remote-access") == true)
        let notice = try RawInitiator.decode(Rig.reply(effects))
        #expect(try IKEv1.NotificationPayload(notice.chain.only(.notification)).type == .authenticationFailed)
        #expect(Rig.reply(effects).count <= message5.count)
        for _ in 0..<1000 {
            rig.now = rig.now.advanced(by: .milliseconds(20))
            #expect(rig.send(message5).isEmpty)
        }
        _ = rig.wait(.seconds(30))
        #expect(rig.endpoint.snapshots.isEmpty)
        #expect(rig.endpoint.nextDeadline == nil)
    }

    @Test func noCommonProposalIsOneEventAndOneNotification() throws {
        var rig = Rig()
        rig.peer.ikeOffer = ClientOffer.android712
        let message1 = rig.peer.message1()
        let effects = rig.send(message1)
        #expect(effects.eventNames == ["no-proposal-chosen"])
        let notice = try RawInitiator.decode(Rig.reply(effects))
        #expect(try IKEv1.NotificationPayload(notice.chain.only(.notification)).type == .noProposalChosen)
        #expect(notice.header.exchange == .informational)
        rig.now = rig.now.advanced(by: .seconds(2))
        #expect(rig.send(message1).isEmpty)
        _ = rig.wait(.seconds(30))
        #expect(rig.endpoint.snapshots.isEmpty)
    }

    @Test("B02: another DOI is answered as such") func anotherDOIIsAnsweredAsSuch() throws {
        var rig = Rig()
        var offer = rig.peer.phaseOneOffer
        offer.doi = 7
        let effects = rig.send(rig.peer.message1(offer))
        #expect(effects.eventNames == ["malformed-message"])
        let notice = try RawInitiator.decode(Rig.reply(effects))
        #expect(try IKEv1.NotificationPayload(notice.chain.only(.notification)).type == .doiNotSupported)
    }
}
