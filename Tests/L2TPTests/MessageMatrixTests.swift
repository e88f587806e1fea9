// SPDX-License-Identifier: Apache-2.0
import Cryptography
import L2TP
import Primitives
import Simulation
import Testing

/// Every message of a whole call, and everything that can happen to it on the way.
struct MessageMatrixTests {
    enum Fault: String, CaseIterable, Sendable {
        case firstIsLost
        case firstThreeAreLost
        case allAreLost
        case isDoubled
        case isDoubledLate
        case isSwappedWithTheNext
        case isLate
        case isCutShort

        func copies(_ datagram: [UInt8], _ number: Int) -> [(late: Duration, datagram: [UInt8])]? {
            switch self {
            case .firstIsLost: number == 1 ? [] : nil
            case .firstThreeAreLost: number <= 3 ? [] : nil
            case .allAreLost: []
            case .isDoubled: [(.zero, datagram), (.milliseconds(1), datagram)]
            case .isDoubledLate: [(.zero, datagram), (.seconds(5), datagram)]
            case .isSwappedWithTheNext: number == 1 ? [(.milliseconds(25), datagram)] : nil
            case .isLate: number == 1 ? [(.milliseconds(2500), datagram)] : nil
            case .isCutShort: number == 1 ? [(.zero, Array(datagram.dropLast()))] : nil
            }
        }
    }

    /// The message, whether it goes to the LNS, and whether it is the LNS that hangs up.
    static let messages: [(name: String, isForLNS: Bool, weHangUp: Bool)] = [
        ("SCCRQ", true, false), ("SCCRP", false, false), ("SCCCN", true, false), ("ICRQ", true, false),
        ("ICRP", false, false), ("ICCN", true, false), ("ZLB", true, false), ("ZLB", false, false),
        ("HELLO", true, false), ("HELLO", false, false), ("CDN", true, false), ("CDN", false, true),
        ("StopCCN", true, false), ("StopCCN", false, true), ("ZLB", true, true), ("ZLB", false, true),
    ]

    private final class Counter {
        var count = 0
    }

    /// A call from SCCRQ to StopCCN, with a HELLO from each end. Returns it as it was when the call should stand, and
    /// as it is when nobody can be heard of any more.
    private func life(
        _ message: (name: String, isForLNS: Bool, weHangUp: Bool),
        isShort: Bool = false,
        _ copies: @escaping (_ datagram: [UInt8], _ number: Int) -> [(late: Duration, datagram: [UInt8])]?
    ) -> (standing: LossyWire, ended: LossyWire) {
        let counter = Counter()
        var wire = LossyWire()
        wire.tamper = { datagram, isForLNS in
            guard isForLNS == message.isForLNS, name(of: datagram) == message.name else { return nil }
            counter.count += 1
            return copies(datagram, counter.count)
        }
        wire.lac { $0.start(at: $1) }
        wire.lac { $0.openSession(at: $1) }
        wire.run(for: .seconds(50))
        let standing = wire
        if !isShort {
            wire.lac { $0.sendHello(at: $1) }
            wire.run(for: .seconds(80))
        }
        if message.weHangUp {
            for session in wire.sessions { wire.lns { $0.close(session, because: .administrative, at: $1) } }
            wire.run(for: .seconds(5))
            wire.lns { $0.closeAll(at: $1) }
        } else {
            wire.lac { $0.hangUp(call: 0, at: $1) }
            wire.run(for: .seconds(5))
            wire.lac { $0.hangUp(at: $1) }
        }
        wire.run(for: .seconds(60))
        // The peer is gone for good.
        wire.tamper = { _, isForLNS in isForLNS ? [] : nil }
        wire.run(for: .seconds(260))
        return (standing, wire)
    }

    private func isUp(_ wire: LossyWire) -> Bool {
        wire.lacs[0].calls.map(\.state) == [.established]
            && wire.endpoint.snapshots.contains { snapshot in
                wire.endpoint.sessions(of: snapshot.id).contains(where: \.isEstablished)
            }
    }

    /// Up at both ends or at neither, and nothing left behind.
    private func check(_ life: (standing: LossyWire, ended: LossyWire), _ what: String) {
        let established = life.standing.endpoint.snapshots.flatMap { life.standing.endpoint.sessions(of: $0.id) }
        if !isUp(life.standing) {
            #expect(established.isEmpty, "\(what)")
            // An ICCN that a flipped bit turned into a CDN or a StopCCN was a goodbye, which is not answered with one.
            let saidGoodbye = life.standing.effects.contains { effect in
                switch effect {
                case .sessionClosed(_, .byPeer): true
                case .report(let event): event.description.name == "tunnel-stopped"
                default: false
                }
            }
            #expect(saidGoodbye || life.standing.lacs[0].calls.allSatisfy { $0.state != .established }, "\(what)")
        }
        let names = life.ended.names
        #expect(life.ended.endpoint.snapshots.isEmpty, "\(what)")
        #expect(life.ended.endpoint.nextDeadline == nil, "\(what)")
        #expect(names.count { $0 == "connectionClosed" } == life.ended.tunnels.count, "\(what)")
        #expect(names.count { $0 == "sessionClosed" } == life.ended.sessions.count, "\(what)")
    }

    @Test(
        "L18: whatever happens to a message of a call, it comes up, or ends with one verdict, and nothing stays behind",
        arguments: messages.indices,
        Fault.allCases
    )
    func everyMessageMeetsEveryFault(_ index: Int, _ fault: Fault) {
        let message = Self.messages[index]
        let life = life(message, fault.copies)
        check(life, "\(message) \(fault)")
        let comesUp: Bool =
            switch (fault, message.name) {
            case (.allAreLost, "SCCRQ"), (.allAreLost, "SCCRP"), (.allAreLost, "SCCCN"), (.allAreLost, "ICRQ"),
                (.allAreLost, "ICRP"), (.allAreLost, "ICCN"):
                false
            // A peer whose ZLBs never come through is given up, and so are we if ours do not.
            case (.allAreLost, "ZLB"):
                isUp(life.standing)
            default:
                true
            }
        #expect(isUp(life.standing) == comesUp)
        #expect(life.standing.tunnels.count <= 1 && life.standing.sessions.count <= 1)
        if !comesUp, message.name != "SCCRQ" {
            // One clear verdict.
            let verdicts = life.ended.names.count {
                ["(tunnel-peer-silent)", "(tunnel-stopped)", "(tunnel-establishment-timeout)"].contains($0)
            }
            #expect(verdicts == life.ended.tunnels.count)
        }
    }

    /// IPsec keeps such datagrams away; a broken peer may send them all the same.
    @Test(arguments: messages.indices.filter { messages[$0].name != "HELLO" })
    func everyBitOfEveryMessageMayFlip(_ index: Int) {
        let message = Self.messages[index]
        var length = 12
        var bit = 0
        while bit < 8 * length {
            let place = bit
            let observed = Counter()
            let life = life(message, isShort: true) { datagram, number in
                guard number == 1 else { return nil }
                observed.count = datagram.count
                guard place / 8 < datagram.count else { return nil }
                var changed = datagram
                changed[place / 8] ^= 0x80 >> UInt8(place % 8)
                return [(.zero, changed)]
            }
            length = observed.count
            check(life, "\(message) bit \(place)")
            bit += 1
        }
        // A LAC that always has something to say sends no ZLB.
        #expect(length >= 12 || message.name == "ZLB")
    }
}
