// SPDX-License-Identifier: Apache-2.0
import Cryptography
import DataPlane
import L2TP
import Primitives
import Simulation

/// One LNS, some LACs, and a wire that does to every datagram what it is told. The clock jumps from one thing that
/// happens to the next.
struct LossyWire {
    enum Fate {
        case arrives
        case isLost
        case isDoubled
        case isLate(Duration)
    }

    /// What becomes of a datagram; they are counted from 0.
    typealias Rule = (_ number: Int, _ isForLNS: Bool) -> Fate

    var endpoint: Endpoint
    var lacs: [SimulatedLAC]
    private(set) var now = seconds(1000)
    /// All effects of the LNS but the transmissions.
    private(set) var effects: [Endpoint.Effect] = []
    /// What was put on the wire, lost or not.
    private(set) var log: [String] = []
    var rule: Rule
    /// What becomes of a datagram by what it is: nothing, or copies with how late each is; `nil` to ask ``rule``.
    var tamper: (_ datagram: [UInt8], _ isForLNS: Bool) -> [(late: Duration, datagram: [UInt8])]? = { _, _ in nil }

    private var inFlight: [(arrival: MonotonicTime, lac: Int, isForLNS: Bool, datagram: [UInt8])] = []
    private var count = 0

    private static let latency = Duration.milliseconds(10)

    init(
        _ configuration: Configuration = Configuration(hostName: "lns"),
        lacs: [SimulatedLAC] = [LossyWire.lac()],
        rule: @escaping Rule = { _, _ in .arrives }
    ) {
        endpoint = Endpoint(configuration: configuration, entropy: SeededEntropy(seed: 1))
        self.lacs = lacs
        self.rule = rule
    }

    static func lac(
        secret: SecretBytes? = nil,
        seed: UInt64 = 100,
        id: TunnelID? = nil,
        _ change: (inout SimulatedLAC.Habits) -> Void = { _ in }
    ) -> SimulatedLAC {
        var lac = SimulatedLAC(hostName: "lac", secret: secret, entropy: SeededEntropy(seed: seed), id: id)
        change(&lac.habits)
        return lac
    }

    /// Lets a LAC do something.
    mutating func lac(_ index: Int = 0, _ body: (inout SimulatedLAC, MonotonicTime) -> [[UInt8]]) {
        // What the LNS says to a peer that the test plays itself, goes nowhere.
        guard lacs.indices.contains(index) else { return }
        for datagram in body(&lacs[index], now) { put(datagram, of: index, isForLNS: true) }
    }

    /// Lets the LNS do something.
    mutating func lns(_ body: (inout Endpoint, MonotonicTime) -> [Endpoint.Effect]) {
        carry(body(&endpoint, now))
    }

    /// Runs until nobody is waiting for anything, but not for longer than `duration`.
    mutating func run(for duration: Duration = .seconds(30)) {
        let end = now.advanced(by: duration)
        while let next =
            (inFlight.map(\.arrival) + lacs.compactMap(\.nextDeadline) + [endpoint.nextDeadline].compactMap(\.self))
            .min(), next <= end
        {
            now = max(now, next)
            let due = inFlight.filter { $0.arrival <= now }
            inFlight.removeAll { $0.arrival <= now }
            for packet in due {
                if packet.isForLNS {
                    carry(
                        endpoint.receive(
                            packet.datagram,
                            on: socket(UInt16(packet.lac)),
                            from: address(UInt16(packet.lac)),
                            trace: someTrace,
                            at: now
                        )
                    )
                } else {
                    lac(packet.lac) { $0.receive(packet.datagram, at: $1) }
                }
            }
            carry(endpoint.advance(to: now))
            for index in lacs.indices { lac(index) { $0.advance(to: $1) } }
        }
        now = end
    }

    private mutating func carry(_ effects: [Endpoint.Effect]) {
        for effect in effects {
            guard case .transmit(let datagram, let socket, _) = effect else {
                self.effects.append(effect)
                continue
            }
            put(datagram, of: Int(socket.port) - 20_000, isForLNS: false)
        }
    }

    private mutating func put(_ datagram: [UInt8], of lac: Int, isForLNS: Bool) {
        if let copies = tamper(datagram, isForLNS) {
            count += 1
            log.append((isForLNS ? "> " : "< ") + name(of: datagram))
            for copy in copies {
                inFlight.append((now.advanced(by: Self.latency + copy.late), lac, isForLNS, copy.datagram))
            }
            return
        }
        let fate = rule(count, isForLNS)
        count += 1
        log.append((isForLNS ? "> " : "< ") + name(of: datagram))
        let delays: [Duration] =
            switch fate {
            case .arrives: [.zero]
            case .isLost: []
            case .isDoubled: [.zero, .milliseconds(1)]
            case .isLate(let delay): [delay]
            }
        for delay in delays {
            inFlight.append((now.advanced(by: Self.latency + delay), lac, isForLNS, datagram))
        }
    }
}

extension LossyWire {
    var names: [String] { effects.map(\.name) }

    /// The sessions that the LNS has told of, in order.
    var sessions: [SessionKey] {
        effects.compactMap { if case .sessionOpening(let session) = $0 { session.key } else { nil } }
    }

    var tunnels: [TunnelID] {
        effects.compactMap { if case .connectionOpening(let connection) = $0 { connection.id } else { nil } }
    }

    var frames: [[UInt8]] {
        effects.compactMap { if case .frame(_, let frame) = $0 { Array(frame) } else { nil } }
    }

    /// A tunnel with so many calls, come up.
    static func established(
        _ configuration: Configuration = Configuration(hostName: "lns"),
        lac: SimulatedLAC = LossyWire.lac(),
        calls: Int = 1
    ) -> LossyWire {
        var wire = LossyWire(configuration, lacs: [lac])
        wire.lac { $0.start(at: $1) }
        for _ in 0..<calls { wire.lac { $0.openSession(at: $1) } }
        wire.run(for: .seconds(5))
        return wire
    }
}
