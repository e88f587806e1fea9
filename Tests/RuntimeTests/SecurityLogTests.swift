// SPDX-License-Identifier: Apache-2.0
import ConfigFile
import Glibc
import Primitives
import Testing

@testable import Runtime

struct SecurityLogTests {
    private let peer = SocketAddress(.v4(0xCB00_710A), port: 500)
    private let refusal = EventDescription(
        .authentication,
        .warning,
        "user-refused",
        "User alice is refused",
        fields: [.init("user", "alice")]
    )
    private let up = EventDescription(
        .control,
        .notice,
        "call-up",
        "user alice is up",
        fields: [.init("user", "alice")]
    )

    private func read(_ path: String) -> String {
        let descriptor = open(path, O_RDONLY)
        defer { close(descriptor) }
        return readNow(descriptor)
    }

    private func sink(_ path: String, _ pipe: Pipe, _ limits: SecurityLog.Limits = .init()) throws -> EventSink {
        EventSink(
            level: .error,
            output: LogOutput(descriptor: pipe.writer),
            security: SecurityLog(
                SecurityLogSettings(to: .file(path)),
                gateway: "gw1",
                output: LogOutput(try AppendedFile(path: path)),
                limits: limits
            ),
            wallClock: { WallClockTime(milliseconds: 0) }
        )
    }

    @Test func securityEventsAreWrittenWhateverTheLogsLevel() throws {
        let (folder, pipe) = (TemporaryFolder(), Pipe())
        let path = folder.path + "/security.json"
        var sink = try sink(path, pipe)
        sink.report(refusal, trace: TraceID(rawValue: 1), peer: peer, at: seconds(1))
        sink.report(EventDescription(.ppp, .notice, "echo-timeout", "x"), at: seconds(1))
        #expect(pipe.contents() == "")
        let lines = read(path).split(separator: "\n")
        #expect(lines.count == 1)
        #expect(lines[0].contains(#""action":"login-failed""#) && lines[0].contains(#""trace":"0000000000000001""#))
        var status = stat()
        #expect(lstat(path, &status) == 0 && status.st_mode & 0o777 == 0o640)
    }

    /// Five lines a minute for each source are enough for the log, and not for who counts attacks.
    @Test func theLimitsOfTheLogAreNotTheirs() throws {
        let (folder, pipe) = (TemporaryFolder(), Pipe())
        var sink = try sink(folder.path + "/s", pipe)
        for _ in 0..<500 { sink.report(refusal, peer: peer, at: seconds(1)) }
        #expect(read(folder.path + "/s").split(separator: "\n").count == 500)
    }

    @Test func whatIsBeyondTheirOwnLimitIsTold() throws {
        let (folder, pipe) = (TemporaryFolder(), Pipe())
        var sink = try sink(folder.path + "/s", pipe, .init(ofStrangers: 10, ofOthers: 20))
        for _ in 0..<100 {
            sink.report(refusal, peer: peer, at: seconds(1))
            sink.report(up, peer: peer, at: seconds(1))
        }
        let lines = read(folder.path + "/s").split(separator: "\n")
        #expect(lines.count { $0.contains("login-failed") } == 10 && lines.count { $0.contains("call-up") } == 20)
        #expect(sink.nextDeadline == seconds(61))
        sink.advance(to: seconds(61))
        let told = read(folder.path + "/s").split(separator: "\n").dropFirst(30)
        #expect(told.count == 2)
        #expect(told.contains { $0.contains(#""event":"login-failed","count":90"#) })
        #expect(told.contains { $0.contains(#""event":"call-up","count":80"#) })
        #expect(sink.counters.byName["control.security-events-held"] == 2)
        sink.report(refusal, peer: peer, at: seconds(62))
        #expect(read(folder.path + "/s").split(separator: "\n").count == 33)
    }

