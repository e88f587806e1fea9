// SPDX-License-Identifier: Apache-2.0
internal import CLinux
package import Primitives

/// Waits for descriptors and for a point in time: an epoll reactor for one thread.
///
/// It calls nobody. ``wait(until:now:)`` returns how many sources are ready and the owner asks for
/// each with ``ready(at:)``; so all state stays with the owner, and a source that goes away while a
/// wake-up is being worked off is not served any more. Watching is level-triggered: what is left
/// unread is reported again.
package struct EventLoop<Source: Sendable>: ~Copyable {
    private struct Registration {
        var source: Source
        var generation: UInt32
    }

    /// A source that has something to read.
    package struct Ready {
        package var descriptor: Int32
        package var source: Source
        /// Nothing but a hang-up or an error: reading may bring nothing and will not end it.
        package var isOnlyHungUp: Bool
    }

    /// Sources reported by one wake-up at most.
    package static var batchLimit: Int { 256 }

    private let epoll: OwnedDescriptor
    /// By descriptor: those are small numbers.
    private var registrations: [Registration?] = []
    private var generation: UInt32 = 0
    private var tokens = [UInt64](repeating: 0, count: batchLimit)
    private var flags = [UInt32](repeating: 0, count: batchLimit)

    package init() throws(SystemError) {
        epoll = OwnedDescriptor(adopting: try valueOrError(culvert_epoll_create(), "epoll_create1"))
    }

    /// Watches `descriptor` for reading. Whoever was registered under its number before is forgotten.
    package mutating func watch(_ descriptor: Int32, _ source: Source) throws(SystemError) {
        let place = Int(descriptor)
        generation &+= 1
        let token = UInt64(generation) << 32 | UInt64(UInt32(bitPattern: descriptor))
        _ = try valueOrError(culvert_epoll_watch(epoll.rawValue, descriptor, token), "epoll_ctl")
        while registrations.count <= place { registrations.append(nil) }
        registrations[place] = Registration(source: source, generation: generation)
    }

    /// Stops watching. A descriptor that is closed already is no mistake.
    package mutating func unwatch(_ descriptor: Int32) {
        _ = culvert_epoll_unwatch(epoll.rawValue, descriptor)
        if registrations.indices.contains(Int(descriptor)) { registrations[Int(descriptor)] = nil }
    }

    /// Sleeps until something is ready or `deadline` has come; `nil` is for ever. A deadline in the
    /// past looks without sleeping.
    ///
    /// - Returns: How many sources are ready, 0 at the deadline or after a signal.
    package mutating func wait(until deadline: MonotonicTime?, now: MonotonicTime) throws(SystemError) -> Int {
        Int(
            try valueOrError(
                culvert_epoll_wait(
                    epoll.rawValue,
                    &tokens,
                    &flags,
                    Int32(Self.batchLimit),
                    Self.timeout(until: deadline, now: now)
                ),
                "epoll_wait"
            )
        )
    }

    /// The `index`th ready source of the last wait; `nil` if it is not watched any more.
    package func ready(at index: Int) -> Ready? {
        let token = tokens[index]
        let descriptor = Int32(truncatingIfNeeded: token)
        guard registrations.indices.contains(Int(descriptor)),
            let registration = registrations[Int(descriptor)],
            registration.generation == UInt32(truncatingIfNeeded: token >> 32)
        else { return nil }
        return Ready(descriptor: descriptor, source: registration.source, isOnlyHungUp: flags[index] & 1 == 0)
    }

    /// In milliseconds, rounded up so that a deadline has come when it wakes; at most a day.
    static func timeout(until deadline: MonotonicTime?, now: MonotonicTime) -> Int32 {
        guard let deadline else { return -1 }
        guard deadline > now else { return 0 }
        let nanoseconds = deadline.nanoseconds.subtractingReportingOverflow(now.nanoseconds)
        guard !nanoseconds.overflow else { return 86_400_000 }
        return Int32(min((nanoseconds.partialValue - 1) / 1_000_000 + 1, 86_400_000))
    }
}
