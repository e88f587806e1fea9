// SPDX-License-Identifier: Apache-2.0
import Cryptography
import DataPlane
import IKE
import Primitives
import Testing

/// The gateway replaces children of its own accord.
struct RekeyingTests {
    static func child(
        lifetime: UInt32 = 3600,
        pfs: DiffieHellmanGroup? = nil,
        _ rig: Rig = Rig()
    ) throws -> (rig: Rig, child: ChildSA) {
        var rig = rig
        rig.peer.ikeLifetime = 86_400
        rig.peer.espLifetime = lifetime
        rig.peer.pfs = pfs
        try rig.toEstablished()
        let child = try rig.toChild()
        return (rig, child)
    }

    @Test(arguments: [5, 8, 20, 300, 3600, 28_800])
    func aChildIsReplacedShortlyBeforeItsEnd(_ lifetime: UInt32) throws {
        var (rig, old) = try Self.child(lifetime: lifetime)
        let end = rig.now.advanced(by: .seconds(lifetime))
        let effects = rig.untilSomethingHappens()
        #expect(effects.words == ["transmit"])
        let left = rig.now.duration(to: end)
        #expect(left >= .seconds(1) && left <= max(.seconds(1), .seconds(lifetime) * 6 / 100))
        let (new, proof, _) = try rig.finishRekeying(effects)
        #expect(proof.words == ["installOutbound", "transmit", "[child-established]"])
        #expect(new.id.ike == old.id.ike && new.lifetime == min(.seconds(3600), old.lifetime))
        #expect(new.peerTrafficPort == 1701 && new.transform == old.transform)
        // The old one goes when nothing can be on its way any more, or at its own end.
        let goodbye = rig.untilSomethingHappens()
        #expect(goodbye.words == ["transmit", "remove", "[child-replaced]"])
        #expect(goodbye.contains(.remove(old.id)))
        let delete = try IKEv1.DeletePayload(rig.peer.openInformational(Rig.reply(goodbye)).only(.delete))
        #expect(delete.spis == [RawInitiator.bytes(old.id.inboundSPI.rawValue)])
        #expect(rig.endpoint.snapshots.first?.children.count == 1)
    }

    @Test func theOfferIsWhatThePeerHadAskedFor() throws {
        for isNatted in [false, true] {
            var (rig, old) = try Self.child(lifetime: 600, pfs: .ecp256, isNatted ? .natted() : Rig())
            let answered = try rig.peer.answer(Rig.reply(rig.untilSomethingHappens()))
            let offer = try IKEv1.SAPayload(answered.chain.only(.securityAssociation))
            #expect(offer.proposals.count == 1 && offer.proposals[0].transforms.count == 1)
            let wanted = rig.peer.phaseTwoOffer(spi: 1).proposals[0].transforms[0]
            #expect(Set(offer.proposals[0].transforms[0].attributes) == Set(wanted.attributes))
            #expect(answered.gatewaySPI != RawInitiator.bytes(old.id.inboundSPI.rawValue))
            let identities = answered.chain.payloads.filter { $0.type == .identification }
            #expect(identities.map(\.body) == rig.peer.trafficIdentities.reversed().map(\.body))
            #expect(answered.chain.all(.natOriginalAddress).count == (isNatted ? 2 : 0))
            #expect(answered.chain.all(.keyExchange).count == 1)
        }
    }

    @Test func jitterIsThere() throws {
        var times: Set<Duration> = []
        for seed in 1...20 {
            var (rig, _) = try Self.child(Rig(.test(seed: UInt64(seed))))
            let begin = rig.now
            _ = rig.untilSomethingHappens()
            times.insert(begin.duration(to: rig.now))
        }
        #expect(times.count > 5)
    }

    @Test func whoReplacesItsChildItselfIsLeftAlone() throws {
        var (rig, old) = try Self.child()
        #expect(rig.wait(.seconds(3300)).isEmpty)
        try rig.toChild(2, spi: 0x1000_0002)
        let effects = rig.untilSomethingHappens()
        #expect(effects.words == ["transmit", "remove", "[child-replaced]"])
        #expect(effects.contains(.remove(old.id)))
    }

