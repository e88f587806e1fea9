// SPDX-License-Identifier: Apache-2.0
package import Primitives

/// Passes events on to those who listen, on other threads. Whoever does not keep up loses events, not the gateway time.
package final class EventFeed: Sendable {
    package init() {}

    /// Called on the shard's thread for every event, before the log's level and limits.
    package func publish(_ description: EventDescription, trace: TraceID?, peer: SocketAddress?) {}
}
