// SPDX-License-Identifier: Apache-2.0
import Cryptography
import L2TP
import Primitives
import Simulation
import Testing

/// When a peer counts as gone.
struct EndpointLivenessTests {
    private var configuration = Configuration(hostName: "lns")

    /// Everything the peer says is lost from now on.
    private func mute(_ wire: inout LossyWire) {
        wire.rule = { _, isForLNS in isForLNS ? .isLost : .arrives }
    }

    private func silence(in wire: LossyWire) -> Duration? {
        for case .report(let event) in wire.effects {
            if case .peerSilent(_, for: let silence) = event.kind { return silence }
        }
        return nil
    }

    /// The wire has run for five seconds when it is established, and the peer was last heard in the first of them.
    @Test(
        """
        L18: a peer that never acknowledges a HELLO is asked 1, 3, 7, 15, 23 and 31 seconds later and every 8 seconds \
        then, and is gone after 150 seconds of silence, once
        """
    )
    func aSilentPeerIsGivenUpAtTheSilenceLimit() {
        var wire = LossyWire.established()
        mute(&wire)
        wire.run(for: .seconds(54.9))
        #expect(!wire.log.contains("< HELLO"))
        wire.run(for: .seconds(31.5))
        #expect(wire.log.count { $0 == "< HELLO" } == 7)
        #expect(wire.names.count { $0 == "unanswered" } == 6)
        wire.run(for: .seconds(58))
        #expect(wire.endpoint.snapshots.count == 1)
        #expect(wire.log.count { $0 == "< HELLO" } == 14)
        #expect(wire.names.count { $0 == "unanswered" } == 13)
        wire.run(for: .seconds(2))
        #expect(wire.names.suffix(3) == ["(tunnel-peer-silent)", "sessionClosed", "connectionClosed"])
        #expect(wire.names.count { $0 == "(tunnel-peer-silent)" } == 1)
        #expect(silence(in: wire) == .seconds(150))
        #expect(wire.endpoint.snapshots.isEmpty)
        #expect(wire.endpoint.nextDeadline == nil)
    }

    @Test func aGapShorterThanTheLimitCostsNothing() {
        var wire = LossyWire.established()
        wire.rule = { _, _ in .isLost }
        wire.run(for: .seconds(140))
        wire.rule = { _, _ in .arrives }
        wire.run(for: .seconds(20))
        #expect(wire.endpoint.snapshots.map(\.sessionCount) == [1])
        #expect(wire.endpoint.isSettled)
        wire.run(for: .seconds(600))
        #expect(wire.endpoint.snapshots.map(\.sessionCount) == [1])
        #expect(!wire.names.contains("sessionClosed"))
    }

    /// A peer whose control channel says nothing, but whose traffic flows.
    @Test func aPeerThatIsHeardElsewhereIsNotGone() {
        var wire = LossyWire.established()
        mute(&wire)
        for _ in 0..<20 {
            wire.run(for: .seconds(80))
            wire.lns { endpoint, now in
                endpoint.heard(on: socket(0), at: now)
                return []
            }
        }
        #expect(wire.endpoint.snapshots.map(\.sessionCount) == [1])
        #expect(wire.names.contains("unanswered"))
        wire.run(for: .seconds(149))
        #expect(wire.endpoint.snapshots.count == 1)
        wire.run(for: .seconds(1))
        #expect(wire.endpoint.snapshots.isEmpty)
        #expect(silence(in: wire) == .seconds(150))
    }

    @Test func beingHeardPutsTheHelloOffAndConcernsOneSocketAlone() {
        var wire = LossyWire(lacs: (0..<2).map { LossyWire.lac(seed: UInt64(200 + $0)) })
        for index in 0..<2 { wire.lac(index) { $0.start(at: $1) } }
        for _ in 0..<5 {
            wire.run(for: .seconds(30))
            wire.endpoint.heard(on: socket(0), at: wire.now)
            wire.endpoint.heard(on: socket(7), at: wire.now)
        }
        // The other tunnel was asked twice.
        #expect(wire.log.count { $0 == "< HELLO" } == 2)
    }

    @Test func hellosKeepAQuietTunnelAlive() {
        var wire = LossyWire.established()
        wire.run(for: .seconds(600))
        #expect(wire.endpoint.snapshots.map(\.sessionCount) == [1])
        #expect(wire.log.count { $0 == "< HELLO" } >= 9)
        #expect(wire.log.count { $0 == "< HELLO" } <= 10)
        #expect(!wire.names.contains("unanswered"))
    }

    @Test func anythingThatIsHeardPutsTheHelloOff() {
        var wire = LossyWire.established()
        for turn in 0..<20 {
            if turn % 2 == 0 { wire.lac { $0.sendHello(at: $1) } } else { wire.lac { lac, _ in lac.send(frame: [1]) } }
            wire.run(for: .seconds(30))
        }
        #expect(!wire.log.contains("< HELLO"))
        #expect(wire.log.count { $0 == "> HELLO" } == 10)
    }

