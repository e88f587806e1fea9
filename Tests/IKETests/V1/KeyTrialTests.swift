// SPDX-License-Identifier: Apache-2.0
import Cryptography
import DataPlane
import IKE
import Primitives
import Testing

/// Several pre-shared keys for peers whose addresses nobody knows.
@Suite("The key of a peer is found among several")
struct KeyTrialTests {
    static func key(_ number: Int) -> String { "key number \(number)" }

    static func profile(_ count: Int) -> Profile {
        var profile = Profile.test()
        profile.preSharedKeys = (0..<count).map { PreSharedKey(name: "user-\($0)", secret: secret(key($0))) }
        return profile
    }

    /// A new exchange from where the rig stands, up to the answer to message 5.
    static func dial(_ rig: inout Rig, _ number: Int, key: String) throws -> [Endpoint.Effect] {
        try WrongKeyTests.attempt(&rig, number, key: key)
    }

    /// Message 5 of a new exchange, which is all that is missing in it.
    static func message5(_ rig: inout Rig, _ number: Int, key: String) throws -> [UInt8] {
        rig.peer = RawInitiator()
        rig.peer.preSharedKey = key
        rig.peer.cookieI = Cookie(rawValue: UInt64(number))
        rig.peer.ownAddress = rig.source
        try rig.toMessage4()
        return try rig.peer.message5()
    }

    static func tried(_ rig: Rig) -> UInt64 { rig.endpoint.counters.keysTried }

    @Test(
        "Every one of them connects, and its name is shown, whatever the cipher",
        arguments: ["aes256-sha256-ecp256", "aes128-sha1-ecp256", "3des-sha1-modp2048"],
        [0, 1, 6]
    )
    func everyKeyConnects(_ transform: String, _ user: Int) throws {
        var profile = Self.profile(7)
        profile.allowLegacy = [.tripleDES]
        var rig = Rig(.test(profile))
        rig.peer.ikeOffer = ClientOffer.ike(transform)
        rig.peer.preSharedKey = Self.key(user)
        let effects = try rig.toEstablished()
        #expect(effects.isEstablished)
        #expect(effects.fields.contains(.init("key", "user-\(user)")))
        #expect(rig.endpoint.snapshots.first?.keyName == "user-\(user)")
        #expect(Self.tried(rig) == UInt64(user + 1))
        // The keys of phase 1 are right for what follows.
        try rig.toChild()
    }

    @Test("One key alone is no search: nothing is tried, nothing counted")
    func oneKeyIsNoSearch() throws {
        var rig = Rig(.test(Self.profile(1)))
        #expect(try Self.dial(&rig, 1, key: Self.key(0)).isEstablished)
        rig.source.port = 501
        #expect(try Self.dial(&rig, 2, key: "none").eventNames == ["authentication-failed"])
        #expect(Self.tried(rig) == 0 && rig.endpoint.counters.keyTrialsFailed == 0)
    }

    @Test("Identity and hash may come in the other order, and with something between them")
    func otherOrders() throws {
        var rig = Rig(.test(Self.profile(3)))
        rig.peer.preSharedKey = Self.key(2)
        try rig.toMessage4()
        let payloads = rig.peer.message5Payloads
        let vendor = Payload(.vendorID, [1, 2, 3])
        let effects = rig.send(try rig.peer.message5([payloads[1], vendor, payloads[0]]))
        #expect(effects.isEstablished)
    }

    @Test("A source is asked for the keys it had first, then for those that others had last")
    func likelyKeysComeFirst() throws {
        var rig = Rig(.test(Self.profile(50)))
        func cost(_ number: Int, from host: UInt32, key: Int) throws -> UInt64 {
            rig.source = SocketAddress(.v4(0xC633_6400 + host), port: UInt16(1000 + number))
            let before = Self.tried(rig)
            #expect(try Self.dial(&rig, number, key: Self.key(key)).isEstablished)
            return Self.tried(rig) - before
        }
        #expect(try cost(1, from: 1, key: 40) == 41)
        #expect(try cost(2, from: 1, key: 40) == 1)
        // Nobody has used key 30 yet, and one has used another.
        #expect(try cost(3, from: 2, key: 30) == 32)
        #expect(try cost(4, from: 2, key: 30) == 1)
        #expect(try cost(5, from: 1, key: 40) == 1)
        #expect(try cost(6, from: 3, key: 30) == 2)
        #expect(try cost(7, from: 4, key: 30) == 1)
        // Two users behind one NAT.
        #expect(try cost(8, from: 1, key: 30) == 2)
        #expect(try cost(9, from: 1, key: 40) == 2)
    }

