// SPDX-License-Identifier: Apache-2.0
import PPP
import Primitives
import Simulation
import Testing

/// When a peer counts as gone.
struct LinkLivenessTests {
    private func isEcho(_ frame: [UInt8]) -> Bool { frame.starts(with: [0xC0, 0x21, 9]) }

    @Test func aSilentPeerIsAskedAgainAndAgainAndIsGoneAtTheSilenceLimit() {
        var bench = LinkBench.up()
        bench.wait(.seconds(29))
        #expect(!LinkBench.sent(bench.effects).contains(where: isEcho))
        bench.wait(.seconds(120))
        #expect(LinkBench.sent(bench.effects).count(where: isEcho) == 12)
        #expect(bench.effects.count { $0 == .unanswered } == 11)
        #expect(bench.phase == "network")
        bench.wait(.seconds(1))
        #expect(bench.events.contains(.echoTimeout(unanswered: 12, silence: .seconds(150))))
        #expect(bench.phase == "terminate")
        bench.wait(.seconds(10))
        #expect(bench.ends == [.silence])
        #expect(bench.link.nextDeadline == nil)
    }

    @Test func anyFramePutsTheEchoOff() {
        for frame in ["0021 45", "80FD 01 01 0004", "C021 0A 63 0008 00000000", "8021 02 63 0004"] {
            var bench = LinkBench.up()
            for _ in 0..<10 {
                bench.wait(.seconds(29))
                bench.hear(frame)
            }
            #expect(!LinkBench.sent(bench.effects).contains(where: isEcho), "\(frame)")
            #expect(bench.phase == "network")
        }
    }

    /// Data that the kernel carries never comes here: the owner tells of it.
    @Test func aPeerThatIsHeardElsewhereIsNotGone() {
        var bench = LinkBench.up()
        for _ in 0..<20 {
            bench.wait(.seconds(100))
            bench.link.heard(at: bench.now)
        }
        #expect(bench.phase == "network")
        #expect(bench.effects.contains(.unanswered))
        bench.wait(.seconds(149))
        #expect(bench.phase == "network")
        bench.wait(.seconds(1))
        #expect(bench.phase == "terminate")
    }

    /// Heard by other means before its Echo-Reply arrived: the reply is still one.
    @Test func aReplyIsExpectedAlsoWhenThePeerWasHeardMeanwhile() {
        var bench = LinkBench.up()
        let request = LinkBench.sent(bench.wait(.seconds(30)))[0]
        bench.link.heard(at: bench.now)
        var reply = request
        reply[2] = 0x0A
        reply.replaceSubrange(6..<10, with: [0, 0, 0, 1])
        #expect(bench.hear(reply).isEmpty)
        #expect(LinkBench.events(bench.hear(reply)) == [.unexpectedPacket(.lcp, .echoReply)])
    }

    @Test func aGapShorterThanTheLimitCostsNothing() {
        let alice = SimulatedPPPClient.Configuration(user: "alice", passwords: ["s3cr3t"], methods: [.pap])
        var wire = LossyPPPWire(alice)
        wire.dial()
        wire.runUntilUp()
        wire.fate = { _ in .lose }
        wire.run(for: .seconds(135))
        wire.fate = { _ in .deliver }
        wire.run(for: .seconds(600))
        #expect(wire.ends.isEmpty)
        #expect(wire.count(.networkDown) == 0)
        #expect(wire.link.snapshot.phase == "network")
    }

    /// The clock of a machine that slept jumps: the peer gets its chance to answer.
    @Test func whoeverSleptAsksBeforeItJudges() {
        var bench = LinkBench.up()
        bench.now = bench.now.advanced(by: .seconds(3600))
        bench.run { $0.advance(to: $1) }
        #expect(bench.phase == "network")
        #expect(LinkBench.sent(bench.effects).count(where: isEcho) == 1)
        bench.wait(.seconds(10))
        #expect(bench.phase == "terminate")
    }

    @Test func withoutAnIntervalNobodyIsAsked() {
        var bench = LinkBench.up { $0.echoInterval = .zero }
        bench.wait(.seconds(10_000))
        #expect(bench.phase == "network")
        #expect(bench.link.nextDeadline == nil)
    }

    @Test(arguments: [(20, 30), (20, 600), (1, 3600)] as [(Int, Int)])
    func aShortLimitStillAsks(_ limit: Int, _ interval: Int) {
        var bench = LinkBench.up {
            $0.silenceLimit = .seconds(limit)
            $0.echoInterval = .seconds(interval)
        }
        bench.wait(.seconds(limit))
        #expect((2...12).contains(LinkBench.sent(bench.effects).count(where: isEcho)))
        #expect(bench.phase == "terminate")
    }
}
