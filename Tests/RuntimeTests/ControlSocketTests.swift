// SPDX-License-Identifier: Apache-2.0
import ControlPlane
import Foundation
import Glibc
import Primitives
import Runtime
import Synchronization
import Testing

/// Control sockets whose shard is a thread that answers from a table.
final class RunningSocket: Sendable {
    let path: String
    let readOnlyPath: String
    let feed = EventFeed()
    private let log = Box(Mutex<[ControlRequest]>([]))
    private let refusedPeers = Box(Mutex(0))
    private let socket: ControlSocket
    private let mailbox: Mailbox<ShardMessage>
    private let folder = TemporaryFolder()

    init(
        limits: ControlSocket.Limits = .init(),
        answers: Bool = true,
        mailboxLimit: Int = 1024,
        mode: UInt32 = 0o660,
        readOnlyMode: UInt32 = 0o660,
        group: String? = nil,
        beforeServing: (String) -> Void = { _ in }
    ) throws {
        path = "\(folder.path)/control.sock"
        readOnlyPath = "\(folder.path)/status.sock"
        mailbox = try Mailbox(limit: mailboxLimit)
        let (descriptor, file) = try ControlSocketFile.open(path: path, mode: mode, group: group)
        let readOnly = try ControlSocketFile.open(path: readOnlyPath, mode: readOnlyMode, group: group)
        beforeServing(path)
        socket = try ControlSocket(
            administrative: ControlListener(descriptor: descriptor, file: file, access: .administration),
            readOnly: ControlListener(descriptor: readOnly.descriptor, file: readOnly.file, access: .reading),
            mailbox: mailbox,
            feed: feed,
            limits: limits
        )
        guard answers else { return }
        let mailbox = mailbox
        let log = log
        let refusedPeers = refusedPeers
        // Not a task: other tests may keep the pool of the tasks' threads busy for seconds.
        Thread.detachNewThread { try? Self.answer(mailbox, log, refusedPeers) }
    }

    private static func answer(
        _ mailbox: Mailbox<ShardMessage>,
        _ log: Box<Mutex<[ControlRequest]>>,
        _ refusedPeers: Box<Mutex<Int>>
    ) throws {
        let loop = try LoopBox<Int>()
        try loop.watch(mailbox.descriptor, 0)
        while true {
            _ = try loop.wait(until: nil)
            for message in mailbox.take() {
                switch message {
                case .shutDown:
                    return
                case .refusedPeers(_, let count):
                    refusedPeers.value.withLock { $0 += count }
                case .configurationRead:
                    break
                case .request(let request, let reply):
                    log.value.withLock { $0.append(request) }
                    reply(Self.reply(to: request))
                }
            }
        }
    }

    deinit {
        _ = mailbox.post(.shutDown)
        socket.close()
    }

    private static func reply(to request: ControlRequest) -> ControlReply {
        switch request {
        case .status:
            .status(
                StatusSnapshot(callCount: 1, ikeCount: 0, childCount: 0, tunnelCount: 0, sessionCount: 0, pools: [])
            )
        case .sessions: .sessions((0..<2000).map { .example(trace: "0123456789abcdef", user: "user\($0)") })
        case .session(let trace): .sessions(trace.rawValue == 1 ? [.example(trace: trace.description)] : [])
        case .traces: .traces([], at: MonotonicTime(nanoseconds: 0))
        case .explain: .explanation(nil)
        case .matching: .sessions([])
        case .rules: .rules(.example)
        case .terminate: .terminated(3)
        case .impair: .impairments([])
        case .reload, .metrics, .page: .refused(ControlRefusal(501, "not asked of a stand-in"))
        }
    }

    /// How many callers the shard was told of that were turned away.
    var refusedPeerCount: Int { refusedPeers.value.withLock { $0 } }

    /// What the shard was asked.
    var requests: [ControlRequest] { log.value.withLock { $0 } }

    /// Asks from a thread of its own.
    func http(_ request: String) async throws -> (status: Int, body: String) {
        let path = path
        return try await onThread { RuntimeTests.http(path, request) }
    }
}