    @Test func aTunnelWithoutSCCCNIsEnded() {
        var wire = LossyWire()
        wire.lac { $0.start(at: $1) }
        wire.rule = { _, isForLNS in isForLNS ? .arrives : .isLost }
        wire.run(for: .seconds(32))
        // Nothing came through: given up by the channel.
        #expect(wire.names.suffix(2) == ["(tunnel-peer-silent)", "connectionClosed"])
        #expect(!wire.names.contains("unanswered"))
        #expect(wire.endpoint.snapshots.isEmpty)
    }

    // MARK: - Other messages than HELLO

    @Test("L18: a CDN that is never acknowledged ends a tunnel without other calls after 31 seconds, once")
    func anUnansweredCDNEndsATunnelWithoutCalls() {
        var wire = LossyWire.established()
        mute(&wire)
        wire.lns { [key = wire.sessions[0]] in $0.close(key, because: .administrative, at: $1) }
        wire.run(for: .seconds(30.9))
        #expect(wire.log.count { $0 == "< CDN" } == 6)
        #expect(wire.endpoint.snapshots.count == 1)
        wire.run(for: .seconds(0.2))
        #expect(wire.names.suffix(2) == ["(tunnel-peer-silent)", "connectionClosed"])
        #expect(wire.names.count { $0 == "connectionClosed" } == 1)
        #expect(wire.endpoint.snapshots.isEmpty)
    }

    @Test func anUnansweredCDNWaitsWhereAnotherCallWouldBeLost() {
        var wire = LossyWire.established(calls: 2)
        mute(&wire)
        wire.lns { [key = wire.sessions[0]] in $0.close(key, because: .administrative, at: $1) }
        wire.run(for: .seconds(140))
        #expect(wire.endpoint.snapshots.map(\.sessionCount) == [1])
        wire.rule = { _, _ in .arrives }
        wire.run(for: .seconds(9))
        #expect(wire.endpoint.isSettled)
        #expect(wire.endpoint.snapshots.map(\.sessionCount) == [1])
    }

    @Test("L18: a StopCCN that is never acknowledged is sent six times in 31 seconds, and then the tunnel is gone")
    func anUnansweredStopCCNIsGivenUp() {
        var wire = LossyWire.established()
        mute(&wire)
        wire.lns { [tunnel = wire.tunnels[0]] in $0.close(tunnel, because: .shuttingDown, at: $1) }
        wire.run(for: .seconds(30.9))
        #expect(wire.log.count { $0 == "< StopCCN" } == 6)
        wire.run(for: .seconds(0.2))
        #expect(wire.names.count { $0 == "connectionClosed" } == 1)
        #expect(!wire.names.contains("(tunnel-peer-silent)"))
        #expect(wire.endpoint.nextDeadline == nil)
    }

    /// Our last word does not wait behind a HELLO, unless the peer takes one message at a time.
    @Test(arguments: [(1, 0), (4, 6)] as [(UInt16, Int)])
    func aStopCCNGoesOutBesideAnUnansweredHello(_ window: UInt16, _ stops: Int) {
        var wire = LossyWire.established(lac: LossyWire.lac { $0.receiveWindowSize = window })
        mute(&wire)
        wire.run(for: .seconds(120))
        wire.lns { [tunnel = wire.tunnels[0]] in $0.close(tunnel, because: .shuttingDown, at: $1) }
        wire.run(for: .milliseconds(1))
        #expect(wire.log.contains("< StopCCN") == (stops > 0))
        wire.run(for: .seconds(40))
        #expect(wire.log.contains("< StopCCN") == (stops > 0))
        #expect(wire.names.count { $0 == "connectionClosed" } == 1)
        #expect(wire.endpoint.nextDeadline == nil)
    }

    // MARK: - Other limits

    @Test func aLimitOfADayIsNotFilledWithHellos() {
        var configuration = configuration
        configuration.silenceLimit = .seconds(86_400)
        var wire = LossyWire.established(configuration)
        mute(&wire)
        wire.run(for: .seconds(86_390))
        #expect(wire.endpoint.snapshots.count == 1)
        #expect(wire.log.count { $0 == "< HELLO" } < 1500)
        wire.run(for: .seconds(10))
        #expect(silence(in: wire) == .seconds(86_400))
    }

    /// A limit below the HELLO's own interval asks earlier, and never gives up before six tries.
    @Test func aShortLimitStillAsks() {
        var configuration = configuration
        configuration.silenceLimit = .seconds(20)
        var wire = LossyWire.established(configuration)
        mute(&wire)
        wire.run(for: .seconds(600))
        #expect(wire.log.count { $0 == "< HELLO" } == 6)
        #expect(silence(in: wire) == .seconds(41))
    }
}
