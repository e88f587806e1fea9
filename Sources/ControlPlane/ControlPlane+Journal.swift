// SPDX-License-Identifier: Apache-2.0
internal import DataPlane
package import Primitives

/// Which trace is asked for.
package enum TraceSelector: Hashable, Sendable {
    case trace(TraceID)
    /// The newest of this outer address.
    case peer(IPAddress)
    /// The one that ended or failed last; if there is none, the newest.
    case last
}

extension ControlPlane {
    /// Everything that is reported goes through here. Most packets report nothing.
    mutating func record(_ effects: [Effect], at now: MonotonicTime) {
        for case .report(let event) in effects { journal.record(event, at: now) }
    }

    /// `nil` if nothing is known.
    package func explanation(of selector: TraceSelector, at now: MonotonicTime) -> Explanation? {
        let trace: Trace?
        var call: CallSnapshot?
        switch selector {
        case .trace(let id):
            trace = journal.trace(id)
            call = matching(.trace(trace?.id ?? id), at: now).first
        case .peer(let address):
            trace = journal.newest(of: address)
            call = matching(trace?.id.map(CallSelector.trace) ?? .peer(address), at: now).first
        case .last:
            trace = journal.last
            call = trace?.id.flatMap { matching(.trace($0), at: now).first }
        }
        guard trace != nil || call != nil else { return nil }
        return Explanation(of: trace, call, traceLimit: journal.limits.traces, at: now)
    }

    /// Everything that is kept, in no order.
    package var traces: [Trace] { journal.all }
}
