// SPDX-License-Identifier: Apache-2.0
import Cryptography
import PPP
import Primitives
import Simulation
import Testing

struct LinkSimulationTests {
    private func alice(
        _ methods: [AuthenticationMethod] = AuthenticationMethod.allCases,
        passwords: [String] = ["s3cr3t"]
    ) -> SimulatedPPPClient.Configuration {
        SimulatedPPPClient.Configuration(user: "alice", passwords: passwords, methods: methods)
    }

    @Test(arguments: AuthenticationMethod.allCases)
    func aCallComesUpWithEveryMethod(_ method: AuthenticationMethod) {
        var wire = LossyPPPWire(alice([method]))
        wire.dial()
        wire.runUntilUp()
        #expect(wire.client.isUp)
        #expect(wire.client.agreedMethod == method)
        #expect(wire.client.address == wire.offer.peerAddress)
        #expect(wire.client.dns == wire.offer.dns)
        #expect(
            wire.networks == [
                NetworkParameters(
                    localAddress: wire.offer.localAddress,
                    peerAddress: wire.offer.peerAddress,
                    peerMRU: 1400
                )
            ]
        )
        #expect(
            wire.link.snapshot
                == Snapshot(phase: "network", userName: "alice", authentication: method, peerMRU: 1400)
        )
        #expect(wire.client.rejectedProtocols == [.ccp])
        #expect(wire.count(.networkWanted(userName: "alice")) == 1)
    }

    @Test func nobodyWaitsForATimerOnACleanWire() {
        for method in AuthenticationMethod.allCases {
            var wire = LossyPPPWire(alice([method]))
            let start = wire.now
            wire.dial()
            wire.runUntilUp()
            #expect(start.duration(to: wire.now) <= .milliseconds(150), "\(method.rawValue)")
        }
    }

    /// Its IPCP request comes while the user database thinks, and again while the pool does.
    @Test(arguments: AuthenticationMethod.allCases)
    func anEagerClientIsNotMadeToWait(_ method: AuthenticationMethod) {
        var eager = alice([method])
        eager.isEager = true
        var wire = LossyPPPWire(eager)
        wire.delay = .milliseconds(200)
        let start = wire.now
        wire.dial()
        wire.runUntilUp()
        #expect(wire.client.isUp)
        #expect(start.duration(to: wire.now) <= .milliseconds(600))
    }

    /// The peer's first frame may come before the session is known to stand.
    @Test func aFrameThatComesFirstStartsTheLink() {
        var wire = LossyPPPWire(alice())
        wire.carry(wire.client.start(at: wire.now))
        wire.runUntilUp()
        #expect(wire.client.isUp)
        #expect(wire.link.lowerLayerUp(at: wire.now).isEmpty)
    }

    /// Fewer than five would lose the same frame in each round of repetitions, for ever.
    @Test(arguments: 5...9, AuthenticationMethod.allCases)
    func comesUpWhenEveryNthFrameIsLost(_ n: Int, _ method: AuthenticationMethod) {
        for phase in 0..<n {
            var wire = LossyPPPWire(alice([method]))
            wire.fate = { $0 % n == phase ? .lose : .deliver }
            wire.dial()
            wire.runUntilUp()
            #expect(wire.client.isUp, "every \(n)th frame from \(phase): \(wire.client.failure ?? "")")
        }
    }

    @Test(arguments: AuthenticationMethod.allCases)
    func comesUpWhenAFifthIsLostDoubledOrOvertakenAtRandom(_ method: AuthenticationMethod) {
        for seed in UInt64(1)...100 {
            var wire = LossyPPPWire(alice([method]))
            wire.fate = { number in
                switch SeededEntropy(seed: seed &* 1000 &+ UInt64(number)).integer(in: 0...14) {
                case 0: .lose
                case 1: .double
                case 2: .delay
                default: .deliver
                }
            }
            wire.dial()
            wire.runUntilUp()
            #expect(wire.client.isUp, "seed \(seed): \(wire.client.failure ?? "") \(wire.ends)")
        }
    }

    @Test(arguments: 1...6, AuthenticationMethod.allCases)
    func comesUpWhenEveryNthFrameIsDoubled(_ n: Int, _ method: AuthenticationMethod) {
        var wire = LossyPPPWire(alice([method]))
        wire.fate = { $0 % n == 0 ? .double : .deliver }
        wire.dial()
        wire.runUntilUp()
        wire.run(for: .seconds(10))
        #expect(wire.client.isUp)
        #expect(wire.networks.count == 1, "a doubled frame took the network down")
        #expect(wire.ends.isEmpty)
        #expect(wire.count(.networkWanted(userName: "alice")) == 1)
    }

    @Test(arguments: 2...6, AuthenticationMethod.allCases)
    func comesUpWhenEveryNthFrameIsOvertaken(_ n: Int, _ method: AuthenticationMethod) {
        for phase in 0..<n {
            var wire = LossyPPPWire(alice([method]))
            wire.fate = { $0 % n == phase ? .delay : .deliver }
            wire.dial()
            wire.runUntilUp()
            #expect(wire.client.isUp, "every \(n)th frame from \(phase): \(wire.client.failure ?? "")")
            #expect(wire.count(.networkWanted(userName: "alice")) == 1)
        }
    }

    @Test func aLostSuccessIsSaidAgain() {
        for lost in 1...20 {
            var wire = LossyPPPWire(alice([.mschapv2]))
            wire.fate = { $0 == lost ? .lose : .deliver }
            let start = wire.now
            wire.dial()
            wire.runUntilUp()
            #expect(wire.client.isUp, "without frame \(lost)")
            #expect(start.duration(to: wire.now) < .seconds(7), "without frame \(lost)")
        }
    }

    @Test(arguments: AuthenticationMethod.allCases)
    func aWrongPasswordEndsTheCall(_ method: AuthenticationMethod) {
        var wire = LossyPPPWire(alice([method], passwords: ["wrong"]))
        wire.dial()
        wire.run(for: .seconds(70))
        #expect(!wire.client.isUp)
        #expect(wire.networks.isEmpty)
        #expect(wire.ends.count == 1)
        let refused = wire.events.filter {
            if case .userRefused("alice", method, .wrongPassword, _) = $0 { return true }
            return false
        }
        #expect(refused.count == 1)
        if method != .mschapv2 {
            #expect(wire.ends == [.authenticationFailed])
            #expect(wire.client.failure == "refused")
        }
    }

    @Test func mschapv2MayBeTriedThreeTimes() {
        var lucky = LossyPPPWire(alice([.mschapv2], passwords: ["wrong", "worse", "s3cr3t"]))
        lucky.dial()
        lucky.runUntilUp()
        #expect(lucky.client.isUp)

        var unlucky = LossyPPPWire(alice([.mschapv2], passwords: ["wrong", "worse", "worst", "s3cr3t"]))
        unlucky.dial()
        unlucky.run(for: .seconds(70))
        #expect(!unlucky.client.isUp)
        #expect(unlucky.ends == [.authenticationFailed])
        let finals = unlucky.events.compactMap { event -> Bool? in
            if case .userRefused(_, _, _, let isFinal) = event { return isFinal }
            return nil
        }
        #expect(finals == [false, false, true])
    }

    @Test func anUnknownUserIsRefused() {
        var wire = LossyPPPWire(alice([.chapMD5]), users: [:])
        wire.dial()
        wire.run(for: .seconds(70))
        #expect(wire.ends == [.authenticationFailed])
        #expect(
            wire.events.contains(
                .userRefused(userName: "alice", method: .chapMD5, .unknownUser, isFinal: true)
            )
        )
    }

    @Test func aDomainBeforeTheNameIsNoObstacle() {
        var domain = alice([.mschapv2])
        domain.user = "EXAMPLE\\alice"
        var wire = LossyPPPWire(domain)
        wire.dial()
        wire.runUntilUp()
        #expect(wire.client.isUp)
        #expect(wire.link.snapshot.userName == "EXAMPLE\\alice")
    }

    @Test func methodsThatDoNotMeetAreNamed() {
        var wire = LossyPPPWire(alice([.pap]), methods: [.mschapv2, .chapMD5])
        wire.dial()
        wire.run(for: .seconds(70))
        let reason = "LCP: authentication: the peer wants pap, accepted here: mschapv2, chap-md5"
        #expect(wire.ends == [.negotiationFailed(reason)])
        #expect(wire.client.failure == "terminated by the server")
    }

    @Test func aClientThatInsistsOnItsAddressIsNaked() {
        var stubborn = alice()
        stubborn.requestedAddress = 0x7F00_0001
        var wire = LossyPPPWire(stubborn)
        wire.dial()
        wire.runUntilUp()
        #expect(wire.client.address == wire.offer.peerAddress)
    }

    @Test func aSilentPeerIsGivenUpOn() {
        var wire = LossyPPPWire(alice())
        let start = wire.now
        wire.take(wire.link.lowerLayerUp(at: wire.now))
        wire.run(for: .seconds(120)) { !$0.ends.isEmpty }
        #expect(wire.ends == [.silence])
        #expect(start.duration(to: wire.now) == .seconds(30))
        #expect(wire.events.contains(.peerSilent(.lcp, count: 10)))
        #expect(wire.link.nextDeadline == nil)
    }

    /// A client that fails, may try again, and does not.
    @Test func setUpHasATimeOut() {
        var wire = LossyPPPWire(alice([.mschapv2], passwords: ["wrong"]))
        let start = wire.now
        wire.dial()
        wire.run(for: .seconds(70)) { !$0.ends.isEmpty }
        #expect(wire.events.contains(.setUpTimeout(phase: "authenticate", after: .seconds(60))))
        #expect(wire.ends == [.silence])
        #expect(start.duration(to: wire.now) <= .seconds(66))
    }

    @Test func theClientHangsUp() {
        var wire = LossyPPPWire(alice())
        wire.dial()
        wire.runUntilUp()
        wire.carry(wire.client.hangUp(at: wire.now))
        wire.run(for: .seconds(10))
        #expect(wire.count(.networkDown) == 1)
        #expect(wire.ends == [.byPeer])
        #expect(wire.events.contains(.terminatedByPeer(message: "bye")))
    }

    @Test func weHangUp() {
        var wire = LossyPPPWire(alice())
        wire.dial()
        wire.runUntilUp()
        wire.take(wire.link.close(.administrative, at: wire.now))
        wire.run(for: .seconds(10))
        #expect(wire.client.failure == "terminated by the server")
        #expect(wire.count(.networkDown) == 1)
        #expect(wire.ends == [.administrative])
        #expect(wire.link.close(.administrative, at: wire.now).isEmpty)
        #expect(wire.link.nextDeadline == nil)
    }

    @Test func aDeadPeerIsNoticedByEcho() {
        var wire = LossyPPPWire(alice())
        wire.dial()
        wire.runUntilUp()
        wire.run(for: .seconds(300))
        #expect(wire.ends.isEmpty)
        let start = wire.now
        wire.fate = { _ in .lose }
        wire.run(for: .seconds(300)) { !$0.ends.isEmpty }
        #expect(wire.ends == [.silence])
        #expect(wire.events.contains(.echoTimeout(unanswered: 12, silence: .seconds(150))))
        #expect(start.duration(to: wire.now) <= .seconds(5 * 30 + 6))
    }
}
