// SPDX-License-Identifier: Apache-2.0
import ConfigFile
import Glibc
import Primitives
import Testing

@testable import Runtime

struct JournalTests {
    private let time = WallClockTime(milliseconds: 1_795_222_923_456)
    private let peer = SocketAddress(.v4(0xCB00_710A), port: 500)

    /// As journald reads an entry.
    private func fields(of bytes: [UInt8]) throws -> [String: String] {
        var fields: [String: String] = [:]
        var rest = bytes[...]
        while !rest.isEmpty {
            let end = try #require(rest.firstIndex(of: 0x0A))
            let line = rest[..<end]
            rest = rest[(end + 1)...]
            if let equals = line.firstIndex(of: 0x3D) {
                fields[String(decoding: line[..<equals], as: UTF8.self)] =
                    String(decoding: line[(equals + 1)...], as: UTF8.self)
            } else {
                let length = Int(rest.prefix(8).reversed().reduce(0 as UInt64) { $0 << 8 | UInt64($1) })
                rest = rest.dropFirst(8)
                try #require(rest.count > length)
                fields[String(decoding: line, as: UTF8.self)] = String(decoding: rest.prefix(length), as: UTF8.self)
                rest = rest.dropFirst(length)
                try #require(rest.first == 0x0A)
                rest = rest.dropFirst()
            }
        }
        return fields
    }

