// SPDX-License-Identifier: Apache-2.0
import Cryptography
import DataPlane
import IKE
import Primitives
import Testing

/// Leave for legacy algorithms that is for some clients, or until some day.
struct LegacyGrantTests {
    /// Noon of 2027-03-30.
    static let noon = WallClockTime(milliseconds: 1_806_408_000_000)
    static let untilEndOfMarch = WallClockTime(endOf: "2027-03-31")
    static let day: Duration = .seconds(86_400)

    static func rig(_ grants: LegacyGrant..., esp: [ESPTransform] = ClientOffer.esp("aes128-sha1")) -> Rig {
        var profile = Profile.test()
        profile.legacyGrants = grants
        var rig = Rig(.test(profile))
        rig.become(.android4)
        rig.peer.espOffer = esp
        return rig
    }

    static let android = LegacyGrant(.modp1024, clients: [.android4], until: untilEndOfMarch)

    @Test func aGrantIsForTheClientsThatItNames() throws {
        var rig = Self.rig(LegacyGrant(.modp1024, clients: [.android4, .android7]))
        let effects = try rig.toEstablished()
        #expect(rig.endpoint.snapshots.first?.transform == "aes256-sha1-modp1024")
        #expect(effects.eventNames == ["phase1-established", "phase1-chosen", "legacy-algorithm"])
        #expect(rig.endpoint.counters.byName["ike.legacy-modp1024"] == 1)
        #expect(rig.endpoint.counters.byName["ike.legacy-md5"] == 0)
        rig.newcomer(.appleOld)
        let refusal = rig.send(rig.peer.message1())
        let line = try #require(refusal.events.first).description
        #expect(line.name == "no-proposal-chosen")
        #expect(
            line.message.hasSuffix(
                "closest: aes256-sha1-modp1024, which needs allow-legacy: [{ name: modp1024, clients: [apple-old] }]"
            )
        )
        #expect(
            line.remedy == "update the client; where that cannot be, put { name: modp1024, clients: [apple-old] } into"
                + " allow-legacy of the profile"
        )
    }

    @Test func aGrantWithoutClientsIsForAll() throws {
        for client in [Client.android4, .appleOld, .unknown] {
            var rig = Self.rig(LegacyGrant(.modp1024))
            rig.become(client)
            try rig.toEstablished()
            #expect(rig.endpoint.snapshots.first?.client == client)
        }
    }

    @Test func severalGrantsAddUp() throws {
        var rig = Self.rig(LegacyGrant(.modp1024), LegacyGrant(.tripleDES, clients: [.android2]))
        rig.become(.android2)
        rig.peer.ikeOffer = ClientOffer.ike("3des-sha1-modp1024")
        rig.peer.vendorIDs = FirstMessage.android
        try rig.toEstablished()
        #expect(rig.endpoint.counters.legacyAlgorithms == [.modp1024: 1, .tripleDES: 1])
    }

    @Test func nothingThatEndsIsInForceBeforeItIsKnownWhatDayItIs() throws {
        var rig = Self.rig(Self.android)
        #expect(rig.send(rig.peer.message1()).eventNames == ["no-proposal-chosen"])
        #expect(rig.endpoint.setCalendar(Self.noon, at: rig.now).isEmpty)
        rig.newcomer(.android4)
        try rig.toEstablished()
    }

    @Test func aGrantEndsWithItsDay() throws {
        var rig = Self.rig(Self.android)
        #expect(rig.endpoint.nextDeadline == nil)
        #expect(rig.endpoint.setCalendar(Self.noon, at: rig.now).isEmpty)
        let end = rig.now.advanced(by: .seconds(36 * 3600))
        #expect(rig.endpoint.nextDeadline == end)
        // The last moment of the day, with an offer that is known from before.
        rig.peer.ikeLifetime = 86_400
        try rig.toEstablished()
        rig.now = end.advanced(by: .nanoseconds(-1))
        _ = rig.endpoint.advance(to: rig.now)
        rig.newcomer(.android4)
        try rig.toEstablished()
        let last = rig.peer
        rig.now = end
        let effects = rig.endpoint.advance(to: rig.now)
        let ended = effects.events.filter { $0.description.name == "legacy-grant-ended" }
        #expect(ended.count == 1)
        #expect(ended.first?.peer == nil)
        #expect(
            ended.first?.description.message
                == "modp1024 is refused from now on in profile remote-access for android-4, as its end date has come"
        )
        rig.newcomer(.android4)
        #expect(rig.send(rig.peer.message1()).eventNames == ["no-proposal-chosen"])
        // Who is in stays in.
        rig.peer = last
        try rig.toChild()
        // Said once.
        #expect(!(rig.endpoint.nextDeadline.map { $0 <= end } ?? false))
        #expect(
            rig.endpoint.setCalendar(WallClockTime(milliseconds: Self.noon.milliseconds + 129_600_001), at: end).isEmpty
        )
    }

    @Test func aCookieOfYesterdayIsWorthNothing() throws {
        var rig = Self.rig(Self.android)
        _ = rig.endpoint.setCalendar(Self.noon, at: rig.now)
        rig.now = rig.now.advanced(by: .seconds(36 * 3600 - 1))
        let first = rig.peer.message1()
        try rig.peer.receive2(Rig.reply(rig.send(first)))
        let third = try rig.peer.message3()
        rig.now = rig.now.advanced(by: .seconds(1))
        #expect(rig.endpoint.advance(to: rig.now).eventNames == ["legacy-grant-ended"])
        #expect(rig.send(third).isEmpty)
        #expect(rig.endpoint.counters.unknownSA == 1)
        // Nor is the answer that was remembered for a repetition.
        #expect(rig.send(first).eventNames == ["no-proposal-chosen"])
    }

    /// Whoever was past message 3 when the day ended comes in, and leaves no answer behind for others.
    @Test func anExchangeUnderWayDoesNotBringTheOldAnswerBack() throws {
        var rig = Self.rig(Self.android)
        _ = rig.endpoint.setCalendar(Self.noon, at: rig.now)
        rig.now = rig.now.advanced(by: .seconds(36 * 3600 - 1))
        try rig.toMessage4()
        rig.now = rig.now.advanced(by: .seconds(1))
        _ = rig.endpoint.advance(to: rig.now)
        let effects = rig.send(try rig.peer.message5())
        #expect(effects.eventNames.first == "phase1-established")
        #expect(rig.endpoint.occupancy.trustedOffers == 0)
        rig.newcomer(.android4)
        #expect(rig.send(rig.peer.message1()).eventNames == ["no-proposal-chosen"])
    }

    @Test func aClockThatIsSetGivesAndTakes() throws {
        var rig = Self.rig(Self.android)
        let april = WallClockTime(milliseconds: Self.noon.milliseconds + 3 * 86_400_000)
        #expect(rig.endpoint.setCalendar(april, at: rig.now).eventNames == ["legacy-grant-ended"])
        #expect(rig.endpoint.setCalendar(april, at: rig.now).isEmpty)
        #expect(rig.send(rig.peer.message1()).eventNames == ["no-proposal-chosen"])
        #expect(rig.endpoint.setCalendar(Self.noon, at: rig.now).isEmpty)
        rig.newcomer(.android4)
        try rig.toEstablished()
        #expect(rig.endpoint.setCalendar(april, at: rig.now).eventNames == ["legacy-grant-ended"])
        rig.newcomer(.android4)
        #expect(rig.send(rig.peer.message1()).eventNames == ["no-proposal-chosen"])
    }

    @Test func theEarliestOfSeveralEndsIsTheDeadline() {
        var rig = Self.rig(
            Self.android,
            LegacyGrant(.md5, until: WallClockTime(endOf: "2027-04-30")),
            LegacyGrant(.tripleDES)
        )
        _ = rig.endpoint.setCalendar(Self.noon, at: rig.now)
        #expect(rig.untilSomethingHappens(within: Self.day * 100).eventNames == ["legacy-grant-ended"])
        #expect(rig.now == start.advanced(by: .seconds(36 * 3600)))
        #expect(rig.untilSomethingHappens(within: Self.day * 100).eventNames == ["legacy-grant-ended"])
        #expect(rig.now == start.advanced(by: .seconds(36 * 3600) + Self.day * 30))
        #expect(rig.endpoint.nextDeadline == nil)
    }

    // Phase 2.

    @Test func aGrantIsForPhaseTwoToo() throws {
        let offer = ClientOffer.esp("3des-md5")
        var rig = Self.rig(
            LegacyGrant(.modp1024),
            LegacyGrant(.md5, clients: [.android4]),
            LegacyGrant(.tripleDES),
            esp: offer
        )
        try rig.toEstablished()
        let (quick, child, effects) = try rig.toQuick2()
        #expect(child.transform == offer[0])
        #expect(effects.eventNames == ["phase2-chosen"])
        #expect(rig.send(try rig.peer.quick3(quick)).eventNames == ["child-established", "legacy-algorithm"])
        #expect(rig.endpoint.counters.legacyAlgorithms == [.modp1024: 1, .md5: 1, .tripleDES: 1])
        rig.newcomer(.appleOld)
        rig.peer.espOffer = offer
        try rig.toEstablished()
        var refused = rig.peer.newQuick()
        let line = try #require(rig.send(try rig.peer.quick1(&refused)).events.first).description
        #expect(line.message.hasSuffix("which needs allow-legacy: [{ name: md5, clients: [apple-old] }]"))
    }

    /// RouterOS asks for it unless told otherwise.
    @Test func perfectForwardSecrecyInGroup2CanBeGrantedToRouterOS() throws {
        for isGranted in [true, false] {
            var rig = Self.rig(LegacyGrant(.modp1024, clients: isGranted ? [.routerOS] : [.android4]))
            rig.become(.routerOS)
            rig.peer.pfs = .modp1024
            let phaseOne = try rig.toEstablished()
            #expect(rig.endpoint.snapshots.first?.transform == "aes128-sha1-modp2048")
            #expect(!phaseOne.eventNames.contains("legacy-algorithm"))
            guard isGranted else {
                var quick = rig.peer.newQuick()
                let line = try #require(rig.send(try rig.peer.quick1(&quick)).events.first).description
                #expect(
                    line.message.hasSuffix(
                        "closest: aes128-sha1-modp1024, which needs allow-legacy:"
                            + " [{ name: modp1024, clients: [routeros] }]"
                    )
                )
                continue
            }
            let (quick, _, _) = try rig.toQuick2()
            let effects = rig.send(try rig.peer.quick3(quick))
            let line = try #require(effects.events.first { $0.description.name == "legacy-algorithm" }).description
            #expect(line.message.hasPrefix("aes128-sha1-modp1024 was agreed on"))
            #expect(rig.endpoint.counters.legacyAlgorithms == [.modp1024: 1])
        }
    }

    @Test func aProfileThatLeavesDoesNotSayAgainThatItsGrantHasEnded() throws {
        var rig = Self.rig(Self.android)
        _ = rig.endpoint.setCalendar(Self.noon, at: rig.now)
        rig.peer.ikeLifetime = 86_400
        rig.now = rig.now.advanced(by: .seconds(36 * 3600 - 60))
        try rig.toEstablished()
        #expect(rig.wait(.seconds(60)).eventNames == ["legacy-grant-ended"])
        var other = Profile.test(key: "another")
        other.name = "other"
        for _ in 0..<2 {
            let effects = rig.endpoint.reconfigure(Configuration(profiles: [other]), at: rig.now)
            #expect(effects.eventNames == [])
            other.ikeLifetime = .seconds(600)
        }
        #expect(rig.endpoint.snapshots.count == 1)
    }

    @Test func weDoNotRenewWhatIsNotLetInAnyMore() throws {
        var rig = Self.rig(
            Self.android,
            LegacyGrant(.tripleDES, until: Self.untilEndOfMarch),
            esp: ClientOffer.esp("3des-sha1")
        )
        _ = rig.endpoint.setCalendar(Self.noon, at: rig.now)
        rig.now = rig.now.advanced(by: .seconds(36 * 3600 - 60))
        rig.peer.ikeLifetime = 86_400
        try rig.toEstablished()
        let child = try rig.toChild()
        #expect(rig.wait(.seconds(60)).eventNames == ["legacy-grant-ended", "legacy-grant-ended"])
        let effects = rig.endpoint.take(.softLimit, of: child.id, at: rig.now)
        #expect(effects.datagrams.isEmpty)
        #expect(effects.eventNames == ["rekey-failed"])
        #expect(
            effects.events.first?.description.message
                == "ESP security associations could not be replaced: allow-legacy does not let in 3des any more"
        )
        let renewal = rig.endpoint.startRekeying(child.id.ike, at: rig.now)
        #expect(renewal.datagrams.isEmpty)
        #expect(renewal.eventNames == ["rekeying-failed"])
        #expect(rig.endpoint.snapshots.first?.children.count == 1)
        // The peer cannot either.
        var quick = rig.peer.newQuick(9, spi: 0x1000_0009)
        #expect(rig.send(try rig.peer.quick1(&quick)).eventNames == ["no-proposal-chosen"])
    }
}

