// SPDX-License-Identifier: Apache-2.0
internal import IKE
package import Primitives

/// What was reported of calls and of attempts at calls, for who asks later why one failed.
///
/// Four shelves, so that nobody's crowd pushes out what somebody else needs: peers that have proved to know a key,
/// and whose call did not fail; those whose call did; peers that returned our cookie and got no further; and one
/// entry for each address whose first message was refused, which anybody can forge.
package struct Journal: Sendable {
    package struct Limits: Hashable, Sendable {
        /// Calls that did not fail.
        package var traces = 1024
        /// Failed calls; as many attempts of strangers.
        package var failed = 256

        package init() {}
    }

    /// Addresses whose first messages were refused.
    static let mostStrangers = 256
    /// Lists of what our profiles accept that are kept once for all.
    private static let mostAccepted = 64

    private enum Place: Int, CaseIterable {
        case calls
        case failures
        case attempts
    }

    package private(set) var limits: Limits
    /// By ``Place``.
    private var shelves: [TraceShelf]
    private var strangers = BoundedTable<IPAddress, Trace>(capacity: Self.mostStrangers)
    /// IKE SAs that took the place of another's.
    private var heirs: [TraceID: TraceID] = [:]
    private var accepted: [[String]] = []

    package init(limits: Limits) {
        self.limits = limits
        let perSource = max(1, limits.failed / 16)
        shelves = Place.allCases.map { place in
            switch place {
            case .calls: TraceShelf(capacity: limits.traces)
            case .failures, .attempts: TraceShelf(capacity: limits.failed, perSource: perSource)
            }
        }
    }

    /// What has no room any more goes, the oldest first.
    package mutating func reconfigure(limits: Limits) {
        guard limits != self.limits else { return }
        self.limits = limits
        for place in Place.allCases {
            let gone =
                switch place {
                case .calls: shelves[place.rawValue].resize(capacity: limits.traces)
                case .failures, .attempts:
                    shelves[place.rawValue].resize(capacity: limits.failed, perSource: max(1, limits.failed / 16))
                }
            for heir in gone { heirs[heir] = nil }
        }
    }

    package mutating func record(_ event: ControlPlane.Event, at now: MonotonicTime) {
        guard let trace = event.trace else {
            recordOfStranger(event, at: now)
            return
        }
        let event = sharing(event)
        let id = heirs[trace] ?? trace
        for place in Place.allCases where shelves[place.rawValue].add(event, to: id, at: now) {
            settle(id, on: place)
            return
        }
        begin(event, at: now)
    }

    /// The IKE SA that reports as `heir` serves the call of `former` from now on.
    package mutating func join(_ heir: TraceID, to former: TraceID) {
        let former = heirs[former] ?? former
        guard heir != former, heirs[heir] == nil else { return }
        guard let joined = remove(heir) else { return }
        // A call that was forgotten meanwhile is not remembered for its rekeying.
        for place in Place.allCases {
            let outdated = shelves[place.rawValue].withTrace(former) { trace -> TraceID? in
                trace.absorb(joined)
                trace.heirs.append(heir)
                return trace.heirs.count > Trace.mostHeirs ? trace.heirs.removeFirst() : nil
            }
            guard let outdated else { continue }
            heirs[heir] = former
            if let outdated { heirs[outdated] = nil }
            settle(former, on: place)
            return
        }
    }

    private mutating func remove(_ id: TraceID) -> Trace? {
        for place in Place.allCases {
            if let trace = shelves[place.rawValue].remove(id) { return trace }
        }
        return nil
    }

    package func trace(_ id: TraceID) -> Trace? {
        let id = heirs[id] ?? id
        return shelves.lazy.compactMap { $0[id] }.first ?? strangers.values.first { $0.id == id }
    }

    /// The one that was last heard of.
    package func newest(of address: IPAddress) -> Trace? {
        all.filter { $0.peer.address == address }.max { $0.lastAt < $1.lastAt }
    }

    /// The one that ended or failed last; if there is none, the newest.
    package var last: Trace? {
        all.filter { $0.state == .ended || $0.state == .failed }.max { $0.lastAt < $1.lastAt }
            ?? all.max { $0.began < $1.began }
    }

    /// In no order.
    package var all: [Trace] { shelves.flatMap(\.all) + strangers.values }

    package var count: Int { shelves.reduce(strangers.count) { $0 + $1.count } }

    private mutating func begin(_ event: ControlPlane.Event, at now: MonotonicTime) {
        guard let peer = event.peer else { return }
        if case .ike(let event) = event {
            if case .started = event.kind {
                put(Trace(.ike(event), peer: peer, at: now))
                return
            }
            if event.kind.isOfFirstMessage {
                recordOfStranger(.ike(event), at: now)
                return
            }
            guard event.kind.isOfEstablished else { return }
        }
        // A call that was forgotten: what ends it is worth a place, what it does meanwhile is not.
        switch event.meaning {
        case .up, .down, .cause(.refusal, _), .cause(.loss, _): break
        case .milestone, .cause(.complaint, _), .cause(.goodbye, _), .over, .nothing: return
        }
        put(Trace(event, peer: peer, at: now, isPartial: true))
    }

    private mutating func recordOfStranger(_ event: ControlPlane.Event, at now: MonotonicTime) {
        guard case .ike(let report) = event, report.kind.isOfFirstMessage, let peer = event.peer else { return }
        let event = sharing(event)
        let fresh = Trace(ofStrangersAt: peer, at: now)
        strangers.withValue(of: peer.address, fresh: fresh) { $0.addOfStranger(event, at: now) }
    }

    /// On the shelf where it belongs now.
    private mutating func settle(_ id: TraceID, on place: Place) {
        let right = shelves[place.rawValue].withTrace(id) { Self.place(of: $0) }
        guard let right, right != place, let trace = shelves[place.rawValue].remove(id) else { return }
        put(trace)
    }

    private mutating func put(_ trace: Trace) {
        for heir in shelves[Self.place(of: trace).rawValue].insert(trace) { heirs[heir] = nil }
    }

    private static func place(of trace: Trace) -> Place {
        guard trace.isAuthenticated else { return .attempts }
        return trace.state == .failed ? .failures : .calls
    }

    /// Refusals of one profile have what it accepts in common: once in memory is enough.
    private mutating func sharing(_ event: ControlPlane.Event) -> ControlPlane.Event {
        guard case .ike(var report) = event, case .noProposalChosen(let phase, var mismatch) = report.kind else {
            return event
        }
        if let known = accepted.first(where: { $0 == mismatch.accepted }) {
            mismatch.accepted = known
        } else if accepted.count < Self.mostAccepted {
            accepted.append(mismatch.accepted)
        } else {
            mismatch.accepted = []
        }
        report.kind = .noProposalChosen(phase, mismatch)
        return .ike(report)
    }
}
