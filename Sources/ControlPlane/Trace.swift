// SPDX-License-Identifier: Apache-2.0
package import Primitives

/// What was reported of one call, or of one attempt at one: the events as they were, words are made on request.
package struct Trace: Hashable, Sendable {
    package enum State: String, Hashable, Sendable {
        /// Neither up nor over.
        case opening
        case up
        /// As calls end: somebody hung up.
        case ended
        case failed
    }

    package struct Entry: Hashable, Sendable {
        package let at: MonotonicTime
        package let event: ControlPlane.Event
        /// How often the same came again at once, and when last.
        package fileprivate(set) var repetitions: UInt32 = 0
        package fileprivate(set) var lastAt: MonotonicTime
    }

    /// Of more than that the middle is left out.
    static let mostEntries = 64
    static let firstEntries = 32
    /// Names of proposals in all its events; more are left out of their lists.
    private static let mostNames = 48
    /// Refusals of first messages from one address.
    private static let mostRefusals = 4
    /// IKE SAs that took the place of the first and may still have something to say.
    static let mostHeirs = 4

    /// `nil` for strangers that were not given one.
    package private(set) var id: TraceID?
    /// Outer address; that of the first event until IKE says another.
    package private(set) var peer: SocketAddress
    package let began: MonotonicTime
    package private(set) var entries: [Entry] = []
    /// Events of the middle that had no room.
    package private(set) var leftOut = 0
    package private(set) var state = State.opening
    /// Its beginning had been forgotten when this came.
    package let isPartial: Bool
    /// Refused first messages, not one exchange.
    package let isOfStrangers: Bool
    /// The peer has proved to know a key.
    private(set) var isAuthenticated: Bool
    /// When the call that is or was last up came up.
    private(set) var upSince: MonotonicTime?
    /// When it went down.
    private(set) var downSince: MonotonicTime?
    private var upCount = 0
    private var names = 0
    var heirs: [TraceID] = []

    init(_ event: ControlPlane.Event, peer: SocketAddress, at now: MonotonicTime, isPartial: Bool = false) {
        id = event.trace
        self.peer = peer
        began = now
        self.isPartial = isPartial
        isOfStrangers = false
        isAuthenticated = isPartial
        // It was up for all that is known.
        if isPartial { upSince = now }
        add(event, at: now)
    }

    init(ofStrangersAt peer: SocketAddress, at now: MonotonicTime) {
        self.peer = peer
        began = now
        isPartial = false
        isOfStrangers = true
        isAuthenticated = false
        state = .failed
    }

    package var lastAt: MonotonicTime { entries.last?.lastAt ?? began }

    /// Takes in what was reported, and follows what it means for the call.
    mutating func add(_ event: ControlPlane.Event, at now: MonotonicTime) {
        append(event, at: now)
        if case .ike = event, let peer = event.peer { self.peer = peer }
        switch event.meaning {
        case .milestone(let stage):
            if stage == .identity { isAuthenticated = true }
            // Another call through the same tunnel.
            if upCount == 0, upSince != nil, stage == .session {
                upSince = nil
                downSince = nil
                state = .opening
            }
            if state == .failed, cause == nil { state = .opening }
        case .up:
            upCount += 1
            upSince = now
            downSince = nil
            state = .up
        case .down:
            upCount = max(0, upCount - 1)
            guard upCount == 0 else { return }
            if downSince == nil { downSince = now }
            state = cause == nil ? .ended : .failed
        case .cause(let weight, _):
            guard upCount == 0, state != .ended || isPartial, weight != .complaint else { return }
            if cause != nil { state = .failed } else if isPartial { state = .ended }
        case .over:
            guard upCount == 0, state == .opening else { return }
            state = cause == nil ? .ended : .failed
        case .nothing:
            break
        }
    }

    /// One more first message was refused; the same refusal again is counted.
    mutating func addOfStranger(_ event: ControlPlane.Event, at now: MonotonicTime) {
        if let trace = event.trace { id = trace }
        if let peer = event.peer { self.peer = peer }
        let event = event.clipped(names: ControlPlane.Event.mostNames)
        if let place = entries.firstIndex(where: { $0.event.isRepeated(by: event) }) {
            var entry = entries.remove(at: place)
            entry.repetitions = entry.repetitions.addingReportingOverflow(1).partialValue
            entry.lastAt = now
            entries.append(entry)
            return
        }
        if entries.count >= Self.mostRefusals {
            entries.removeFirst()
            leftOut += 1
        }
        entries.append(Entry(at: now, event: event, lastAt: now))
    }

    /// The IKE SA of `heir` speaks for the same call.
    mutating func absorb(_ heir: Trace) {
        for entry in heir.entries {
            let place = entries.lastIndex { $0.at <= entry.at }.map { $0 + 1 } ?? 0
            entries.insert(entry, at: place)
        }
        leftOut += heir.leftOut
        while entries.count > Self.mostEntries { dropOne() }
        if state == .failed, upCount == 0, cause == nil { state = .opening }
    }

    private mutating func append(_ event: ControlPlane.Event, at now: MonotonicTime) {
        let event = event.clipped(names: min(ControlPlane.Event.mostNames, Self.mostNames - names))
        if let last = entries.indices.last, entries[last].event.isRepeated(by: event) {
            entries[last].repetitions = entries[last].repetitions.addingReportingOverflow(1).partialValue
            entries[last].lastAt = now
            return
        }
        names += event.nameCount
        if entries.count >= Self.mostEntries { dropOne() }
        entries.append(Entry(at: now, event: event, lastAt: now))
    }

    private mutating func dropOne() {
        entries.remove(at: Self.firstEntries)
        leftOut += 1
    }
}
