// SPDX-License-Identifier: Apache-2.0
import Cryptography
import DataPlane
import IKE
import Primitives
import Testing

struct LivenessTests {
    /// A peer with a child whose lifetimes are out of the way.
    static func probed(_ rig: Rig = Rig(), announced: Bool = true) throws -> (rig: Rig, child: ChildSA) {
        var rig = Rig.probed(rig)
        if !announced { rig.peer.vendorIDs = [VendorID.rfc3947] }
        rig.peer.espLifetime = 28_800
        try rig.toEstablished()
        let child = try rig.toChild()
        return (rig, child)
    }

    @Test("Z12: a client that vanishes is asked, found dead after 150 s, and everything of it goes once")
    func aPeerThatVanishesIsFoundDead() throws {
        var (rig, child) = try Self.probed()
        let begin = rig.now
        var times: [Int64] = []
        var numbers: [[UInt8]] = []
        var all: [Endpoint.Effect] = []
        for _ in 0..<20 {
            let effects = rig.untilSomethingHappens()
            all += effects
            times.append(begin.duration(to: rig.now).components.seconds)
            guard !effects.contains(.closed(child.id.ike)) else { break }
            numbers.append(try #require(try rig.peer.question(Rig.reply(effects))))
        }
        #expect(times == [60, 62, 66, 74, 84, 94, 104, 114, 124, 134, 144, 150])
        #expect(zip(numbers, numbers.dropFirst()).allSatisfy { $0.lexicographicallyPrecedes($1) })
        #expect(all.count { $0 == .unanswered(child.id.ike) } == 1)
        #expect(all.words.suffix(4) == ["transmit", "transmit", "[dead-peer]", "closed"])
        #expect(rig.endpoint.snapshots.isEmpty && rig.endpoint.nextDeadline == nil)
    }

    @Test("Z12, twin: a client that answers stays")
    func aPeerThatAnswersStays() throws {
        var (rig, child) = try Self.probed()
        for _ in 0..<20 {
            let effects = rig.untilSomethingHappens()
            #expect(effects.words == ["transmit"])
            let number = try #require(try rig.peer.question(Rig.reply(effects)))
            #expect(rig.send(try rig.peer.alive(.areYouThereAck, number)).isEmpty)
        }
        #expect(rig.endpoint.snapshot(of: child.id.ike)?.state == "established")
        #expect(rig.endpoint.counters.strayAnswers == 0)
    }

    @Test func whoIsHeardIsNotAsked() throws {
        var (rig, child) = try Self.probed()
        for _ in 0..<100 {
            #expect(rig.wait(.seconds(59)).isEmpty)
            rig.endpoint.heard(child.id.ike, at: rig.now)
        }
        // Messages of its own count as well.
        for number in 1...10 {
            #expect(rig.wait(.seconds(59)).isEmpty)
            _ = rig.send(try rig.peer.alive(.areYouThere, RawInitiator.bytes(UInt32(number))))
        }
    }

    @Test func aRecordedQuestionIsNoSignOfLife() throws {
        var (rig, child) = try Self.probed()
        let recorded = try rig.peer.alive(.areYouThere, RawInitiator.bytes(7))
        var isClosed = false
        for _ in 0..<200 where !isClosed {
            isClosed = (rig.send(recorded) + rig.wait(.seconds(1))).contains(.closed(child.id.ike))
        }
        #expect(isClosed)
    }

    @Test func aSleepingPeerHasTheTimeThatTheOwnerGivesIt() throws {
        var configuration = Configuration(profiles: [.test()])
        configuration.silenceLimit = .seconds(3600)
        var (rig, child) = try Self.probed(Rig(Endpoint(configuration: configuration, entropy: SeededEntropy(seed: 4))))
        let begin = rig.now
        var questions = 0
        for _ in 0..<200 {
            let effects = rig.untilSomethingHappens(within: .seconds(3599))
            guard !effects.contains(.closed(child.id.ike)) else { break }
            questions += effects.datagrams.count
            #expect(effects.count { $0 == .unanswered(child.id.ike) } == (questions == 2 ? 1 : 0))
        }
        #expect(begin.duration(to: rig.now) == .seconds(3600))
        #expect((60...80).contains(questions))
    }

    @Test func whoDoesNotAnnounceItIsNeitherAskedNorDead() throws {
        var (rig, child) = try Self.probed(announced: false)
        #expect(rig.wait(.seconds(20_000)).isEmpty)
        #expect(rig.endpoint.snapshot(of: child.id.ike)?.state == "established")
    }

    @Test func aClockThatLeapsKillsNobody() throws {
        var (rig, child) = try Self.probed()
        let effects = rig.wait(.seconds(10_000))
        #expect(effects.words == ["transmit"])
        let number = try #require(try rig.peer.question(Rig.reply(effects)))
        _ = rig.send(try rig.peer.alive(.areYouThereAck, number))
        #expect(rig.wait(.seconds(59)).isEmpty)
        #expect(rig.endpoint.snapshot(of: child.id.ike)?.state == "established")
    }

    @Test("D09: an R-U-THERE-ACK counts with the right number and cookies only")
    func onlyTheRightAnswerCounts() throws {
        var (rig, child) = try Self.probed()
        let number = try #require(try rig.peer.question(Rig.reply(rig.untilSomethingHappens())))
        let value = number.reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        for wrong in [value &- 1, value &+ 1, 0, .max] {
            _ = rig.send(try rig.peer.alive(.areYouThereAck, RawInitiator.bytes(wrong)))
        }
        #expect(rig.endpoint.counters.strayAnswers == 4)
        var other = rig.peer
        other.cookieR = Cookie(rawValue: 0x1234)
        let foreign = IKEv1.NotificationPayload(
            protocolID: .isakmp,
            spi: other.cookies.bytes,
            type: .areYouThereAck,
            data: number
        )
        _ = rig.send(try rig.peer.informational(Payload(.notification, foreign)))
        // None of them was heard.
        #expect(rig.wait(.seconds(2)).contains(.unanswered(child.id.ike)))
        // The twin: a late answer to the first question is as good as one to the second.
        _ = rig.send(try rig.peer.alive(.areYouThereAck, number))
        #expect(rig.wait(.seconds(59)).isEmpty)
        // It counts once.
        _ = rig.send(try rig.peer.alive(.areYouThereAck, number))
        #expect(rig.endpoint.counters.strayAnswers == 5)
        #expect(rig.endpoint.counters.unknownSA == 1)
    }

    // A peer that moves.

    private func moved(announced: Bool = true) throws -> (rig: Rig, child: ChildSA, new: SocketAddress) {
        var rig = Rig.natted()
        rig.peer.vendorIDs = [VendorID.rfc3947]
        if announced { rig.peer.vendorIDs.append(VendorID.deadPeerDetection) }
        try rig.toEstablished()
        let child = try rig.toChild()
        return (rig, child, SocketAddress(.v4(0xC633_64F0), port: 61_000))
    }

    @Test func aMessageFromElsewhereAsksThereAndTheAnswerMoves() throws {
        var (rig, child, new) = try moved()
        let old = rig.source
        rig.source = new
        let effects = rig.send(try rig.peer.alive(.areYouThere, [0, 0, 0, 5]))
        #expect(effects.words == ["transmit", "transmit"])
        #expect(effects.datagrams.allSatisfy { $0.peer == new })
        #expect(rig.endpoint.snapshot(of: child.id.ike)?.peer == old)
        let question = Array(try #require(effects.datagrams.last).bytes.dropFirst(4))
        let number = try #require(try rig.peer.question(question))
        let answer = try rig.peer.alive(.areYouThereAck, number)
        // From where nobody asked it says nothing.
        rig.source = old
        #expect(rig.send(answer).isEmpty)
        rig.source = new
        #expect(rig.send(answer).first == .moved(child.id.ike, local: child.local, to: new))
        #expect(rig.endpoint.snapshot(of: child.id.ike)?.peer == new)
    }

    @Test func aPlaybackFromElsewhereMovesNothing() throws {
        var (rig, child, new) = try moved()
        let old = rig.source
        let recorded = try rig.peer.alive(.areYouThere, [0, 0, 0, 5])
        _ = rig.send(recorded)
        var asked = 0
        for number in 0..<100 {
            rig.now = rig.now.advanced(by: .milliseconds(10))
            rig.source = SocketAddress(new.address, port: UInt16(2000 + number))
            asked += rig.send(recorded).datagrams.count
        }
        #expect(asked <= 3)
        #expect(rig.endpoint.snapshot(of: child.id.ike)?.peer == old)
    }

    @Test func quickModeFromElsewhereMovesWithItsProof() throws {
        var (rig, child, new) = try moved()
        rig.source = new
        let (quick, _, before) = try rig.toQuick2(7, spi: 0x1000_0007)
        #expect(!before.words.contains("moved"))
        let effects = rig.send(try rig.peer.quick3(quick))
        #expect(effects.contains(.moved(child.id.ike, local: child.local, to: new)))
    }

    @Test func theKernelsWordMovesEveryIKESAOfThePeer() throws {
        var (rig, child, new) = try moved()
        let first = rig.peer
        rig.peer = RawInitiator()
        rig.peer.cookieI = Cookie(rawValue: 0x5151)
        rig.peer.ownAddress = first.ownAddress
        rig.peer.encapsulation = 4
        rig.isOnNATTraversalPort = false
        let old = rig.source
        rig.source.port = 1024
        rig.local.port = 500
        try rig.toMessage4()
        rig.source = old
        let effects = rig.send(try rig.peer.message5())
        try rig.peer.receive6(Rig.reply(effects))
        #expect(rig.endpoint.snapshots.count == 2)
        let moves = rig.endpoint.peerHasMoved(child.id, to: new, at: rig.now)
        #expect(moves.words.filter { $0 == "moved" }.count == 2)
        #expect(rig.endpoint.snapshots.allSatisfy { $0.peer == new })
        #expect(rig.endpoint.peerHasMoved(child.id, to: new, at: rig.now).isEmpty)
        // And they are still known as one peer's.
        rig.source = new
        #expect(try rig.toChild(9, spi: 0x1000_0009).previousIKE == child.id.ike)
    }

    @Test func withoutANATNobodyMoves() throws {
        var (rig, child) = try Self.probed()
        let new = SocketAddress(.v4(0xC633_64F0), port: 500)
        #expect(rig.endpoint.peerHasMoved(child.id, to: new, at: rig.now).isEmpty)
        rig.source = new
        #expect(rig.send(try rig.peer.alive(.areYouThere, [0, 0, 0, 5])).words == ["transmit"])
        #expect(rig.endpoint.snapshot(of: child.id.ike)?.peer == client)
    }
}
