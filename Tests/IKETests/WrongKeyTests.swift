// SPDX-License-Identifier: Apache-2.0
import Cryptography
import DataPlane
import IKE
import Primitives
import Testing

/// A source that fails to authenticate again and again, and those who share its address.
struct WrongKeyTests {
    static func attempt(_ rig: inout Rig, _ number: Int, key: String = "battery staple") throws -> [Endpoint.Effect] {
        rig.peer = RawInitiator()
        rig.peer.preSharedKey = key
        rig.peer.cookieI = Cookie(rawValue: UInt64(number))
        rig.peer.ownAddress = rig.source
        let first = rig.send(rig.peer.message1())
        guard !first.datagrams.isEmpty else { return first }
        try rig.peer.receive2(Rig.reply(first))
        try rig.peer.receive4(Rig.reply(rig.send(try rig.peer.message3())))
        return rig.send(try rig.peer.message5())
    }

    /// Ten failures, one each second.
    static func delayed() throws -> Rig {
        var rig = Rig()
        for number in 1...10 {
            rig.now = rig.now.advanced(by: .seconds(1))
            let events = try attempt(&rig, number).eventNames
            #expect(events == ["authentication-failed"] + (number == 10 ? ["authentication-delay"] : []))
        }
        return rig
    }

    @Test("B12: after ten failures a source waits 1, 2, 4 … 30 s, and every attempt fails alike")
    func theDelayGrows() throws {
        var rig = try Self.delayed()
        var number = 10
        for delay in [1, 2, 4, 8, 16, 30, 30] {
            _ = rig.endpoint.advance(to: rig.now)
            rig.now = rig.now.advanced(by: .seconds(delay) - .milliseconds(1))
            number += 1
            #expect(try Self.attempt(&rig, number).isEmpty)
            rig.now = rig.now.advanced(by: .milliseconds(1))
            _ = rig.endpoint.advance(to: rig.now)
            let effects = try Self.attempt(&rig, number)
            #expect(effects.words == ["transmit", "[authentication-failed]"])
            // A notification in clear, with nothing in it that depends on why.
            let notice = try RawInitiator.decode(Rig.reply(effects))
            #expect(try IKEv1.NotificationPayload(notice.chain.only(.notification)).data.isEmpty)
        }
        #expect(rig.endpoint.counters.delayedAfterFailures == 7)
    }

    @Test("B12: a thousand wrong keys from one source cost it an hour and us a few hundred agreements")
    func aThousandAttempts() throws {
        var rig = Rig()
        var agreed = 0
        for number in 1...1000 {
            rig.now = rig.now.advanced(by: .seconds(3))
            _ = rig.endpoint.advance(to: rig.now)
            if !(try Self.attempt(&rig, number)).isEmpty { agreed += 1 }
        }
        #expect((100...130).contains(agreed))
        #expect(rig.endpoint.counters.keyAgreements == UInt64(agreed))
        // Others are not held up.
        rig.source = SocketAddress(.v4(0xCB00_7109), port: 500)
        #expect(
            try Self.attempt(&rig, 2000, key: "correct horse").eventNames == ["phase1-established", "phase1-chosen"]
        )
    }

    @Test("B12: five minutes of peace, or one success, and all is forgotten")
    func itIsForgotten() throws {
        var rig = try Self.delayed()
        var patient = rig
        patient.now = patient.now.advanced(by: .seconds(300))
        _ = patient.endpoint.advance(to: patient.now)
        for number in 20..<29 {
            #expect(try Self.attempt(&patient, number).eventNames == ["authentication-failed"])
        }
        rig.now = rig.now.advanced(by: .seconds(1))
        #expect(try Self.attempt(&rig, 30, key: "correct horse").eventNames == ["phase1-established", "phase1-chosen"])
        for number in 31..<40 {
            #expect(try Self.attempt(&rig, number).eventNames == ["authentication-failed"])
        }
        #expect(try Self.attempt(&rig, 40).eventNames == ["authentication-failed", "authentication-delay"])
    }

    @Test("B12: a peer that has keys renews them from an address that others have spoilt")
    func anEstablishedPeerIsNotHeldUp() throws {
        var rig = Rig()
        rig.source.port = 40_000
        rig.peer.ownAddress = rig.source
        try rig.toEstablished()
        try rig.toChild()
        let established = rig.peer
        for number in 1...10 {
            rig.source.port = UInt16(50_000 + number)
            _ = try Self.attempt(&rig, number)
        }
        #expect(try Self.attempt(&rig, 11).isEmpty)
        rig.source.port = 40_000
        rig.peer = RawInitiator()
        rig.peer.ownAddress = rig.source
        rig.peer.cookieI = Cookie(rawValue: 12)
        try rig.toEstablished()
        try rig.toChild(1, spi: 0x1000_0002)
        // The keys that stand work on too.
        rig.peer = established
        try rig.toChild(2, spi: 0x1000_0003)
    }

    @Test("B12: forged sources cannot wash away what is known of a real one")
    func aFloodDoesNotHelp() {
        var admission = Admission(Configuration(profiles: []))
        for _ in 1...10 { _ = admission.recordFailure(of: client.address, at: start) }
        for number in 0..<Admission.mostClaimed + 1000 {
            _ = admission.takeFirstMessage(from: SocketAddress(.v4(UInt32(number)), port: 500), at: start)
        }
        #expect(admission.claimedCount == Admission.mostClaimed)
        #expect(admission.refusal(of: client, at: start)?.refusal == .delay)
        #expect(admission.refusal(of: client, at: start.advanced(by: .seconds(1))) == nil)
        #expect(admission.refusal(of: SocketAddress(.v4(7), port: 500), at: start) == nil)
    }

    @Test("B12: a large source may fail sixteen times as often")
    func aLargeSource() throws {
        var configuration = Configuration(profiles: [])
        configuration.largeSources = [try #require(IPPrefix("198.51.100.0/24"))]
        var admission = Admission(configuration)
        for _ in 1..<160 { #expect(admission.recordFailure(of: client.address, at: start) == nil) }
        #expect(admission.recordFailure(of: client.address, at: start) == .seconds(1))
    }
}
