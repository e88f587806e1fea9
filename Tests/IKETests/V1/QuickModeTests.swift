// SPDX-License-Identifier: Apache-2.0
import Cryptography
import DataPlane
import IKE
import Primitives
import Testing

struct QuickModeTests {
    static func established(_ endpoint: Endpoint = .test()) throws -> Rig {
        var rig = Rig(endpoint)
        try rig.toEstablished()
        return rig
    }

    @Test func message2WaitsForTheKernel() throws {
        var rig = try Self.established()
        var quick = rig.peer.newQuick()
        let effects = rig.send(try rig.peer.quick1(&quick))
        #expect(effects.words == ["[phase2-chosen]", "installInbound"])
        let child = try #require(effects.installs.first)
        #expect(child.id.ike == rig.endpoint.snapshots.first?.id)
        #expect(child.trace == rig.endpoint.snapshots.first?.trace)
        #expect(child.outboundSPI.rawValue == quick.spi)
        #expect(child.local == gateway && child.peer == client)
        #expect(child.peerTrafficPort == 1701)
        #expect(child.lifetime == .seconds(3600) && child.lifetimeKilobytes == nil)
        #expect(child.inboundEncryptionKey.count == 32 && child.inboundIntegrityKey?.count == 32)
        #expect(rig.endpoint.snapshots.first?.children.isEmpty == true)
        let answered = rig.endpoint.inboundInstalled(child.id, outcome: .installed, at: rig.now)
        #expect(answered.words == ["transmit"])
        try rig.peer.receiveQuick2(&quick, Rig.reply(answered))
        let done = rig.send(try rig.peer.quick3(quick))
        #expect(done.words == ["installOutbound", "[child-established]"])
        #expect(rig.endpoint.snapshots.first?.children.count == 1)
    }

    @Test func message2EchoesIdentitiesAndTransform() throws {
        var rig = try Self.established()
        rig.peer.espOffer = ClientOffer.esp("3des-sha1", "aes128-sha1", "aes256-sha256")
        let (quick, child, _) = try rig.toQuick2()
        let answer = try IKEv1.SAPayload(quick.chain.only(.securityAssociation))
        #expect(answer.proposals.count == 1)
        #expect(answer.proposals[0].spi == RawInitiator.bytes(child.id.inboundSPI.rawValue))
        #expect(answer.proposals[0].transforms == [rig.peer.phaseTwoOffer(spi: 1).proposals[0].transforms[2]])
        let identities = quick.chain.payloads.filter { $0.type == .identification }
        #expect(identities.map { Array($0.body) } == rig.peer.trafficIdentities.map { Array($0.body) })
        let rest = Array(quick.chain.payloads.dropFirst())
        let expected = rig.peer.hmacA().authenticate(
            RawInitiator.bytes(quick.messageID),
            quick.nonce,
            IKEv1.encoded(PayloadChain(rest))
        )
        #expect(try Array(quick.chain.only(.hash)) == expected)
        #expect(quick.chain.all(.natOriginalAddress).isEmpty)
    }

    @Test func anSPIInUseMeansAnotherSPIAndOtherKeys() throws {
        var rig = try Self.established()
        var quick = rig.peer.newQuick()
        var child = try #require(rig.send(try rig.peer.quick1(&quick)).installs.first)
        for _ in 0..<3 {
            let effects = rig.endpoint.inboundInstalled(child.id, outcome: .spiInUse, at: rig.now)
            let next = try #require(effects.installs.first)
            #expect(next.id.inboundSPI != child.id.inboundSPI)
            #expect(next.inboundEncryptionKey != child.inboundEncryptionKey)
            #expect(next.outboundEncryptionKey == child.outboundEncryptionKey)
            child = next
        }
        let effects = rig.endpoint.inboundInstalled(child.id, outcome: .spiInUse, at: rig.now)
        #expect(effects.words == ["remove", "transmit", "[spi-exhausted]"])
    }

