// SPDX-License-Identifier: Apache-2.0
internal import ControlPlane
internal import DataPlane
internal import Primitives

/// Lists of calls under way: collected in slices between the packets, then completed in slices with what the kernel
/// counted, which is one request for all calls of a list.
struct Listings {
    typealias Reply = @Sendable (ControlReply) -> Void

    /// What is asked for; who asks for the same before it has begun gets the same list.
    private struct Wanted {
        let selector: CallSelector
        let includesHalfOpen: Bool
        var replies: [Reply]
    }

    /// A class, so that what is in it changes where it lies: each copy of the calls would hold the loop up.
    private final class List {
        var listing: CallListing
        let replies: [Reply]
        /// What the kernel calls them; of so many calls it was looked up.
        var sessions: [KernelSessionID] = []
        var lookedUp = 0
        /// Once the kernel has answered; then so many calls have theirs.
        var counters: [KernelSessionID: TrafficCounters]?
        var completed = 0

        init(_ listing: CallListing, _ replies: [Reply]) {
            self.listing = listing
            self.replies = replies
            sessions.reserveCapacity(listing.calls.capacity)
        }

        func reply() {
            for reply in replies { reply(.sessions(listing.calls)) }
        }

        func lookUp() {
            for index in lookedUp..<listing.calls.count {
                if let session = listing.calls[index].kernelSession { sessions.append(session) }
            }
            lookedUp = listing.calls.count
        }

        /// - Returns: Whether all have theirs.
        func complete(_ count: Int, _ counters: [KernelSessionID: TrafficCounters]) -> Bool {
            let end = min(completed + count, listing.calls.count)
            for index in completed..<end { listing.calls[index].take(counters) }
            completed = end
            return end == listing.calls.count
        }
    }

    /// Calls that are looked at in one turn.
    static let slice = 30
    /// Calls that get their counters in one turn.
    static let completingSlice = 500
    /// More than connections to the control socket.
    private static let limit = 64
    /// The control plane counts its tickets from one and does not get that far.
    private static let firstTicket: UInt64 = 1 << 63

    private var wanted: [Wanted] = []
    /// At most one is being collected.
    private var running: [List] = []
    private var waiting: [DataPlaneTicket: List] = [:]
    private var count: UInt64 = 0

    /// Whether the answer with this ticket belongs here.
    static func owns(_ ticket: DataPlaneTicket) -> Bool { ticket.rawValue >= firstTicket }

    /// Whether ``work(on:at:)`` has something to do.
    var hasWork: Bool { !running.isEmpty || !wanted.isEmpty }

    mutating func begin(_ selector: CallSelector, includesHalfOpen: Bool, _ reply: @escaping Reply) {
        let same = wanted.firstIndex { $0.selector == selector && $0.includesHalfOpen == includesHalfOpen }
        if let same, wanted[same].replies.count < Self.limit {
            wanted[same].replies.append(reply)
        } else if wanted.count + running.count + waiting.count < Self.limit {
            wanted.append(Wanted(selector: selector, includesHalfOpen: includesHalfOpen, replies: [reply]))
        } else {
            reply(.refused(.busy))
        }
    }

    /// Does one slice of one list.
    ///
    /// - Returns: What to ask of the data plane.
    mutating func work(
        on machine: borrowing some ShardMachine,
        at now: MonotonicTime
    ) -> (DataPlaneRequest, DataPlaneTicket)? {
        if running.isEmpty, !wanted.isEmpty {
            let next = wanted.removeFirst()
            let listing = machine.listing(next.selector, includesHalfOpen: next.includesHalfOpen)
            running.append(List(listing, next.replies))
        }
        guard !running.isEmpty else { return nil }
        // In turns, should one be completed while another is collected.
        let list = running.removeFirst()
        if let counters = list.counters {
            if list.complete(Self.completingSlice, counters) { list.reply() } else { running.append(list) }
            return nil
        }
        machine.advance(&list.listing, by: Self.slice, at: now)
        list.lookUp()
        if list.listing.isComplete { return ask(list) }
        running.append(list)
        return nil
    }

    /// Replies at once if there is nothing to ask.
    private mutating func ask(_ list: List) -> (DataPlaneRequest, DataPlaneTicket)? {
        guard !list.sessions.isEmpty else {
            list.reply()
            return nil
        }
        let ticket = DataPlaneTicket(rawValue: Self.firstTicket + count)
        count = (count + 1) % Self.firstTicket
        waiting[ticket] = list
        return (.readCounters(list.sessions), ticket)
    }

    /// The kernel has told what the calls of a list carried; if it refused, the list goes out without.
    mutating func finish(_ ticket: DataPlaneTicket, _ outcome: DataPlaneOutcome) {
        guard let list = waiting.removeValue(forKey: ticket) else { return }
        switch outcome {
        case .counters(let counters):
            list.counters = counters
            running.append(list)
        case .done, .created, .inventory, .pathMTU, .failed:
            list.reply()
        }
    }
}

extension CallSnapshot {
    /// What the kernel calls it, once it has an interface.
    fileprivate var kernelSession: KernelSessionID? {
        guard interface != nil, let l2tp else { return nil }
        return KernelSessionID(tunnel: UInt32(l2tp.tunnel), session: UInt32(l2tp.session))
    }

    fileprivate mutating func take(_ counters: [KernelSessionID: TrafficCounters]) {
        guard let session = kernelSession, let counters = counters[session] else { return }
        traffic = TrafficPart(
            receivedPackets: counters.receivedPackets,
            receivedBytes: counters.receivedBytes,
            sentPackets: counters.sentPackets,
            sentBytes: counters.sentBytes
        )
        // Before the first packet the kernel reckons from its own boot, or from long before that.
        idleSeconds = counters.idleSeconds.map { min(Double($0), ageSeconds.rounded(.down)) }
    }
}
