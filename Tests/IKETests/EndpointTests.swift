// SPDX-License-Identifier: Apache-2.0
import Cryptography
import DataPlane
import IKE
import Primitives
import Testing

struct EndpointTests {
    @Test("A01: a datagram shorter than a header gets no answer", arguments: 0..<28)
    func aShortDatagramIsDropped(_ length: Int) {
        var rig = Rig()
        let bytes = Array(rig.peer.message1().prefix(length))
        #expect(rig.send(bytes).words == ["[malformed-message]"])
        #expect(rig.endpoint.snapshots.isEmpty)
    }

    @Test("A02: the length in the header is that of the datagram", arguments: [0, 27, 1, 2, 0x8000_0000, 0xFFFF_FFFF])
    func aWrongLengthInTheHeaderIsDropped(_ length: UInt32) {
        var rig = Rig()
        var bytes = rig.peer.message1()
        let right = UInt32(bytes.count)
        let value = length == 1 ? right - 1 : length == 2 ? right + 1 : length
        bytes.replaceSubrange(24..<28, with: RawInitiator.bytes(value))
        #expect(rig.send(bytes).words == ["[malformed-message]"])
    }

    @Test("A03: another major version is dropped, minor versions are not looked at", arguments: [0, 2, 3, 15])
    func anotherMajorVersionIsDropped(_ version: UInt8) {
        var rig = Rig()
        var bytes = rig.peer.message1()
        bytes[17] = version << 4
        #expect(rig.send(bytes).words == ["[unsupported-version]"])
        bytes[17] = 0x1F
        #expect(rig.send(bytes).words == ["transmit"])
    }

    @Test("A04: no other exchange begins an SA", arguments: [0, 1, 3, 6, 31, 32, 33, 240])
    func anotherFirstExchangeIsDropped(_ exchange: UInt8) {
        var rig = Rig()
        var bytes = rig.peer.message1()
        bytes[18] = exchange
        #expect(rig.send(bytes).words == ["[unsupported-exchange]"])
        #expect(rig.endpoint.snapshots.isEmpty)
    }

    @Test func aggressiveModeIsExplained() {
        let event = Event(trace: nil, peer: client, kind: .aggressiveMode(.refused(identity: "sales")))
        #expect(event.description.message.contains("sales"))
        #expect(event.description.remedy?.contains("group name") == true)
    }

    @Test("A04: reserved bits are ignored") func reservedBitsAreIgnored() throws {
        var rig = Rig()
        var bytes = rig.peer.message1()
        bytes[17] |= 0x0F
        bytes[19] = 0xF8
        bytes[29] = 0xFF
        #expect(rig.send(bytes).words == ["transmit"])
    }

    @Test func aFirstMessageMayNotBeEncryptedOrHaveAMessageID() {
        var rig = Rig()
        var bytes = rig.peer.message1()
        bytes[19] = 1
        #expect(rig.send(bytes).words == ["[unexpected-message]"])
        bytes[19] = 0
        bytes[23] = 1
        #expect(rig.send(bytes).words == ["[unexpected-message]"])
    }

    @Test("A05: a cookie of zero and a responder cookie that is not ours make nothing")
    func zeroCookiesAndStrangeOnesMakeNothing() throws {
        var rig = Rig()
        rig.peer.cookieI = .zero
        #expect(rig.send(rig.peer.message1()).words == ["[malformed-message]"])
        rig.peer.cookieI = Cookie(rawValue: 1)
        rig.peer.cookieR = Cookie(rawValue: 2)
        #expect(rig.send(rig.peer.message1()).isEmpty)
        #expect(rig.endpoint.counters.unknownSA == 1)
        rig.peer.cookieR = .zero
        try rig.toEstablished()
    }

    @Test("A09: a datagram beyond the limit is not parsed, one within it is", arguments: [10_001, 65_507])
    func aHugeDatagramIsNotParsed(_ size: Int) {
        var rig = Rig()
        var bytes = rig.peer.message1()
        bytes += Array(repeating: 0, count: size - bytes.count)
        bytes.replaceSubrange(24..<28, with: RawInitiator.bytes(UInt32(size)))
        #expect(rig.send(bytes).words == ["[malformed-message]"])
        rig.peer.vendorIDs.append(Array(repeating: 7, count: 9_000))
        #expect(rig.send(rig.peer.message1()).words == ["transmit"])
    }

