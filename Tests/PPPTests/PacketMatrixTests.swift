// SPDX-License-Identifier: Apache-2.0
import Cryptography
import PPP
import Primitives
import Simulation
import Testing

/// Every packet of a whole call, and everything that can happen to it on the way.
struct PacketMatrixTests {
    enum Fault: String, CaseIterable, Sendable {
        case firstIsLost
        case firstThreeAreLost
        case allAreLost
        case isDoubled
        case isDoubledLate
        case isSwappedWithTheNext
        case isLate
        case isCutShort

        func copies(_ frame: [UInt8], _ number: Int) -> [(late: Duration, frame: [UInt8])]? {
            switch self {
            case .firstIsLost: number == 1 ? [] : nil
            case .firstThreeAreLost: number <= 3 ? [] : nil
            case .allAreLost: []
            case .isDoubled: [(.zero, frame), (.milliseconds(1), frame)]
            case .isDoubledLate: [(.zero, frame), (.seconds(5), frame)]
            case .isSwappedWithTheNext: number == 1 ? [(.milliseconds(25), frame)] : nil
            case .isLate: number == 1 ? [(.milliseconds(2500), frame)] : nil
            case .isCutShort: number == 1 ? [(.zero, Array(frame.dropLast()))] : nil
            }
        }
    }

    struct Kind: Hashable, Sendable, CustomStringConvertible {
        var method: AuthenticationMethod
        var protocolNumber: ProtocolNumber
        var code: UInt8
        var isForLink: Bool

        init?(_ frame: [UInt8], _ method: AuthenticationMethod, isForLink: Bool) {
            guard frame.count >= 3 else { return nil }
            self.method = method
            protocolNumber = ProtocolNumber(rawValue: UInt16(frame[0]) << 8 | UInt16(frame[1]))
            code = frame[2]
            self.isForLink = isForLink
        }

        var description: String { "\(method.rawValue): \(protocolNumber) \(code) \(isForLink ? "in" : "out")" }
    }

    private final class Counter {
        var count = 0
        var length = 0
        var kinds: [Kind] = []
    }

    private typealias Tamper = (_ frame: [UInt8], _ isForLink: Bool) -> [(late: Duration, frame: [UInt8])]?

    /// A call with an echo in it, as it was when it should stand, and as it is at the end.
    private func life(
        _ method: AuthenticationMethod,
        weHangUp: Bool,
        isShort: Bool = false,
        _ tamper: @escaping Tamper
    ) -> (standing: LossyPPPWire, ended: LossyPPPWire) {
        let alice = SimulatedPPPClient.Configuration(user: "alice", passwords: ["s3cr3t"], methods: [method])
        var wire = LossyPPPWire(alice, methods: [method])
        wire.tamper = tamper
        wire.dial()
        wire.run(for: .seconds(70))
        let standing = wire
        if !isShort { wire.run(for: .seconds(200)) }
        if weHangUp {
            wire.take(wire.link.close(.administrative, at: wire.now))
        } else {
            wire.carry(wire.client.hangUp(at: wire.now))
        }
        // The client says it once; if that is lost, silence tells.
        wire.run(for: .seconds(20))
        wire.tamper = { _, isForLink in isForLink ? [] : nil }
        wire.run(for: .seconds(200))
        return (standing, wire)
    }

    /// All kinds of packets that a call has.
    private func kinds(_ method: AuthenticationMethod, weHangUp: Bool) -> [Kind] {
        let seen = Counter()
        _ = life(method, weHangUp: weHangUp) { frame, isForLink in
            if let kind = Kind(frame, method, isForLink: isForLink), !seen.kinds.contains(kind) {
                seen.kinds.append(kind)
            }
            return nil
        }
        return seen.kinds
    }

    private func check(_ life: (standing: LossyPPPWire, ended: LossyPPPWire), _ what: String) {
        // Up at the link, or over; nothing in between after setting up has had its time.
        let isUp = life.standing.networks.count > life.standing.count(.networkDown)
        #expect(isUp || life.standing.ends.count == 1, "\(what)")
        #expect(life.ended.ends.count == 1, "\(what)")
        #expect(life.ended.networks.count == life.ended.count(.networkDown), "\(what)")
        #expect(life.ended.link.nextDeadline == nil, "\(what)")
        #expect(life.ended.count(.networkWanted(userName: "alice")) <= 1, "\(what)")
    }

    @Test(
        "P03: whatever happens to a packet of a call, it comes up, or ends once within its time, and nothing stays",
        arguments: AuthenticationMethod.allCases,
        Fault.allCases
    )
    func everyPacketMeetsEveryFault(_ method: AuthenticationMethod, _ fault: Fault) {
        for weHangUp in [false, true] {
            let kinds = kinds(method, weHangUp: weHangUp)
            #expect(kinds.count >= 15)
            for kind in kinds {
                let counter = Counter()
                let life = life(method, weHangUp: weHangUp) { frame, isForLink in
                    guard Kind(frame, method, isForLink: isForLink) == kind else { return nil }
                    counter.count += 1
                    return fault.copies(frame, counter.count)
                }
                check(life, "\(kind) \(fault)")
                guard fault != .allAreLost else { continue }
                #expect(life.standing.client.isUp, "\(kind) \(fault): \(life.standing.client.failure ?? "")")
                #expect(life.standing.networks.count >= 1, "\(kind) \(fault)")
                #expect(life.standing.ends.isEmpty, "\(kind) \(fault)")
            }
        }
    }

    /// IPsec keeps such frames away; a broken peer may send them all the same.
    @Test(arguments: AuthenticationMethod.allCases)
    func everyBitOfEveryPacketMayFlip(_ method: AuthenticationMethod) {
        // What has nothing to do with the method is flipped with one of them.
        let own: [ProtocolNumber] = method == .mschapv2 ? [.lcp, .ipcp, .ccp, .chap] : [.pap, .chap]
        for kind in kinds(method, weHangUp: false) where own.contains(kind.protocolNumber) {
            let seen = Counter()
            seen.length = 1
            var bit = 0
            while bit < 8 * seen.length {
                let place = bit
                let counter = Counter()
                let life = life(method, weHangUp: false, isShort: true) { frame, isForLink in
                    guard Kind(frame, method, isForLink: isForLink) == kind else { return nil }
                    counter.count += 1
                    guard counter.count == 1 else { return nil }
                    seen.length = frame.count
                    var changed = frame
                    changed[place / 8] ^= 0x80 >> UInt8(place % 8)
                    return [(.zero, changed)]
                }
                check(life, "\(kind) bit \(place)")
                bit += 1
            }
        }
    }
}
