// SPDX-License-Identifier: Apache-2.0
import ControlPlane
import Glibc
import Primitives
import Runtime
import Synchronization
import Testing

/// The cases of `Docs/Conformance/security-cases.md` that concern the control socket, each with the nearest thing that
/// is right.
struct SecurityCaseTests {
    @Test(
        "T01: a megabyte without a line end, nonsense and deep nesting end the conversation; a request is answered",
        arguments: [
            "", "\u{0}\u{1}\u{FF}\r\n\r\n", String(repeating: "a", count: 8 << 20),
            "GET /" + String(repeating: "a", count: 1 << 20),
            post("/v1/terminate", String(repeating: "[", count: 10_000)),
            post("/v1/terminate", String(repeating: #"{"user":"#, count: 5_000)),
            post("/v1/impair", String(repeating: "[", count: 10_000)),
            post("/v1/terminate", String(repeating: " ", count: 70_000)),
        ]
    )
    func nonsense(request: String) async throws {
        var limits = ControlSocket.Limits()
        limits.requestTime = .milliseconds(500)
        let socket = try RunningSocket(limits: limits)
        let answer = try await socket.http(request)
        #expect([400, 408, 413].contains(answer.status), "\(answer)")
        #expect(socket.requests.isEmpty)
        #expect(try await socket.http(get("/v1/status")).status == 200)
    }

    @Test(
        "T02: who is neither root nor of the group cannot connect; who is of the group can",
        .enabled(if: geteuid() == 0, "Becoming another user takes root.")
    )
    func strangers() async throws {
        let folder = TemporaryFolder()
        chmod(folder.path, 0o755)
        let path = "\(folder.path)/control.sock"
        let (descriptor, file) = try ControlSocketFile.open(path: path, mode: 0o660, group: "daemon")
        defer {
            close(descriptor)
            file.remove()
        }
        let results = Box(Mutex<[Int32]>([]))
        for name in ["nobody:nogroup", "nobody:daemon"] {
            let user = try ProcessUser(name)
            onPrivateThread {
                #expect(throws: Never.self) { try Privileges.drop(keepsNetwork: false, user: user) }
                results.value.withLock { $0.append(UnixClient.tryToConnect(path)) }
            }
        }
        #expect(results.value.withLock { $0 } == [EACCES, 0])
    }

    @Test("T03: a command whose sender vanishes is done, and hurts nobody")
    func vanishingSenders() async throws {
        let socket = try RunningSocket()
        let path = socket.path
        try await onThread {
            for _ in 0..<20 {
                // Released at once: the answer finds nobody.
                UnixClient(path).send(post("/v1/terminate", #"{"user":"alice"}"#))
            }
        }
        for _ in 0..<1000 where socket.requests.count < 20 { try await Task.sleep(for: .milliseconds(2)) }
        #expect(socket.requests.count == 20)
        let answer = try await socket.http(post("/v1/terminate", #"{"user":"alice"}"#))
        #expect(answer == (200, #"{"terminated":3}"#))
    }

    @Test("T04: a thousand commands are done one after the other, with questions answered in between")
    func storms() async throws {
        let socket = try RunningSocket()
        let path = socket.path
        let statuses = try await onThread {
            (0..<1000).map { number in
                let command = http(path, post("/v1/terminate", #"{"user":"user\#(number)"}"#)).status
                guard number.isMultiple(of: 100) else { return command }
                return max(command, http(path, get("/v1/status")).status)
            }
        }
        #expect(statuses.allSatisfy { $0 == 200 })
        let commands = socket.requests.compactMap { request -> CallSelector? in
            if case .terminate(let selector, _) = request { selector } else { nil }
        }
        #expect(commands == (0..<1000).map { .user("user\($0)") })
    }

    @Test("T05: no answer and no log line has a secret in it; what may be told is told")
    func secretsStayInside() async throws {
        let folder = TemporaryFolder()
        let log = Pipe()
        let daemon = try await RunningDaemon(in: folder, log: log.writer, level: .debug, allowsImpairments: true)
        let peer = try UDPSocket(bindingTo: SocketAddress(localhost, port: 0))
        // A first message that no profile can agree to, and nonsense.
        let header = [UInt8](repeating: 7, count: 8) + [UInt8](repeating: 0, count: 8) + [1, 0x10, 2, 0, 0, 0, 0, 0]
        _ = peer.enqueue(header + [0, 0, 0, 28], from: localhost, to: daemon.running.sockets[0])
        _ = peer.enqueue([UInt8](repeating: 0xFF, count: 40), from: localhost, to: daemon.running.sockets[0])
        #expect(peer.send().sent == 2)
        let control = daemon.control
        let answers = try await onThread {
            [
                http(control, get("/v1/status")), http(control, get("/v1/sessions?all")),
                http(control, post("/v1/terminate", #"{"user":"alice"}"#)), http(control, get("/v1/impair")),
                http(control, post("/v1/impair", #"{"message":"ike","direction":"in","treatment":"drop"}"#)),
            ]
        }
        #expect(answers.allSatisfy { $0.status == 200 })
        _ = try await daemon.shutDown()
        rmdir("\(folder.path)/run")
        let text = answers.map(\.body).joined() + log.contents()
        #expect(text.contains("gw1.example.net") && text.contains("control terminate"))
        for secret in ["a long enough secret", "s3cret"] {
            let hexadecimal = secret.utf8.map { String($0, radix: 16) }.joined()
            #expect(!text.contains(secret) && !text.lowercased().contains(hexadecimal))
        }
    }

    @Test("T06: a hundred thousand sources make no new counter; a new event does")
    func counters() {
        var sink = EventSink(output: LogOutput(descriptor: -1))
        let event = EventDescription(.ike, .warning, "malformed", "x")
        sink.report(event, peer: SocketAddress(localhost, port: 500), at: seconds(1))
        let names = Set(sink.counters.byName.keys)
        for number in 0..<100_000 as Range<UInt32> {
            sink.report(event, peer: SocketAddress(.v4(0x0A00_0000 + number), port: 500), at: seconds(1))
        }
        #expect(Set(sink.counters.byName.keys) == names)
        #expect(sink.counters.byName["ike.malformed"] == 100_001)
        sink.report(EventDescription(.ike, .warning, "another", "x"), at: seconds(1))
        #expect(Set(sink.counters.byName.keys) == names.union(["ike.another"]))
    }
}