    @Test func message1IsRepeatedAndMessage3GoesOutAgain() throws {
        var (rig, _) = try Self.child()
        let first = rig.untilSomethingHappens()
        #expect(rig.wait(.seconds(2)).datagrams == first.datagrams)
        #expect(rig.wait(.seconds(4)).datagrams == first.datagrams)
        let answered = try rig.peer.answer(Rig.reply(first))
        let child = try #require(rig.send(answered.bytes).installs.first)
        #expect(rig.send(answered.bytes).isEmpty)
        let proof = rig.endpoint.inboundInstalled(child.id, outcome: .installed, at: rig.now)
        rig.now = rig.now.advanced(by: .seconds(1))
        #expect(rig.send(answered.bytes).datagrams == proof.datagrams)
        #expect(rig.endpoint.snapshots.first?.children.count == 2)
    }

    @Test func threeAttemptsThenTheHardEnd() throws {
        var (rig, old) = try Self.child(lifetime: 3600)
        let end = rig.now.advanced(by: .seconds(3600))
        var offers: Set<UInt32> = []
        var failures = 0
        for _ in 0..<50 {
            let effects = rig.untilSomethingHappens()
            failures += effects.eventNames.count { $0 == "rekey-failed" }
            if effects.contains(.remove(old.id)) { break }
            for datagram in effects.datagrams { offers.insert(try RawInitiator.split(datagram.bytes).0.messageID) }
        }
        #expect(offers.count == 3 && failures == 3)
        #expect(rig.now == end)
        #expect(rig.state == "established")
    }

