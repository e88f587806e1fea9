// SPDX-License-Identifier: Apache-2.0
internal import ControlPlane
internal import Glibc
package import Primitives

/// The way to the service manager: what it wants to hear and when it heard it last.
///
/// A shard owns it and calls ``advance(to:status:)`` from its own loop, so a loop that hangs is silent, and the service
/// manager ends it.
///
/// - SeeAlso: sd_notify(3), sd_watchdog_enabled(3)
package struct ServiceChannel: Sendable {
    /// How often a status that changed is told at most.
    package static let statusInterval: Duration = .seconds(10)
    /// After which something is sent again that the service manager had no room for.
    package static let retryInterval: Duration = .seconds(1)

    /// `NOTIFY_SOCKET`; `nil` if there is no service manager.
    package var socket: String?
    /// Half of what the service manager waits for; `nil` if it does not watch.
    package var beatInterval: Duration?
    private var nextBeat: MonotonicTime?
    private var nextStatus: MonotonicTime?
    /// When it hears again that we are ready; `nil` if it has heard that.
    private var nextReady: MonotonicTime?
    private var lastStatus: String?
    private var isStarted = false

    package init(socket: String? = nil, beatInterval: Duration? = nil) {
        self.socket = socket
        self.beatInterval = beatInterval
    }

    /// Takes its variables out of the environment, so that no child inherits them.
    package static func takeFromEnvironment() -> ServiceChannel {
        let socket = take("NOTIFY_SOCKET").flatMap { $0.isEmpty ? nil : $0 }
        let interval = take("WATCHDOG_USEC")
        let process = take("WATCHDOG_PID")
        // Somebody above us may be who is watched.
        let isForUs = process == nil || process == "\(getpid())"
        return ServiceChannel(socket: socket, beatInterval: isForUs ? interval.flatMap(beat) : nil)
    }

    /// - Parameter microseconds: `WATCHDOG_USEC`.
    package static func beat(_ microseconds: String) -> Duration? {
        guard let count = Int64(microseconds), count > 1 else { return nil }
        return .microseconds(count / 2)
    }

    private static func take(_ name: String) -> String? {
        guard let value = getenv(name) else { return nil }
        defer { unsetenv(name) }
        return String(cString: value)
    }

    @discardableResult
    package func send(_ notification: ServiceNotification) -> Bool { notification.send(to: socket) }

    /// Peers are served. If the service manager has no room for that now, it hears it later.
    package mutating func becomeReady(at now: MonotonicTime) {
        guard socket != nil else { return }
        nextReady = send(.ready) ? nil : now.advanced(by: Self.retryInterval)
    }

    /// From now on ``nextDeadline`` counts.
    package mutating func start(at now: MonotonicTime) {
        guard socket != nil else { return }
        isStarted = true
        nextStatus = now
        nextBeat = beatInterval.map { _ in now }
    }

    package var nextDeadline: MonotonicTime? {
        guard isStarted else { return nil }
        return [nextBeat, nextStatus, nextReady].compactMap(\.self).min()
    }

    /// Beats if it is time, and tells the status if that changed.
    ///
    /// - Parameter status: Asked at most once in ``statusInterval``.
    package mutating func advance(to now: MonotonicTime, status: () -> String) {
        guard isStarted else { return }
        if let beatInterval, let deadline = nextBeat, deadline <= now {
            nextBeat = now.advanced(by: send(.watchdog) ? beatInterval : min(beatInterval, Self.retryInterval))
        }
        if let deadline = nextReady, deadline <= now { becomeReady(at: now) }
        if let deadline = nextStatus, deadline <= now {
            nextStatus = now.advanced(by: Self.statusInterval)
            let words = status()
            guard words != lastStatus else { return }
            if send(.status(words)) { lastStatus = words }
        }
    }

    /// Reading the configuration again begins; ``endReload()`` has to follow, whatever comes of it.
    package mutating func beginReload(at now: MonotonicTime) {
        nextReady = nil
        send(.reloading(now))
    }

    package mutating func endReload(at now: MonotonicTime) { becomeReady(at: now) }

    /// Saying goodbye begins.
    package mutating func stop(within time: Duration) {
        nextReady = nil
        send(.stopping(time))
        lastStatus = "saying goodbye to every peer"
        send(.status("saying goodbye to every peer"))
        // The words stay until the end.
        nextStatus = isStarted ? .init(nanoseconds: .max) : nil
    }
}

extension Glance {
    /// `12 calls up, 3 keying; pool office 12 of 4094`
    package var words: String {
        var text = "\(callsUp) \(callsUp == 1 ? "call" : "calls") up, \(keying) keying"
        for pool in pools.prefix(3) { text += "; pool \(pool.name) \(pool.used) of \(pool.size)" }
        if pools.count > 3 { text += "; \(pools.count - 3) more pools" }
        return text
    }
}