    @Test func theEndTellsWhatIsHeld() throws {
        let (folder, pipe) = (TemporaryFolder(), Pipe())
        var sink = try sink(folder.path + "/s", pipe, .init(ofStrangers: 1, ofOthers: 20))
        for _ in 0..<3 { sink.report(refusal, peer: peer, at: seconds(1)) }
        sink.report(EventDescription(.control, .notice, "stopped", "x"), at: seconds(2))
        let lines = read(folder.path + "/s").split(separator: "\n")
        #expect(lines.count == 3)
        #expect(lines[1].contains(#""event":"login-failed","count":2"#) && lines[2].contains("gateway-stopped"))
    }

    @Test func onStandardErrorTheyStandBetweenTheLinesOfTheLog() throws {
        let pipe = Pipe()
        var settings = SecurityLogSettings(to: .stderr)
        settings.format = .cef
        var sink = EventSink(
            output: LogOutput(descriptor: pipe.writer),
            security: SecurityLog(settings, gateway: "gw1", output: nil),
            wallClock: { WallClockTime(milliseconds: 0) }
        )
        sink.report(up, peer: peer, at: seconds(1))
        let lines = pipe.contents().split(separator: "\n")
        #expect(lines.count == 2)
        #expect(lines[0].hasPrefix("CEF:0|Culvert|culvertd|") && lines[1].hasPrefix("1970-01-01T00:00:00.000Z notice"))
    }

    @Test func aScanIsToldOnceAndCounted() throws {
        let (folder, pipe) = (TemporaryFolder(), Pipe())
        var sink = try sink(folder.path + "/s", pipe)
        let refused = EventDescription(.ike, .warning, "no-proposal-chosen", "x")
        for _ in 0..<200 { sink.report(refused, peer: peer, at: seconds(1)) }
        #expect(sink.counters.byName["control.scan-detected"] == 1)
        let lines = read(folder.path + "/s").split(separator: "\n")
        #expect(lines.count == 1)
        #expect(lines[0].contains(#""kind":"alert""#) && lines[0].contains(#""ip":"203.0.113.10""#))
    }

    @Test func privacyCountsHereToo() throws {
        let (folder, pipe) = (TemporaryFolder(), Pipe())
        var settings = PrivacySettings()
        settings.names = .none
        settings.addresses = .network
        var sink = EventSink(
            output: LogOutput(descriptor: pipe.writer),
            security: SecurityLog(SecurityLogSettings(to: .stderr), gateway: "gw1", output: nil),
            privacy: try Privacy(settings),
            wallClock: { WallClockTime(milliseconds: 0) }
        )
        sink.report(refusal, peer: peer, at: seconds(1))
        let text = pipe.contents()
        #expect(!text.contains("alice") && !text.contains("203.0.113.10") && text.contains("203.0.113.0/24"))
        _ = folder
    }

    // MARK: The file

    @Test func aFileThatWasMovedAwayIsBegunAnew() throws {
        let folder = TemporaryFolder()
        let path = folder.path + "/s"
        let file = try AppendedFile(path: path)
        let now = MonotonicTime.current()
        #expect(file.write(Array("one\n".utf8), at: now))
        try #require(rename(path, path + ".1") == 0)
        // For a second what is written follows the file that was moved.
        #expect(file.write(Array("two\n".utf8), at: now))
        #expect(file.write(Array("three\n".utf8), at: now.advanced(by: .seconds(2))))
        #expect(read(path + ".1") == "one\ntwo\n" && read(path) == "three\n")
        // The same if somebody else made the new one: logrotate's `create`.
        try #require(rename(path, path + ".2") == 0)
        close(open(path, O_WRONLY | O_CREAT, 0o600))
        #expect(file.write(Array("four\n".utf8), at: now.advanced(by: .seconds(4))))
        #expect(read(path) == "four\n")
    }

    @Test func aFileThatCannotBeBegunAnewIsWrittenToWhereItIs() throws {
        let folder = TemporaryFolder()
        let path = folder.path + "/s"
        let file = try AppendedFile(path: path)
        try #require(rename(path, path + ".1") == 0 && symlink("/etc/passwd", path) == 0)
        let later = MonotonicTime.current().advanced(by: .seconds(2))
        #expect(file.write(Array("one\n".utf8), at: later))
        #expect(read(path + ".1") == "one\n" && file.problem != nil)
    }

