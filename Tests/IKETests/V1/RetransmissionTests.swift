// SPDX-License-Identifier: Apache-2.0
import Cryptography
import DataPlane
import IKE
import Primitives
import Testing

struct RetransmissionTests {
    @Test func everyMessageOfMainModeIsAnsweredAlikeWhenItComesAgain() throws {
        var rig = Rig()
        let message1 = rig.peer.message1()
        let reply2 = Rig.reply(rig.send(message1))
        rig.now = rig.now.advanced(by: .seconds(1))
        #expect(Rig.reply(rig.send(message1)) == reply2)
        try rig.peer.receive2(reply2)
        let message3 = try rig.peer.message3()
        let reply4 = Rig.reply(rig.send(message3))
        rig.now = rig.now.advanced(by: .seconds(1))
        #expect(Rig.reply(rig.send(message3)) == reply4)
        try rig.peer.receive4(reply4)
        let message5 = try rig.peer.message5()
        let reply6 = Rig.reply(rig.send(message5))
        rig.now = rig.now.advanced(by: .seconds(1))
        let again = rig.send(message5)
        #expect(again.words == ["transmit"])
        #expect(Rig.reply(again) == reply6)
        #expect(rig.endpoint.snapshots.count == 1)
        #expect(rig.endpoint.counters.duplicates == 3)
    }

    @Test func quickModeIsAnsweredAlikeWithoutNewKeys() throws {
        var rig = try QuickModeTests.established()
        var quick = rig.peer.newQuick()
        let message1 = try rig.peer.quick1(&quick)
        let child = try #require(rig.send(message1).installs.first)
        #expect(rig.send(message1).isEmpty)
        let answer = rig.endpoint.inboundInstalled(child.id, outcome: .installed, at: rig.now)
        rig.now = rig.now.advanced(by: .seconds(1))
        #expect(rig.send(message1) == answer)
        try rig.peer.receiveQuick2(&quick, Rig.reply(answer))
        let message3 = try rig.peer.quick3(quick)
        _ = rig.send(message3)
        #expect(rig.send(message3).isEmpty)
        rig.now = rig.now.advanced(by: .seconds(1))
        #expect(rig.send(message1) == answer)
    }

    @Test func doubledPacketsAreNotDoubledByUs() throws {
        var rig = Rig()
        let message1 = rig.peer.message1()
        #expect(rig.send(message1).datagrams.count == 1)
        #expect(rig.send(message1).isEmpty)
        rig.now = rig.now.advanced(by: .milliseconds(399))
        #expect(rig.send(message1).isEmpty)
        rig.now = rig.now.advanced(by: .milliseconds(1))
        #expect(rig.send(message1).datagrams.count == 1)
    }

    @Test("B14: message 1 is answered five times at most") func anUnprovedPeerGetsFourRepetitions() throws {
        var rig = Rig()
        let message1 = rig.peer.message1()
        var answers = 0
        for _ in 0..<1000 {
            answers += rig.send(message1).datagrams.count
            rig.now = rig.now.advanced(by: .milliseconds(25))
        }
        #expect(answers == 5)
    }

    @Test func message6IsForgottenWithTheExchange() throws {
        var rig = Rig()
        try rig.toMessage4()
        let message5 = try rig.peer.message5()
        _ = rig.send(message5)
        #expect(rig.wait(.seconds(30)).isEmpty)
        #expect(rig.send(message5).isEmpty)
        #expect(rig.state == "established")
    }

    /// 2, 4, 8 and 16 s: four repetitions, and the exchange is over after 30 s.
    @Test func message2OfQuickModeIsRepeatedUntilItIsProved() throws {
        var rig = try QuickModeTests.established()
        let (_, child, effects) = try rig.toQuick2()
        let message2 = effects.datagrams
        let begin = rig.now
        var times: [Int64] = []
        while let next = rig.endpoint.nextDeadline, times.count < 10 {
            rig.now = next
            let more = rig.endpoint.advance(to: next)
            if more.isEmpty { continue }
            times.append(begin.duration(to: next).components.seconds)
            guard !more.datagrams.isEmpty else {
                #expect(more.words == ["remove", "[exchange-timeout]"])
                #expect(more.first == .remove(child.id))
                break
            }
            #expect(more.datagrams == message2)
        }
        #expect(times == [2, 6, 14, 30])
    }

    @Test func repetitionEndsAtTheLimit() throws {
        var configuration = Configuration(profiles: [.test()])
        configuration.retransmissionWait = .seconds(1)
        configuration.retransmissionLimit = 2
        var rig = Rig(Endpoint(configuration: configuration, entropy: SeededEntropy(seed: 3)))
        try rig.toEstablished()
        _ = try rig.toQuick2()
        var sent = 0
        for _ in 0..<29 { sent += rig.wait(.seconds(1)).datagrams.count }
        #expect(sent == 2)
    }

    @Test func nothingIsRepeatedToAnUnprovedPeerByTimer() throws {
        var rig = Rig()
        try rig.toMessage4()
        for _ in 0..<29 { #expect(rig.wait(.seconds(1)).isEmpty) }
        #expect(rig.wait(.seconds(1)).words == ["[exchange-timeout]"])
        #expect(rig.endpoint.snapshots.isEmpty && rig.endpoint.nextDeadline == nil)
    }

    @Test func keepalivesGoOutEveryTwentySecondsBehindOurNAT() throws {
        var rig = Rig()
        rig.peer.gatewayAddress = SocketAddress(.v4(0xCB00_7101), port: 500)
        rig.peer.ikeLifetime = 86_400
        try rig.toEstablished()
        #expect(rig.endpoint.snapshots.first?.isLocalBehindNAT == true)
        #expect(rig.wait(.seconds(19)).isEmpty)
        let effects = rig.wait(.seconds(1))
        #expect(effects.datagrams.map(\.bytes) == [[0xFF]])
        #expect(effects.datagrams.first?.port == .natTraversal)
        #expect(effects.datagrams.first?.peer == rig.source)
        #expect(rig.wait(.seconds(20)).datagrams.count == 1)
    }

    @Test func noKeepalivesWithoutOurNAT() throws {
        var rig = Rig.natted()
        try rig.toEstablished()
        #expect(rig.wait(.seconds(25)).isEmpty)
    }
}