    @Test("An IPv6 source is its /64")
    func sourcesOfIPv6() {
        var use = PreSharedKeyUse()
        use.record(3, of: 0, from: .v6(high: 1, low: 2))
        use.record(1, of: 0, from: .v6(high: 9, low: 2))
        #expect(use.order(of: 5, in: 0, for: .v6(high: 1, low: 77)) == [3, 1, 0, 2, 4])
        #expect(use.order(of: 5, in: 0, for: .v6(high: 2, low: 2)) == [1, 3, 0, 2, 4])
        #expect(use.order(of: 5, in: 1, for: .v6(high: 1, low: 2)) == [0, 1, 2, 3, 4])
        // Of a profile that had more keys once.
        #expect(use.order(of: 2, in: 0, for: .v6(high: 1, low: 2)) == [1, 0])
    }

    @Test("A source's keys are bounded, the newest stay")
    func keysOfASourceAreBounded() {
        var use = PreSharedKeyUse()
        for key in 0..<20 { use.record(key, of: 0, from: client.address) }
        for key in 0..<20 { use.record(key, of: 0, from: gateway.address) }
        let order = use.order(of: 20, in: 0, for: client.address)
        #expect(Array(order.prefix(8)) == (12..<20).reversed().map(\.self))
        #expect(order.sorted() == Array(0..<20))
    }