    @Test("F03: the non-ESP marker belongs to port 4500, and there alone") func theMarkerBelongsToPort4500Alone() {
        var rig = Rig()
        let bytes = rig.peer.message1()
        func datagram(_ bytes: [UInt8], _ port: Datagram.Port) -> Datagram {
            Datagram(bytes: bytes, port: port, local: gateway, peer: client)
        }
        #expect(rig.endpoint.receive(datagram([0, 0, 0, 0] + bytes, .ike), at: start).words == ["[malformed-message]"])
        #expect(rig.endpoint.receive(datagram(bytes, .natTraversal), at: start).isEmpty)
        #expect(rig.endpoint.counters.strayESP == 1)
        #expect(rig.endpoint.receive(datagram([0xFF], .natTraversal), at: start).isEmpty)
        #expect(rig.endpoint.counters.keepalives == 1)
        for length in 0..<4 {
            #expect(
                rig.endpoint.receive(datagram(Array(repeating: 0, count: length), .natTraversal), at: start).isEmpty
            )
        }
        #expect(
            rig.endpoint.receive(datagram([0, 0, 0, 0] + bytes, .natTraversal), at: start).words == ["transmit"]
        )
    }

    @Test("B13: a peer for whose address there is no key gets one event and no answer")
    func aPeerWithoutAProfileIsTurnedAway() throws {
        let prefix = try #require(IPPrefix("10.0.0.0/8"))
        var rig = Rig(.test(.test(remote: [prefix])))
        let effects = rig.send(rig.peer.message1())
        #expect(effects.words == ["[no-profile]"])
        #expect(effects.events.first?.description.remedy != nil)
    }

    @Test func theFirstProfileForTheAddressCounts() throws {
        let prefix = try #require(IPPrefix("198.51.100.0/24"))
        var configuration = Configuration(profiles: [
            .test(remote: [prefix], key: "for that office"), .test(key: "correct horse"),
        ])
        configuration.profiles[0].name = "office"
        var rig = Rig(Endpoint(configuration: configuration, entropy: SeededEntropy(seed: 5)))
        rig.peer.preSharedKey = "for that office"
        try rig.toEstablished()
        #expect(rig.endpoint.snapshots.first?.profile == "office")
    }

    @Test func halfOpenExchangesAreBoundedAndSaidOnce() throws {
        var rig = Rig(.test(halfOpenLimit: 10))
        var events: [String] = []
        for number in 1...100 {
            rig.source.address = .v4(0xC633_6400 + UInt32(number))
            events += try rig.toHalfOpen(number)
        }
        #expect(rig.endpoint.snapshots.count == 10)
        #expect(events.count { $0 == "half-open-limit" } == 1)
        #expect(rig.endpoint.counters.halfOpenDropped == 90)
        #expect(rig.endpoint.counters.keyAgreements == 0)
        _ = rig.wait(.seconds(30))
        #expect(rig.endpoint.snapshots.isEmpty)
        #expect(rig.endpoint.nextDeadline == nil)
        var other = Rig(rig.endpoint)
        other.now = rig.now
        other.peer.cookieI = Cookie(rawValue: 101)
        try other.toEstablished()
        #expect(other.state == "established")
    }

    @Test func oneSourceDoesNotKeepTheOthersOut() throws {
        var rig = Rig(.test(halfOpenLimit: 120))
        var events: [String] = []
        for number in 1...200 {
            rig.source.port = UInt16(1000 + number)
            rig.now = rig.now.advanced(by: .milliseconds(100))
            events += try rig.toHalfOpen(number)
        }
        #expect(rig.endpoint.snapshots.count == 32)
        #expect(events.count { $0 == "half-open-source-limit" } == 1)
        var other = Rig(rig.endpoint)
        other.now = rig.now
        other.source = SocketAddress(.v4(0xCB00_7163), port: 500)
        other.peer.ownAddress = other.source
        other.peer.cookieI = Cookie(rawValue: 1001)
        try other.toEstablished()
        // Those that are over make room.
        _ = other.wait(.seconds(30))
        rig.endpoint = other.endpoint
        rig.now = other.now
        #expect(rig.endpoint.occupancy.halfOpen == 0)
        rig.peer = RawInitiator()
        rig.source.port = 500
        try rig.toEstablished()
    }

    @Test func establishedSAsAreBoundedToo() throws {
        var configuration = Configuration(profiles: [.test()])
        configuration.ikeSALimit = 3
        var rig = Rig(Endpoint(configuration: configuration, entropy: SeededEntropy(seed: 5)))
        for number in 1...3 {
            rig.peer = RawInitiator()
            rig.peer.cookieI = Cookie(rawValue: UInt64(number))
            rig.source.port = 500
            try rig.toEstablished()
        }
        rig.peer = RawInitiator()
        rig.peer.cookieI = Cookie(rawValue: 4)
        #expect(rig.send(rig.peer.message1()).eventNames == ["ike-sa-limit"])
        #expect(rig.endpoint.snapshots.count == 3)
    }

    @Test func establishedSAsDoNotCountAsHalfOpen() throws {
        var rig = Rig(.test(halfOpenLimit: 1))
        for number in 1...5 {
            rig.peer = RawInitiator()
            rig.peer.cookieI = Cookie(rawValue: UInt64(number))
            rig.source.port = 500
            try rig.toEstablished()
        }
        #expect(rig.endpoint.snapshots.count == 5)
    }

    @Test func twoClientsBehindOneNATAreTwo() throws {
        var a = Rig.natted()
        try a.toEstablished()
        var b = Rig.natted(a.endpoint)
        b.source.port = 1025
        b.peer.cookieI = a.peer.cookieI
        b.peer.identity = IKEv1.IDPayload(.v4(0xC0A8_0106), protocolNumber: 17, port: 500)
        try b.toEstablished()
        #expect(b.endpoint.snapshots.count == 2)
        let first = try b.toChild()
        var again = a
        again.endpoint = b.endpoint
        let second = try again.toChild()
        #expect(first.id.ike != second.id.ike)
        #expect(first.id.inboundSPI != second.id.inboundSPI)
    }

    @Test func cookiesAreNeitherZeroNorAlike() {
        var rig = Rig()
        var seen: Set<Cookie> = []
        for number in 1...100 {
            rig.peer.cookieI = Cookie(rawValue: UInt64(number))
            rig.now = rig.now.advanced(by: .milliseconds(100))
            guard let reply = try? RawInitiator.decode(Rig.reply(rig.send(rig.peer.message1()))) else { continue }
            seen.insert(reply.header.responderCookie)
        }
        #expect(seen.count == 100)
        #expect(!seen.contains(.zero))
    }

    /// No reply is longer than what it answers, until the peer has shown that it is where it says.
    @Test func repliesDoNotAmplify() throws {
        for offer in [
            ClientOffer.windows10, ClientOffer.macOS, ClientOffer.android712, ClientOffer.ike("aes256-sha256-ecp256"),
        ] {
            var rig = Rig()
            rig.peer.ikeOffer = offer
            let message1 = rig.peer.message1()
            #expect(Rig.reply(rig.send(message1)).count <= message1.count)
        }
    }
}
