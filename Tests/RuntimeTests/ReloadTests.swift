// SPDX-License-Identifier: Apache-2.0
import ConfigFile
import ControlPlane
import Foundation
import Glibc
import Primitives
import Runtime
import Synchronization
import Testing

/// The configuration is read again: over the control socket and on SIGHUP.
struct ReloadTests {
    private let folder = TemporaryFolder()
    private let log = Pipe()

    private func daemon() async throws -> RunningDaemon { try await RunningDaemon(in: folder, log: log.writer) }

    /// In the place of what is there.
    private func put(_ text: String, to name: String) {
        unlink("\(folder.path)/\(name)")
        _ = folder.write(text, to: name)
    }

    private func reload(_ daemon: RunningDaemon, dryRun: Bool = false) async throws -> (Int, ReloadReport) {
        let control = daemon.control
        let answer = try await onThread { http(control, post("/v1/reload", #"{"dryRun":\#(dryRun)}"#)) }
        return (answer.status, try JSONDecoder().decode(ReloadReport.self, from: Data(answer.body.utf8)))
    }

    private func end(_ daemon: RunningDaemon) async throws {
        _ = try await daemon.shutDown()
        rmdir("\(folder.path)/run")
    }

    private func lines(with text: String) -> [String] {
        log.contents().split(separator: "\n").map(String.init).filter { $0.contains(text) }
    }

    @Test func theSameFilesChangeNothing() async throws {
        let daemon = try await daemon()
        let (status, report) = try await reload(daemon)
        #expect(status == 200)
        #expect(report == ReloadReport(.unchanged))
        #expect(
            lines(with: "control reloaded").map { $0.dropFirst("2026-11-21T01:02:03.456Z ".count) } == [
                "notice control reloaded added=0 changed=0 removed=0 ending=0 restart=0 uid=\(getuid()) pid=\(getpid()): "
                    + "the configuration was read again and says what it said"
            ]
        )
        try await end(daemon)
    }

    @Test func aPlanIsCarriedOutAndADryRunIsNot() async throws {
        let daemon = try await daemon()
        put("users: [ { name: alice, secret: other }, { name: bob, secret: s3cret } ]\n", to: "users.yaml")
        let expected = [
            ReloadReport.Change(
                kind: "changed",
                key: "users.alice",
                what: "secret changed",
                takesEffect: "at once for new calls",
                calls: 0,
                feeling: nil
            ),
            ReloadReport.Change(
                kind: "added",
                key: "users.bob",
                what: nil,
                takesEffect: "at once",
                calls: 0,
                feeling: nil
            ),
        ]
        for _ in 0..<2 {
            let (status, report) = try await reload(daemon, dryRun: true)
            #expect(status == 200)
            #expect(report.outcome == .planned)
            #expect(report.changes == expected)
        }
        #expect(lines(with: "control reload").isEmpty)
        let (_, applied) = try await reload(daemon)
        #expect(applied.outcome == .applied)
        #expect(applied.isApplied)
        #expect(applied.changes == expected)
        #expect(lines(with: "reloaded added=1 changed=1 removed=0 ending=0 restart=0").count == 1)
        #expect(try await reload(daemon).1.outcome == .unchanged)
        try await end(daemon)
    }

    @Test func aFileWithMistakesChangesNothing() async throws {
        let daemon = try await daemon()
        put("users:\n  - { name: alice, secret: x, adress: 10.99.0.9 }\n", to: "users.yaml")
        for dryRun in [true, false] {
            let (status, report) = try await reload(daemon, dryRun: dryRun)
            #expect(status == 422)
            #expect(report.outcome == .refused)
            #expect(report.changes.isEmpty)
            #expect(
                report.findings == [
                    ReloadReport.Finding(
                        severity: "error",
                        file: "\(folder.path)/users.yaml",
                        line: 2,
                        column: 31,
                        message: "unknown key 'adress' in a user",
                        remedy: "did you mean 'address'?"
                    )
                ]
            )
            #expect(
                report.error?.message.hasSuffix("culvert.yaml is not usable, 1 mistake; nothing was changed") == true
            )
        }
        let refusals = lines(with: "error control reload-refused mistakes=1 uid=\(getuid())")
        #expect(refusals.count == 1)
        #expect(refusals.first?.contains("users.yaml:2:31: unknown key 'adress' in a user") == true)
        #expect(refusals.first?.hasSuffix("did you mean 'address'?") == true)
        put("users: [ { name: alice, secret: s3cret } ]\n", to: "users.yaml")
        #expect(try await reload(daemon).1.outcome == .unchanged)
        try await end(daemon)
    }

