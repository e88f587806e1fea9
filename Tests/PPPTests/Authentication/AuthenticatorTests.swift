// SPDX-License-Identifier: Apache-2.0
import PPP
import Primitives
import Testing

struct AuthenticatorTests {
    private let configuration = Configuration(name: "gw1", authentication: [.mschapv2], mru: 1400)
    private let entropy = FixedEntropy()
    private let start = MonotonicTime(sinceBoot: .seconds(100))

    private func asking(_ method: AuthenticationMethod) -> Authenticator {
        var authenticator = Authenticator(method: method)
        _ = authenticator.start(configuration, entropy, at: start)
        return authenticator
    }

    private func receive(_ packet: ControlPacket, _ authenticator: inout Authenticator) -> [Authenticator.Effect] {
        authenticator.receive(packet, configuration, entropy)
    }

    private func decide(
        _ verdict: AuthenticationVerdict,
        _ authenticator: inout Authenticator
    ) -> [Authenticator.Effect] {
        authenticator.decide(verdict, configuration, entropy)
    }

    private func response(
        size: Int,
        identifier: UInt8 = 0x11,
        name: [UInt8] = Array("alice".utf8),
        byte: UInt8 = 9
    ) -> ControlPacket {
        let value = [UInt8(size)] + [UInt8](repeating: byte, count: size)
        return ControlPacket(CHAPValue.response, identifier: identifier, data: (value + name)[...])
    }

    private func papRequest(_ identifier: UInt8 = 1, name: [UInt8] = Array("alice".utf8)) -> ControlPacket {
        let data = [UInt8(name.count)] + name + hex("02 7077")
        return ControlPacket(PAPRequest.request, identifier: identifier, data: data[...])
    }

    private let papAttempt = AuthenticationAttempt.pap(
        userName: "alice",
        password: SecretBytes(copying: "pw".utf8)
    )

