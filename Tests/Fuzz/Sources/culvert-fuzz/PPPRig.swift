// SPDX-License-Identifier: Apache-2.0
import PPP
import Primitives
import Simulation

/// A link and a client that does everything right, up to the fuzzer's bytes.
struct PPPRig {
    static let entropy = RepeatableEntropy()
    private static let secret = UserSecret.password(SecretBytes(copying: Array("secret of alice".utf8)))

    var link: Link
    var client: SimulatedPPPClient
    var now = World.start
    /// The link's last packets, to be answered by the client.
    private(set) var unanswered: [[UInt8]] = []
    private(set) var lastIdentifier: [UInt16: UInt8] = [:]
    private var wasAccepted = false
    private var wanted = 0
    private var isFinished = false

    init(_ method: AuthenticationMethod, password: String = "secret of alice", user: String = "alice") {
        Self.entropy.restart()
        let configuration = Configuration(name: "gw", authentication: [method], mru: 1400)
        link = Link(configuration: configuration, entropy: Self.entropy)
        client = SimulatedPPPClient(
            SimulatedPPPClient.Configuration(user: user, passwords: [password], methods: [method]),
            entropy: Self.entropy
        )
    }

    /// Every different state on the way up, and after the goodbye.
    static func stages(_ method: AuthenticationMethod, password: String = "secret of alice") -> [PPPRig] {
        var rig = PPPRig(method, password: password)
        var stages = [rig]
        rig.take(rig.link.lowerLayerUp(at: rig.now))
        var names = [rig.link.snapshot.phase]
        stages.append(rig)
        rig.deliver(rig.client.start(at: rig.now))
        for _ in 0..<64 where !rig.unanswered.isEmpty {
            rig.letClientAnswer(1)
            if names.last != rig.link.snapshot.phase {
                names.append(rig.link.snapshot.phase)
                stages.append(rig)
            }
        }
        stages.append(rig)
        rig.take(rig.link.close(.administrative, at: rig.now))
        stages.append(rig)
        return stages
    }

    mutating func deliver(_ frames: [[UInt8]]) {
        Tally.packets += frames.count
        for frame in frames { take(link.receive(frame[...], at: now)) }
    }

    mutating func letClientAnswer(_ most: Int = 64) {
        for _ in 0..<most where !unanswered.isEmpty {
            deliver(client.receive(unanswered.removeFirst(), at: now))
        }
    }

    mutating func advance(by duration: Duration) {
        now = now.advanced(by: duration)
        take(link.advance(to: now))
    }

    mutating func take(_ effects: [Link.Effect]) {
        check(!isFinished || effects.isEmpty, "an effect after the end")
        check(effects.count < 64, "\(effects.count) effects of one event")
        for effect in effects {
            switch effect {
            case .send(let frame):
                check(frame.count <= 2 + 1500, "a frame of \(frame.count) bytes")
                if frame.count >= 4 { lastIdentifier[UInt16(frame[0]) << 8 | UInt16(frame[1])] = frame[3] }
                unanswered.append(frame)
                if unanswered.count > 64 { unanswered.removeFirst() }
            case .verify(let attempt):
                let verdict: AuthenticationVerdict =
                    attempt.userName == "alice" ? attempt.verdict(against: Self.secret) : .refused(.unknownUser)
                if case .accepted = verdict { wasAccepted = true }
                take(link.authenticated(verdict, at: now))
            case .networkWanted:
                wanted += 1
                check(wasAccepted, "a network for somebody without a proof")
                check(wanted == 1, "a network is wanted twice")
                let offer = NetworkOffer(
                    localAddress: World.address("10.99.0.1"),
                    peerAddress: World.address("10.99.0.2"),
                    dns: [World.address("192.0.2.53")],
                    wins: []
                )
                take(link.openNetwork(offer, at: now))
            case .networkUp:
                check(wasAccepted, "a network that is up for somebody without a proof")
            case .finished:
                isFinished = true
            case .networkDown, .unanswered, .report:
                break
            }
        }
    }

    /// The peer says no more: the link must end, unless it never began.
    mutating func drain() {
        var now = now
        World.drain(
            &now,
            next: { link.nextDeadline },
            advance: { time in
                self.now = time
                take(link.advance(to: time))
            }
        )
        check(isFinished || link.snapshot.phase == "dead", "the link stays in \(link.snapshot.phase)")
        check(link.nextDeadline == nil, "deadlines stay")
    }

    /// Orders that PPP's targets have in common.
    mutating func obey(_ order: UInt8, _ script: inout Script, protocols: [UInt16]) {
        switch order % 8 {
        case 0: advance(by: .milliseconds(250 * Int(script.byte())))
        case 1: deliver([script.chunk()])
        case 2: letClientAnswer()
        case 3: letClientAnswer(1)
        default:
            let number = protocols[Int(order >> 3) % protocols.count]
            let code = script.byte()
            // Mostly the identifier that is waited for.
            let shift = script.byte()
            let identifier = (lastIdentifier[number] ?? 0) &+ (shift < 0xF0 ? shift & 3 : shift)
            let data = script.chunk()
            let length = data.count + 4
            deliver([
                [
                    UInt8(number >> 8), UInt8(truncatingIfNeeded: number), code, identifier, UInt8(length >> 8 & 0xFF),
                    UInt8(truncatingIfNeeded: length),
                ] + data
            ])
        }
    }
}