    @Test func aKernelThatRefusesIsTold() throws {
        var rig = try Self.established()
        var quick = rig.peer.newQuick()
        let child = try #require(rig.send(try rig.peer.quick1(&quick)).installs.first)
        let error = DataPlaneError(step: "XFRM_MSG_NEWSA", code: 93)
        let effects = rig.endpoint.inboundInstalled(child.id, outcome: .failed(error), at: rig.now)
        #expect(effects.words == ["remove", "transmit", "[install-failed]"])
        let chain = try rig.peer.openInformational(Rig.reply(effects))
        #expect(try IKEv1.NotificationPayload(chain.only(.notification)).type == .noProposalChosen)
        #expect(effects.events.first?.description.message.contains("XFRM_MSG_NEWSA") == true)
    }

    @Test func anAnswerForAGoneSAIsUndone() throws {
        var rig = try Self.established()
        var quick = rig.peer.newQuick()
        let child = try #require(rig.send(try rig.peer.quick1(&quick)).installs.first)
        _ = rig.endpoint.closeAll(at: rig.now)
        #expect(rig.endpoint.inboundInstalled(child.id, outcome: .installed, at: rig.now) == [.remove(child.id)])
        #expect(rig.endpoint.inboundInstalled(child.id, outcome: .spiInUse, at: rig.now).isEmpty)
    }