extension Rig {
    /// The peer sends what this client sends; its own address and cookie stay.
    mutating func become(_ client: Client) {
        switch client {
        case .android2:
            peer.vendorIDs = FirstMessage.android
            peer.ikeOffer = ClientOffer.ike("3des-sha1-modp1024", "3des-md5-modp1024")
        case .android4:
            peer.vendorIDs = FirstMessage.android
            peer.ikeOffer = ClientOffer.ike("aes256-sha1-modp1024", "aes256-md5-modp1024")
        case .appleOld:
            peer.vendorIDs = FirstMessage.apple
            peer.ikeOffer = ClientOffer.ike("aes256-sha1-modp1024", "aes256-md5-modp1024")
        case .routerOS:
            peer.vendorIDs = [FirstMessage.xauth, FirstMessage.deadPeerDetection, FirstMessage.rfc3947]
            peer.ikeOffer = ClientOffer.routerOS
        default:
            peer.vendorIDs = [FirstMessage.rfc3947]
            peer.ikeOffer = ClientOffer.ike("aes256-sha1-modp1024")
        }
    }

    /// Another peer at the same address.
    mutating func newcomer(_ client: Client) {
        let cookie = peer.cookieI.rawValue
        peer = RawInitiator()
        peer.cookieI = Cookie(rawValue: cookie + 1)
        become(client)
        peer.espOffer = ClientOffer.esp("aes128-sha1")
    }
}
