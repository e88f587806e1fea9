// SPDX-License-Identifier: Apache-2.0
package import Primitives

/// The reliable channel of a control connection: delivers once and in order, retransmits, and keeps to both windows.
///
/// Whoever owns it hands in what comes and what is to go, and then sends what ``flush(at:)`` returns. That is done
/// once per turn, so an acknowledgement travels on a message if one goes out in the same turn, and alone otherwise.
///
/// - SeeAlso: RFC 2661 §5.8, Appendix A
package struct ReliableDelivery: Sendable {
    /// A message in sequence. The reader stands on its first AVP.
    package struct Message: Sendable {
        package var session: SessionID?
        package var body: ByteReader
    }

    /// What a received message was to the channel.
    package enum Reception: Sendable {
        /// In sequence, with those after it that had come too early.
        case delivered([Message])
        /// Nothing but an acknowledgement.
        case acknowledgement
        /// Had come before: only acknowledged again, if not too many of them come.
        case duplicate
        /// Came before one that is still missing; kept.
        case early
        /// Farther ahead than our window reaches; dropped, to be sent again.
        case outsideWindow
    }

    private struct Outgoing {
        var session: SessionID?
        var body: [UInt8]
        var isKeepalive: Bool
    }

    /// A message that came too early is kept up to this size. Larger ones must come again.
    private static let longestEarlyMessage = 2048

    /// What the peer calls the tunnel; `nil` until it has said so.
    package var peerTunnel: TunnelID?
    /// How many messages the peer takes at once.
    package var peerWindow: Int {
        didSet { slowStartThreshold = peerWindow }
    }
    private let window: Int
    private let schedule: RetransmissionSchedule

    /// Not acknowledged, oldest first; the first `inFlight` of them are under way.
    private var queue: [Outgoing] = []
    private var inFlight = 0
    /// How many of the queue were sent at least once, and so may be acknowledged.
    private var everSent = 0
    /// Ns of the first in the queue.
    private var oldestNs: SequenceNumber
    private var retransmissions = 0
    /// Repetitions since the beginning.
    package private(set) var repetitionCount: UInt64 = 0
    /// Between repetitions beyond the limit.
    private var patientWait = Duration.zero

    private var congestionWindow = 1
    private var slowStartThreshold: Int
    /// Acknowledgements since the congestion window last grew, in congestion avoidance.
    private var acknowledgementsCounted = 0

    /// Ns of the message we expect next.
    private var nr: SequenceNumber
    private var owesAcknowledgement = false
    /// Acknowledgements of what had come before: a flood of copies is not worth a flood of answers.
    private var repetitions = Allowance(perSecond: 10, burst: 32)
    private var early: [(ns: SequenceNumber, message: Message)] = []

    /// When ``advance(to:)`` next has something to do; `nil` while nothing is under way.
    package private(set) var deadline: MonotonicTime?

    /// - Parameters:
    ///   - window: Messages we take at once.
    ///   - firstNs: Where both directions start; zero but in tests.
    package init(
        peerTunnel: TunnelID?,
        peerWindow: UInt16,
        window: UInt16,
        schedule: RetransmissionSchedule,
        firstNs: SequenceNumber = SequenceNumber(0)
    ) {
        self.peerTunnel = peerTunnel
        self.peerWindow = max(Int(peerWindow), 1)
        self.window = max(Int(window), 1)
        self.schedule = schedule
        slowStartThreshold = self.peerWindow
        oldestNs = firstNs
        nr = firstNs
    }

    /// Messages that are not acknowledged, or not even sent.
    package var queued: Int { queue.count }
    package var isIdle: Bool { queue.isEmpty }
    /// What waits longest for its acknowledgement is a keepalive.
    package var waitsForKeepalive: Bool { queue.first?.isKeepalive ?? false }
    /// Repetitions go on beyond the schedule.
    package var isExhausted: Bool { deadline != nil && retransmissions > schedule.limit }

    package mutating func receive(_ header: ControlHeader, _ body: ByteReader, at now: MonotonicTime) -> Reception {
        acknowledge(upTo: header.nr, at: now)
        guard !body.isAtEnd else { return .acknowledgement }
        let message = Message(session: header.session, body: body)
        let distance = nr.distance(to: header.ns)
        guard distance <= 0 else {
            guard distance < window, body.remaining <= Self.longestEarlyMessage else { return .outsideWindow }
            if !early.contains(where: { $0.ns == header.ns }) { early.append((header.ns, message)) }
            return .early
        }
        guard distance == 0 else {
            if repetitions.spend(at: now) { owesAcknowledgement = true }
            return .duplicate
        }
        owesAcknowledgement = true
        nr = nr.next
        var messages = [message]
        while let index = early.firstIndex(where: { $0.ns == nr }) {
            messages.append(early.remove(at: index).message)
            nr = nr.next
        }
        if early.isEmpty { early = [] }
        return .delivered(messages)
    }

    /// Queues a message. It goes out with a ``flush(at:)``, as soon as the windows let it.
    package mutating func send(_ body: [UInt8], session: SessionID?, isKeepalive: Bool = false) {
        queue.append(Outgoing(session: session, body: body, isKeepalive: isKeepalive))
    }

    /// Starts the schedule anew, and lets out what is queued as far as the peer's window reaches: our last words do
    /// not wait for what was said before.
    package mutating func hurry() {
        retransmissions = 0
        congestionWindow = max(queue.count, 1)
    }

    /// Drops what was never sent, because what comes next makes it pointless.
    package mutating func dropUnsent() {
        queue.removeSubrange(everSent...)
    }

    /// Drops all that is not acknowledged: the peer is gone or going, and does not want it any more.
    package mutating func dropUnacknowledged() {
        oldestNs = SequenceNumber(oldestNs.rawValue &+ UInt16(truncatingIfNeeded: everSent))
        queue = []
        inFlight = 0
        everSent = 0
        retransmissions = 0
        deadline = nil
    }

    /// The datagrams that are to go out now.
    package mutating func flush(at now: MonotonicTime) -> [[UInt8]] {
        var datagrams: [[UInt8]] = []
        while inFlight < queue.count, inFlight < min(congestionWindow, peerWindow) {
            datagrams.append(datagram(at: inFlight))
            inFlight += 1
            everSent = max(everSent, inFlight)
            if deadline == nil { deadline = now.advanced(by: wait) }
        }
        if owesAcknowledgement {
            let ns = SequenceNumber(oldestNs.rawValue &+ UInt16(truncatingIfNeeded: everSent))
            datagrams.append(ControlHeader(tunnel: peerTunnel, session: nil, ns: ns, nr: nr).datagram(around: []))
            owesAcknowledgement = false
        }
        return datagrams
    }

    private var wait: Duration {
        let scheduled = schedule.wait(after: retransmissions)
        return retransmissions > schedule.limit ? max(scheduled, patientWait) : scheduled
    }

    /// Retransmits the oldest message if it has waited long enough; the others follow as acknowledgements come.
    ///
    /// - Parameter patientWait: How long each repetition beyond the schedule waits; `nil` to give up there.
    /// - Returns: `false` if the peer is given up: it has acknowledged nothing for a full retransmission cycle.
    package mutating func advance(to now: MonotonicTime, beyondSchedule patientWait: Duration? = nil) -> Bool {
        guard let deadline, deadline <= now else { return true }
        guard retransmissions < schedule.limit || patientWait != nil else { return false }
        self.patientWait = patientWait ?? .zero
        retransmissions += 1
        repetitionCount += 1
        slowStartThreshold = max(congestionWindow / 2, 1)
        congestionWindow = 1
        acknowledgementsCounted = 0
        inFlight = 0
        self.deadline = nil
        return true
    }

    /// A queued message as it goes out now, with the newest Nr.
    private mutating func datagram(at index: Int) -> [UInt8] {
        owesAcknowledgement = false
        let ns = SequenceNumber(oldestNs.rawValue &+ UInt16(truncatingIfNeeded: index))
        return ControlHeader(tunnel: peerTunnel, session: queue[index].session, ns: ns, nr: nr)
            .datagram(around: queue[index].body)
    }

    /// What lies outside of what we have sent is ignored.
    private mutating func acknowledge(upTo peerNr: SequenceNumber, at now: MonotonicTime) {
        let count = oldestNs.distance(to: peerNr)
        guard count > 0, count <= everSent else { return }
        queue.removeFirst(count)
        everSent -= count
        inFlight = max(inFlight - count, 0)
        oldestNs = peerNr
        retransmissions = 0
        deadline = inFlight > 0 ? now.advanced(by: schedule.wait(after: 0)) : nil
        if queue.isEmpty { queue = [] }
        growCongestionWindow()
    }

    private mutating func growCongestionWindow() {
        guard congestionWindow < peerWindow else { return }
        acknowledgementsCounted += 1
        guard congestionWindow < slowStartThreshold || acknowledgementsCounted >= congestionWindow else { return }
        congestionWindow += 1
        acknowledgementsCounted = 0
    }
}