    @Test func aFileThatIsNotFollowedIsToldOnce() throws {
        let (folder, pipe) = (TemporaryFolder(), Pipe())
        let path = folder.path + "/s"
        let file = try AppendedFile(path: path)
        var sink = EventSink(
            output: LogOutput(descriptor: pipe.writer),
            security: SecurityLog(SecurityLogSettings(to: .file(path)), gateway: "gw1", output: LogOutput(file))
        )
        try #require(rename(path, path + ".1") == 0 && symlink("/etc/passwd", path) == 0)
        let later = MonotonicTime.current().advanced(by: .seconds(2))
        #expect(file.write(Array("one\n".utf8), at: later))
        for _ in 0..<3 { sink.report(up, at: seconds(1)) }
        #expect(sink.counters.byName["control.security-log-not-followed"] == 1)
        #expect(pipe.contents().contains("warning control security-log-not-followed: "))
        #expect(read(path + ".1").split(separator: "\n").count == 5)
    }

    /// The event that says so has to leave things out as well.
    @Test func missingKeysAreToldOnce() throws {
        let (folder, pipe) = (TemporaryFolder(), Pipe())
        var settings = PrivacySettings()
        settings.folder = folder.path + "/privacy"
        var sink = EventSink(
            output: LogOutput(descriptor: pipe.writer),
            privacy: try Privacy(settings),
            wallClock: { WallClockTime(milliseconds: 0) }
        )
        try #require(rename(settings.folder, folder.path + "/elsewhere") == 0)
        for _ in 0..<3 { sink.report(up, peer: peer, at: seconds(1)) }
        #expect(sink.counters.byName["control.privacy-keys-unavailable"] == 1)
        let text = pipe.contents()
        #expect(text.split(separator: "\n").count == 4 && !text.contains("alice") && !text.contains("203.0.113.10"))
    }

    @Test func linksDevicesAndFoldersAreNoPlaceForIt() throws {
        let folder = TemporaryFolder()
        try #require(symlink(folder.path + "/target", folder.path + "/link") == 0)
        try #require(mkfifo(folder.path + "/pipe", 0o600) == 0)
        for path in ["/link", "/pipe", ""].map({ folder.path + $0 }) + ["/dev/null", "/nonexistent/s"] {
            #expect(throws: SystemError.self, "\(path)") { try AppendedFile(path: path) }
        }
    }

    // MARK: Other settings

    @Test func otherSettingsTakeThePlaceOfTheseAndBadOnesDoNot() throws {
        let (folder, pipe) = (TemporaryFolder(), Pipe())
        var log = LogSettings()
        log.level = .warning
        log.security = SecurityLogSettings(to: .file(folder.path + "/a"))
        var sink = EventSink(output: LogOutput(descriptor: pipe.writer), wallClock: { WallClockTime(milliseconds: 0) })
        try sink.apply(EventSink.Settings(log, gateway: "gw1"), at: seconds(1))
        sink.report(up, at: seconds(1))
        #expect(read(folder.path + "/a").split(separator: "\n").count == 1 && pipe.contents() == "")

        var bad = log
        bad.level = .debug
        bad.security = SecurityLogSettings(to: .file("/nonexistent/s"))
        #expect(throws: StartProblem.self) { try sink.apply(EventSink.Settings(bad, gateway: "gw1"), at: seconds(2)) }
        sink.report(up, at: seconds(2))
        #expect(read(folder.path + "/a").split(separator: "\n").count == 2 && pipe.contents() == "")

        log.level = .info
        log.format = .json
        log.security?.format = .cef
        try sink.apply(EventSink.Settings(log, gateway: "gw1"), at: seconds(3))
        sink.report(up, at: seconds(3))
        #expect(read(folder.path + "/a").split(separator: "\n").last?.hasPrefix("CEF:0|") == true)
        #expect(pipe.contents().hasPrefix("{"))

        try sink.apply(EventSink.Settings(LogSettings(), gateway: "gw1"), at: seconds(4))
        sink.report(up, at: seconds(4))
        #expect(read(folder.path + "/a").split(separator: "\n").count == 3)
        #expect(pipe.contents().hasPrefix("1970-"))
    }