    @Test func anEntryHasTheLineAndItsParts() throws {
        let event = EventDescription(
            .authentication,
            .warning,
            "user-refused",
            "User alice is refused with mschapv2: the password is wrong",
            remedy: "Correct the password",
            fields: [.init("user", "alice")],
            facts: [.init("reason", "wrong-password")]
        )
        let trace = TraceID(rawValue: 0x0123_4567_89AB_CDEF)
        let entry = LogLine(time: time, description: event, trace: trace, peer: peer).journalEntry()
        #expect(
            try fields(of: entry.bytes) == [
                "MESSAGE": "authentication user-refused trace=0123456789abcdef peer=203.0.113.10:500 user=alice: "
                    + "User alice is refused with mschapv2: the password is wrong; remedy: Correct the password",
                "PRIORITY": "4", "SYSLOG_IDENTIFIER": "culvertd", "CULVERT_LAYER": "authentication",
                "CULVERT_EVENT": "user-refused", "CULVERT_TRACE": "0123456789abcdef",
                "CULVERT_PEER": "203.0.113.10:500", "CULVERT_REMEDY": "Correct the password",
                "CULVERT_FIELD_USER": "alice", "CULVERT_FIELD_REASON": "wrong-password",
            ]
        )
    }

    @Test func aValueOfSeveralLinesGoesAfterItsLength() {
        var entry = JournalEntry(identifier: "x", severity: .error, message: [])
        entry.append("A_B", Array("one\ntwo".utf8))
        let bytes = Array("MESSAGE=\nPRIORITY=3\nSYSLOG_IDENTIFIER=x\nA_B\n".utf8) + [7, 0, 0, 0, 0, 0, 0, 0]
        #expect(entry.bytes == bytes + Array("one\ntwo\n".utf8))
    }

    @Test(arguments: ["", "_A", "1A", "a", "A-B", "A=B", "A\n", "Ä", String(repeating: "A", count: 65)])
    func aNameThatJournaldWouldRefuseIsLeftOut(name: String) {
        var entry = JournalEntry(identifier: "x", severity: .info, message: [])
        let before = entry
        entry.append(name, [0x41])
        #expect(entry == before)
    }

    /// Whatever stands in names and values of fields, the entry is read back as it was meant.
    @Test func noTextOfAPeerBreaksTheFrame() throws {
        let texts =
            (0..<0x300).compactMap { Unicode.Scalar($0) }.map { "a\($0)b" }
            + [
                "\n", "A=B\nPRIORITY=0\n", String(repeating: "\n", count: 9000), String(repeating: "😀", count: 9000),
                "",
            ]
        for text in texts {
            let event = EventDescription(
                .l2tp,
                .info,
                "x",
                text,
                remedy: text,
                fields: [.init("host-name", text), .init(text, "v")] + (0..<60).map { .init("f\($0)", text) }
            )
            let entry = LogLine(time: time, description: event, trace: nil, peer: peer).journalEntry()
            #expect(entry.bytes.count <= 16_384)
            let read = try fields(of: entry.bytes)
            #expect(read["PRIORITY"] == "6")
            #expect(read["CULVERT_FIELD_HOST_NAME"].map { text.hasPrefix($0) } == true)
            #expect(read["CULVERT_EVENT"] == "x")
        }
    }

    /// Takes what is sent to journald.
    private final class Journald {
        let path: String
        private var descriptor: Int32 = -1

        init(_ path: String) {
            self.path = path
            start()
        }

        func start() {
            descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0)
            let result = withUnixAddress(path) { bind(descriptor, $0, $1) }
            precondition(result == 0, "bind \(path): \(errno)")
        }

        func stop() {
            close(descriptor)
            unlink(path)
        }

        deinit { stop() }

        func entries() -> [[UInt8]] {
            var entries: [[UInt8]] = []
            var buffer = [UInt8](repeating: 0, count: 65_536)
            while true {
                let count = recv(descriptor, &buffer, buffer.count, 0)
                guard count > 0 else { return entries }
                entries.append(Array(buffer[..<count]))
            }
        }
    }

    private func settings(_ log: LogSettings, _ journald: Journald) -> EventSink.Settings {
        var settings = EventSink.Settings(log, gateway: "gw1")
        settings.journalPath = journald.path
        settings.journalStream = nil
        return settings
    }

    @Test func eventsReachJournaldAndFindItAgainWhenItStartsAnew() throws {
        let folder = TemporaryFolder()
        let journald = Journald(folder.path + "/socket")
        var log = LogSettings()
        log.to = .journald
        var sink = EventSink()
        try sink.apply(settings(log, journald), at: seconds(1))
        let event = EventDescription(.control, .notice, "ready", "ready")
        sink.report(event, at: seconds(1))
        #expect(try journald.entries().map { try fields(of: $0)["MESSAGE"] } == ["control ready: ready"])

        journald.stop()
        sink.report(event, at: seconds(2))
        #expect(sink.counters.lostLogLines == 1)
        journald.start()
        sink.report(event, at: seconds(3))
        #expect(
            try journald.entries().map { try fields(of: $0)["CULVERT_EVENT"] } == ["log-lines-lost", "ready"]
        )
    }

    @Test("Z33: a journald that does not read costs lines and never time")
    func aJournaldThatDoesNotReadCostsLines() throws {
        let folder = TemporaryFolder()
        let journald = Journald(folder.path + "/socket")
        var log = LogSettings()
        log.to = .journald
        var sink = EventSink()
        try sink.apply(settings(log, journald), at: seconds(1))
        for _ in 0..<5000 { sink.report(EventDescription(.kernel, .error, "refused", "x"), at: seconds(1)) }
        let arrived = journald.entries().count
        #expect(arrived > 0 && arrived < 5000)
        #expect(UInt64(arrived) + sink.counters.lostLogLines == 5000)
    }

    /// An entry of the journal that is no entry is lost, and no two values may write to one descriptor.
    @Test func aSecurityLogOnStandardErrorFollowsALogThatGoesToTheJournalAndBack() throws {
        let folder = TemporaryFolder()
        let journald = Journald(folder.path + "/socket")
        var log = LogSettings()
        log.to = .stderr
        log.security = SecurityLogSettings(to: .stderr)
        var sink = EventSink()
        try sink.apply(settings(log, journald), at: seconds(1))
        #expect(sink.security?.output == nil)
        log.to = .journald
        try sink.apply(settings(log, journald), at: seconds(2))
        #expect(sink.output.isJournal && sink.security?.output?.isJournal == false)
        log.to = .stderr
        try sink.apply(settings(log, journald), at: seconds(3))
        #expect(!sink.output.isJournal && sink.security != nil && sink.security?.output == nil)
    }

    @Test func aMissingJournaldIsToldAtTheStartIfItIsInsistedOn() throws {
        var log = LogSettings()
        log.to = .journald
        var settings = EventSink.Settings(log, gateway: "gw1")
        settings.journalPath = "/nonexistent/socket"
        var sink = EventSink()
        #expect(throws: StartProblem.self) { try sink.apply(settings, at: seconds(1)) }
        settings.log.to = .auto
        var status = stat()
        try #require(fstat(2, &status) == 0)
        settings.journalStream = "\(status.st_dev):\(status.st_ino)"
        try sink.apply(settings, at: seconds(1))
    }

    @Test func whereStandardErrorIsTheJournalItGetsFieldsAndJSONDoesNotGoThere() throws {
        let folder = TemporaryFolder()
        let journald = Journald(folder.path + "/socket")
        var settings = settings(LogSettings(), journald)
        var status = stat()
        try #require(fstat(2, &status) == 0)
        settings.journalStream = "\(status.st_dev):\(status.st_ino)"
        let event = EventDescription(.control, .notice, "ready", "ready")
        var sink = EventSink()
        try sink.apply(settings, at: seconds(1))
        sink.report(event, at: seconds(1))
        #expect(journald.entries().count == 1)
        let pipe = Pipe()
        settings.log.format = .json
        sink = EventSink(output: LogOutput(descriptor: pipe.writer))
        try sink.apply(settings, at: seconds(2))
        sink.report(event, at: seconds(2))
        #expect(journald.entries().isEmpty && pipe.contents().hasPrefix("{"))
    }

    /// systemd names device and inode of what it made standard error.
    @Test func standardErrorIsTheJournalIfSystemdSaysSo() throws {
        let pipe = Pipe()
        var status = stat()
        try #require(fstat(pipe.writer, &status) == 0)
        let stream = "\(status.st_dev):\(status.st_ino)"
        #expect(JournalSocket.isJournal(pipe.writer, stream: stream))
        #expect(!JournalSocket.isJournal(pipe.reader == pipe.writer ? -1 : 999, stream: stream))
        for other in [nil, "", ":", "1:2:3", "x:y", "\(status.st_dev):\(status.st_ino + 1)", "-1:-1"] as [String?] {
            #expect(!JournalSocket.isJournal(pipe.writer, stream: other))
        }
    }
}
