// SPDX-License-Identifier: Apache-2.0
package import ControlPlane
internal import IKE
package import Primitives

/// Takes events: counts every one, writes the lines that the level and the limiter let through.
package struct EventSink: Sendable {
    private var format: LogFormat
    private var level: EventDescription.Severity
    private let wallClock: @Sendable () -> WallClockTime
    private var limiter: LogLimiter
    private var output: LogOutput
    private var minute: Minute?
    /// Bytes written in a minute at most, summaries left aside.
    private let bytesPerMinute: Int
    package var counters = Counters()
    package var measurements = Measurements()
    /// Who else listens; `nil` for nobody.
    package var feed: EventFeed?

    package init(
        format: LogFormat = .text,
        level: EventDescription.Severity = .info,
        limiter: LogLimiter = LogLimiter(),
        output: LogOutput = LogOutput(),
        bytesPerMinute: Int = 1 << 20,
        wallClock: @escaping @Sendable () -> WallClockTime = { .current() }
    ) {
        self.format = format
        self.level = level
        self.limiter = limiter
        self.output = output
        self.bytesPerMinute = bytesPerMinute
        self.wallClock = wallClock
    }

    /// From the next line on.
    package mutating func reconfigure(format: LogFormat, level: EventDescription.Severity) {
        self.format = format
        self.level = level
    }

    package mutating func report(_ event: ControlPlane.Event, at now: MonotonicTime) {
        measurements.record(event, at: now)
        // Naming a whole offer is work for nothing when nobody reads it.
        if level > .debug, case .ike(let event) = event, let name = event.nameOfExplanation {
            return counters.count(layer: EventDescription.Layer.ike.rawValue, name: name)
        }
        report(event.description, trace: event.trace, peer: event.peer, at: now)
    }

    package mutating func report(
        _ description: EventDescription,
        trace: TraceID? = nil,
        peer: SocketAddress? = nil,
        at now: MonotonicTime
    ) {
        counters.count(layer: description.layer.rawValue, name: description.name)
        feed?.publish(description, trace: trace, peer: peer)
        guard description.severity >= level, limiter.admits(description, from: peer?.address, at: now) else { return }
        let line = LogLine(time: wallClock(), description: description, trace: trace, peer: peer).bytes(as: format)
        guard fits(line.count, at: now) else { return }
        write(line)
    }

    /// Whether the minute has room for so many bytes more.
    private mutating func fits(_ count: Int, at now: MonotonicTime) -> Bool {
        var minute = self.minute ?? Minute(end: now.advanced(by: .seconds(60)))
        if minute.end <= now {
            tell(minute)
            minute = Minute(end: now.advanced(by: .seconds(60)))
        }
        defer { self.minute = minute }
        guard minute.bytes + count <= bytesPerMinute else {
            minute.held += 1
            return false
        }
        minute.bytes += count
        return true
    }

    /// When ``advance(to:)`` next has something to do.
    package var nextDeadline: MonotonicTime? {
        guard let minute, minute.held > 0 else { return limiter.nextDeadline }
        return min(limiter.nextDeadline ?? minute.end, minute.end)
    }

    /// Tells how many lines were held back.
    package mutating func advance(to now: MonotonicTime) {
        if let minute, minute.end <= now {
            tell(minute)
            self.minute = nil
        }
        for held in limiter.summary(at: now) {
            write(
                EventDescription(
                    .control,
                    .notice,
                    "lines-suppressed",
                    "\(held.count) more \(held.layer.rawValue) \(held.name) in \(limiter.summarySeconds) s were counted "
                        + "but not written",
                    fields: [.init("event", "\(held.layer.rawValue).\(held.name)"), .init("count", held.count)]
                )
            )
        }
    }

    /// What a minute held back because it was full.
    private mutating func tell(_ minute: Minute) {
        guard minute.held > 0 else { return }
        write(
            EventDescription(
                .control,
                .warning,
                "log-full",
                "\(minute.held) more lines in 60 s were counted but not written: the log takes \(bytesPerMinute) bytes a minute",
                fields: [.init("count", minute.held)]
            )
        )
    }

    private mutating func write(_ description: EventDescription) {
        write(LogLine(time: wallClock(), description: description, trace: nil, peer: nil).bytes(as: format))
    }

    private mutating func write(_ line: [UInt8]) {
        if output.lost > 0 {
            let lost = EventDescription(
                .control,
                .warning,
                "log-lines-lost",
                "\(output.lost) log lines found no room: the reader of the log did not keep up",
                fields: [.init("count", output.lost)]
            )
            let line = LogLine(time: wallClock(), description: lost, trace: nil, peer: nil)
            if !output.write(line.bytes(as: format)) {
                counters.lostLogLines += 1
                return
            }
        }
        if !output.write(line) { counters.lostLogLines += 1 }
    }
}

/// A minute of the log.
private struct Minute: Sendable {
    var end: MonotonicTime
    var bytes = 0
    /// Lines that found it full.
    var held: UInt64 = 0
}
