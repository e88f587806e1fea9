// SPDX-License-Identifier: Apache-2.0
package import ControlPlane
package import Primitives

/// Takes events: counts every one, writes the lines that the level and the limiter let through.
package struct EventSink: Sendable {
    private let format: LogFormat
    private let level: EventDescription.Severity
    private let wallClock: @Sendable () -> WallClockTime
    private var limiter: LogLimiter
    private var output: LogOutput
    package var counters = Counters()

    package init(
        format: LogFormat = .text,
        level: EventDescription.Severity = .info,
        limiter: LogLimiter = LogLimiter(),
        output: LogOutput = LogOutput(),
        wallClock: @escaping @Sendable () -> WallClockTime = { .current() }
    ) {
        self.format = format
        self.level = level
        self.limiter = limiter
        self.output = output
        self.wallClock = wallClock
    }

    package mutating func report(_ event: ControlPlane.Event, at now: MonotonicTime) {
        report(event.description, trace: event.trace, peer: event.peer, at: now)
    }

    package mutating func report(
        _ description: EventDescription,
        trace: TraceID? = nil,
        peer: SocketAddress? = nil,
        at now: MonotonicTime
    ) {
        counters.count(layer: description.layer.rawValue, name: description.name)
        guard description.severity >= level, limiter.admits(description, from: peer?.address, at: now) else { return }
        write(description, trace: trace, peer: peer)
    }

    /// When ``advance(to:)`` next has something to do.
    package var nextDeadline: MonotonicTime? { limiter.nextDeadline }

    /// Tells how many lines were held back.
    package mutating func advance(to now: MonotonicTime) {
        for held in limiter.summary(at: now) {
            write(
                EventDescription(
                    .control,
                    .notice,
                    "lines-suppressed",
                    "\(held.count) more \(held.layer.rawValue) \(held.name) were counted but not written",
                    fields: [.init("event", "\(held.layer.rawValue).\(held.name)"), .init("count", held.count)]
                )
            )
        }
    }

    private mutating func write(_ description: EventDescription, trace: TraceID? = nil, peer: SocketAddress? = nil) {
        let time = wallClock()
        if output.lost > 0 {
            let lost = EventDescription(
                .control,
                .warning,
                "log-lines-lost",
                "\(output.lost) log lines found no room: the reader of the log did not keep up",
                fields: [.init("count", output.lost)]
            )
            let line = LogLine(time: time, description: lost, trace: nil, peer: nil)
            if !output.write(line.bytes(as: format)) {
                counters.lostLogLines += 1
                return
            }
        }
        let line = LogLine(time: time, description: description, trace: trace, peer: peer)
        if !output.write(line.bytes(as: format)) { counters.lostLogLines += 1 }
    }
}
