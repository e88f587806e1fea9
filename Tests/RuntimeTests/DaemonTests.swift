// SPDX-License-Identifier: Apache-2.0
import ConfigFile
import ControlPlane
import Glibc
import Primitives
import Runtime
import Synchronization
import Testing

/// A whole daemon in the test process: real sockets on high ports of the loopback, nobody's kernel.
struct RunningDaemon: Sendable {
    let running: Daemon.Running
    let control: String
    let log: Int32
    let end: Task<[RecordingPlane.Entry], any Error>

    /// - Parameter folder: Gets the configuration and the socket.
    init(
        in folder: TemporaryFolder,
        log: Int32,
        level: EventDescription.Severity = .info,
        allowsImpairments: Bool = false
    ) async throws {
        let control = "\(folder.path)/run/control.sock"
        let file = folder.write(
            """
            gateway: { name: gw1.example.net, listen: [127.0.0.1] }
            ike:
              profiles:
                - { name: remote-access, secret: { file: psk } }
            addresses:
              pools:
                - { name: office, range: 10.99.0.0/20, gateway: 10.99.0.1 }
            users: { file: users.yaml }
            control: { socket: \(control) }
            """,
            to: "culvert.yaml"
        )
        _ = folder.write("a long enough secret\n", to: "psk")
        _ = folder.write("users: [ { name: alice, secret: s3cret } ]\n", to: "users.yaml")
        let outcome = ConfigFile.read(file, load: SettingsFile.load)
        #expect(outcome.diagnostics == [])
        let settings = try #require(outcome.settings)
        var daemon = Daemon(settings)
        daemon.reloader = Reloader(settings, file: file)
        daemon.listen = .loopback
        daemon.allowsImpairments = allowsImpairments
        let configured = daemon

        let (started, continuation) = AsyncThrowingStream<Daemon.Running, any Error>.makeStream()
        let end = Task {
            try await onThread {
                let plane = RecordingPlane()
                do {
                    try configured.serve(
                        plane: plane,
                        signals: nil,
                        sink: EventSink(level: level, output: LogOutput(descriptor: log)),
                        whenReady: { continuation.yield($0) }
                    )
                    continuation.finish()
                } catch {
                    continuation.finish(throwing: error)
                    throw error
                }
                return plane.entries
            }
        }
        var first: Daemon.Running?
        for try await value in started {
            first = value
            break
        }
        self.running = try #require(first)
        self.control = control
        self.log = log
        self.end = end
    }

    func shutDown() async throws -> [RecordingPlane.Entry] {
        _ = running.mailbox.post(.shutDown)
        return try await end.value
    }
}