    @Test func whatIsHeldIsToldBeforeAnotherGatewayTakesOver() throws {
        let (folder, pipe) = (TemporaryFolder(), Pipe())
        let path = folder.path + "/s"
        var sink = try sink(path, pipe, .init(ofStrangers: 1, ofOthers: 20))
        for _ in 0..<3 { sink.report(refusal, peer: peer, at: seconds(1)) }
        var log = LogSettings()
        log.security = SecurityLogSettings(to: .file(path))
        try sink.apply(EventSink.Settings(log, gateway: "gw2"), at: seconds(2))
        let lines = read(path).split(separator: "\n")
        #expect(lines.count == 2)
        #expect(lines.last?.contains(#""event":"login-failed","count":2"#) == true)
    }

    /// To conceal is work, and whether there is any must not be for strangers to say.
    @Test func whatNobodyWritesIsNotConcealed() throws {
        let (folder, pipe) = (TemporaryFolder(), Pipe())
        var settings = PrivacySettings()
        settings.folder = folder.path + "/privacy"
        var sink = try sink(folder.path + "/s", pipe, .init(ofStrangers: 1, ofOthers: 20))
        sink.report(refusal, peer: peer, at: seconds(1))
        // From now on it could not be concealed, which would be told.
        sink.privacy = try Privacy(settings)
        try #require(rename(settings.folder, folder.path + "/elsewhere") == 0)
        sink.report(refusal, peer: peer, at: seconds(1))
        #expect(sink.counters.byName["control.privacy-keys-unavailable"] == nil)
    }

    @Test func keysThatCannotBeDeletedAreTold() throws {
        let (folder, pipe) = (TemporaryFolder(), Pipe())
        var log = LogSettings()
        var privacy = PrivacySettings()
        privacy.folder = folder.path + "/privacy"
        privacy.after = .seconds(86_400)
        log.privacy = privacy
        var sink = EventSink(output: LogOutput(descriptor: pipe.writer), wallClock: { .current() })
        try sink.apply(EventSink.Settings(log, gateway: "gw1"), at: seconds(1))
        #expect(pipe.contents() == "")
        let old = privacy.folder + "/2026-01-01.key"
        try #require(mkdir(old, 0o700) == 0)
        defer { rmdir(old) }
        for time in [601.0, 1201, 1801] { sink.advance(to: seconds(time)) }
        #expect(sink.counters.byName["control.privacy-keys-unavailable"] == 1)
        #expect(pipe.contents().contains(" old keys for pseudonyms cannot be overwritten and deleted"))
        // When it was well meanwhile it is told again.
        try #require(rmdir(old) == 0)
        sink.advance(to: seconds(2401))
        try #require(mkdir(old, 0o700) == 0)
        sink.advance(to: seconds(3001))
        #expect(sink.counters.byName["control.privacy-keys-unavailable"] == 2)
    }

    @Test func keysOfPseudonymsAreLookedThroughNowAndThen() throws {
        let folder = TemporaryFolder()
        var log = LogSettings()
        var privacy = PrivacySettings()
        privacy.folder = folder.path + "/privacy"
        privacy.after = .seconds(86_400)
        log.privacy = privacy
        var sink = EventSink(wallClock: { .current() })
        try sink.apply(EventSink.Settings(log, gateway: "gw1"), at: seconds(1))
        let old = privacy.folder + "/2026-01-01.key"
        close(open(old, O_WRONLY | O_CREAT, 0o600))
        let deadline = try #require(sink.nextDeadline)
        sink.advance(to: deadline)
        #expect(access(old, F_OK) != 0)
    }
}
