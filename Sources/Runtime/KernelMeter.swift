// SPDX-License-Identifier: Apache-2.0
package import DataPlane
package import Primitives

/// What the kernel was asked, how long it took, and what it refused.
package struct KernelMeter: Hashable, Sendable {
    package struct Figures: Hashable, Sendable {
        package var requests: UInt64 = 0
        package var errors: UInt64 = 0
        package var durations = Histogram.request

        package init() {}
    }

    private struct Pending: Hashable, Sendable {
        var place: Int
        var since: MonotonicTime
    }

    /// In the order of the kinds.
    private var figures = Impairment.RequestKind.allCases.map { _ in Figures() }
    private var pending: [DataPlaneTicket: Pending] = [:]

    package init() {}

    package subscript(kind: Impairment.RequestKind) -> Figures { figures[Self.place(of: kind)] }
    /// Requests without an answer.
    package var inFlight: Int { pending.count }

    package mutating func ask(_ request: DataPlaneRequest, _ ticket: DataPlaneTicket, at now: MonotonicTime) {
        let place = Self.place(of: Impairment.RequestKind(request))
        figures[place].requests += 1
        pending[ticket] = Pending(place: place, since: now)
    }

    package mutating func answer(_ ticket: DataPlaneTicket, _ outcome: DataPlaneOutcome, at now: MonotonicTime) {
        guard let asked = pending.removeValue(forKey: ticket) else { return }
        figures[asked.place].durations.observe(asked.since.duration(to: now))
        if case .failed = outcome { figures[asked.place].errors += 1 }
    }

    private static func place(of kind: Impairment.RequestKind) -> Int {
        switch kind {
        case .openSocket: 0
        case .connectSocket: 1
        case .closeSocket: 2
        case .installInbound: 3
        case .installOutbound: 4
        case .remove: 5
        case .move: 6
        case .createSession: 7
        case .bringUp: 8
        case .removeSession: 9
        case .readCounters: 10
        case .takeInventory: 11
        case .setMTU: 12
        case .readPathMTU: 13
        case .probePath: 14
        case .addGatewayAddress: 15
        case .removeGatewayAddress: 16
        }
    }
}
