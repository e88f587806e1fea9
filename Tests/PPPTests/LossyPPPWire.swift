// SPDX-License-Identifier: Apache-2.0
import Cryptography
import PPP
import Primitives
import Simulation

/// A gateway's link and a client on a wire of ten milliseconds, in virtual time. What becomes of a frame is a
/// function of its number, so every run is the same run.
struct LossyPPPWire {
    enum Fate {
        case deliver
        case lose
        case double
        /// Overtaken by what is sent within the next 30 ms.
        case delay
    }

    private enum Arrival {
        case atLink([UInt8])
        case atClient([UInt8])
        case verdict(AuthenticationVerdict)
        case offer
    }

    var link: Link
    var client: SimulatedPPPClient
    private(set) var now = MonotonicTime(sinceBoot: .seconds(1000))
    var fate: (Int) -> Fate = { _ in .deliver }
    /// How long the user database and the address pool take.
    var delay: Duration = .zero
    var users: [String: UserSecret]
    let offer = NetworkOffer(
        localAddress: IPAddress("10.99.0.1")!,
        peerAddress: IPAddress("10.99.0.2")!,
        dns: [IPAddress("192.0.2.53")!, IPAddress("192.0.2.54")!],
        wins: []
    )

    /// What becomes of a frame by what it is: nothing, or copies with how late each is; `nil` to ask ``fate``.
    var tamper: (_ frame: [UInt8], _ isForLink: Bool) -> [(late: Duration, frame: [UInt8])]? = { _, _ in nil }

    /// Sees the link and the frame before they meet.
    var onArrival: (Link, [UInt8], MonotonicTime) -> Void = { _, _, _ in }

    private(set) var frames = 0
    private(set) var effects: [Link.Effect] = []
    private var inFlight: [(at: MonotonicTime, what: Arrival)] = []

    init(
        _ client: SimulatedPPPClient.Configuration,
        methods: [AuthenticationMethod] = [.mschapv2, .chapMD5, .pap],
        users: [String: UserSecret] = ["alice": .password(SecretBytes(copying: "s3cr3t".utf8))],
        configure: (inout Configuration) -> Void = { _ in }
    ) {
        var configuration = Configuration(name: "gw1", authentication: methods, mru: 1400)
        configure(&configuration)
        link = Link(configuration: configuration, entropy: SeededEntropy(seed: 42))
        self.client = SimulatedPPPClient(client, entropy: SeededEntropy(seed: 43))
        self.users = users
    }

    var events: [Event.Kind] {
        effects.compactMap { effect in
            if case .report(let kind) = effect { return kind }
            return nil
        }
    }

    var ends: [LinkEnd] {
        effects.compactMap { effect in
            if case .finished(let end) = effect { return end }
            return nil
        }
    }

    var networks: [NetworkParameters] {
        effects.compactMap { effect in
            if case .networkUp(let parameters) = effect { return parameters }
            return nil
        }
    }

    func count(_ effect: Link.Effect) -> Int { effects.filter { $0 == effect }.count }

    /// Both pick up the phone.
    mutating func dial() {
        take(link.lowerLayerUp(at: now))
        carry(client.start(at: now))
    }

    /// Runs for `duration`, or until `isDone`.
    mutating func run(for duration: Duration, until isDone: (LossyPPPWire) -> Bool = { _ in false }) {
        let end = now.advanced(by: duration)
        while !isDone(self) {
            let deadlines = [link.nextDeadline, client.nextDeadline].compactMap(\.self) + inFlight.map(\.at)
            guard let next = deadlines.min(), next <= end else {
                now = end
                return
            }
            now = max(now, next)
            let due = inFlight.filter { $0.at <= now }
            inFlight.removeAll { $0.at <= now }
            for arrival in due {
                switch arrival.what {
                case .atLink(let frame):
                    onArrival(link, frame, now)
                    take(link.receive(frame[...], at: now))
                case .atClient(let frame): carry(client.receive(frame, at: now))
                case .verdict(let verdict): take(link.authenticated(verdict, at: now))
                case .offer: take(link.openNetwork(offer, at: now))
                }
            }
            take(link.advance(to: now))
            carry(client.advance(to: now))
        }
    }

    mutating func runUntilUp(for duration: Duration = .seconds(60)) {
        run(for: duration) { $0.client.isUp && !$0.networks.isEmpty && $0.link.snapshot.phase == "network" }
    }

    mutating func take(_ new: [Link.Effect]) {
        effects += new
        for effect in new {
            switch effect {
            case .send(let frame): transmit(.atClient(frame))
            case .verify(let attempt):
                let name = String(MSCHAPv2.withoutDomain(attempt.userName))
                let verdict = users[name].map { attempt.verdict(against: $0) } ?? .refused(.unknownUser)
                inFlight.append((now.advanced(by: delay), .verdict(verdict)))
            case .networkWanted: inFlight.append((now.advanced(by: delay), .offer))
            case .networkUp, .networkDown, .finished, .unanswered, .report: break
            }
        }
    }

    mutating func carry(_ frames: [[UInt8]]) {
        for frame in frames { transmit(.atLink(frame)) }
    }

    private mutating func transmit(_ arrival: Arrival) {
        frames += 1
        let due = now.advanced(by: .milliseconds(10))
        switch arrival {
        case .atLink(let frame):
            if let copies = tamper(frame, true) {
                inFlight += copies.map { (due.advanced(by: $0.late), .atLink($0.frame)) }
                return
            }
        case .atClient(let frame):
            if let copies = tamper(frame, false) {
                inFlight += copies.map { (due.advanced(by: $0.late), .atClient($0.frame)) }
                return
            }
        case .verdict, .offer:
            break
        }
        switch fate(frames) {
        case .deliver: inFlight.append((due, arrival))
        case .lose: break
        case .double: inFlight += [(due, arrival), (due, arrival)]
        case .delay: inFlight.append((due.advanced(by: .milliseconds(30)), arrival))
        }
    }
}