struct ControlSocketTests {
    @Test func answersEveryPath() async throws {
        let socket = try RunningSocket()
        let status = try await socket.http(get("/v1/status"))
        #expect(status.status == 200)
        #expect(status.body.hasPrefix(#"{"callCount":1,"#))
        let one = try await socket.http(get("/v1/sessions/0000000000000001"))
        #expect(one.status == 200)
        #expect(one.body.contains(#""trace":"0000000000000001""#))
        #expect(try await socket.http(get("/v1/sessions/0000000000000002")).status == 404)
        let rules = try await socket.http(get("/v1/rules"))
        #expect(rules.status == 200)
        #expect(rules.body.hasPrefix(#"{"rules":[{"action":"it is dropped","chain":"in","counter":"refused","#))
        let terminated = try await socket.http(post("/v1/terminate", #"{"user":"alice"}"#))
        #expect(terminated == (200, #"{"terminated":3}"#))
        #expect(socket.requests.last == .terminate(.user("alice"), by: .init(user: getuid(), process: getpid())))
    }

    @Test func answersAtLength() async throws {
        let socket = try RunningSocket()
        let (status, body) = try await socket.http(get("/v1/sessions"))
        #expect(status == 200)
        #expect(body.utf8.count > 500_000)
        #expect(body.hasSuffix("}]}"))
    }

    @Test(arguments: [
        ("GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n", 404), ("PUT /v1/status HTTP/1.1\r\nHost: x\r\n\r\n", 405),
        ("complete nonsense\r\n\r\n", 400), ("GET /v1/status HTTP/9.9\r\n\r\n", 400), ("\u{0}\u{1}\u{2}\r\n\r\n", 400),
        ("POST /v1/terminate HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n", 413),
        ("POST /v1/terminate HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", 400),
        (post("/v1/terminate", "{}"), 400), (post("/v1/terminate", "not JSON"), 400),
        ("POST /v1/terminate HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    ])
    func refusesWithAReason(request: String, status: Int) async throws {
        let socket = try RunningSocket()
        let answer = try await socket.http(request)
        #expect(answer.status == status)
        #expect(answer.body.hasPrefix(#"{"error":{"message":""#))
        #expect(socket.requests.isEmpty)
    }

    private static let tooLarge = [
        "header": "GET /v1/status HTTP/1.1\r\nX: " + String(repeating: "a", count: 200_000) + "\r\n\r\n",
        "path": "GET /" + String(repeating: "a", count: 200_000) + " HTTP/1.1\r\n\r\n",
        "chunks": "POST /v1/terminate HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
            + String(repeating: "1000\r\n" + String(repeating: "a", count: 4096) + "\r\n", count: 40) + "0\r\n\r\n",
        "nonsense": String(repeating: "a", count: 1_000_000),
    ]

    @Test(arguments: tooLarge.keys.sorted())
    func refusesWhatIsTooLarge(part: String) async throws {
        let socket = try RunningSocket()
        let answer = try await socket.http(Self.tooLarge[part] ?? "")
        #expect([400, 413].contains(answer.status), "\(answer)")
        #expect(try await socket.http(get("/v1/status")).status == 200)
    }

    @Test func doesNotWaitForSlowRequestsForEver() async throws {
        var limits = ControlSocket.Limits()
        limits.requestTime = .milliseconds(100)
        let socket = try RunningSocket(limits: limits)
        #expect(try await socket.http("GET /v1/sta").status == 408)
        #expect(try await socket.http("POST /v1/terminate HTTP/1.1\r\nContent-Length: 5\r\n\r\n{").status == 408)
        #expect(try await socket.http("").status == 408)
    }

    @Test func doesNotWaitForSlowReadersForEver() async throws {
        var limits = ControlSocket.Limits()
        limits.connectionTime = .seconds(5)
        let socket = try RunningSocket(limits: limits)
        let path = socket.path
        let received = try await onThread {
            let client = UnixClient(path)
            client.send(get("/v1/sessions"))
            return client.waitForHangUp() ? client.receiveAll() : ""
        }
        // What did not fit into the socket's buffer by then is lost, and so is the connection.
        #expect(received.hasPrefix("HTTP/1.1 200 OK"))
        #expect(!received.hasSuffix("}]}"))
        #expect(try await socket.http(get("/v1/status")).status == 200)
    }

    @Test func saysThatTheGatewayDoesNotAnswer() async throws {
        var limits = ControlSocket.Limits()
        limits.requestTime = .milliseconds(100)
        let silent = try RunningSocket(limits: limits, answers: false)
        #expect(try await silent.http(get("/v1/status")).status == 503)
        let full = try RunningSocket(limits: limits, answers: false, mailboxLimit: 0)
        #expect(try await full.http(get("/v1/status")).status == 503)
    }

    @Test func takesABoundedNumberOfConnections() async throws {
        var limits = ControlSocket.Limits()
        limits.connections = 2
        let socket = try RunningSocket(limits: limits)
        let path = socket.path
        let answers = try await onThread {
            let first = UnixClient(path)
            let second = UnixClient(path)
            let third = UnixClient(path)
            let refused = parse(third.receiveAll()).status
            first.send(get("/v1/status"))
            second.send(get("/v1/status"))
            let answered = [parse(first.receiveAll()).status, parse(second.receiveAll()).status]
            return [refused] + answered + [http(path, get("/v1/status")).status]
        }
        #expect(answers.prefix(3) == [503, 200, 200])
        #expect(try await socket.http(get("/v1/status")).status == 200)
    }

    @Test func aClientThatVanishesHurtsNobody() async throws {
        let socket = try RunningSocket()
        let path = socket.path
        try await onThread {
            for _ in 0..<50 {
                let client = UnixClient(path)
                client.send(get("/v1/sessions"))
            }
            for _ in 0..<50 { _ = UnixClient(path) }
        }
        var status = 0
        for _ in 0..<100 where status != 200 { status = try await socket.http(get("/v1/status")).status }
        #expect(status == 200)
    }

    @Test func servesOneRequestPerConnection() async throws {
        let socket = try RunningSocket()
        let answer = try await socket.http(get("/v1/status") + get("/v1/status"))
        #expect(answer.status == 200)
        #expect(!answer.body.contains("HTTP/1.1"))
        #expect(socket.requests.count == 1)
    }
}

struct ControlSocketFileTests {
    private func mode(_ path: String) -> mode_t {
        var status = stat()
        return lstat(path, &status) == 0 ? status.st_mode & 0o777 : 0
    }

    @Test func hasTheModeAndTheGroupThatWereAskedFor() throws {
        let folder = TemporaryFolder()
        let path = "\(folder.path)/new/control.sock"
        let (descriptor, file) = try ControlSocketFile.open(path: path, mode: 0o620, group: "daemon")
        defer { close(descriptor) }
        #expect(mode(path) == 0o620)
        #expect(mode("\(folder.path)/new") == 0o751)
        var status = stat()
        #expect(stat(path, &status) == 0)
        #expect(status.st_gid == getgrnam("daemon").pointee.gr_gid)
        file.remove()
        #expect(mode(path) == 0)
        rmdir("\(folder.path)/new")
    }

    @Test func replacesASocketThatNobodyAnswersOn() throws {
        let folder = TemporaryFolder()
        let path = "\(folder.path)/control.sock"
        close(try ControlSocketFile.open(path: path, mode: 0o600, group: nil).descriptor)
        #expect(mode(path) == 0o600)
        let (descriptor, _) = try ControlSocketFile.open(path: path, mode: 0o660, group: nil)
        defer { close(descriptor) }
        #expect(mode(path) == 0o660)
    }

    @Test func leavesASocketAloneThatSomebodyAnswersOn() throws {
        let folder = TemporaryFolder()
        let path = "\(folder.path)/control.sock"
        let (descriptor, _) = try ControlSocketFile.open(path: path, mode: 0o600, group: nil)
        defer { close(descriptor) }
        #expect(throws: ControlSocketFile.Problem.answered) {
            try ControlSocketFile.open(path: path, mode: 0o660, group: nil)
        }
        #expect(mode(path) == 0o600)
    }

    @Test func leavesAloneWhatIsNoSocket() throws {
        let folder = TemporaryFolder()
        let path = folder.write("precious", to: "control.sock")
        #expect(throws: ControlSocketFile.Problem.notASocket) {
            try ControlSocketFile.open(path: path, mode: 0o660, group: nil)
        }
        let link = "\(folder.path)/link.sock"
        symlink(path, link)
        #expect(throws: ControlSocketFile.Problem.notASocket) {
            try ControlSocketFile.open(path: link, mode: 0o660, group: nil)
        }
        #expect(mode(path) == 0o600)
    }

    @Test func removesOnlyItsOwnFile() throws {
        let folder = TemporaryFolder()
        let path = "\(folder.path)/control.sock"
        let (descriptor, file) = try ControlSocketFile.open(path: path, mode: 0o600, group: nil)
        defer { close(descriptor) }
        unlink(path)
        _ = folder.write("somebody else's", to: "control.sock")
        file.remove()
        #expect(mode(path) == 0o600)
    }

    @Test func namesAGroupThatIsNotThere() {
        let folder = TemporaryFolder()
        #expect(throws: ControlSocketFile.Problem.unknownGroup("no-such-group")) {
            try ControlSocketFile.open(path: "\(folder.path)/c.sock", mode: 0o600, group: "no-such-group")
        }
    }

    @Test func saysThatAPathIsTooLong() {
        let folder = TemporaryFolder()
        let path = "\(folder.path)/" + String(repeating: "x", count: 120)
        #expect(throws: ControlSocketFile.Problem.failed(SystemError("bind", code: ENAMETOOLONG))) {
            try ControlSocketFile.open(path: path, mode: 0o600, group: nil)
        }
    }
}
