// SPDX-License-Identifier: Apache-2.0
package import Primitives

/// Which events somebody wants to hear of; what is `nil` does not matter.
package struct EventFilter: Hashable, Sendable {
    package var kinds: Set<EventKind>?
    package var trace: TraceID?
    package var user: String?
    package var peer: IPAddress?

    package init(
        kinds: Set<EventKind>? = nil,
        trace: TraceID? = nil,
        user: String? = nil,
        peer: IPAddress? = nil
    ) {
        self.kinds = kinds
        self.trace = trace
        self.user = user
        self.peer = peer
    }

    init(_ query: ControlQuery) throws(ControlRefusal) {
        if let text = query["kind"] {
            kinds = []
            for name in text.split(separator: ",", omittingEmptySubsequences: false) {
                guard let kind = EventKind(rawValue: String(name)) else {
                    throw ControlRefusal(
                        400,
                        "there is no such kind of event",
                        remedy: "kinds are \(EventKind.allCases.map(\.rawValue).joined(separator: ", "))"
                    )
                }
                kinds?.insert(kind)
            }
        }
        trace = try query.trace("trace")
        user = query["user"]
        peer = try query.address("peer")
    }

    package func admits(_ event: FeedEvent) -> Bool {
        if let kinds, !kinds.contains(event.kind) { return false }
        if let trace, trace != event.trace { return false }
        if let peer, peer != event.peer?.address { return false }
        if let user, user != event.user { return false }
        return true
    }
}
