// SPDX-License-Identifier: Apache-2.0
internal import Primitives

/// What was counted since the start. Events are counted by the name of their description, so that a
/// new event needs nothing here.
package struct Counters: Hashable, Sendable {
    /// What the event loop itself counts, per packet: fields, so that counting costs an addition.
    package struct Packets: Hashable, Sendable {
        /// Datagrams and frames the process read: from IKE sockets, tunnel sockets and PPP channels.
        /// It stands still while users' packets flow.
        package var received: UInt64
        package var sent: UInt64
        /// Not sent for want of buffer, or refused by the kernel.
        package var unsent: UInt64
        /// Received without a peer to answer, or cut.
        package var unusable: UInt64
        /// Thrown away by the kernel because we did not read in time.
        package var overflowed: UInt64 = 0
        /// First messages of IKE for which there was no room behind others.
        package var crowdedOut: UInt64 = 0

        package init(received: UInt64 = 0, sent: UInt64 = 0, unsent: UInt64 = 0, unusable: UInt64 = 0) {
            self.received = received
            self.sent = sent
            self.unsent = unsent
            self.unusable = unusable
        }
    }

    private struct EventName: Hashable, Sendable {
        var layer: String
        var name: String
    }

    package var packets = Packets()
    /// Log lines that found no room with their reader.
    package var lostLogLines: UInt64 = 0
    private var events: [EventName: UInt64] = [:]

    package init() {}

    package mutating func count(layer: String, name: String) {
        events[EventName(layer: layer, name: name), default: 0] += 1
    }

    /// How often each event was reported, in order of layer and name.
    package var eventCounts: [(layer: String, name: String, count: UInt64)] {
        events.map { ($0.key.layer, $0.key.name, $0.value) }.sorted { ($0.0, $0.1) < ($1.0, $1.1) }
    }

    /// By name: `packets.received`, `ike.no-proposal-chosen`.
    package var byName: [String: UInt64] {
        var all = Dictionary(uniqueKeysWithValues: events.map { ("\($0.key.layer).\($0.key.name)", $0.value) })
        all["packets.received"] = packets.received
        all["packets.sent"] = packets.sent
        all["packets.unsent"] = packets.unsent
        all["packets.unusable"] = packets.unusable
        all["packets.overflowed"] = packets.overflowed
        all["packets.crowded-out"] = packets.crowdedOut
        all["log.lost-lines"] = lostLogLines
        return all
    }
}