    @Test func challengesAtOnceExceptWithPAP() {
        let challenge = hex("10 11111111111111111111111111111111 677731")
        for method in [AuthenticationMethod.chapMD5, .mschapv2] {
            var authenticator = Authenticator(method: method)
            let effects = authenticator.start(configuration, entropy, at: start)
            #expect(
                effects == [.send(ControlPacket(CHAPValue.challenge, identifier: 0x11, data: challenge[...]))]
            )
            #expect(authenticator.nextDeadline == start.advanced(by: .seconds(3)))
        }
        var pap = Authenticator(method: .pap)
        #expect(pap.start(configuration, entropy, at: start).isEmpty)
        #expect(pap.nextDeadline == nil)
    }

    /// RFC 1994 §4.1: "The Identifier field MUST be changed each time a Challenge is sent."
    @Test func challengesTenTimesAnewAndTakesAnAnswerToTheLastAlone() {
        var authenticator = Authenticator(method: .chapMD5)
        var said = authenticator.start(configuration, entropy, at: start)
        var identifiers: [UInt8] = []
        while case .send(let challenge)? = said.first, let deadline = authenticator.nextDeadline {
            identifiers.append(challenge.identifier)
            said = authenticator.advance(to: deadline, configuration, entropy)
        }
        #expect(identifiers == Array(0x11...0x1A))
        #expect(said == [.unanswered])

        var late = asking(.chapMD5)
        _ = late.advance(to: start.advanced(by: .seconds(3)), configuration, entropy)
        #expect(receive(response(size: 16), &late) == [.unexpected(CHAPValue.response)])
        guard case .verify? = receive(response(size: 16, identifier: 0x12), &late).first else {
            Issue.record("the answer to the last challenge was not looked at")
            return
        }
    }

    @Test func papAcceptsAndRefuses() {
        var authenticator = asking(.pap)
        #expect(receive(papRequest(), &authenticator) == [.verify(papAttempt)])
        #expect(receive(papRequest(), &authenticator) == [.unexpected(PAPRequest.request)])
        let ack = ControlPacket(PAPRequest.ack, identifier: 1, data: PAPRequest.reply("Welcome")[...])
        #expect(
            decide(.accepted(authenticatorResponse: nil), &authenticator)
                == [.send(ack), .accepted(userName: "alice")]
        )
        // RFC 1334 §2.2.1: the peer counts on when it repeats itself.
        var again = ack
        again.identifier = 2
        #expect(receive(papRequest(2), &authenticator) == [.send(again)])

        var refusing = asking(.pap)
        _ = receive(papRequest(), &refusing)
        let nak = ControlPacket(PAPRequest.nak, identifier: 1, data: PAPRequest.reply("Authentication failed")[...])
        #expect(
            decide(.refused(.unknownUser), &refusing)
                == [.send(nak), .refused(userName: "alice", .unknownUser, isFinal: true)]
        )
    }

    @Test func chapAcceptsAndAnswersDuplicatesTheSameWay() {
        var authenticator = asking(.chapMD5)
        let attempt = AuthenticationAttempt.chapMD5(
            userName: "alice",
            identifier: 0x11,
            challenge: [UInt8](repeating: 0x11, count: 16),
            response: [UInt8](repeating: 9, count: 16)
        )
        #expect(receive(response(size: 16), &authenticator) == [.verify(attempt)])
        #expect(authenticator.nextDeadline == nil)
        let success = ControlPacket(CHAPValue.success, identifier: 0x11, data: Array("Welcome".utf8)[...])
        #expect(
            decide(.accepted(authenticatorResponse: nil), &authenticator)
                == [.send(success), .accepted(userName: "alice")]
        )
        #expect(receive(response(size: 16), &authenticator) == [.send(success)])
        #expect(receive(response(size: 16, byte: 1), &authenticator) == [.send(success)])
        #expect(receive(response(size: 16, identifier: 0x12), &authenticator) == [.unexpected(CHAPValue.response)])
        #expect(authenticator.reply == success)
    }

    @Test func chapRefusesOnceAndForAll() {
        var authenticator = asking(.chapMD5)
        _ = receive(response(size: 16), &authenticator)
        let failure = ControlPacket(
            CHAPValue.failure,
            identifier: 0x11,
            data: Array("Authentication failed".utf8)[...]
        )
        #expect(
            decide(.refused(.wrongPassword), &authenticator)
                == [.send(failure), .refused(userName: "alice", .wrongPassword, isFinal: true)]
        )
        #expect(decide(.accepted(authenticatorResponse: nil), &authenticator).isEmpty)
    }

    @Test func mschapv2ProvesItself() {
        var authenticator = asking(.mschapv2)
        _ = receive(response(size: 49), &authenticator)
        let effects = decide(
            .accepted(authenticatorResponse: hex("407A5589115FD0D6209F510FE9C04566932CDA56")),
            &authenticator
        )
        let message = "S=407A5589115FD0D6209F510FE9C04566932CDA56 M=Welcome"
        let success = ControlPacket(CHAPValue.success, identifier: 0x11, data: Array(message.utf8)[...])
        #expect(effects == [.send(success), .accepted(userName: "alice")])
    }

    @Test func mschapv2IsRefusedIfWeCannotProveOurselves() {
        var authenticator = asking(.mschapv2)
        _ = receive(response(size: 49), &authenticator)
        let effects = decide(.accepted(authenticatorResponse: nil), &authenticator)
        #expect(effects.last == .refused(userName: "alice", .methodUnsuitable, isFinal: false))
    }

    @Test("P09: MS-CHAPv2 lets the peer try three times, with a fresh challenge each")
    func mschapv2LetsThePeerTryThreeTimesWithAFreshChallengeEach() {
        var authenticator = asking(.mschapv2)
        for attempt in 1...3 {
            // A peer repeats the identifier, or counts on.
            let packet = response(size: 49, identifier: attempt == 1 ? 0x11 : 0x12, byte: UInt8(attempt))
            guard case .verify? = receive(packet, &authenticator).first else {
                Issue.record("attempt \(attempt) was not looked at")
                return
            }
            let retry = attempt < 3 ? 1 : 0
            let message = "E=691 R=\(retry) C=11111111111111111111111111111111 V=3 M=Authentication failed"
            let failure = ControlPacket(
                CHAPValue.failure,
                identifier: packet.identifier,
                data: Array(message.utf8)[...]
            )
            #expect(
                decide(.refused(.wrongPassword), &authenticator)
                    == [.send(failure), .refused(userName: "alice", .wrongPassword, isFinal: attempt == 3)]
            )
            // The same Response again is a duplicate, not another attempt.
            #expect(receive(packet, &authenticator) == [.send(failure)])
        }
    }

    @Test func everyReasonLooksTheSameToThePeer() {
        var said: Set<[Authenticator.Effect]> = []
        for refusal in [AuthenticationVerdict.Refusal.unknownUser, .wrongPassword, .methodUnsuitable, .disabled] {
            var authenticator = asking(.mschapv2)
            _ = receive(response(size: 49), &authenticator)
            said.insert(Array(decide(.refused(refusal), &authenticator).prefix(1)))
        }
        #expect(said.count == 1)
    }

    @Test(
        "P07: a CHAP Response of another size is discarded",
        arguments: [0, 1, 15, 17, 48, 49, 50, 255]
    )
    func aResponseOfAnotherSizeIsDiscarded(_ size: Int) {
        var authenticator = asking(.chapMD5)
        #expect(receive(response(size: size), &authenticator) == [.malformed(.invalidLength(size))])
    }

    @Test("P07: a Response to another challenge is discarded")
    func aResponseToAnotherChallengeIsDiscarded() {
        var authenticator = asking(.mschapv2)
        let late = response(size: 49, identifier: 0x10)
        #expect(receive(late, &authenticator) == [.unexpected(CHAPValue.response)])
    }

    @Test(
        "P07: a name that nobody can have is refused without asking",
        arguments: [
            [], [0xFF, 0xFE], [UInt8](repeating: 0x61, count: 254), Array("al\u{0}".utf8) + [0xC3],
        ] as [[UInt8]]
    )
    func aNameThatNobodyCanHaveIsRefusedWithoutAsking(_ name: [UInt8]) {
        var authenticator = asking(.chapMD5)
        let effects = receive(response(size: 16, name: name), &authenticator)
        #expect(effects.count == 2)
        if case .refused(_, .unknownUser, isFinal: true)? = effects.last {} else { Issue.record("\(effects)") }
    }

    /// The whole machine on one page.
    @Test func everyStateMeetsEveryInput() {
        let mayTry = { (authenticator: inout Authenticator) in
            _ = receive(response(size: 49), &authenticator)
            _ = decide(.refused(.wrongPassword), &authenticator)
        }
        let verifying = { (authenticator: inout Authenticator) in
            _ = receive(response(size: 49), &authenticator)
        }
        let accepted = { (authenticator: inout Authenticator) in
            _ = receive(response(size: 49), &authenticator)
            _ = decide(.accepted(authenticatorResponse: [1]), &authenticator)
        }
        let states: [(String, (inout Authenticator) -> Void)] = [
            ("challenging", { _ in }), ("verifying", verifying), ("retrying", mayTry), ("decided", accepted),
        ]
        let inputs: [(String, (inout Authenticator) -> [Authenticator.Effect])] = [
            ("response", { receive(response(size: 49), &$0) }),
            ("next response", { receive(response(size: 49, identifier: 0x12), &$0) }),
            ("short response", { receive(response(size: 3), &$0) }),
            ("challenge", { receive(ControlPacket(CHAPValue.challenge, identifier: 0x11), &$0) }),
            ("accepted", { decide(.accepted(authenticatorResponse: [1]), &$0) }),
            ("refused", { decide(.refused(.wrongPassword), &$0) }),
            ("3 s", { $0.advance(to: start.advanced(by: .seconds(3)), configuration, entropy) }),
        ]
        var table: [String] = []
        for (state, prepare) in states {
            for (input, feed) in inputs {
                var authenticator = asking(.mschapv2)
                prepare(&authenticator)
                let effects = feed(&authenticator).map { "\($0)".prefix { $0 != "(" } }.joined(separator: " ")
                table.append("\(state) + \(input): \(effects)")
            }
        }
        #expect(table.joined(separator: "\n") == golden)
    }
}

private let golden = """
    challenging + response: verify
    challenging + next response: unexpected
    challenging + short response: malformed
    challenging + challenge: unexpected
    challenging + accepted: \("")
    challenging + refused: \("")
    challenging + 3 s: send
    verifying + response: unexpected
    verifying + next response: unexpected
    verifying + short response: unexpected
    verifying + challenge: unexpected
    verifying + accepted: send accepted
    verifying + refused: send refused
    verifying + 3 s: \("")
    retrying + response: send
    retrying + next response: verify
    retrying + short response: malformed
    retrying + challenge: unexpected
    retrying + accepted: \("")
    retrying + refused: \("")
    retrying + 3 s: \("")
    decided + response: send
    decided + next response: unexpected
    decided + short response: send
    decided + challenge: unexpected
    decided + accepted: \("")
    decided + refused: \("")
    decided + 3 s: \("")
    """
