// SPDX-License-Identifier: Apache-2.0
import Cryptography
import DataPlane
import IKE
import Primitives
import Simulation
import Testing

struct AggressiveModeTests {
    // Against an initiator that was written apart from the responder.

    private static func conversation(
        isNATted: Bool = false,
        isEncrypted: Bool = true,
        group: String = "sales",
        offer: [IKETransform] = Array(ClientOffer.macOS.prefix(4)),
        profile: Profile = .aggressive(),
        key: String = "correct horse"
    ) -> WholeExchangeTests.Conversation {
        var talk = WholeExchangeTests.conversation(
            ike: offer,
            esp: ClientOffer.esp("aes256-sha256", "aes256-sha1"),
            isNATted: isNATted,
            key: key
        )
        talk.endpoint = .test(profile)
        talk.client.settings.groupName = Array(group.utf8)
        talk.client.settings.encryptsMessage3 = isEncrypted
        return talk
    }

    private static func bytes(_ secret: SecretBytes?) -> [UInt8] {
        guard let secret else { return [] }
        var writer = ByteWriter()
        writer.append(secret)
        return writer.bytes
    }

    @Test(
        "a client with a group name is let in, and both ends have the same keys",
        arguments: [(false, true), (false, false), (true, true), (true, false)]
    )
    func wholeExchange(_ isNATted: Bool, _ isEncrypted: Bool) throws {
        var talk = Self.conversation(isNATted: isNATted, isEncrypted: isEncrypted)
        talk.run(talk.client.startAggressive(at: start))
        #expect(talk.client.state == .established)
        #expect(talk.effects.verdicts == ["started", "phase1-established", "child-established"])
        let theirs = try #require(talk.client.children.first)
        let ours = try #require(talk.effects.installs.first)
        #expect(ours.isEncapsulated == isNATted)
        #expect(ours.peer.port == (isNATted ? 40_500 : 500))
        #expect(Self.bytes(ours.inboundEncryptionKey) + Self.bytes(ours.inboundIntegrityKey) == theirs.outboundKey)
        #expect(Self.bytes(ours.outboundEncryptionKey) + Self.bytes(ours.outboundIntegrityKey) == theirs.inboundKey)
        let snapshot = try #require(talk.endpoint.snapshots.first)
        #expect(snapshot.peerIdentity == "key-id:sales" && snapshot.isPeerBehindNAT == isNATted)
        #expect(snapshot.transform == "aes256-sha256-modp2048" && snapshot.profile == "groups")
        #expect(snapshot.client != nil)
        #expect(talk.endpoint.occupancy.aggressive == 0 && talk.endpoint.occupancy.halfOpen == 0)
    }

