// SPDX-License-Identifier: Apache-2.0
package import DataPlane
package import Primitives

/// What the kernel's counters of all sessions came to, read now and then with one request for all.
package struct TrafficReadings: Hashable, Sendable {
    /// Bytes carried in one minute.
    package struct Minute: Hashable, Sendable {
        /// When it ended.
        package var end: MonotonicTime
        package var length: Duration
        package var received: UInt64
        package var sent: UInt64

        package init(end: MonotonicTime, length: Duration, received: UInt64, sent: UInt64) {
            self.end = end
            self.length = length
            self.received = received
            self.sent = sent
        }
    }

    static let interval: Duration = .seconds(60)
    package static let minuteLimit = 60
    /// A reading as young as that serves the next who asks too.
    static let freshness: Duration = .seconds(5)
    /// Between those of ``Listings`` and those of the control plane, which counts from one.
    private static let firstTicket: UInt64 = 1 << 62

    /// Since the start, of calls that ended too: up to the last reading before they did.
    package private(set) var total = TrafficCounters(
        receivedPackets: 0,
        receivedBytes: 0,
        sentPackets: 0,
        sentBytes: 0
    )
    /// Oldest first.
    package private(set) var minutes: [Minute] = []
    /// Of the sessions that stood at the last reading.
    package private(set) var sessions: [KernelSessionID: TrafficCounters] = [:]
    package private(set) var lastReading: MonotonicTime?
    private var minuteBegan: MonotonicTime?
    private var atMinute: TrafficCounters?
    private var inFlight: DataPlaneTicket?
    private var serial: UInt64 = 0
    /// When the next minute is over; `nil` as long as nobody wants minutes.
    package private(set) var nextDeadline: MonotonicTime?

    package init() {}

    package mutating func start(at now: MonotonicTime) {
        minuteBegan = now
        atMinute = total
        nextDeadline = now.advanced(by: Self.interval)
    }

    package func isFresh(at now: MonotonicTime) -> Bool {
        guard let lastReading else { return false }
        return lastReading.duration(to: now) < Self.freshness
    }

    /// A reading is under way.
    package var isAnswering: Bool { inFlight != nil }

    package func owns(_ ticket: DataPlaneTicket) -> Bool { ticket == inFlight }

    /// - Returns: The ticket of a reading that begins now; `nil` if one is under way.
    package mutating func begin() -> DataPlaneTicket? {
        guard inFlight == nil else { return nil }
        let ticket = DataPlaneTicket(rawValue: Self.firstTicket + serial)
        serial = (serial + 1) % Self.firstTicket
        inFlight = ticket
        return ticket
    }

    package mutating func finish(_ outcome: DataPlaneOutcome, at now: MonotonicTime) {
        inFlight = nil
        lastReading = now
        if case .counters(let read) = outcome {
            for (session, counters) in read { add(counters, since: sessions[session]) }
            sessions = read
        }
        endMinute(at: now)
    }

    /// A number that fell is that of another session with the same ids.
    private mutating func add(_ now: TrafficCounters, since before: TrafficCounters?) {
        func grown(_ now: UInt64, _ before: UInt64?) -> UInt64 {
            guard let before, before <= now else { return now }
            return now - before
        }
        total.receivedPackets &+= grown(now.receivedPackets, before?.receivedPackets)
        total.receivedBytes &+= grown(now.receivedBytes, before?.receivedBytes)
        total.sentPackets &+= grown(now.sentPackets, before?.sentPackets)
        total.sentBytes &+= grown(now.sentBytes, before?.sentBytes)
    }

    private mutating func endMinute(at now: MonotonicTime) {
        guard let deadline = nextDeadline, deadline <= now, let began = minuteBegan, let before = atMinute else {
            return
        }
        minutes.append(
            Minute(
                end: now,
                length: began.duration(to: now),
                received: total.receivedBytes &- before.receivedBytes,
                sent: total.sentBytes &- before.sentBytes
            )
        )
        if minutes.count > Self.minuteLimit { minutes.removeFirst() }
        start(at: now)
    }
}
