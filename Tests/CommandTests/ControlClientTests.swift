// SPDX-License-Identifier: Apache-2.0
import ControlPlane
import Glibc
import NIOCore
import NIOHTTP1
import NIOPosix
import Testing

@testable import culvertctl

@Suite("A conversation over the control socket", .serialized)
struct ControlClientTests {
    @Test
    func `A question and its answer`() throws {
        try Server.run(status: .ok, body: JSON.bytes(of: Samples.call)) { client, server in
            let call: CallSnapshot = try client.get("/v1/sessions/00c0ffee12345678")
            #expect(call == Samples.call)
            #expect(server.requests == ["GET /v1/sessions/00c0ffee12345678 HTTP/1.1\n"])
        }
    }

    @Test
    func `A command with a body`() throws {
        try Server.run(status: .ok, body: Array(#"{"terminated":3}"#.utf8)) { client, server in
            let answer: TerminateAnswer = try client.post("/v1/terminate", TerminateRequest(all: true))
            #expect(answer.terminated == 3)
            #expect(server.requests == ["POST /v1/terminate HTTP/1.1\n{\"all\":true}"])
        }
    }

    @Test
    func `A refusal in the daemon's words`() throws {
        let body = #"{"error":{"message":"no such call","remedy":"culvertctl sessions lists them"}}"#
        try Server.run(status: .notFound, body: Array(body.utf8)) { client, _ in
            #expect(throws: Problem("no such call", remedy: "culvertctl sessions lists them")) {
                let _: CallSnapshot = try client.get("/v1/sessions/00c0ffee12345678")
            }
        }
    }

    @Test
    func `A refusal without words`() throws {
        try Server.run(status: .internalServerError, body: Array("<html>".utf8)) { client, _ in
            #expect(throws: Problem("culvertd answered 500 Internal Server Error")) {
                let _: StatusSnapshot = try client.get("/v1/status")
            }
        }
    }

    @Test
    func `An answer of another kind`() throws {
        try Server.run(status: .ok, body: Array("{}".utf8)) { client, _ in
            #expect(throws: Problem.self) { let _: StatusSnapshot = try client.get("/v1/status") }
        }
    }

    @Test
    func `An answer without end`() throws {
        try Server.run(status: .ok, body: Array(repeating: 0x20, count: 5_000)) { client, _ in
            var client = client
            client.responseLimit = 1_000
            #expect(throws: Problem("culvertd's answer is longer than 1000 bytes")) {
                let _: StatusSnapshot = try client.get("/v1/status")
            }
        }
    }

    @Test
    func `No answer at all`() throws {
        try Server.run(status: nil, body: []) { client, _ in
            var client = client
            client.timeout = .milliseconds(100)
            #expect(throws: Problem("culvertd does not answer within 0 s")) {
                let _: StatusSnapshot = try client.get("/v1/status")
            }
        }
    }

    @Test
    func `Nobody there`() {
        let problem = Problem(
            "culvertd is not running, or has its control socket elsewhere than /tmp/culvert-none/control.sock",
            remedy: "systemctl start culvertd; another socket: --socket PATH or CULVERT_SOCKET"
        )
        #expect(throws: problem) {
            let _: StatusSnapshot = try ControlClient(path: "/tmp/culvert-none/control.sock").get("/v1/status")
        }
        #expect(throws: Problem.self) {
            let _: StatusSnapshot = try ControlClient(path: String(repeating: "/x", count: 60)).get("/v1/status")
        }
    }

    @Test
    func `A closed door without a group is root's`() {
        let problem = Problem(IOError(errnoCode: EACCES, reason: "connect"), path: "/")
        #expect(problem.message == "/ is for root only")
        #expect(problem.remedy == "use sudo, or set control.group in the configuration")
    }

    @Test(.enabled(if: geteuid() == 0, "Giving a file away takes root."))
    func `A closed door names the group that has the key`() throws {
        let path = "/tmp/culvert-test-\(getpid()).door"
        let descriptor = open(path, O_CREAT | O_WRONLY, 0o660)
        defer {
            close(descriptor)
            unlink(path)
        }
        try #require(descriptor >= 0)
        try #require(fchown(descriptor, 0, 1) == 0 && fchmod(descriptor, 0o660) == 0)
        let problem = Problem(IOError(errnoCode: EACCES, reason: "connect"), path: path)
        #expect(problem.message == "\(path) is for the group daemon only")
        #expect(problem.remedy == "join it (usermod -aG daemon NAME, then log in anew), or use sudo")
    }
}

/// A daemon that gives the same answer to everything; with no status none.
private final class Server: ChannelInboundHandler, @unchecked Sendable {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    /// Written by the event loop before it answers, read by the test after the answer.
    private(set) var requests: [String] = []
    private let status: HTTPResponseStatus?
    private let body: [UInt8]

    private init(status: HTTPResponseStatus?, body: [UInt8]) {
        self.status = status
        self.body = body
    }

    static func run(
        status: HTTPResponseStatus?,
        body: [UInt8],
        _ test: (ControlClient, Server) throws -> Void
    ) throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        defer { try? group.syncShutdownGracefully() }
        let server = Server(status: status, body: body)
        let path = "/tmp/culvert-test-\(getpid()).sock"
        let channel = try ServerBootstrap(group: group)
            .childChannelInitializer { channel in
                channel.pipeline.configureHTTPServerPipeline().flatMap { channel.pipeline.addHandler(server) }
            }
            .bind(unixDomainSocketPath: path, cleanupExistingSocketFile: true)
            .wait()
        defer { unlink(path) }
        try test(ControlClient(path: path), server)
        try channel.close().wait()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head): requests.append("\(head.method) \(head.uri) \(head.version)\n")
        case .body(let buffer): requests[requests.count - 1] += String(buffer: buffer)
        case .end:
            guard let status else { return }
            var head = HTTPResponseHead(version: .http1_1, status: status)
            head.headers.add(name: "Content-Length", value: "\(body.count)")
            context.write(wrapOutboundOut(.head(head)), promise: nil)
            context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: body)))), promise: nil)
            context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        }
    }
}
