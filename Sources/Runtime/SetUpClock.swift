// SPDX-License-Identifier: Apache-2.0
internal import ControlPlane
internal import IKE
internal import Primitives

/// How long the phases of calls take, from the events that mark their ends.
struct SetUpClock: Hashable, Sendable {
    /// A step on the way up. The raw values are labels.
    enum Phase: String, Hashable, Sendable, CaseIterable {
        /// From the first message that carries our cookie (of aggressive mode: from the first) to the proof of the key.
        case ike
        /// From there to the first ESP association.
        case quickMode = "quick-mode"
        /// From the first message of L2TP to the session.
        case l2tp
        /// From the session to the interface: LCP, authentication, IPCP, the kernel's part.
        case ppp
        /// All of it.
        case whole
    }

    /// What is known of a call that is coming up.
    struct Progress: Hashable, Sendable {
        var began: MonotonicTime?
        var keyed: MonotonicTime?
        var hasChild = false
        var tunnel: MonotonicTime?
        var session: MonotonicTime?

        /// - Returns: When it began, the first time.
        mutating func key(at now: MonotonicTime) -> MonotonicTime? {
            guard keyed == nil else { return nil }
            keyed = now
            return began
        }

        /// - Returns: When the key was known, the first time.
        mutating func protect() -> MonotonicTime? {
            guard !hasChild else { return nil }
            hasChild = true
            return keyed
        }

        /// - Returns: When the tunnel was asked for, the first time.
        mutating func enterSession(at now: MonotonicTime) -> MonotonicTime? {
            guard session == nil else { return nil }
            session = now
            return tunnel
        }
    }

    /// Peers that are coming up at once; more push each other out, and are not measured.
    private static let limit = 4096

    private var open = BoundedTrace(capacity: Self.limit)
    private(set) var phases = Phase.allCases.map { _ in Histogram.setUp }

    subscript(phase: Phase) -> Histogram { phases[Self.index(phase)] }

    mutating func record(_ event: ControlPlane.Event, at now: MonotonicTime) {
        switch event {
        case .ike(let event): if let trace = event.trace { record(event.kind, of: trace, at: now) }
        case .call(let event): if let trace = event.trace { record(event.kind, of: trace, at: now) }
        case .l2tp, .ppp: break
        }
    }

    private mutating func record(_ kind: IKE.Event.Kind, of trace: TraceID, at now: MonotonicTime) {
        switch kind {
        case .started:
            var progress = Progress()
            progress.began = now
            open.set(progress, for: trace)
        case .phase1Established:
            guard let began = open.change(trace, { $0.key(at: now) }) ?? nil else { return }
            observe(.ike, since: began, now)
        case .childEstablished:
            guard let keyed = open.change(trace, { $0.protect() }) ?? nil else { return }
            observe(.quickMode, since: keyed, now)
        default:
            break
        }
    }

    private mutating func record(_ kind: CallEvent.Kind, of trace: TraceID, at now: MonotonicTime) {
        switch kind {
        case .tunnelOpening:
            // Also of a peer that dials again under the keys it has.
            if open.change(trace, { $0.tunnel = now }) == nil {
                var progress = Progress()
                progress.tunnel = now
                open.set(progress, for: trace)
            }
        case .sessionEstablished:
            guard let tunnel = open.change(trace, { $0.enterSession(at: now) }) ?? nil else { return }
            observe(.l2tp, since: tunnel, now)
        case .up:
            guard let progress = open.take(trace), let session = progress.session else { return }
            observe(.ppp, since: session, now)
            if let began = progress.began { observe(.whole, since: began, now) }
        default:
            break
        }
    }

    private mutating func observe(_ phase: Phase, since begin: MonotonicTime, _ now: MonotonicTime) {
        phases[Self.index(phase)].observe(begin.duration(to: now))
    }

    private static func index(_ phase: Phase) -> Int {
        switch phase {
        case .ike: 0
        case .quickMode: 1
        case .l2tp: 2
        case .ppp: 3
        case .whole: 4
        }
    }
}

extension SetUpClock {
    /// A table with a limit: a newcomer takes the place of the one that came first.
    struct BoundedTrace: Hashable, Sendable {
        let capacity: Int
        private var entries: [TraceID: Progress] = [:]
        /// In the order they came; those that were taken out meanwhile are passed over, and one that came again is there
        /// more than once.
        private(set) var order: [TraceID] = []
        private var head = 0

        init(capacity: Int) {
            self.capacity = capacity
        }

        mutating func set(_ progress: Progress, for trace: TraceID) {
            if entries.updateValue(progress, forKey: trace) == nil { order.append(trace) }
            while entries.count > capacity, head < order.count {
                entries[order[head]] = nil
                head += 1
            }
            if order.count > 2 * capacity { compact() }
        }

        /// Leaves each of ``entries`` where it came last.
        private mutating func compact() {
            var seen: Set<TraceID> = []
            order = order[head...].reversed().filter { entries[$0] != nil && seen.insert($0).inserted }.reversed()
            head = 0
        }

        mutating func change<R>(_ trace: TraceID, _ body: (inout Progress) -> R) -> R? {
            guard let index = entries.index(forKey: trace) else { return nil }
            return body(&entries.values[index])
        }

        mutating func take(_ trace: TraceID) -> Progress? { entries.removeValue(forKey: trace) }
    }
}
