// SPDX-License-Identifier: Apache-2.0
internal import ConfigFile
package import ControlPlane
internal import IKE
package import Primitives

/// Takes events: counts every one, writes the lines that the level and the limiter let through, and those that matter
/// to security elsewhere.
package struct EventSink: Sendable {
    var format: LogFormat
    var level: EventDescription.Severity
    private let wallClock: @Sendable () -> WallClockTime
    private var limiter: LogLimiter
    var output: LogOutput
    var security: SecurityLog?
    var privacy: Privacy?
    private var scans = ScanDetector()
    private var minute: Minute?
    /// When keys are next looked through for old ones.
    private var nextForgetting: MonotonicTime?
    /// Bytes written in a minute at most, summaries left aside.
    private let bytesPerMinute: Int
    package var counters = Counters()
    package var measurements = Measurements()
    /// Who else listens; `nil` for nobody.
    package var feed: EventFeed?

    private static let forgettingInterval = Duration.seconds(600)

    package init(
        format: LogFormat = .text,
        level: EventDescription.Severity = .info,
        limiter: LogLimiter = LogLimiter(),
        output: LogOutput = LogOutput(),
        security: SecurityLog? = nil,
        privacy: Privacy? = nil,
        bytesPerMinute: Int = 1 << 20,
        wallClock: @escaping @Sendable () -> WallClockTime = { .current() }
    ) {
        self.format = format
        self.level = level
        self.limiter = limiter
        self.output = output
        self.security = security
        self.privacy = privacy
        self.bytesPerMinute = bytesPerMinute
        self.wallClock = wallClock
    }

    package mutating func report(_ event: ControlPlane.Event, at now: MonotonicTime) {
        // Naming a whole offer is work for nothing when nobody reads it.
        if level > .debug, case .ike(let event) = event, let name = event.nameOfExplanation {
            return counters.count(layer: EventDescription.Layer.ike.rawValue, name: name)
        }
        let description = event.description
        measurements.record(event, described: description, at: now)
        report(description, trace: event.trace, peer: event.peer, at: now)
    }

    package mutating func report(
        _ description: EventDescription,
        trace: TraceID? = nil,
        peer: SocketAddress? = nil,
        at now: MonotonicTime
    ) {
        counters.count(layer: description.layer.rawValue, name: description.name)
        measurements.record(description, wallClock: wallClock)
        feed?.publish(description, trace: trace, peer: peer)
        write(description, trace: trace, peer: peer, at: now)
        if let scan = scans.note(description, from: peer?.address, at: now) {
            report(scan, trace: trace, peer: peer, at: now)
        }
    }

    /// To the log and the security log, as far as they take it.
    private mutating func write(
        _ description: EventDescription,
        trace: TraceID?,
        peer: SocketAddress?,
        at now: MonotonicTime
    ) {
        if let minute, minute.end <= now { endMinute() }
        let action = security == nil ? nil : admittedAction(of: description, at: now)
        let isLogged = description.severity >= level && limiter.admits(description, from: peer?.address, at: now)
        // Only now: to conceal what nobody writes would be work that strangers order.
        guard isLogged || action != nil else { return }
        let line = line(description, trace: trace, peer: peer)
        if let action { write(line, action, at: now) }
        if isLogged {
            let bytes = bytes(of: line)
            if fits(bytes.count, at: now) { write(bytes) }
        }
        tellKeyProblem(at: now)
    }

    private mutating func tellKeyProblem(at now: MonotonicTime) {
        guard let problem = privacy?.takeProblem() else { return }
        let words =
            switch problem {
            case .noKey(let error):
                "there is no key for pseudonyms, and the log leaves out what they would stand for: \(error)"
            case .notForgotten(let error):
                "old keys for pseudonyms cannot be overwritten and deleted, and reveal longer than log.privacy.after "
                    + "says: \(error)"
            }
        report(
            EventDescription(
                .control,
                .error,
                "privacy-keys-unavailable",
                words,
                remedy: "see that culvertd may write in log.privacy.keys, and that its disk is not full"
            ),
            at: now
        )
    }

    /// What it means to security, if the security log takes it.
    private mutating func admittedAction(of description: EventDescription, at now: MonotonicTime) -> SecurityAction? {
        guard let action = SecurityAction.of(description) else { return nil }
        tellHeld(at: now, ends: action.id == "gateway-stopped")
        return security?.admits(action, at: now) == true ? action : nil
    }

    private mutating func write(_ line: LogLine, _ action: SecurityAction, at now: MonotonicTime) {
        if security?.write(line, action, shared: &output) == false { counters.lostLogLines += 1 }
        if let file = security?.output?.file, let problem = file.takeProblem() {
            report(
                EventDescription(
                    .control,
                    .warning,
                    "security-log-not-followed",
                    "\(file.path) is another file now and cannot be opened, security events go on into the old one: "
                        + "\(problem)",
                    remedy: "let culvertd's user write in that folder, and make it a file and no link"
                ),
                at: now
            )
        }
    }

    mutating func tellHeld(at now: MonotonicTime, ends: Bool = false) {
        for held in security?.takeHeld(at: now, ends: ends) ?? [] {
            counters.count(layer: held.layer.rawValue, name: held.name)
            guard let action = SecurityAction.of(held) else { continue }
            let line = LogLine(time: wallClock(), description: held, trace: nil, peer: nil)
            if security?.write(line, action, shared: &output) == false { counters.lostLogLines += 1 }
        }
    }

    /// A line as the privacy settings want it.
    private mutating func line(_ description: EventDescription, trace: TraceID?, peer: SocketAddress?) -> LogLine {
        let line = LogLine(time: wallClock(), description: description, trace: trace, peer: peer)
        return privacy?.conceal(line) ?? line
    }

    private func bytes(of line: LogLine) -> [UInt8] {
        output.isJournal ? line.journalEntry().bytes : line.bytes(as: format)
    }

    /// Whether the minute has room for so many bytes more.
    private mutating func fits(_ count: Int, at now: MonotonicTime) -> Bool {
        var minute = self.minute ?? Minute(end: now.advanced(by: .seconds(60)))
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
        var deadlines = [limiter.nextDeadline, security?.nextDeadline, nextForgetting]
        if let minute, minute.held > 0 { deadlines.append(minute.end) }
        return deadlines.compactMap(\.self).min()
    }

    /// Tells how many lines were held back; deletes old keys.
    package mutating func advance(to now: MonotonicTime) {
        if let minute, minute.end <= now { endMinute() }
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
        tellHeld(at: now)
        if let nextForgetting, nextForgetting <= now { forget(at: now, waits: false) }
    }

    /// Deletes the keys of old pseudonyms, and plans to do so again.
    ///
    /// - Parameter waits: For the disk.
    mutating func forget(at now: MonotonicTime, waits: Bool) {
        privacy?.forget(before: wallClock(), waits: waits)
        nextForgetting = privacy == nil ? nil : now.advanced(by: Self.forgettingInterval)
        tellKeyProblem(at: now)
    }

    /// Tells what a minute held back because it was full.
    private mutating func endMinute() {
        defer { minute = nil }
        guard let minute, minute.held > 0 else { return }
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
        write(bytes(of: LogLine(time: wallClock(), description: description, trace: nil, peer: nil)))
    }

    /// - Parameter line: Or an entry of the journal.
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
            if !output.write(bytes(of: line)) {
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