struct DaemonTests {
    @Test func startsServesAndEndsInOrder() async throws {
        let folder = TemporaryFolder()
        let log = Pipe()
        let daemon = try await RunningDaemon(in: folder, log: log.writer)
        let ike = daemon.running.sockets[0]

        // Something that is no IKE: counted and reported, not answered.
        let peer = try UDPSocket(bindingTo: SocketAddress(localhost, port: 0))
        _ = peer.enqueue([UInt8](repeating: 0xFF, count: 40), from: localhost, to: ike)
        #expect(peer.send().sent == 1)

        let control = daemon.control
        let status = try await onThread {
            var answer = http(control, get("/v1/status"))
            // The datagram may come after the question.
            for _ in 0..<100 where !answer.body.contains(#""packets.received":1"#) {
                answer = http(control, get("/v1/status"))
            }
            return answer
        }
        #expect(status.status == 200)
        #expect(status.body.contains(#""packets.received":1"#))
        #expect(status.body.contains(#""name":"gw1.example.net""#))
        #expect(status.body.contains(#""version":"\#(Daemon.version)""#))
        #expect(status.body.contains(#""range":"10.99.0.0/20""#))
        let sessions = try await onThread { http(control, get("/v1/sessions")) }
        #expect(sessions == (200, #"{"sessions":[]}"#))
        let terminated = try await onThread { http(control, post("/v1/terminate", #"{"all":true}"#)) }
        #expect(terminated == (200, #"{"terminated":0}"#))

        let entries = try await daemon.shutDown()
        #expect(entries.last == .shutDown)
        #expect(entries.count { $0 == .shutDown } == 1)
        #expect(access(control, F_OK) != 0)
        rmdir("\(folder.path)/run")
        // The ports are free again.
        #expect(try UDPSocket(bindingTo: ike).local == ike)

        let lines = log.contents().split(separator: "\n").map { $0.dropFirst("2026-11-21T01:02:03.456Z ".count) }
        #expect(lines.first?.hasPrefix("notice control ready gateway=gw1.example.net") == true)
        #expect(lines.first?.contains("culvertd \(Daemon.version) is ready on \(ike), ") == true)
        #expect(lines.contains { $0.hasPrefix("notice control terminate calls=0 uid=\(getuid()) pid=\(getpid()):") })
        #expect(lines.suffix(2).first == "notice control stopping: saying goodbye to every peer")
        #expect(lines.last == "notice control stopped: every tunnel and every key is gone")
    }

    /// SIGTERM, as the service manager sends it, and what the service manager hears of it.
    @Test func aSignalEndsItAndTheServiceManagerIsTold() async throws {
        let folder = TemporaryFolder()
        let manager = folder.datagramSocket("notify")
        defer { close(manager) }
        var daemon = Daemon(
            name: "gw1",
            listen: .loopback,
            control: .init(),
            controlPlane: .nobody
        )
        daemon.control.path = "\(folder.path)/control.sock"
        daemon.service = ServiceChannel(socket: "\(folder.path)/notify")
        let configured = daemon
        let log = Pipe()
        let logWriter = log.writer
        try await onThread {
            try configured.serve(
                plane: RecordingPlane(),
                signals: try Signals(),
                sink: EventSink(output: LogOutput(descriptor: logWriter)),
                // To this thread only: the others of a test process do not block them.
                whenReady: { _ in
                    pthread_kill(pthread_self(), SIGHUP)
                    pthread_kill(pthread_self(), SIGTERM)
                }
            )
        }
        let lines = log.contents()
        #expect(
            lines.contains(" error control reload-refused mistakes=0: this culvertd does not read its configuration")
        )
        #expect(lines.contains(" notice control stopped: "))
        var heard: [String] = []
        var buffer = [UInt8](repeating: 0, count: 100)
        for _ in 0..<4 {
            let count = recv(manager, &buffer, buffer.count, Int32(MSG_DONTWAIT))
            heard.append(String(decoding: buffer.prefix(max(0, count)), as: UTF8.self))
        }
        #expect(heard.first == "READY=1")
        #expect(heard.contains("STOPPING=1\nEXTEND_TIMEOUT_USEC=10000000"))
        #expect(heard.contains("STATUS=saying goodbye to every peer"))
    }

    @Test func aSecondDaemonOnTheSameSocketFileIsRefused() async throws {
        let folder = TemporaryFolder()
        let log = Pipe()
        let first = try await RunningDaemon(in: folder, log: log.writer)
        var second = Daemon(
            name: "gw2",
            listen: .loopback,
            control: .init(),
            controlPlane: .nobody
        )
        second.control.path = first.control
        let rival = second
        let plane = Box(Mutex<[RecordingPlane.Entry]>([]))
        let problem = await #expect(throws: StartProblem.self) {
            try await onThread { () throws -> Void in
                let recording = RecordingPlane()
                defer { plane.value.withLock { $0 = recording.entries } }
                try rival.serve(plane: recording, signals: nil, sink: EventSink(output: LogOutput(descriptor: -1)))
            }
        }
        #expect(problem?.message == "another daemon answers on the control socket \(first.control)")
        // What it had of the kernel by then is given back.
        #expect(plane.value.withLock { $0 } == [.shutDown])
        _ = try await first.shutDown()
        rmdir("\(folder.path)/run")
    }
}
