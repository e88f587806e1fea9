// SPDX-License-Identifier: Apache-2.0
import Cryptography
import PPP
import Primitives
import Simulation
import Testing

/// The verdict on a proof may come seconds late, and the peer may do anything meanwhile.
struct LinkAuthenticationTests {
    private func client(
        _ method: AuthenticationMethod,
        _ passwords: [String] = ["s3cr3t"]
    )
        -> SimulatedPPPClient.Configuration
    {
        SimulatedPPPClient.Configuration(user: "alice", passwords: passwords, methods: [method])
    }

    private func accepted(_ bench: inout LinkBench) -> [Link.Effect] {
        bench.run { $0.authenticated(.accepted(authenticatorResponse: nil), at: $1) }
    }

    private func refused(_ bench: inout LinkBench) -> [Link.Effect] {
        bench.run { $0.authenticated(.refused(.wrongPassword), at: $1) }
    }

    @Test(arguments: AuthenticationMethod.allCases, [2, 8, 20])
    func aLateVerdictIsOneVerdict(_ method: AuthenticationMethod, _ delay: Int) {
        var wire = LossyPPPWire(client(method), methods: [method])
        wire.delay = .seconds(delay)
        // Every frame twice: the peer repeats what it says.
        wire.fate = { _ in .double }
        wire.dial()
        wire.runUntilUp()
        #expect(wire.client.isUp)
        let verifications = wire.effects.count { if case .verify = $0 { true } else { false } }
        #expect(verifications == 1)
        let challenges = wire.effects.count {
            if case .send(let frame) = $0 { frame.starts(with: [0xC2, 0x23, 1]) } else { false }
        }
        #expect(challenges == (method == .pap ? 0 : 1))
    }

    /// Some PAP peers take only the answer to their last request.
    @Test func aLateVerdictAnswersTheLastRequest() {
        var bench = LinkBench.authenticating()
        for identifier in 1...3 as ClosedRange<UInt8> {
            bench.pap("alice", identifier: identifier)
            bench.wait(.seconds(3))
        }
        #expect(bench.verifications.count == 1)
        #expect(LinkBench.sent(accepted(&bench))[0].starts(with: [0xC0, 0x23, 2, 3]))
    }

    /// Or somebody's right password would vouch for somebody else.
    @Test func aVerdictForAnAbandonedAttemptIsNotTakenForAnother() {
        var bench = LinkBench.authenticating()
        bench.pap("alice")
        bench.negotiateLCP()
        #expect(bench.phase == "authenticate")
        let asked = bench.pap("bob", password: "guess")
        #expect(asked.isEmpty)
        let answer = accepted(&bench)
        #expect(answer == [.verify(.pap(userName: "bob", password: SecretBytes(copying: "guess".utf8)))])
        #expect(bench.phase == "authenticate")
        #expect(LinkBench.sent(refused(&bench))[0].starts(with: [0xC0, 0x23, 3]))
        #expect(!bench.effects.contains { if case .networkWanted = $0 { true } else { false } })
    }

    @Test func aVerdictNobodyWaitsForAnyMoreChangesNothing() {
        var bench = LinkBench.authenticating()
        bench.pap("alice")
        bench.negotiateLCP()
        #expect(accepted(&bench).isEmpty)
        #expect(accepted(&bench).isEmpty)
        #expect(bench.phase == "authenticate")
        bench.pap("alice")
        #expect(bench.verifications.count == 2)
        #expect(accepted(&bench).contains(.networkWanted(userName: "alice")))
    }

    // MARK: - Tries

    @Test("P09: tries count over the whole life of a link, and renegotiating LCP buys none")
    func triesCountOverTheLifeOfALink() {
        var bench = LinkBench.authenticating()
        for _ in 0..<10 where bench.phase == "authenticate" {
            bench.pap("alice", password: "guess")
            bench.negotiateLCP()
            _ = refused(&bench)
        }
        #expect(bench.verifications.count == 3)
        #expect(bench.events.contains(.triesExhausted(3)))
        bench.wait(.seconds(10))
        #expect(bench.ends == [.authenticationFailed])
    }

