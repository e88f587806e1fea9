// SPDX-License-Identifier: Apache-2.0
import Cryptography
import PPP
import Primitives
import Simulation
import Testing

/// Nothing that a peer sends may stop the process, or make a link finish twice.
struct LinkRobustnessTests {
    /// Every frame that a client says on the way up, with the state of the link that heard it.
    private func conversation(_ method: AuthenticationMethod) -> [(link: Link, frame: [UInt8], now: MonotonicTime)] {
        let alice = SimulatedPPPClient.Configuration(user: "alice", passwords: ["s3cr3t"], methods: [method])
        var wire = LossyPPPWire(alice, methods: [method])
        var heard: [(Link, [UInt8], MonotonicTime)] = []
        wire.onArrival = { heard.append(($0, $1, $2)) }
        wire.dial()
        wire.runUntilUp()
        return heard
    }

    private func check(_ link: Link, _ frame: [UInt8], _ now: MonotonicTime) {
        var link = link
        var effects = link.receive(frame[...], at: now)
        effects += link.receive(frame[...], at: now)
        effects += link.authenticated(.accepted(authenticatorResponse: [UInt8](repeating: 1, count: 20)), at: now)
        var rounds = 0
        while let deadline = link.nextDeadline, rounds < 60 {
            rounds += 1
            effects += link.advance(to: deadline)
        }
        effects += link.lowerLayerDown(at: now.advanced(by: .seconds(10_000)))
        let ends = effects.filter { if case .finished = $0 { true } else { false } }
        #expect(ends.count == 1)
        let ups = effects.filter { if case .networkUp = $0 { true } else { false } }
        let downs = effects.filter { $0 == .networkDown }
        #expect(ups.count == downs.count)
    }

    @Test(arguments: AuthenticationMethod.allCases)
    func survivesFramesCutAnywhere(_ method: AuthenticationMethod) {
        for (link, frame, now) in conversation(method) {
            for count in 0...frame.count { check(link, Array(frame.prefix(count)), now) }
        }
    }

    @Test(arguments: AuthenticationMethod.allCases)
    func survivesEveryByteAtEveryExtreme(_ method: AuthenticationMethod) {
        for (link, frame, now) in conversation(method) {
            for index in frame.indices {
                for value in [0, 1, 2, 3, 4, 5, 0x7F, 0x80, 0xFE, 0xFF, frame[index] &+ 1, frame[index] &- 1] {
                    var changed = frame
                    changed[index] = value
                    check(link, changed, now)
                }
            }
        }
    }

    @Test func survivesNoise() {
        let entropy = SeededEntropy(seed: 7)
        let states = conversation(.mschapv2)
        for round in 0..<4000 {
            let (link, _, now) = states[round % states.count]
            let protocols: [[UInt8]] = [
                [0xC0, 0x21], [0xC2, 0x23], [0xC0, 0x23], [0x80, 0x21], [0x80, 0xFD], [0xFF, 0x03], [],
            ]
            let noise = entropy.bytes(Int(entropy.integer(in: 0...40)))
            check(link, protocols[round % protocols.count] + noise, now)
        }
    }

    /// Empty options that ought to have four bytes: every one would make the Nak longer by six.
    @Test(arguments: [5, 2, 1, 3])
    func survivesTheLongestListOfEmptyOptions(_ type: UInt8) {
        for number: [UInt8] in [[0xC0, 0x21], [0x80, 0x21]] {
            for count in [100, 12_000, 30_000] {
                let length = UInt16(4 + 2 * count)
                let header: [UInt8] = [1, 9, UInt8(length >> 8), UInt8(length & 0xFF)]
                let options = [[UInt8]](repeating: [type, 2], count: count).flatMap(\.self)
                for (link, _, now) in conversation(.pap) { check(link, number + header + options, now) }
            }
        }
    }
}
