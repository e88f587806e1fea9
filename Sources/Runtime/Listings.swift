// SPDX-License-Identifier: Apache-2.0
internal import ControlPlane
internal import DataPlane

/// Lists of calls that wait for the kernel's counters: one request for all calls of a list.
struct Listings {
    private struct Waiting {
        var calls: [CallSnapshot]
        var reply: @Sendable (ControlReply) -> Void
    }

    /// More than connections to the control socket; beyond it lists go out without counters.
    private static let limit = 64
    /// The control plane counts its tickets from one and does not get that far.
    private static let firstTicket: UInt64 = 1 << 63

    private var waiting: [DataPlaneTicket: Waiting] = [:]
    private var count: UInt64 = 0

    /// Whether the answer with this ticket belongs here.
    static func owns(_ ticket: DataPlaneTicket) -> Bool { ticket.rawValue >= firstTicket }

    /// Replies at once if there is nothing to ask.
    ///
    /// - Returns: What to ask of the data plane.
    mutating func begin(
        _ calls: [CallSnapshot],
        _ reply: @escaping @Sendable (ControlReply) -> Void
    ) -> (DataPlaneRequest, DataPlaneTicket)? {
        let sessions = calls.compactMap(\.kernelSession)
        guard !sessions.isEmpty, waiting.count < Self.limit else {
            reply(.sessions(calls))
            return nil
        }
        let ticket = DataPlaneTicket(rawValue: Self.firstTicket + count)
        count = (count + 1) % Self.firstTicket
        waiting[ticket] = Waiting(calls: calls, reply: reply)
        return (.readCounters(sessions), ticket)
    }

    /// Replies with what the kernel told; without it if it refused.
    mutating func finish(_ ticket: DataPlaneTicket, _ outcome: DataPlaneOutcome) {
        guard let listing = waiting.removeValue(forKey: ticket) else { return }
        switch outcome {
        case .counters(let counters): listing.reply(.sessions(listing.calls.map { $0.with(counters) }))
        case .done, .created, .inventory, .failed: listing.reply(.sessions(listing.calls))
        }
    }
}

extension CallSnapshot {
    /// What the kernel calls it, once it has an interface.
    fileprivate var kernelSession: KernelSessionID? {
        guard interface != nil, let l2tp else { return nil }
        return KernelSessionID(tunnel: UInt32(l2tp.tunnel), session: UInt32(l2tp.session))
    }

    fileprivate func with(_ counters: [KernelSessionID: TrafficCounters]) -> CallSnapshot {
        guard let session = kernelSession, let counters = counters[session] else { return self }
        var call = self
        call.traffic = TrafficPart(
            receivedPackets: counters.receivedPackets,
            receivedBytes: counters.receivedBytes,
            sentPackets: counters.sentPackets,
            sentBytes: counters.sentBytes
        )
        call.idleSeconds = counters.idleSeconds.map(Double.init)
        return call
    }
}