    @Test func aRefusalIsNamedAndTheOldChildGoesOn() throws {
        var (rig, _) = try Self.child()
        let offer = rig.untilSomethingHappens()
        let answered = try rig.peer.answer(Rig.reply(offer))
        let refusal = IKEv1.NotificationPayload(protocolID: .esp, spi: answered.gatewaySPI, type: .noProposalChosen)
        // One for another SPI is not for us.
        let stray = IKEv1.NotificationPayload(protocolID: .esp, spi: [1, 2, 3, 4], type: .noProposalChosen)
        #expect(
            rig.send(try rig.peer.informational(Payload(.notification, stray))).words == ["[peer-notification]"]
        )
        let effects = rig.send(try rig.peer.informational(Payload(.notification, refusal)))
        #expect(effects.words == ["[peer-notification]", "[rekey-failed]"])
        #expect(effects.events.last?.description.message.contains("NO-PROPOSAL-CHOSEN") == true)
        #expect(rig.endpoint.snapshots.first?.children.count == 1)
        #expect(rig.send(answered.bytes).isEmpty)
    }

    @Test func anAnswerThatIsNotOursIsRefused() throws {
        let (rig, _) = try Self.child()
        var start = rig
        let offer = Rig.reply(start.untilSomethingHappens())
        func outcome(_ change: (inout [Payload]) -> Void) throws -> [String] {
            var rig = start
            return rig.send(try rig.peer.answer(offer, change).bytes).words
        }
        func changed(_ body: (inout IKEv1.SAPayload) -> Void) throws -> [String] {
            try outcome { payloads in
                guard var sa = try? IKEv1.SAPayload(payloads[0].body) else { return }
                body(&sa)
                payloads[0] = Payload(.securityAssociation, sa)
            }
        }
        #expect(try outcome { _ in } == ["installInbound"])
        let refused = ["[rekey-failed]"]
        // Weaker than what we asked for.
        #expect(
            try changed { sa in
                sa.proposals[0].transforms[0].attributes = sa.proposals[0].transforms[0].attributes.map {
                    $0.type == 6 ? IKEv1.Attribute(6, 128) : $0
                }
            } == refused
        )
        #expect(try changed { $0.proposals[0].spi = [0, 0, 0, 1] } == refused)
        #expect(try changed { $0.proposals.append($0.proposals[0]) } == refused)
        #expect(try outcome { $0.removeLast() } == refused)
        #expect(try outcome { $0.swapAt(2, 3) } == refused)
        #expect(try outcome { $0[1] = Payload(.nonce, [1, 2, 3]) } == refused)
        #expect(try outcome { $0.append(Payload(.keyExchange, [UInt8](repeating: 4, count: 64))) } == refused)
        // Without the right hash it is no answer at all, and the right one still counts.
        var hashed = start
        let answered = try hashed.peer.answer(offer)
        var spoilt = answered.bytes
        spoilt[40] ^= 1
        #expect(hashed.send(spoilt).words.allSatisfy { $0 == "[hash-mismatch]" || $0 == "[malformed-message]" })
        #expect(hashed.send(answered.bytes).words == ["installInbound"])
    }

    @Test func thePeersLifetimeShortensOurs() throws {
        var (rig, _) = try Self.child()
        let offer = Rig.reply(rig.untilSomethingHappens())
        let answered = try rig.peer.answer(offer) { payloads in
            payloads.append(
                Payload(
                    .notification,
                    IKEv1.NotificationPayload(
                        protocolID: .esp,
                        spi: RawInitiator.bytes(0x2000_0001),
                        type: .responderLifetime,
                        data: hex("80010001 0002000400000258 80010002 0002000400010000")
                    )
                )
            )
        }
        let child = try #require(rig.send(answered.bytes).installs.first)
        #expect(child.lifetime == .seconds(600))
        #expect(child.lifetimeKilobytes == 65_536)
    }

    @Test func kilobytesAreAgreedOnAndBounded() throws {
        for (asked, longest, agreed) in [
            (UInt64(250_000), nil, UInt64(250_000)), (250_000, 100_000, 100_000), (0, nil, nil), (1, nil, 1024),
            (1 << 32, nil, 1 << 32), (.max, nil, nil), (.max, 5000, 5000), (nil, 5000, 5000), (nil, nil, nil),
        ] as [(UInt64?, UInt64?, UInt64?)] {
            var profile = Profile.test()
            profile.longestChildKilobytes = longest
            var rig = Rig(.test(profile))
            try rig.toEstablished()
            var quick = rig.peer.newQuick()
            var payloads = rig.peer.quickPayloads(quick)
            var sa = rig.peer.phaseTwoOffer(spi: quick.spi)
            if let asked {
                let bytes = [56, 48, 40, 32, 24, 16, 8, 0].map { UInt8(truncatingIfNeeded: asked >> $0) }
                sa.proposals[0].transforms[0].attributes += [
                    IKEv1.Attribute(1, 2), IKEv1.Attribute(type: 2, value: .variable(bytes)),
                ]
            }
            payloads[0] = Payload(.securityAssociation, sa)
            let child = try #require(rig.send(try rig.peer.quick1(&quick, payloads)).installs.first)
            #expect(child.lifetimeKilobytes == agreed, "\(String(describing: asked))")
            let answer = rig.endpoint.inboundInstalled(child.id, outcome: .installed, at: rig.now)
            try rig.peer.receiveQuick2(&quick, Rig.reply(answer))
            let isSaid = try !quick.chain.all(.notification).filter {
                try IKEv1.NotificationPayload($0).type == .responderLifetime
            }.isEmpty
            #expect(isSaid == (longest != nil))
        }
    }

    @Test func theLimitForTrafficIsThatOfToday() throws {
        for (former, asked, answered, agreed) in [
            (nil, 100_000, 100_000, 100_000), (200_000, 100_000, 100_000, 100_000), (nil, nil, 50_000, 50_000),
            // What the former pair had is not raised: the peer may have asked for it.
            (100_000, 200_000, 200_000, 100_000), (100_000, nil, nil, 100_000), (nil, nil, nil, nil),
        ] as [(UInt64?, UInt64?, UInt64?, UInt64?)] {
            var profile = Profile.test()
            profile.longestChildKilobytes = former
            var (rig, old) = try Self.child(Rig(.test(profile)))
            #expect(old.lifetimeKilobytes == former)
            profile.longestChildKilobytes = asked
            _ = rig.endpoint.reconfigure(Configuration(profiles: [profile]), at: rig.now)
            let offer = rig.endpoint.take(.softLimit, of: old.id, at: rig.now)
            profile.longestChildKilobytes = answered
            _ = rig.endpoint.reconfigure(Configuration(profiles: [profile]), at: rig.now)
            let answer = try rig.peer.answer(Rig.reply(offer))
            let attributes = try IKEv1.SAPayload(answer.chain.only(.securityAssociation)).proposals[0].transforms[0]
                .attributes
            #expect(attributes.contains(IKEv1.Attribute(1, 2)) == (former != nil || asked != nil))
            let child = try #require(rig.send(answer.bytes).installs.first)
            #expect(child.lifetimeKilobytes == agreed)
        }
    }

    @Test(arguments: [(UInt32(1), 5), (0, 28_800), (.max, 28_800), (3600, 3600)])
    func absurdLifetimesAreBounded(_ asked: UInt32, _ seconds: Int) throws {
        var rig = Rig()
        rig.peer.espLifetime = asked
        try rig.toEstablished()
        #expect(try rig.toQuick2().child.lifetime == .seconds(seconds))
    }

    @Test func theKernelsSoftLimitReplacesAndItsHardLimitEnds() throws {
        var (rig, old) = try Self.child()
        let offer = rig.endpoint.take(.softLimit, of: old.id, at: rig.now)
        #expect(offer.words == ["transmit"])
        #expect(rig.endpoint.take(.softLimit, of: old.id, at: rig.now).isEmpty)
        rig.now = rig.now.advanced(by: .milliseconds(50))
        let new = try rig.finishRekeying(offer).child
        let hard = rig.endpoint.take(.hardLimit, of: old.id, at: rig.now)
        #expect(hard.words == ["transmit", "remove"])
        #expect(rig.endpoint.take(.hardLimit, of: old.id, at: rig.now).isEmpty)
        let other = rig.endpoint.take(.hardLimit, of: new.id, at: rig.now)
        #expect(other.words == ["transmit", "remove", "[child-exhausted]"])
        #expect(rig.endpoint.snapshots.first?.children.isEmpty == true)
    }

    @Test func whatSomebodyRemovedIsNegotiatedAnew() throws {
        var (rig, old) = try Self.child()
        let effects = rig.endpoint.take(.vanished, of: old.id, at: rig.now)
        #expect(effects.words == ["transmit", "remove", "[child-vanished]", "transmit"])
        let offer = try #require(effects.datagrams.last)
        rig.now = rig.now.advanced(by: .milliseconds(50))
        try rig.finishRekeying([.transmit(offer)])
        #expect(rig.endpoint.snapshots.first?.children.count == 1)
        // Of a child that was replaced already nothing new is asked.
        rig.now = rig.now.advanced(by: .milliseconds(50))
        let newest = try rig.toChild(5, spi: 0x1000_0005)
        let older = try #require(rig.endpoint.snapshots.first?.children.first)
        let id = ChildSA.ID(ike: newest.id.ike, inboundSPI: older.inboundSPI)
        rig.now = rig.now.advanced(by: .milliseconds(50))
        #expect(rig.endpoint.take(.vanished, of: id, at: rig.now).words == ["transmit", "remove", "[child-vanished]"])
    }

    @Test("D13: both ends replace the child at once, a hundred times: one pair survives, nothing grows")
    func collisionsLeaveOneChild() throws {
        var (rig, newest) = try Self.child()
        var mine = 0
        for number in 1...100 {
            let base = UInt32(number) * 16
            let offer = rig.endpoint.take(.softLimit, of: newest.id, at: rig.now)
            #expect(offer.datagrams.count == 1)
            rig.now = rig.now.advanced(by: .milliseconds(10))
            let (quick, theirs, _) = try rig.toQuick2(1000 + base, spi: 0x3000_0000 + base)
            rig.now = rig.now.advanced(by: .milliseconds(10))
            // Whose last message comes first is not said.
            let ours: ChildSA
            let answered: RawInitiator.Answered
            if number.isMultiple(of: 2) {
                (ours, _, answered) = try rig.finishRekeying(offer, spi: 0x2000_0000 + base)
                rig.now = rig.now.advanced(by: .milliseconds(10))
                _ = rig.send(try rig.peer.quick3(quick))
            } else {
                _ = rig.send(try rig.peer.quick3(quick))
                rig.now = rig.now.advanced(by: .milliseconds(10))
                (ours, _, answered) = try rig.finishRekeying(offer, spi: 0x2000_0000 + base)
            }
            func lower(_ a: [UInt8], _ b: [UInt8]) -> [UInt8] { a.lexicographicallyPrecedes(b) ? a : b }
            let isOursOver = lower(answered.nonceI, answered.nonceR)
                .lexicographicallyPrecedes(lower(quick.nonce, quick.nonceR))
            // A peer with the same rule deletes its own.
            if !isOursOver {
                mine += 1
                let delete = InformationalTests.delete(.esp, [RawInitiator.bytes(0x3000_0000 + base)])
                _ = rig.send(try rig.peer.informational(delete, messageID: base))
            }
            _ = rig.wait(.seconds(6))
            let left = rig.endpoint.snapshots.first?.children.map(\.inboundSPI)
            newest = isOursOver ? theirs : ours
            #expect(left == [newest.id.inboundSPI])
        }
        #expect((20...80).contains(mine))
    }

    @Test("D13, other peers: one that has no rule for it keeps both, and nothing grows")
    func collisionsWithAPeerWithoutRules() throws {
        var (rig, newest) = try Self.child(lifetime: 60)
        var most = 0
        for number in 1...100 {
            let base = UInt32(number) * 16
            let offer = rig.endpoint.take(.softLimit, of: newest.id, at: rig.now)
            rig.now = rig.now.advanced(by: .milliseconds(10))
            let (quick, theirs, _) = try rig.toQuick2(1000 + base, spi: 0x3000_0000 + base)
            rig.now = rig.now.advanced(by: .milliseconds(10))
            newest = offer.datagrams.isEmpty ? theirs : try rig.finishRekeying(offer, spi: 0x2000_0000 + base).child
            _ = rig.send(try rig.peer.quick3(quick))
            _ = rig.wait(.seconds(6))
            let left = rig.endpoint.snapshots.first?.children ?? []
            most = max(most, left.count)
            guard let last = left.last else { break }
            newest.id.inboundSPI = last.inboundSPI
        }
        #expect((1...4).contains(most))
    }

    @Test func aChildOfARetiredIKESAIsReplacedUnderTheNewOne() throws {
        for retires in [false, true] {
            var (rig, old) = try Self.child()
            let first = rig.peer
            rig.peer = RawInitiator()
            rig.peer.ikeLifetime = 86_400
            rig.peer.cookieI = Cookie(rawValue: 0x7777)
            try rig.toEstablished()
            if retires {
                let delete = InformationalTests.delete(.isakmp, [first.cookies.bytes])
                #expect(rig.send(try first.informational(delete)).words == ["[deleted-by-peer]"])
            } else {
                // Without proof and without goodbye the old IKE SA does it itself.
                rig.peer = first
            }
            let (new, _, _) = try rig.finishRekeying(rig.untilSomethingHappens())
            #expect((new.id.ike == old.id.ike) == !retires)
            #expect(new.previousIKE == (retires ? old.id.ike : nil))
            let goodbye = rig.untilSomethingHappens()
            #expect(goodbye.contains(.remove(old.id)))
            #expect(goodbye.datagrams.count == 1)
            let delete = try IKEv1.DeletePayload(rig.peer.openInformational(Rig.reply(goodbye)).only(.delete))
            #expect(delete.spis == [RawInitiator.bytes(old.id.inboundSPI.rawValue)])
        }
    }
}