    struct Identities: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var peer: IKEv1.IDPayload
        var local: IKEv1.IDPayload
        /// `nil` if refused.
        var port: UInt16??
    }

    static let inside = IPAddress.v4(0xC0A8_0105)

    static func udp(_ address: IPAddress, _ port: UInt16, _ number: UInt8 = 17) -> IKEv1.IDPayload {
        IKEv1.IDPayload(address, protocolNumber: number, port: port)
    }

    @Test(
        "D01: traffic identities that are no single address for L2TP are refused, the usual ones taken",
        arguments: [
            Identities(
                testDescription: "1701 on both sides",
                peer: udp(client.address, 1701),
                local: udp(gateway.address, 1701),
                port: 1701
            ),
            Identities(
                testDescription: "ephemeral",
                peer: udp(client.address, 56_322),
                local: udp(gateway.address, 1701),
                port: 56_322
            ),
            Identities(
                testDescription: "any port of the peer",
                peer: udp(client.address, 0),
                local: udp(gateway.address, 1701),
                port: .some(nil)
            ),
            Identities(
                testDescription: "any port on both sides",
                peer: udp(client.address, 0),
                local: udp(gateway.address, 0),
                port: nil
            ),
            Identities(
                testDescription: "any port of ours",
                peer: udp(client.address, 1701),
                local: udp(gateway.address, 0),
                port: nil
            ),
            Identities(
                testDescription: "any protocol",
                peer: udp(client.address, 0, 0),
                local: udp(gateway.address, 0, 0),
                port: nil
            ),
            Identities(
                testDescription: "any protocol, port 1701",
                peer: udp(client.address, 1701, 0),
                local: udp(gateway.address, 1701, 0),
                port: nil
            ),
            Identities(
                testDescription: "UDP of ours, any protocol of the peer's",
                peer: udp(client.address, 1701, 0),
                local: udp(gateway.address, 1701),
                port: nil
            ),
            Identities(
                testDescription: "ICMP",
                peer: udp(client.address, 0, 1),
                local: udp(gateway.address, 0, 1),
                port: nil
            ),
            Identities(
                testDescription: "DNS",
                peer: udp(client.address, 0),
                local: udp(gateway.address, 53),
                port: nil
            ),
            Identities(
                testDescription: "subnets of one address, as libreswan and strongSwan may write them",
                peer: IKEv1.IDPayload(type: .ipv4Subnet, protocolNumber: 17, port: 0, data: hex("C6336407FFFFFFFF")),
                local: IKEv1.IDPayload(
                    type: .ipv4Subnet,
                    protocolNumber: 17,
                    port: 1701,
                    data: hex("C0000201FFFFFFFF")
                ),
                port: .some(nil)
            ),
            Identities(
                testDescription: "ranges of one address",
                peer: IKEv1.IDPayload(type: .ipv4Range, protocolNumber: 17, port: 1701, data: hex("C6336407C6336407")),
                local: IKEv1.IDPayload(type: .ipv4Range, protocolNumber: 17, port: 1701, data: hex("C0000201C0000201")),
                port: 1701
            ),
            Identities(
                testDescription: "a range",
                peer: IKEv1.IDPayload(type: .ipv4Range, protocolNumber: 17, port: 1701, data: hex("C6336407C6336408")),
                local: udp(gateway.address, 1701),
                port: nil
            ),
            Identities(
                testDescription: "everything of ours",
                peer: udp(client.address, 1701),
                local: IKEv1.IDPayload(
                    type: .ipv4Subnet,
                    protocolNumber: 17,
                    port: 1701,
                    data: hex("0000000000000000")
                ),
                port: nil
            ),
            Identities(
                testDescription: "a mask with a hole",
                peer: IKEv1.IDPayload(type: .ipv4Subnet, protocolNumber: 17, port: 1701, data: hex("C6336407FF00FFFF")),
                local: udp(gateway.address, 1701),
                port: nil
            ),
            Identities(
                testDescription: "TCP",
                peer: udp(client.address, 1701, 6),
                local: udp(gateway.address, 1701, 6),
                port: nil
            ),
            Identities(
                testDescription: "another port of ours",
                peer: udp(client.address, 1701),
                local: udp(gateway.address, 1702),
                port: nil
            ),
            Identities(
                testDescription: "somebody else's traffic",
                peer: udp(inside, 1701),
                local: udp(gateway.address, 1701),
                port: nil
            ),
            Identities(
                testDescription: "to somebody else",
                peer: udp(client.address, 1701),
                local: udp(inside, 1701),
                port: nil
            ),
            Identities(
                testDescription: "a subnet",
                peer: IKEv1.IDPayload(type: .ipv4Subnet, protocolNumber: 17, port: 1701, data: hex("C6336400FFFFFF00")),
                local: udp(gateway.address, 1701),
                port: nil
            ),
            Identities(
                testDescription: "a name",
                peer: udp(client.address, 1701),
                local: IKEv1.IDPayload(type: .fqdn, protocolNumber: 17, port: 1701, data: [0x61]),
                port: nil
            ),
            Identities(
                testDescription: "a key id",
                peer: udp(client.address, 1701),
                local: IKEv1.IDPayload(type: .keyID, protocolNumber: 17, port: 1701, data: [0xC0, 0, 2, 1]),
                port: nil
            ),
        ]
    )
    func identitiesHaveToBeHostsAndL2TP(_ example: Identities) throws {
        var rig = try Self.established()
        var quick = rig.peer.newQuick()
        let payloads =
            rig.peer.quickPayloads(quick).filter { $0.type != .identification }
            + [Payload(.identification, example.peer), Payload(.identification, example.local)]
        let effects = rig.send(try rig.peer.quick1(&quick, payloads))
        switch example.port {
        case .some(let port):
            #expect(effects.installs.first?.peerTrafficPort == port)
        case nil:
            #expect(effects.words == ["transmit", "[invalid-identity]"])
            let chain = try rig.peer.openInformational(Rig.reply(effects))
            #expect(try IKEv1.NotificationPayload(chain.only(.notification)).type == .invalidIDInformation)
        }
    }

    @Test func behindANATIdentitiesAreWhatTheClientBelieves() throws {
        var rig = Rig.natted()
        try rig.toEstablished()
        rig.peer.gatewayAddress = SocketAddress(.v4(0x0A00_0001), port: 500)
        let (_, child, _) = try rig.toQuick2()
        #expect(child.peer.address == client.address)
        #expect(child.isEncapsulated)
    }

    /// RFC 2409 §5.5: it would be for all traffic between the two.
    @Test("D02: without identities quick mode is refused")
    func withoutIdentitiesItIsRefused() throws {
        var rig = try Self.established()
        var quick = rig.peer.newQuick()
        let payloads = rig.peer.quickPayloads(quick).filter { $0.type != .identification }
        let effects = rig.send(try rig.peer.quick1(&quick, payloads))
        #expect(effects.words == ["transmit", "[invalid-identity]"])
        let chain = try rig.peer.openInformational(Rig.reply(effects))
        #expect(try IKEv1.NotificationPayload(chain.only(.notification)).type == .invalidIDInformation)
    }

    @Test func overIPv6AddressesAreComparedToo() throws {
        let outside = (ours: try #require(IPAddress("2001:db8::2")), theirs: try #require(IPAddress("2001:db8::1")))
        let full = [UInt8](repeating: 0xFF, count: 16)
        func subnet(_ address: IPAddress, _ mask: [UInt8]) -> IKEv1.IDPayload {
            IKEv1.IDPayload(type: .ipv6Subnet, protocolNumber: 17, port: 1701, data: address.bytes + mask)
        }
        let examples: [(peer: IKEv1.IDPayload, local: IKEv1.IDPayload, isTaken: Bool)] = [
            (Self.udp(outside.theirs, 1701), Self.udp(outside.ours, 1701), true),
            (Self.udp(outside.theirs, 0), Self.udp(outside.ours, 1701), true),
            (subnet(outside.theirs, full), subnet(outside.ours, full), true),
            (subnet(outside.theirs, full.dropLast() + [0xFE]), Self.udp(outside.ours, 1701), false),
            (Self.udp(outside.ours, 1701), Self.udp(outside.ours, 1701), false),
            (Self.udp(client.address, 1701), Self.udp(gateway.address, 1701), false),
            (Self.udp(outside.theirs, 1701), Self.udp(outside.ours, 53), false),
        ]
        for (index, example) in examples.enumerated() {
            var rig = Rig()
            rig.local = SocketAddress(outside.ours, port: 500)
            rig.source = SocketAddress(outside.theirs, port: 500)
            rig.peer.ownAddress = rig.source
            rig.peer.gatewayAddress = rig.local
            try rig.toEstablished()
            var quick = rig.peer.newQuick()
            let payloads =
                rig.peer.quickPayloads(quick).filter { $0.type != .identification }
                + [Payload(.identification, example.peer), Payload(.identification, example.local)]
            let effects = rig.send(try rig.peer.quick1(&quick, payloads))
            #expect(effects.installs.isEmpty == !example.isTaken, "\(index): \(effects.words)")
        }
    }

    @Test("a refusal says what would be accepted")
    func aRefusalSaysWhatWouldBeAccepted() throws {
        var rig = try Self.established()
        var quick = rig.peer.newQuick()
        let payloads =
            rig.peer.quickPayloads(quick).filter { $0.type != .identification }
            + [client, gateway].map { Payload(.identification, Self.udp($0.address, 0, 0)) }
        let event = try #require(rig.send(try rig.peer.quick1(&quick, payloads)).events.first)
        #expect(event.kind == .invalidIdentity("it is for every IP protocol"))
        #expect(event.description.remedy?.contains("UDP between any port") == true)
    }

    @Test("D02: one identity, three, or the peer's twice and none of ours is refused", arguments: [1, 2, 3])
    func anOddNumberOfIdentitiesIsRefused(_ count: Int) throws {
        var rig = try Self.established()
        var quick = rig.peer.newQuick()
        let identity = rig.peer.trafficIdentities[0]
        let payloads =
            rig.peer.quickPayloads(quick).filter { $0.type != .identification }
            + Array(repeating: identity, count: count)
        let event = count == 2 ? "[invalid-identity]" : "[malformed-message]"
        #expect(rig.send(try rig.peer.quick1(&quick, payloads)).words == ["transmit", event])
        #expect(rig.endpoint.snapshots.first?.children.isEmpty == true)
    }

    @Test func severalNegotiationsAtOnceAreRefused() throws {
        var rig = try Self.established()
        var quick = rig.peer.newQuick()
        let all = rig.peer.quickPayloads(quick)
        #expect(rig.send(try rig.peer.quick1(&quick, [all[0]] + all)).words == ["transmit", "[several-negotiations]"])
    }

    @Test("D11: a group without KE, KE without a group, or a useless public value is refused")
    func keyExchangeAndGroupBelongTogether() throws {
        var rig = try Self.established()
        rig.peer.pfs = .ecp256
        var quick = rig.peer.newQuick()
        let payloads = rig.peer.quickPayloads(quick)
        let withoutKE = payloads.filter { $0.type != .keyExchange }
        var a = rig
        #expect(a.send(try a.peer.quick1(&quick, withoutKE)).words == ["transmit", "[invalid-key-exchange]"])
        let bad = payloads.map {
            $0.type == .keyExchange ? Payload(.keyExchange, [UInt8](repeating: 0, count: 64)) : $0
        }
        var b = rig
        #expect(b.send(try b.peer.quick1(&quick, bad)).words == ["transmit", "[invalid-key-exchange]"])
        rig.peer.pfs = nil
        let plain = rig.peer.quickPayloads(quick)
        #expect(plain.contains { $0.type == .keyExchange })
        #expect(rig.send(try rig.peer.quick1(&quick, plain)).words == ["transmit", "[invalid-key-exchange]"])
    }

    @Test func noCommonESPProposalIsAnsweredUnderProtection() throws {
        var rig = try Self.established()
        rig.peer.espOffer = ClientOffer.esp("3des-sha1", "3des-md5")
        var quick = rig.peer.newQuick()
        let message1 = try rig.peer.quick1(&quick)
        let effects = rig.send(message1)
        #expect(effects.words == ["transmit", "[no-proposal-chosen]"])
        let line = try #require(effects.events.first?.description)
        #expect(line.message.contains("offered: 3des-sha1, 3des-md5;"))
        #expect(line.message.hasSuffix("closest: 3des-sha1, which needs allow-legacy: [3des]"))
        let chain = try rig.peer.openInformational(Rig.reply(effects))
        let notification = try IKEv1.NotificationPayload(chain.only(.notification))
        #expect(notification.type == .noProposalChosen)
        #expect(notification.protocolID == .esp && notification.spi == RawInitiator.bytes(quick.spi))
        rig.now = rig.now.advanced(by: .seconds(1))
        #expect(rig.send(message1).words == ["transmit"])
        #expect(rig.state == "established")
    }

    @Test("D04: a HASH(1) that is wrong, empty, missing or not first gets no answer, the right one still does")
    func aHashThatIsWrongEmptyOrElsewhereIsIgnored() throws {
        var rig = try Self.established()
        let quick = rig.peer.newQuick()
        let payloads = rig.peer.quickPayloads(quick)
        let right = IKEv1.hashed(payloads, by: rig.peer.hmacA(), prefix: RawInitiator.bytes(1)).payloads
        var wrong = right
        wrong[0].body[wrong[0].body.startIndex] ^= 1
        let empty = [Payload(.hash, [UInt8]())] + payloads
        let late = payloads + [right[0]]
        for (chain, event) in [
            (wrong, "[hash-mismatch]"), (empty, "[hash-mismatch]"), (late, "[malformed-message]"),
            (payloads, "[malformed-message]"),
        ] {
            guard let cipher = rig.peer.cipher else { continue }
            let sealed = try IKEv1.seal(
                rig.peer.header(.quickMode, 1),
                PayloadChain(chain),
                with: cipher,
                iv: rig.peer.phaseTwoIV(1)
            )
            #expect(rig.send(sealed.bytes).words == [event])
        }
        // None of them used the message id up.
        try rig.toChild()
    }

    @Test func aWrongProofLeavesTheExchangeWaiting() throws {
        var rig = try Self.established()
        let (quick, child, _) = try rig.toQuick2()
        #expect(
            rig.send(try rig.peer.quick3(quick, hash: [UInt8](repeating: 0, count: 32))).words == ["[hash-mismatch]"]
        )
        #expect(rig.send(try rig.peer.quick3(quick)).contains(.installOutbound(child.id)))
    }

    @Test func aMessageIDCannotBePlayedBack() throws {
        var rig = try Self.established()
        var quick = rig.peer.newQuick()
        let message1 = try rig.peer.quick1(&quick)
        let child = try #require(rig.send(message1).installs.first)
        _ = rig.endpoint.inboundInstalled(child.id, outcome: .installed, at: rig.now)
        _ = rig.wait(.seconds(40))
        #expect(rig.send(message1).isEmpty)
        #expect(rig.endpoint.counters.duplicates == 1)
    }

    @Test func rekeyingAddsAChildAndTheDeleteTakesTheOldOne() throws {
        var rig = try Self.established()
        let old = try rig.toChild(1, spi: 0x1000_0001)
        let new = try rig.toChild(2, spi: 0x1000_0002)
        #expect(rig.endpoint.snapshots.first?.children.count == 2)
        let delete = IKEv1.DeletePayload(protocolID: .esp, spis: [RawInitiator.bytes(0x1000_0001)])
        let effects = rig.send(try rig.peer.informational(Payload(.delete, delete)))
        #expect(effects.words == ["[child-deleted-by-peer]"])
        // What was on its way under the old keys is still read.
        #expect(rig.wait(.seconds(4)).isEmpty)
        #expect(rig.wait(.seconds(1)) == [.remove(old.id)])
        #expect(rig.endpoint.snapshots.first?.children.map(\.inboundSPI) == [new.id.inboundSPI])
    }

    @Test func childrenAreBounded() throws {
        var rig = try Self.established()
        for number in 1...8 { try rig.toChild(UInt32(number), spi: 0x1000_0000 + UInt32(number)) }
        var quick = rig.peer.newQuick(9, spi: 0x1000_0009)
        #expect(rig.send(try rig.peer.quick1(&quick)).words == ["transmit", "[too-many-children]"])
    }

    @Test("D10: of 200 quick modes at once eight go on, and another one when those are over")
    func quickModesUnderWayAreBounded() throws {
        var rig = try Self.established()
        var last: [Endpoint.Effect] = []
        for number in 1...200 {
            var quick = rig.peer.newQuick(UInt32(number), spi: 0x1000_0000 + UInt32(number))
            last = rig.send(try rig.peer.quick1(&quick))
        }
        #expect(last.words == ["[too-many-exchanges]"])
        _ = rig.wait(.seconds(30))
        try rig.toChild(300)
    }

    @Test func aLongLifetimeIsShortenedAloud() throws {
        var rig = try Self.established()
        rig.peer.espLifetime = 86_400
        let (quick, child, _) = try rig.toQuick2()
        #expect(child.lifetime == .seconds(28_800))
        let notification = try IKEv1.NotificationPayload(quick.chain.only(.notification))
        #expect(notification.type == .responderLifetime)
        #expect(notification.spi == RawInitiator.bytes(child.id.inboundSPI.rawValue))
        #expect(notification.data == hex("80010001 00020004 00007080"))
    }

    @Test func aChildEndsWithItsLifetime() throws {
        var rig = Rig()
        rig.peer.ikeLifetime = 86_400
        try rig.toEstablished()
        let child = try rig.toChild()
        let effects = rig.wait(.seconds(3600))
        #expect(effects.words == ["transmit", "remove", "[child-expired]"])
        let chain = try rig.peer.openInformational(Rig.reply(effects))
        let delete = try IKEv1.DeletePayload(chain.only(.delete))
        #expect(delete.spis == [RawInitiator.bytes(child.id.inboundSPI.rawValue)])
    }

    @Test func theCommitBitChangesNothing() throws {
        var rig = try Self.established()
        var quick = rig.peer.newQuick()
        var message1 = try rig.peer.quick1(&quick)
        message1[19] |= ISAKMPHeader.Flags.commit.rawValue
        let child = try #require(rig.send(message1).installs.first)
        let answer = rig.endpoint.inboundInstalled(child.id, outcome: .installed, at: rig.now)
        #expect(Rig.reply(answer)[19] == ISAKMPHeader.Flags.encryption.rawValue)
        try rig.peer.receiveQuick2(&quick, Rig.reply(answer))
        #expect(rig.send(try rig.peer.quick3(quick)).contains(.installOutbound(child.id)))
    }

    @Test func aNewPortAtTheNATIsFollowedWithProof() throws {
        var rig = Rig.natted()
        try rig.toEstablished()
        rig.source.port = 50_000
        let (quick, child, effects) = try rig.toQuick2()
        #expect(child.peer.port == 50_000)
        #expect(effects.datagrams.last?.peer.port == 50_000)
        #expect(rig.endpoint.snapshots.first?.peer.port == 40_500)
        _ = rig.send(try rig.peer.quick3(quick))
        #expect(rig.endpoint.snapshots.first?.peer.port == 50_000)
    }

    /// RFC 3947 §5.2: what is in them is of no use to us, and Android sends none.
    @Test(
        "F04: NAT-OA payloads are taken as they come",
        arguments: ["01000000 C0A80105", "01000000 C0", "05000000 C0A80105", "FF", ""]
    )
    func originalAddressesAreTakenAsTheyCome(_ text: String) throws {
        var rig = Rig.natted()
        try rig.toEstablished()
        var quick = rig.peer.newQuick()
        let payloads = rig.peer.quickPayloads(quick) + [Payload(.natOriginalAddress, hex(text))]
        #expect(rig.send(try rig.peer.quick1(&quick, payloads)).installs.count == 1)
    }
}
