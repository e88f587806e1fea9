// SPDX-License-Identifier: Apache-2.0
package import ConfigFile
internal import Primitives

/// Which security events are written: all, up to so many of each action in a minute. What is beyond is told when the
/// minute is over.
package struct SecurityLog: Sendable {
    /// Lines of one action in a minute.
    package struct Limits: Hashable, Sendable {
        /// Where strangers decide how many there are.
        package var ofStrangers = 600
        package var ofOthers = 12_000

        package init(ofStrangers: Int = 600, ofOthers: Int = 12_000) {
            self.ofStrangers = ofStrangers
            self.ofOthers = ofOthers
        }
    }

    private struct Minute: Sendable {
        var end: MonotonicTime
        var written: [String: Int] = [:]
        var held: [String: UInt64] = [:]
    }

    package let settings: SecurityLogSettings
    package let gateway: String
    private let limits: Limits
    private var minute: Minute?
    /// Of its own; `nil` writes where the log does.
    package private(set) var output: LogOutput?

    package init(
        _ settings: SecurityLogSettings,
        gateway: String,
        output: LogOutput?,
        limits: Limits = Limits()
    ) {
        self.settings = settings
        self.gateway = gateway
        self.output = output
        self.limits = limits
    }

    /// When ``takeHeld(at:ends:)`` has something to tell.
    var nextDeadline: MonotonicTime? {
        guard let minute, !minute.held.isEmpty else { return nil }
        return minute.end
    }

    /// Whether this one is written.
    mutating func admits(_ action: SecurityAction, at now: MonotonicTime) -> Bool {
        var minute = minute ?? Minute(end: now.advanced(by: .seconds(60)))
        defer { self.minute = minute }
        guard
            minute.written[action.id, default: 0] < (action.nature.isByStrangers ? limits.ofStrangers : limits.ofOthers)
        else {
            minute.held[action.id, default: 0] += 1
            return false
        }
        minute.written[action.id, default: 0] += 1
        return true
    }

    /// What a minute that is over, or any if `ends`, has held back: an event for each action.
    mutating func takeHeld(at now: MonotonicTime, ends: Bool = false) -> [EventDescription] {
        guard let minute, ends || minute.end <= now else { return [] }
        self.minute = nil
        return minute.held.sorted { $0.key < $1.key }.map { id, count in
            EventDescription(
                .control,
                .warning,
                "security-events-held",
                "\(count) more events \(id) in 60 s were counted but not written as security events",
                fields: [.init("event", id), .init("count", count)]
            )
        }
    }

    /// - Parameter shared: Where the log goes.
    /// - Returns: Whether it was written.
    mutating func write(_ line: LogLine, _ action: SecurityAction, shared: inout LogOutput) -> Bool {
        let record = SecurityRecord(line, action, gateway: gateway)
        let format = settings.format
        guard var output else { return shared.write(record.bytes(as: format)) }
        defer { self.output = output }
        let isJournal = output.isJournal
        let bytes = { (record: SecurityRecord) in
            isJournal ? record.journalEntry(as: format).bytes : record.bytes(as: format)
        }
        if output.lost > 0, let action = SecurityAction.all.first(where: { $0.id == "security-events-held" }) {
            let lost = EventDescription(
                .control,
                .warning,
                "security-events-held",
                "\(output.lost) security events were lost: they could not be written",
                fields: [.init("event", "any"), .init("count", output.lost)]
            )
            let line = LogLine(time: line.time, description: lost, trace: nil, peer: nil)
            // The count stands until a line is written; that one tells it.
            guard output.write(bytes(SecurityRecord(line, action, gateway: gateway))) else { return false }
        }
        return output.write(bytes(record))
    }
}