    @Test func whatNeedsARestartIsSaidAgainAndAgain() async throws {
        let daemon = try await daemon()
        let path = "\(folder.path)/culvert.yaml"
        let text = try String(contentsOfFile: path, encoding: .utf8)
        put(
            text.replacingOccurrences(of: "listen: [127.0.0.1]", with: "listen: [127.0.0.2]")
                + "\nlog: { level: error }\n",
            to: "culvert.yaml"
        )
        let (_, first) = try await reload(daemon)
        #expect(first.outcome == .applied)
        #expect(first.changes.map(\.key) == ["gateway.listen", "log.level"])
        #expect(first.changes.map(\.takesEffect) == ["only after a restart", "at once"])
        #expect(first.changes.first?.what == "was 127.0.0.1, is 127.0.0.2")
        let (_, second) = try await reload(daemon)
        #expect(second.changes.map(\.key) == ["gateway.listen"])
        // The level holds from the moment on: notices are not written any more.
        #expect(lines(with: "control reloaded").isEmpty)
        try await end(daemon)
    }

    @Test(arguments: ["[]", "true", #"{"dryRun":"yes"}"#, #"{"dryRun":null}"#, #"{"dry-run":true}"#])
    func aBodyThatIsNotUnderstoodIsRefused(body: String) {
        let refusal = #expect(throws: ControlRefusal.self) {
            try ControlRoute.reload.request(body: Array(body.utf8), from: nil)
        }
        #expect(refusal?.status == 400)
    }

    @Test func theBodySaysWhetherItIsADryRun() throws {
        for dryRun in [true, false] {
            #expect(
                try ControlRoute.reload.request(body: Array(#"{"dryRun":\#(dryRun)}"#.utf8), from: nil)
                    == .reload(ReloadOrder(isDryRun: dryRun), by: nil)
            )
        }
        for body in ["", "{}"] {
            #expect(
                try ControlRoute.reload.request(body: Array(body.utf8), from: nil)
                    == .reload(ReloadOrder(isDryRun: false), by: nil)
            )
        }
    }

    /// A daemon whose configuration has a mistake whenever it is read, which may take a while.
    private func mistakenDaemon(reading: @escaping @Sendable () -> Void) -> Daemon {
        let outcome = ConfigFile.parse("gateway: {}\n", file: "gw.yaml") { _ throws(FileProblem) in throw .missing }
        var daemon = Daemon(name: "gw1", listen: .loopback, control: .init(), controlPlane: .nobody)
        daemon.control.path = "\(folder.path)/control.sock"
        daemon.reloader = Reloader(Settings(controlPlane: .nobody, gatewayName: "gw1", listen: [])) {
            reading()
            return outcome
        }
        return daemon
    }

    /// Somebody reads for as long as the gate is closed; the loop serves meanwhile.
    @Test func aSecondReloadIsRefusedWhileTheFirstReads() async throws {
        let gate = Box(Mutex(false))
        let isReading = Box(Mutex(false))
        let configured = mistakenDaemon {
            isReading.value.withLock { $0 = true }
            while !gate.value.withLock({ $0 }) { usleep(1_000) }
        }
        let (daemon, writer, control) = (configured, log.writer, configured.control.path)
        let (started, continuation) = AsyncStream<Daemon.Running>.makeStream()
        let serving = Task {
            try await onThread {
                try daemon.serve(
                    plane: RecordingPlane(),
                    signals: nil,
                    sink: EventSink(output: LogOutput(descriptor: writer)),
                    whenReady: { continuation.yield($0) }
                )
            }
        }
        var first: Daemon.Running?
        for await value in started {
            first = value
            break
        }
        let running = try #require(first)
        let slow = Task { try await onThread { http(control, post("/v1/reload", #"{"dryRun":false}"#)) } }
        try await onThread { while !isReading.value.withLock({ $0 }) { usleep(1_000) } }
        let second = try await onThread { http(control, post("/v1/reload", #"{"dryRun":true}"#)) }
        #expect(second.status == 409)
        #expect(second.body.contains("the configuration is being read for somebody else"))
        let status = try await onThread { http(control, get("/v1/status")) }
        #expect(status.status == 200)
        gate.value.withLock { $0 = true }
        #expect(try await slow.value.status == 422)
        #expect(!log.contents().contains("control reloaded"))
        _ = running.mailbox.post(.shutDown)
        try await serving.value
    }

    /// Whoever sends a signal gets no answer: he cannot know that he was too early.
    @Test func aSignalDuringAReadingIsNotLost() async throws {
        let gate = Box(Mutex(false))
        let readings = Box(Mutex(0))
        let configured = mistakenDaemon {
            readings.value.withLock { $0 += 1 }
            while !gate.value.withLock({ $0 }) { usleep(1_000) }
        }
        let (daemon, writer) = (configured, log.writer)
        let control = configured.control.path
        try await onThread {
            try daemon.serve(
                plane: RecordingPlane(),
                signals: try Signals(),
                sink: EventSink(output: LogOutput(descriptor: writer)),
                whenReady: { running in
                    let mailbox = running.mailbox
                    let thread = pthread_self()
                    pthread_kill(thread, SIGHUP)
                    Thread.detachNewThread {
                        while readings.value.withLock({ $0 }) == 0 { usleep(1_000) }
                        pthread_kill(thread, SIGHUP)
                        // The turn that answers has seen the signal.
                        _ = http(control, get("/v1/status"))
                        gate.value.withLock { $0 = true }
                        for _ in 0..<5_000 where readings.value.withLock({ $0 }) < 2 { usleep(1_000) }
                        _ = mailbox.post(.shutDown)
                    }
                }
            )
        }
        #expect(readings.value.withLock { $0 } == 2)
        #expect(!log.contents().contains("is being read for somebody else"))
    }

    @Test func aSignalReloadsAndSaysSoInTheLog() async throws {
        let file = folder.write(
            """
            gateway: { name: gw1.example.net, listen: [127.0.0.1] }
            ike: { profiles: [ { name: remote-access, secret: { file: psk } } ] }
            addresses: { pools: [ { name: office, range: 10.99.0.0/20, gateway: 10.99.0.1 } ] }
            users: { file: users.yaml }
            control: { socket: \(folder.path)/control.sock }
            """,
            to: "culvert.yaml"
        )
        put("a long enough secret\n", to: "psk")
        put("users: []\n", to: "users.yaml")
        let settings = try #require(SettingsFile.read(file).settings)
        var configured = Daemon(settings)
        configured.listen = .loopback
        configured.reloader = Reloader(settings, file: file)
        put("users: [ { name: alice, secret: s3cret } ]\n", to: "users.yaml")
        let (daemon, writer, reader) = (configured, log.writer, log.reader)
        let text = try await onThread {
            let text = Box(Mutex(""))
            try daemon.serve(
                plane: RecordingPlane(),
                signals: try Signals(),
                sink: EventSink(output: LogOutput(descriptor: writer)),
                whenReady: { running in
                    pthread_kill(pthread_self(), SIGHUP)
                    let mailbox = running.mailbox
                    Thread.detachNewThread {
                        for _ in 0..<2_000 {
                            let isOver = text.value.withLock {
                                $0 += readNow(reader)
                                return $0.contains("control reload")
                            }
                            if isOver { break }
                            usleep(10_000)
                        }
                        _ = mailbox.post(.shutDown)
                    }
                }
            )
            return text.value.withLock { $0 }
        }
        #expect(
            text.contains(
                "notice control reloaded added=1 changed=0 removed=0 ending=0 restart=0: the configuration was read again: "
                    + "1 added, 0 changed, 0 removed, no call ends\n"
            )
        )
    }
}