    @Test("P09: the twin: a right proof is no failed try, however often LCP is renegotiated")
    func rightProofsAreNotCounted() {
        var bench = LinkBench.authenticating()
        for round in 0..<6 {
            bench.pap("alice")
            #expect(accepted(&bench).contains { if case .send = $0 { true } else { false } }, "\(round)")
            #expect(bench.phase == "network")
            bench.negotiateLCP()
        }
        #expect(bench.verifications.count == 6)
        #expect(bench.phase == "authenticate")
    }

    @Test("P09: MS-CHAPv2 may be tried three times with a challenge of its own each, renegotiations included")
    func mschapv2CountsAcrossNegotiations() {
        var wire = LossyPPPWire(client(.mschapv2, ["a", "b", "c", "s3cr3t"]), methods: [.mschapv2])
        wire.dial()
        wire.run(for: .seconds(20)) { !$0.ends.isEmpty }
        #expect(wire.ends == [.authenticationFailed])
        let challenges = wire.effects.compactMap { effect -> [UInt8]? in
            guard case .verify(.mschapv2(_, let challenge, _, _)) = effect else { return nil }
            return challenge
        }
        #expect(challenges.count == 3 && Set(challenges).count == 3)
        var twin = LossyPPPWire(client(.mschapv2, ["a", "b", "s3cr3t"]), methods: [.mschapv2])
        twin.dial()
        twin.runUntilUp()
        #expect(twin.client.isUp)
    }

    // MARK: - Time

    @Test func theAuthenticationPhaseIsBounded() {
        var bench = LinkBench.authenticating { $0.setUpTimeout = .seconds(600) }
        bench.wait(.seconds(40))
        // Renegotiating buys no time.
        bench.negotiateLCP()
        bench.wait(.seconds(19))
        #expect(bench.phase == "authenticate")
        bench.wait(.seconds(1))
        #expect(bench.events.contains(.setUpTimeout(phase: "authenticate", after: .seconds(60))))
        bench.wait(.seconds(10))
        #expect(bench.ends == [.silence])
    }

    @Test func theTimeOfTheVerdictIsNotThePeers() {
        var bench = LinkBench.authenticating { $0.setUpTimeout = .seconds(600) }
        bench.wait(.seconds(50))
        bench.pap("alice")
        bench.wait(.seconds(100))
        #expect(bench.phase == "authenticate")
        #expect(accepted(&bench).contains(.networkWanted(userName: "alice")))
        bench.wait(.seconds(20))
        #expect(bench.phase == "network")
    }

    @Test func setUpAsAWholeHoldsWhateverTheVerdictTakes() {
        var bench = LinkBench.authenticating()
        bench.pap("alice")
        bench.wait(.seconds(60))
        #expect(bench.events.contains(.setUpTimeout(phase: "authenticate", after: .seconds(60))))
        #expect(accepted(&bench).isEmpty)
        bench.wait(.seconds(10))
        #expect(bench.ends == [.silence])
        #expect(bench.link.nextDeadline == nil)
    }

    /// The owner's address may come while LCP is being renegotiated.
    @Test func anOfferThatComesDuringARenegotiationIsKept() {
        var bench = LinkBench.authenticating()
        bench.pap("alice")
        _ = accepted(&bench)
        bench.negotiateLCP()
        #expect(bench.run { $0.openNetwork(LinkBench.offer, at: $1) }.isEmpty)
        bench.pap("alice")
        #expect(LinkBench.sent(accepted(&bench)).contains { $0.starts(with: [0x80, 0x21, 1]) })
        #expect(bench.effects.count { $0 == .networkWanted(userName: "alice") } == 1)
    }
}
