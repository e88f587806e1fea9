// SPDX-License-Identifier: Apache-2.0
import Cryptography
import Foundation
import PPP
import Primitives
import Simulation
import Testing

/// Frames made at random, and real ones with something changed, in every state a link can be in. So many as the
/// environment variable `CULVERT_PACKETS` says.
struct RandomPacketTests {
    private static let count = ProcessInfo.processInfo.environment["CULVERT_PACKETS"].flatMap { Int($0) } ?? 5000

    private typealias Moment = (link: Link, frame: [UInt8], now: MonotonicTime)

    /// Links of every age, each with what an honest client says to it next.
    private func moments() -> [Moment] {
        var result: [Moment] = []
        for method in AuthenticationMethod.allCases {
            let alice = SimulatedPPPClient.Configuration(user: "alice", passwords: ["s3cr3t"], methods: [method])
            var wire = LossyPPPWire(alice, methods: [method])
            wire.onArrival = { result.append(($0, $1, $2)) }
            wire.dial()
            wire.runUntilUp()
            // Echoes, and the end.
            wire.run(for: .seconds(100))
            wire.carry(wire.client.hangUp(at: wire.now))
            wire.run(for: .seconds(1))
        }
        return result
    }

    /// What a link has done in its life.
    private struct Life {
        var link: Link
        var now: MonotonicTime
        var owesVerdict = false
        var wantsNetwork = false
        /// Ups less downs; one that is up already when we meet it counts as well.
        var isUp: Bool
        var ends = 0

        mutating func take(_ effects: [Link.Effect]) {
            for effect in effects {
                switch effect {
                case .verify:
                    #expect(!owesVerdict)
                    owesVerdict = true
                case .networkWanted: wantsNetwork = true
                case .networkUp:
                    #expect(!isUp)
                    isUp = true
                case .networkDown:
                    #expect(isUp)
                    isUp = false
                case .finished: ends += 1
                case .send(let frame): #expect(frame.count <= 1502)
                case .unanswered, .report: break
                }
            }
            #expect(effects.count < 20)
        }
    }

    @Test("A11: random and mutated frames stop nothing, and every link comes up or ends once, within its time")
    func randomAndMutatedFrames() {
        let chance = SeededEntropy(seed: 2026)
        func pick(_ limit: Int) -> Int { Int(chance.integer(in: 0...UInt32(limit - 1))) }
        let moments = moments()
        let corpus = moments.map(\.frame)
        let heads: [[UInt8]] = [
            [0xC0, 0x21], [0xC2, 0x23], [0xC0, 0x23], [0x80, 0x21], [0x80, 0xFD], [0xFF, 3], [],
        ]

        func frame() -> [UInt8] {
            guard pick(6) > 0 else {
                let rest = chance.bytes(pick(40))
                var noise = heads[pick(heads.count)]
                noise.append(UInt8(pick(16)))
                noise.append(chance.integer())
                noise.append(0)
                noise.append(UInt8(rest.count + 4))
                return noise + rest
            }
            var frame = corpus[pick(corpus.count)]
            switch pick(7) {
            case 0: break
            case 1: frame.removeLast(min(pick(8), frame.count))
            case 2: frame += chance.bytes(pick(16))
            case 3: if frame.count > 3 { frame[3] = chance.integer() }
            case 4: if frame.count > 2 { frame[2] = UInt8(pick(14)) }
            default: for _ in 0...pick(3) where !frame.isEmpty { frame[pick(frame.count)] = chance.integer() }
            }
            return frame
        }

        var done = 0
        var lives = 0
        var survivors = 0
        while done < Self.count {
            let moment = moments[pick(moments.count)]
            // Some are up already, some owe a verdict: what the recording knows, we do not.
            var probe = moment.link
            let wasUp = probe.lowerLayerDown(at: moment.now).contains(.networkDown)
            var life = Life(link: moment.link, now: moment.now, isUp: wasUp)
            lives += 1
            for _ in 0..<(20 + pick(180)) where life.ends == 0 {
                done += 1
                life.take(life.link.receive(frame()[...], at: life.now))
                if pick(4) == 0 {
                    life.now = life.now.advanced(by: .milliseconds(pick(1500)))
                    life.take(life.link.advance(to: life.now))
                }
                if life.owesVerdict, pick(3) == 0 {
                    life.owesVerdict = false
                    let verdict: AuthenticationVerdict =
                        pick(2) == 0
                        ? .accepted(authenticatorResponse: [UInt8](repeating: 1, count: 20)) : .refused(.wrongPassword)
                    life.take(life.link.authenticated(verdict, at: life.now))
                }
                if life.wantsNetwork, pick(2) == 0 {
                    life.wantsNetwork = false
                    life.take(life.link.openNetwork(LinkBench.offer, at: life.now))
                }
            }
            if life.ends == 0 { survivors += 1 }
            // Left alone it dies of silence, in so many turns.
            var turns = 0
            while let deadline = life.link.nextDeadline, turns < 100 {
                turns += 1
                life.now = max(life.now, deadline)
                life.take(life.link.advance(to: life.now))
            }
            #expect(life.link.nextDeadline == nil)
            life.take(life.link.lowerLayerDown(at: life.now))
            #expect(life.ends == 1 || (life.ends == 0 && !life.isUp))
            #expect(!life.isUp)
        }
        #expect(lives > Self.count / 300)
        #expect(survivors > 0)
    }

    /// A link that had to listen to noise while it was negotiating serves an honest client all the same.
    @Test(arguments: AuthenticationMethod.allCases)
    func anHonestClientIsServedAfterNoise(_ method: AuthenticationMethod) {
        let chance = SeededEntropy(seed: 7)
        let alice = SimulatedPPPClient.Configuration(user: "alice", passwords: ["s3cr3t"], methods: [method])
        var wire = LossyPPPWire(alice, methods: [method])
        wire.take(wire.link.lowerLayerUp(at: wire.now))
        for _ in 0..<2000 {
            let rest = chance.bytes(Int(chance.integer(in: 0...40)))
            wire.take(wire.link.receive((hex("C021 09 01") + rest)[...], at: wire.now))
            wire.take(wire.link.receive(([0xC2, 0x23] + rest)[...], at: wire.now))
            wire.take(wire.link.receive(rest[...], at: wire.now))
        }
        wire.run(for: .seconds(2))
        wire.carry(wire.client.start(at: wire.now))
        wire.runUntilUp()
        #expect(wire.client.isUp)
    }
}