    @Test(
        "every transform works",
        arguments: ["aes128-sha1-modp1536", "aes192-sha384-ecp384", "aes256-sha512-ecp521", "3des-md5-modp1024"]
    )
    func everyTransform(_ name: String) throws {
        var profile = Profile.aggressive()
        profile.allowLegacy = Set(LegacyAlgorithm.allCases)
        var talk = Self.conversation(offer: [try #require(IKETransform(name))], profile: profile)
        talk.run(talk.client.startAggressive(at: start))
        #expect(talk.client.state == .established)
        #expect(talk.effects.verdicts.contains("legacy-algorithm") == name.hasPrefix("3des"))
    }

    /// Apple's way: group 14 first, group 2 after that has failed.
    @Test("a client that comes again with another group is let in")
    func twoTries() throws {
        var profile = Profile.aggressive()
        profile.allowLegacy = [.modp1024]
        profile.ikeProposals = ClientOffer.ike("aes256-sha1-modp1024")
        var talk = Self.conversation(profile: profile)
        talk.run(talk.client.startAggressive(at: start))
        #expect(talk.client.state != .established)
        #expect(talk.effects.verdicts == ["no-proposal-chosen"])
        talk.client.settings.ikeOffer = Array(ClientOffer.macOS.dropFirst(7))
        talk.run(talk.client.startAggressive(at: start))
        #expect(talk.client.state == .established)
    }

    @Test("the right end follows whichever message is lost", arguments: 1...9)
    func losses(_ number: Int) {
        for isNATted in [false, true] {
            var talk = Self.conversation(isNATted: isNATted)
            talk.lost = { $0 == number }
            talk.run(talk.client.startAggressive(at: start))
            talk.settle(until: start.advanced(by: .seconds(20)))
            #expect(talk.client.state == .established, "\(number)")
            #expect(talk.endpoint.snapshots.contains { $0.state == "established" })
            #expect(talk.effects.installs.count == 1)
        }
    }

    @Test("with another key neither end believes the other")
    func anotherKey() throws {
        var talk = Self.conversation(key: "battery staple")
        talk.run(talk.client.startAggressive(at: start))
        #expect(talk.client.state == .failed("the gateway does not know the pre-shared key"))
        #expect(talk.effects.verdicts.isEmpty)
        #expect(talk.endpoint.advance(to: start.advanced(by: .seconds(30))).verdicts == ["exchange-timeout"])
        #expect(talk.endpoint.snapshots.isEmpty && talk.endpoint.nextDeadline == nil)
    }

    // NAT traversal.

    private static func natted(_ vendorID: [UInt8]) -> Rig {
        var rig = Rig.natted(.test(.aggressive()))
        let own = rig.peer.ownAddress
        rig.peer = .group()
        rig.peer.ownAddress = own
        rig.peer.vendorIDs = [vendorID]
        return rig
    }

    @Test("each way to speak NAT traversal is spoken", arguments: NATTraversal.allCases)
    func drafts(_ natTraversal: NATTraversal) throws {
        for isEncrypted in [true, false] {
            var rig = Self.natted(natTraversal.vendorID)
            rig.peer.encapsulation = natTraversal == .rfc3947 ? 4 : 61444
            let reply = Rig.reply(rig.send(try rig.peer.aggressive1()))
            let chain = try RawInitiator.decode(reply).chain
            #expect(chain.all(.vendorID).contains(natTraversal.vendorID[...]))
            #expect(try rig.peer.receiveAggressive2(reply))
            let discovery = [rig.source, rig.local].map {
                NATTraversal.discoveryHash(.sha256, cookies: rig.peer.cookies, address: $0)
            }
            #expect(chain.all(natTraversal.discoveryPayload).map { Array($0) } == discovery)
            rig.float()
            let payloads = rig.peer.aggressiveDiscovery(natTraversal.discoveryPayload, port: 4500)
            let effects = rig.send(
                try rig.peer.aggressive3(payloads + [rig.peer.aggressive3Hash], isEncrypted: isEncrypted)
            )
            #expect(effects.verdicts == ["started", "phase1-established"])
            #expect(rig.endpoint.snapshots.first?.isPeerBehindNAT == true)
            #expect(rig.endpoint.snapshots.first?.isLocalBehindNAT == false)
            let child = try rig.toChild()
            #expect(child.isEncapsulated && child.peer.port == 40_500)
        }
    }

    @Test(
        "without a NAT none is found, whether NAT-D is for the ports before or after the float",
        arguments: [500, 4500]
    )
    func portsOfDiscovery(_ port: UInt16) throws {
        for floats in [false, true] {
            var rig = Rig.aggressive()
            try rig.toAggressive2()
            if floats {
                rig.isOnNATTraversalPort = true
                rig.local.port = 4500
                rig.source.port = 4500
            }
            let payloads = rig.peer.aggressiveDiscovery(port: port)
            _ = rig.send(try rig.peer.aggressive3(payloads + [rig.peer.aggressive3Hash]))
            let snapshot = try #require(rig.endpoint.snapshots.first)
            #expect(snapshot.state == "established")
            // A hash for a port that no message came from is that of a NAT.
            #expect(snapshot.isPeerBehindNAT == (port == 4500 && !floats))
        }
    }

    @Test("a peer that does not speak of NATs is not spoken to of them")
    func noDiscovery() throws {
        var rig = Rig.aggressive()
        rig.peer.vendorIDs = []
        let reply = Rig.reply(rig.send(try rig.peer.aggressive1()))
        #expect(try RawInitiator.decode(reply).chain.all(.natDiscovery, .natDiscoveryDraft).isEmpty)
        try rig.peer.receiveAggressive2(reply)
        let effects = rig.send(try rig.peer.aggressive3([rig.peer.aggressive3Hash]))
        #expect(effects.verdicts == ["started", "phase1-established"])
        #expect(try !rig.toChild().isEncapsulated)
    }

    // The group of the key exchange.

    @Test("of an offer with several groups only what fits the key exchange is taken")
    func severalGroups() throws {
        var rig = Rig.aggressive()
        rig.peer.ikeOffer = ClientOffer.ike("aes128-sha1-modp2048", "aes256-sha256-ecp384", "aes256-sha256-ecp256")
        #expect(try rig.toAggressive().verdicts == ["started", "phase1-established"])
        #expect(rig.endpoint.snapshots.first?.transform == "aes128-sha1-modp2048")
    }

    @Test("B04: a key exchange that is none costs no agreement", arguments: [0, 1, 63, 64, 65, 256])
    func unusableKeyExchange(_ length: Int) throws {
        for offer in [["aes256-sha256-ecp256"], ["aes256-sha256-modp2048", "aes256-sha256-ecp384"]] {
            var rig = Rig.aggressive()
            rig.peer.ikeOffer = offer.compactMap { IKETransform($0) }
            let value = [UInt8](repeating: 0xFF, count: length)
            let effects = rig.send(try rig.peer.aggressive1(publicValue: value))
            #expect(effects.words == ["transmit", "[invalid-key-exchange]"])
            let notice = try RawInitiator.decode(Rig.reply(effects))
            #expect(try IKEv1.NotificationPayload(notice.chain.only(.notification)).type == .invalidKeyInformation)
            #expect(rig.endpoint.snapshots.isEmpty)
            // Only a point that is on no curve is found out late.
            #expect(rig.endpoint.counters.keyAgreements == (offer.count == 1 && length == 64 ? 1 : 0))
            #expect(rig.send(try rig.peer.aggressive1()).isEmpty)
        }
    }

    @Test("an offer that will not do is answered as in main mode")
    func noProposal() throws {
        var rig = Rig.aggressive()
        rig.peer.ikeOffer = ClientOffer.ike("3des-md5-modp1024")
        let effects = rig.send(try rig.peer.aggressive1())
        #expect(effects.words == ["transmit", "[no-proposal-chosen]"])
        #expect(Rig.reply(effects).count == 40)
    }

    @Test("B05: a nonce has 8 to 256 bytes", arguments: [(7, false), (8, true), (256, true), (257, false)])
    func nonces(_ length: Int, _ isTaken: Bool) throws {
        var rig = Rig.aggressive()
        let effects = rig.send(try rig.peer.aggressive1(nonce: [UInt8](repeating: 1, count: length)))
        #expect(effects.words == (isTaken ? ["transmit"] : ["[malformed-message]"]))
    }

    @Test("B02: another DOI is answered as such, to who knows a name")
    func anotherDOI() throws {
        var rig = Rig.aggressive()
        let good = try RawInitiator.decode(try rig.peer.aggressive1())
        var payloads = good.chain.payloads
        payloads[0] = Payload(.securityAssociation, [0, 0, 0, 7] + payloads[0].body.dropFirst(4))
        let bad = Message(header: good.header, payloads: payloads).encode()
        #expect(rig.send(bad).words == ["transmit", "[malformed-message]"])
        rig.endpoint = .test(.aggressive("marketing"))
        #expect(rig.send(bad).words == ["[aggressive-mode-refused]"])
    }

    @Test("a first message is not encrypted and has no message id")
    func firstMessageHeader() throws {
        for place in [19, 23] {
            var rig = Rig.aggressive()
            var bytes = try rig.peer.aggressive1()
            bytes[place] = 1
            #expect(rig.send(bytes).words == ["[unexpected-message]"])
        }
    }

    // Whose profile, whose key.

    @Test("of several profiles for an address the one that names the peer is taken")
    func profileByName() throws {
        let office = try #require(IPPrefix("198.51.100.0/24"))
        let elsewhere = try #require(IPPrefix("203.0.113.0/24"))
        var disallowed = Profile.aggressive("sales", name: "main-mode-only")
        disallowed.allowsAggressiveMode = false
        let profiles = [
            Profile.test(), disallowed, .aggressive("sales", name: "elsewhere", remote: [elsewhere]),
            .aggressive("marketing", name: "marketing", remote: [office], key: "another key"),
            .aggressive("s*", name: "sales", remote: [office]), .aggressive("sales", name: "late"),
        ]
        for (group, key, profile) in [("sales", "correct horse", "sales"), ("marketing", "another key", "marketing")] {
            var rig = Rig(Endpoint(configuration: Configuration(profiles: profiles), entropy: SeededEntropy(seed: 1)))
            rig.peer = .group(group)
            rig.peer.preSharedKey = key
            #expect(try rig.toAggressive().verdicts == ["started", "phase1-established"])
            #expect(rig.endpoint.snapshots.first?.profile == profile)
        }
        // Main mode goes on to take the first.
        var rig = Rig(Endpoint(configuration: Configuration(profiles: profiles), entropy: SeededEntropy(seed: 1)))
        try rig.toEstablished()
        #expect(rig.endpoint.snapshots.first?.profile == "remote-access")
    }

    @Test("of several keys the one of that name is taken, or else the first that is valid")
    func keyByName() throws {
        let wall = WallClockTime(milliseconds: 1_700_000_000_000)
        var profile = Profile.aggressive("sales", "marketing", "support")
        profile.preSharedKeys = [
            PreSharedKey(name: "former", secret: secret("former"), until: wall),
            PreSharedKey(name: "first", secret: secret("first")),
            PreSharedKey(name: "sales", secret: secret("of sales")),
            PreSharedKey(
                name: "support",
                secret: secret("of support"),
                until: WallClockTime(milliseconds: wall.milliseconds + 1000)
            ),
        ]
        for (group, key, name) in [
            ("sales", "of sales", "sales"), ("marketing", "first", "first"), ("support", "of support", "support"),
        ] {
            var rig = Rig.aggressive(profile)
            _ = rig.endpoint.setCalendar(wall, at: rig.now)
            rig.peer.identity = .keyID(group)
            rig.peer.preSharedKey = key
            let events = try rig.toAggressive()
            #expect(events.verdicts == ["started", "phase1-established"])
            #expect(rig.endpoint.snapshots.first?.keyName == name)
        }
        var rig = Rig.aggressive(profile)
        _ = rig.endpoint.setCalendar(wall, at: rig.now)
        rig.now = rig.now.advanced(by: .seconds(1))
        rig.peer.identity = .keyID("support")
        rig.peer.preSharedKey = "first"
        #expect(try rig.toAggressive().verdicts == ["started", "phase1-established"])
    }

    @Test("B13: without a valid key there is no exchange")
    func noKey() throws {
        var profile = Profile.aggressive()
        profile.preSharedKeys[0].until = WallClockTime(milliseconds: 0)
        var rig = Rig.aggressive(profile)
        #expect(rig.send(try rig.peer.aggressive1()).words == ["[aggressive-mode-without-key]"])
        #expect(rig.endpoint.snapshots.isEmpty && rig.endpoint.counters.keyAgreements == 0)
    }

    // Message 3 and what comes with it.

    @Test("INITIAL-CONTACT counts if nobody on the way can have written it")
    func initialContact() throws {
        for isEncrypted in [true, false] {
            var rig = Rig.aggressive()
            try rig.toAggressive2()
            let contact = IKEv1.NotificationPayload(
                protocolID: .isakmp,
                spi: rig.peer.cookies.bytes,
                type: .initialContact
            )
            let payloads = [rig.peer.aggressive3Hash, Payload(.notification, contact)]
            let effects = rig.send(try rig.peer.aggressive3(payloads, isEncrypted: isEncrypted))
            #expect(effects.verdicts == ["started", "phase1-established"] + (isEncrypted ? ["initial-contact"] : []))
            // As racoon has it: a message of its own, right after.
            let later = rig.send(try rig.peer.informational(Payload(.notification, contact)))
            #expect(later.verdicts == ["initial-contact"])
        }
    }

    @Test("a peer that wants too long a life is told so under protection")
    func responderLifetime() throws {
        for isEncrypted in [true, false] {
            var rig = Rig.aggressive()
            rig.peer.ikeLifetime = 200_000
            let effects = try rig.toAggressive(isEncrypted: isEncrypted)
            #expect(
                effects.words.filter { $0 != "[phase1-chosen]" } == ["[started]", "[phase1-established]", "transmit"]
            )
            let chain = try rig.peer.openInformational(Rig.reply(effects))
            #expect(try IKEv1.NotificationPayload(chain.only(.notification)).type == .responderLifetime)
        }
    }

    @Test("nobody who is elsewhere goes on with it, and nothing in clear ends it")
    func messagesOfOthers() throws {
        var rig = Rig.aggressive()
        try rig.toAggressive2()
        let message3 = try rig.peer.aggressive3()
        var other = rig
        other.source = SocketAddress(.v4(0xCB00_7105), port: 500)
        #expect(other.send(message3).isEmpty && other.state == "aggressive-mode")
        let delete = IKEv1.DeletePayload(protocolID: .isakmp, spis: [rig.peer.cookies.bytes])
        let clear = Message(header: rig.peer.header(.informational, 8), payloads: [Payload(.delete, delete)]).encode()
        #expect(rig.send(clear).isEmpty && rig.state == "aggressive-mode")
        // From another port of the same NAT it may come.
        rig.source.port = 777
        #expect(rig.send(message3).verdicts == ["started", "phase1-established"])
        #expect(rig.send(message3).isEmpty)
    }

    @Test("a wrong hash ends in one event and one notification", arguments: [true, false])
    func wrongHash(_ isEncrypted: Bool) throws {
        var rig = Rig.aggressive()
        try rig.toAggressive2()
        let payloads = [Payload(.hash, [UInt8](repeating: 7, count: 32))]
        let message3 = try rig.peer.aggressive3(payloads, isEncrypted: isEncrypted)
        let effects = rig.send(message3)
        #expect(effects.words == ["[started]", "transmit", "[authentication-failed]"])
        #expect(rig.state == "refused" && rig.endpoint.occupancy.aggressive == 0)
        #expect(rig.send(message3).isEmpty)
        #expect(rig.wait(.seconds(30)).isEmpty && rig.endpoint.snapshots.isEmpty)
    }

    @Test("an IKE SA of aggressive mode is left to the peer to renew")
    func noRenewal() throws {
        var rig = Rig.aggressive()
        try rig.toAggressive()
        rig.peer.espLifetime = 28_800
        try rig.toChild()
        var effects: [Endpoint.Effect] = []
        for _ in 0..<60 { effects += rig.wait(.seconds(60)) }
        let exchanges = effects.datagrams.map { $0.bytes[18] }
        #expect(!exchanges.contains(ExchangeType.identityProtection.rawValue))
        #expect(effects.verdicts.contains("expired") && rig.endpoint.snapshots.first?.children.count == 1)
    }
}
