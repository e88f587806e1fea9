// SPDX-License-Identifier: Apache-2.0
package import Primitives
internal import Synchronization

/// Passes events on to those who listen, on other threads. Whoever does not keep up loses events, not the gateway time.
///
/// What waits here is what one turn of the other thread has not taken yet. The lock is held for as long as it takes to
/// append to an array or to take it away.
package final class EventFeed: Sendable {
    /// What was published since the last look.
    package struct Batch: Sendable {
        package var events: [FeedEvent] = []
        /// Events for which there was no room after these.
        package var lost: UInt64 = 0
    }

    private struct State {
        var batch = Batch()
        var bytes = 0
        var wake: (@Sendable () -> Void)?
    }

    private let isListened = Atomic<Bool>(false)
    private let state = Mutex(State())
    private let eventLimit: Int
    private let byteLimit: Int
    private let clock: @Sendable () -> WallClockTime

    package init(
        eventLimit: Int = 4096,
        byteLimit: Int = 4 << 20,
        clock: @escaping @Sendable () -> WallClockTime = { .current() }
    ) {
        self.eventLimit = eventLimit
        self.byteLimit = byteLimit
        self.clock = clock
    }

    /// Called on the shard's thread for every event, before the log's level and limits.
    package func publish(_ description: EventDescription, trace: TraceID?, peer: SocketAddress?) {
        guard isListened.load(ordering: .relaxed) else { return }
        let event = FeedEvent(time: clock(), description: description, trace: trace, peer: peer)
        let wake: (@Sendable () -> Void)? = state.withLock { state in
            // Not in the meantime: nobody would take it.
            guard let wake = state.wake else { return nil }
            let isFirst = state.batch.events.isEmpty && state.batch.lost == 0
            let bytes = event.description.weight
            if state.batch.lost == 0, state.batch.events.count < eventLimit, state.bytes + bytes <= byteLimit {
                state.batch.events.append(event)
                state.bytes += bytes
            } else {
                state.batch.lost += 1
            }
            return isFirst ? wake : nil
        }
        wake?()
    }

    /// - Parameter wake: Called on the shard's thread when there is something to take, and not again until it was
    ///   taken: it must only pass that on. `nil` if nobody listens any more.
    package func listen(_ wake: (@Sendable () -> Void)?) {
        state.withLock { state in
            state.wake = wake
            if wake == nil {
                state.batch = Batch()
                state.bytes = 0
            }
        }
        isListened.store(wake != nil, ordering: .relaxed)
    }

    package func take() -> Batch {
        state.withLock { state in
            let batch = state.batch
            state.batch = Batch()
            state.bytes = 0
            return batch
        }
    }
}

extension EventDescription {
    /// About what it takes as text, in bytes.
    fileprivate var weight: Int {
        fields.reduce(64 + message.utf8.count + (remedy?.utf8.count ?? 0)) {
            $0 + $1.name.utf8.count + $1.value.utf8.count
        }
    }
}
