// SPDX-License-Identifier: Apache-2.0
package import Primitives

/// An event as listeners get it.
package struct FeedEvent: Hashable, Sendable {
    package var time: WallClockTime
    package var description: EventDescription
    package var trace: TraceID?
    package var peer: SocketAddress?

    package init(time: WallClockTime, description: EventDescription, trace: TraceID?, peer: SocketAddress?) {
        self.time = time
        self.description = description
        self.trace = trace
        self.peer = peer
    }

    package var kind: EventKind { EventKind(of: description) }

    package var user: String? { description.fields.first { $0.name == "user" }?.value }
}

/// A line of the stream, as JSON has it. The keys are the names of the properties, and stable.
package struct EventLine: Codable, Hashable, Sendable {
    /// Of ``EventKind``, or `lost`, or `heartbeat`.
    package var kind: String
    /// Of UTC, as in RFC 3339.
    package var time: String
    /// `layer.name`: the name of the counter, too.
    package var event: String?
    package var severity: String?
    package var trace: String?
    /// The outer address and port.
    package var peer: String?
    package var user: String?
    package var message: String?
    package var remedy: String?
    package var fields: [String: String]?
    /// Of what was lost.
    package var count: UInt64?

    private init(_ kind: String, _ time: WallClockTime) {
        self.kind = kind
        self.time = time.description
    }

    package init(_ event: FeedEvent) {
        self.init(event.kind.rawValue, event.time)
        self.event = "\(event.description.layer.rawValue).\(event.description.name)"
        severity = event.description.severity.rawValue
        trace = event.trace?.description
        peer = event.peer?.description
        user = event.user
        message = event.description.message
        remedy = event.description.remedy
        fields = Dictionary(
            event.description.fields.map { ($0.name, $0.value) },
            uniquingKeysWith: { first, _ in first }
        )
    }

    /// So many events of this listener's choice found no room.
    package static func lost(_ count: UInt64, at time: WallClockTime) -> EventLine {
        var line = EventLine("lost", time)
        line.count = count
        return line
    }

    /// The gateway is there, and has nothing to tell.
    package static func heartbeat(at time: WallClockTime) -> EventLine { EventLine("heartbeat", time) }
}