    @Test("Who has none of the keys has failed once, is told nothing, and gets no second search")
    func noKeyFits() throws {
        var rig = Rig(.test(Self.profile(20)))
        rig.peer.preSharedKey = "none of them"
        try rig.toMessage4()
        let message = try rig.peer.message5()
        let effects = rig.send(message)
        #expect(effects.words == ["transmit", "[authentication-failed]"])
        #expect(effects.events.map(\.kind) == [.preSharedKeys(.noneFits(tried: 20, profile: "remote-access"))])
        #expect(!"\(effects.events.map(\.description))".contains("user-"))
        // In clear, and the same as for a profile with one key.
        var other = Rig()
        other.peer.preSharedKey = "none of them"
        try other.toMessage4()
        #expect(
            try RawInitiator.decode(Rig.reply(effects)).chain
                == RawInitiator.decode(Rig.reply(other.send(try other.peer.message5()))).chain
        )
        for number in 0..<10 {
            var garbage = message
            garbage[40] = UInt8(number)
            #expect(rig.send(garbage).isEmpty)
        }
        #expect(rig.send(message).isEmpty)
        #expect(Self.tried(rig) == 20 && rig.endpoint.counters.keyTrialsFailed == 1)
    }

    @Test("Ten failures make a source wait, however many keys each was tried with")
    func failuresCountAsWithOneKey() throws {
        var rig = Rig(.test(Self.profile(5)))
        for number in 1...10 {
            rig.now = rig.now.advanced(by: .seconds(1))
            let events = try Self.dial(&rig, number, key: "none").eventNames
            #expect(events == ["authentication-failed"] + (number == 10 ? ["authentication-delay"] : []))
        }
        #expect(try Self.dial(&rig, 11, key: "none").isEmpty)
        #expect(rig.endpoint.counters.keyTrialsFailed == 10)
    }

    @Test("B12: a failure counts for who returned the cookie, not for whom message 5 says it is from")
    func theBlameCannotBeShifted() throws {
        var rig = Rig()
        let victim = SocketAddress(.v4(0xCB00_7109), port: 500)
        let own = rig.source
        for number in 1...10 {
            rig.now = rig.now.advanced(by: .seconds(1))
            rig.source = own
            rig.peer = RawInitiator()
            rig.peer.preSharedKey = "none"
            rig.peer.cookieI = Cookie(rawValue: UInt64(number))
            try rig.toMessage4()
            rig.source = victim
            #expect(rig.send(try rig.peer.message5()).eventNames.first == "authentication-failed")
        }
        rig.source = victim
        #expect(try Self.dial(&rig, 11, key: "correct horse").isEstablished)
        rig.source = own
        #expect(try Self.dial(&rig, 12, key: "correct horse").isEmpty)
    }

    // Dates.

    @Test("Both keys of a user work until the older ends, and then the newer alone")
    func keysRotate() throws {
        var profile = Profile.test()
        let end = try #require(WallClockTime(endOf: "2027-01-31"))
        profile.preSharedKeys = [
            PreSharedKey(name: "alice", secret: secret("the new one")),
            PreSharedKey(name: "alice", secret: secret("the old one"), until: end),
        ]
        var rig = Rig(.test(profile))
        // Ten seconds before the first of February.
        _ = rig.endpoint.setCalendar(WallClockTime(milliseconds: end.milliseconds - 10_000), at: rig.now)
        for (number, key) in ["the old one", "the new one", "the old one"].enumerated() {
            rig.source.port = UInt16(1000 + number)
            let effects = try Self.dial(&rig, number + 1, key: key)
            #expect(effects.isEstablished)
            #expect(effects.fields.contains(.init("key", "alice")))
        }
        rig.now = rig.now.advanced(by: .seconds(10) - .milliseconds(1))
        rig.source.port = 2000
        #expect(try Self.dial(&rig, 10, key: "the old one").isEstablished)
        rig.now = rig.now.advanced(by: .milliseconds(1))
        rig.source.port = 2001
        let before = Self.tried(rig)
        #expect(try Self.dial(&rig, 11, key: "the old one").eventNames == ["authentication-failed"])
        // It is not even tried.
        #expect(Self.tried(rig) == before)
        rig.source.port = 2002
        #expect(try Self.dial(&rig, 12, key: "the new one").isEstablished)
    }

    @Test("As long as nobody has said what day it is, whatever ends on a date has ended")
    func withoutACalendar() throws {
        var profile = Profile.test()
        profile.preSharedKeys[0].until = WallClockTime(endOf: "2199-12-31")
        var rig = Rig(.test(profile))
        try rig.toMessage2()
        let effects = rig.send(try rig.peer.message3())
        #expect(effects.words == ["[started]", "transmit", "[no-current-key]"])
        #expect(effects.events.last?.description.remedy != nil)
        #expect(rig.endpoint.counters.keyAgreements == 0)
        _ = rig.endpoint.setCalendar(WallClockTime(milliseconds: 1_795_222_923_456), at: rig.now)
        rig.source.port = 2000
        #expect(try Self.dial(&rig, 2, key: "correct horse").isEstablished)
    }

    @Test("An IKE SA whose key has ended is not replaced by us")
    func endedKeysAreNotUsedByUs() throws {
        var profile = Profile.test()
        profile.preSharedKeys[0].until = WallClockTime(milliseconds: 60_000)
        var rig = Rig(.test(profile))
        _ = rig.endpoint.setCalendar(WallClockTime(milliseconds: 0), at: rig.now)
        try rig.toEstablished()
        let id = try #require(rig.endpoint.snapshots.first?.id)
        var other = rig
        #expect(other.endpoint.startRekeying(id, at: other.now).words == ["transmit"])
        rig.now = rig.now.advanced(by: .seconds(60))
        #expect(rig.endpoint.startRekeying(id, at: rig.now).isEmpty)
    }

    @Test("We replace an IKE SA with the key that its peer has") func ourRekeyingTakesThePeersKey() throws {
        let key = Self.key(3)
        var pair = try MainModeInitiationTests.Pair(peerKey: key, profile: Self.profile(5), key: key)
        pair.rekey()
        #expect(pair.effects.isEstablished)
        #expect(pair.established.map(\.keyName) == ["user-3", "user-3"])
    }

    /// A second IKE SA from the same address and port, with the same identity, that says it is the only one.
    private static func succession(_ keys: [PreSharedKey], then second: String) throws -> [Event.Kind] {
        var profile = Profile.test()
        profile.preSharedKeys = keys
        var rig = Rig(.test(profile))
        rig.peer.preSharedKey = "the first"
        try rig.toEstablished()
        try rig.toChild()
        rig.peer = RawInitiator()
        rig.peer.preSharedKey = second
        rig.peer.cookieI = Cookie(rawValue: 2)
        try rig.toMessage4()
        let contact = IKEv1.NotificationPayload(
            protocolID: .isakmp,
            spi: rig.peer.cookies.bytes,
            type: .initialContact
        )
        let effects = rig.send(try rig.peer.message5(rig.peer.message5Payloads + [Payload(.notification, contact)]))
        try rig.peer.receive6(Rig.reply(effects))
        let (quick, _, _) = try rig.toQuick2(1, spi: 0x2000_0001)
        return rig.send(try rig.peer.quick3(quick)).events.map(\.kind)
    }

    @Test("Whoever has another user's address and identity, and a key of his own, does not take his place")
    func usersDoNotReplaceEachOther() throws {
        let keys = [
            PreSharedKey(name: "alice", secret: secret("the first")),
            PreSharedKey(name: "bob", secret: secret("the second")),
        ]
        #expect(!(try Self.succession(keys, then: "the second")).contains(.replacedByPeer))
        #expect(try Self.succession(keys, then: "the first").contains(.replacedByPeer))
    }

    @Test("A user whose key was changed takes the place he had with the old one") func usersReplaceThemselves() throws {
        let keys = ["the first", "the second"].map { PreSharedKey(name: "alice", secret: secret($0)) }
        #expect(try Self.succession(keys, then: "the second").contains(.replacedByPeer))
    }

    // Budgets.

    @Test("What a source may have tried is bounded; the search goes on when the same message comes again")
    func aSourceIsBounded() throws {
        let burst = Admission.keyTrialsPerSource.burst
        // The first candidate of each exchange is free.
        let count = burst / 2 + 101
        var rig = Rig(.test(Self.profile(count)))
        #expect(try Self.dial(&rig, 1, key: "none").eventNames == ["authentication-failed"])
        let message = try Self.message5(&rig, 2, key: "none")
        #expect(rig.send(message).words == ["[key-trials-over-budget]"])
        #expect(rig.endpoint.counters.keyTrialsOverBudget == 1)
        #expect(rig.endpoint.counters.keyTrialsFailed == 1)
        #expect(Self.tried(rig) == UInt64(burst + 2))
        var garbage = message
        garbage[40] ^= 1
        rig.now = rig.now.advanced(by: .seconds(2))
        #expect(rig.send(garbage).isEmpty)
        #expect(Self.tried(rig) == UInt64(burst + 2))
        let effects = rig.send(message)
        #expect(effects.events.map(\.kind) == [.preSharedKeys(.noneFits(tried: count, profile: "remote-access"))])
        #expect(Self.tried(rig) == UInt64(2 * count))
        #expect(rig.send(message).isEmpty)
    }

    @Test("A client whose source is over its budget connects with the key it had, and with another in the end")
    func clientsOutlastTheBudget() throws {
        let count = Admission.keyTrialsPerSource.burst - 10
        var rig = Rig(.test(Self.profile(count)))
        #expect(try Self.dial(&rig, 1, key: Self.key(5)).isEstablished)
        rig.source.port = 501
        #expect(try Self.dial(&rig, 2, key: "none").eventNames == ["authentication-failed"])
        rig.source.port = 502
        #expect(try Self.dial(&rig, 3, key: Self.key(5)).isEstablished)
        rig.source.port = 503
        let last = try Self.message5(&rig, 4, key: Self.key(count - 1))
        #expect(rig.send(last).words == ["[key-trials-over-budget]"])
        var effects: [Endpoint.Effect] = []
        for _ in 0..<9 {
            rig.now = rig.now.advanced(by: .seconds(1))
            effects = rig.send(last)
            guard effects.isEmpty else { break }
        }
        #expect(effects.isEstablished)
        #expect(rig.endpoint.counters.keyTrialsFailed == 1)
    }

    @Test("Who goes away in the midst of the search has failed")
    func goingAwayIsAFailure() throws {
        let count = Admission.keyTrialsPerSource.burst + 100
        var rig = Rig(.test(Self.profile(count)))
        #expect(try Self.dial(&rig, 1, key: "none").words == ["[key-trials-over-budget]"])
        #expect(rig.wait(.seconds(30)).eventNames == ["exchange-timeout"])
        #expect(rig.endpoint.counters.keyTrialsFailed == 1)
        for number in 2...10 {
            rig.now = rig.now.advanced(by: .seconds(1))
            _ = try Self.dial(&rig, number, key: "none")
        }
        #expect(rig.wait(.seconds(30)).eventNames.contains("authentication-delay"))
    }

    @Test("Sources share what is there, none takes it all, and what is not used is given back")
    func allSourcesAreBounded() {
        var admission = Admission(Configuration(profiles: []))
        let inAll = Admission.keyTrialsInAll
        let each = Admission.keyTrialsPerSource
        var taken = 0
        for host in 0..<100 {
            let got = admission.takeKeyTrials(1_000_000, for: .v4(UInt32(host)), at: start)
            #expect(got == min(each.burst, inAll.burst - taken))
            taken += got
        }
        #expect(taken == inAll.burst)
        admission.giveBackKeyTrials(300, for: .v4(0))
        #expect(admission.takeKeyTrials(1_000, for: .v4(0), at: start) == 300)
        // Nothing was taken from the last one.
        let later = start.advanced(by: .milliseconds(100))
        #expect(admission.takeKeyTrials(10_000, for: .v4(99), at: later) == 1_000)
        #expect(admission.takeKeyTrials(10_000, for: .v4(99), at: later) == 0)
        #expect(admission.takeKeyTrials(0, for: .v4(98), at: later) == 0)
    }

    @Test("A large source has more of it") func largeSources() throws {
        var configuration = Configuration(profiles: [])
        configuration.largeSources = [try #require(IPPrefix("10.0.0.0/8"))]
        var admission = Admission(configuration)
        let got = admission.takeKeyTrials(1_000_000, for: .v4(0x0A00_0001), at: start)
        #expect(got == min(16 * Admission.keyTrialsPerSource.burst, Admission.keyTrialsInAll.burst))
    }

    @Test("Tokens come back one by one") func budgetsFillUp() {
        let rate = Budget.Rate(perSecond: 10, burst: 3)
        var budget = Budget()
        #expect(budget.take(upTo: 5, rate, at: start) == 3)
        #expect(budget.take(upTo: 5, rate, at: start.advanced(by: .milliseconds(99))) == 0)
        #expect(budget.take(upTo: 5, rate, at: start.advanced(by: .milliseconds(100))) == 1)
        #expect(budget.take(rate, at: start.advanced(by: .milliseconds(199))) == false)
        #expect(budget.take(rate, at: start.advanced(by: .milliseconds(200))) == true)
        #expect(budget.take(upTo: -1, rate, at: start.advanced(by: .seconds(9))) == 0)
        #expect(budget.take(upTo: 2, rate, at: start.advanced(by: .seconds(9))) == 2)
        budget.giveBack(1, rate)
        #expect(budget.take(upTo: 9, rate, at: start.advanced(by: .seconds(9))) == 2)
        budget.giveBack(100, rate)
        #expect(budget.take(upTo: 9, rate, at: start.advanced(by: .seconds(9))) == 3)
    }

    // The cheap look.

    @Test(
        "A message of no whole blocks, of none, or of very many is not tried",
        arguments: [0, 1, 15, 17, 2_064, 9_904]
    )
    func hopelessMessages(_ length: Int) throws {
        var rig = Rig(.test(Self.profile(9)))
        try rig.toMessage4()
        var header = rig.peer.header(.identityProtection)
        header.flags = .encryption
        header.nextPayload = .identification
        header.length = UInt32(ISAKMPHeader.encodedLength + length)
        var writer = ByteWriter()
        header.encode(into: &writer)
        let effects = rig.send(writer.bytes + [UInt8](repeating: 7, count: length))
        #expect(effects.events.map(\.kind) == [.preSharedKeys(.noneFits(tried: 1, profile: "remote-access"))])
        #expect(Self.tried(rig) == 1)
    }

    @Test("A long identity is found too") func longIdentities() throws {
        var rig = Rig(.test(Self.profile(9)))
        rig.peer.preSharedKey = Self.key(8)
        rig.peer.identity = IKEv1.IDPayload(
            type: .distinguishedName,
            protocolNumber: 0,
            port: 0,
            data: Array(repeating: 0x30, count: 1_900)
        )
        #expect(try rig.toEstablished().isEstablished)
    }

    @Test(
        "The first block looks right if its payload is not the last and fits",
        arguments: [
            ([8, 0, 0, 12], true), ([8, 0xFF, 0, 12], true), ([0, 0, 0, 12], false), ([8, 0, 0, 7], false),
            ([8, 0, 0, 8], true), ([8, 0, 0, 64], true), ([8, 0, 0, 65], false), ([8, 0, 1, 12], false),
            ([200, 0, 0, 12], true), ([8, 0, 0], false), ([], false),
        ] as [([UInt8], Bool)]
    )
    func firstBlocks(_ block: [UInt8], _ isPlausible: Bool) {
        #expect(IKEv1.KeyTrial.isPlausible(block, first: .identification, length: 64) == isPlausible)
    }

    @Test("Of payloads that are no identity the header alone has to fit") func firstBlocksOfOtherPayloads() {
        #expect(IKEv1.KeyTrial.isPlausible([5, 0, 0, 4], first: .vendorID, length: 64))
        #expect(!IKEv1.KeyTrial.isPlausible([5, 0, 0, 3], first: .vendorID, length: 64))
        #expect(!IKEv1.KeyTrial.isPlausible([5, 0, 0, 9], first: .identification, length: 4))
    }
}

extension [Endpoint.Effect] {
    fileprivate var isEstablished: Bool { eventNames.contains("phase1-established") }
    fileprivate var fields: [EventDescription.Field] { events.flatMap(\.description.fields) }
}
