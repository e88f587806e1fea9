// SPDX-License-Identifier: Apache-2.0
import ConfigFile
import ControlPlane
import Foundation
import Glibc
import Primitives
import Runtime
import Synchronization
import Testing

/// The server, with a thread that answers as a shard would.
final class RunningMetrics: Sendable {
    let port: UInt16
    private let server: MetricsServer
    private let mailbox: Mailbox<ShardMessage>

    init(
        _ offer: MetricsServer.Offer = .init(hasPage: true, isLoopback: true),
        limits: MetricsServer.Limits = .init(),
        answers: Bool = true
    ) throws {
        mailbox = try Mailbox(limit: 1024)
        let descriptor = try MetricsServer.listen(SocketAddress(localhost, port: 0)).release()
        server = try MetricsServer(descriptor: descriptor, mailbox: mailbox, serving: offer, limits: limits)
        port = UInt16(try #require(server.port))
        guard answers else { return }
        let mailbox = mailbox
        Thread.detachNewThread { try? Self.answer(mailbox) }
    }

    private static func answer(_ mailbox: Mailbox<ShardMessage>) throws {
        let loop = try LoopBox<Int>()
        try loop.watch(mailbox.descriptor, 0)
        while true {
            _ = try loop.wait(until: nil)
            for message in mailbox.take() {
                guard case .request(let request, let reply) = message else { return }
                switch request {
                case .metrics: reply(.metrics(.example))
                case .page:
                    let calls = (1...200).map { StatusPageTests.call("user \($0)", number: $0) }
                    reply(
                        .page(
                            PageSnapshot(
                                metrics: .example,
                                calls: calls,
                                callTraffic: [:],
                                minutes: [],
                                now: seconds(0)
                            )
                        )
                    )
                case _: reply(.refused(ControlRefusal(501, "not asked of a stand-in")))
                }
            }
        }
    }

    deinit {
        _ = mailbox.post(.shutDown)
        server.close()
    }

    func connect() -> TCPClient { TCPClient(port) }

    func http(_ request: String) async throws -> (head: String, body: String) {
        let port = port
        return try await onThread {
            let client = TCPClient(port)
            client.send(request)
            let answer = client.receiveAll()
            guard let end = answer.range(of: "\r\n\r\n") else { return (answer, "") }
            return (String(answer[..<end.lowerBound]), String(answer[end.upperBound...]))
        }
    }
}

final class TCPClient {
    private let descriptor: Int32

    init(_ port: UInt16) {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        precondition(result == 0, "connect: \(errno)")
        var patience = timeval(tv_sec: 20, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
    }

    deinit { close(descriptor) }

    func send(_ text: String) {
        _ = Glibc.send(descriptor, text, text.utf8.count, Int32(MSG_NOSIGNAL))
    }

    func receiveAll() -> String {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = recv(descriptor, &buffer, buffer.count, 0)
            guard count > 0 else { return String(decoding: bytes, as: UTF8.self) }
            bytes += buffer[..<count]
        }
    }
}

struct MetricsServerTests {
    private func get(_ path: String, host: String = "127.0.0.1:9702", method: String = "GET") -> String {
        "\(method) \(path) HTTP/1.1\r\nHost: \(host)\r\n\r\n"
    }

    @Test func servesMetricsAndThePage() async throws {
        let server = try RunningMetrics()
        let metrics = try await server.http(get("/metrics"))
        #expect(metrics.head.hasPrefix("HTTP/1.1 200 "))
        #expect(metrics.head.contains("content-type: text/plain; version=0.0.4; charset=utf-8"))
        #expect(metrics.head.contains("connection: close"))
        #expect(ExpositionLint(metrics.body).complaints == [])
        let page = try await server.http(get("/"))
        #expect(page.head.hasPrefix("HTTP/1.1 200 "))
        #expect(page.head.contains("content-type: text/html; charset=utf-8"))
        #expect(page.head.contains("content-security-policy: \(StatusPage.contentSecurityPolicy)"))
        #expect(page.head.contains("x-content-type-options: nosniff"))
        #expect(page.body.hasSuffix("</html>\n"))
        #expect(page.body.contains("user 200"))
    }

    @Test func aHeadHasNoBodyAndTheLengthOfOne() async throws {
        let server = try RunningMetrics()
        let answer = try await server.http(get("/", method: "HEAD"))
        #expect(answer.head.hasPrefix("HTTP/1.1 200 "))
        #expect(answer.head.contains("content-length: "))
        #expect(!answer.head.contains("content-length: 0"))
        #expect(answer.body == "")
    }

    @Test(arguments: [
        ("/nowhere", "GET", "", 404), ("/metrics", "POST", "", 405), ("/metrics", "DELETE", "", 405),
        ("/", "OPTIONS", "", 405), ("/metrics", "GET", "Host: localhost\r\n", 400),
        ("/metrics", "GET", "Content-Length: 5\r\n\r\nabcde", 413), ("/v1/status", "GET", "", 404),
        ("/metrics?x=1", "GET", "", 200),
    ])
    func refusesWhatItDoesNotServe(_ path: String, _ method: String, _ more: String, _ status: Int) async throws {
        let server = try RunningMetrics()
        let answer = try await server.http("\(method) \(path) HTTP/1.1\r\nHost: localhost\r\n\(more)\r\n")
        #expect(answer.head.hasPrefix("HTTP/1.1 \(status) "), "\(answer.head)")
        #expect(answer.head.contains("connection: close"))
    }

    @Test func withoutAPageThereIsNone() async throws {
        let server = try RunningMetrics(.init(hasPage: false, isLoopback: true))
        #expect(try await server.http(get("/")).head.hasPrefix("HTTP/1.1 404 "))
        #expect(try await server.http(get("/metrics")).head.hasPrefix("HTTP/1.1 200 "))
    }

    @Test(arguments: [
        ("localhost", true), ("LOCALHOST:9702", true), ("127.0.0.1", true), ("127.1.2.3:80", true),
        ("[::1]:9702", true),
        ("[::1]", true), ("evil.example", false), ("localhost.evil.example", false), ("evil.example:9702", false),
        ("127.0.0.1.evil.example", false), ("[::2]", false), ("10.0.0.1", false), ("", false), ("127.0.0.1:x", false),
        ("[::1", false), ("[::1]x", false), ("[127.0.0.1]", false), ("localhost:99999", false),
    ])
    func onLoopbackOnlyNamesOfThisMachineAreTaken(_ host: String, _ isTaken: Bool) throws {
        func route(isLoopback: Bool) throws(MetricsRefusal) -> MetricsRoute {
            try MetricsRoute(
                method: "GET",
                uri: "/metrics",
                hosts: [host],
                offer: .init(hasPage: true, isLoopback: isLoopback)
            )
        }
        if isTaken {
            #expect(try route(isLoopback: true) == .metrics)
        } else {
            #expect(throws: MetricsRefusal(421, "this server answers to 127.0.0.1, [::1] and localhost only")) {
                try route(isLoopback: true)
            }
        }
        #expect(try route(isLoopback: false) == .metrics)
    }

    @Test(arguments: ["complete nonsense\r\n\r\n", "\u{0}\u{1}\u{2}\r\n\r\n", "GET /metrics HTTP/9.9\r\n\r\n"])
    func whatIsNoHTTPIsToldSo(_ request: String) async throws {
        let server = try RunningMetrics()
        #expect(try await server.http(request).head.hasPrefix("HTTP/1.1 400 "))
    }

    @Test func aRequestThatIsTooLargeIsRefused() async throws {
        var limits = MetricsServer.Limits()
        limits.requestBytes = 1000
        let server = try RunningMetrics(limits: limits)
        let answer = try await server.http(
            "GET / HTTP/1.1\r\nHost: localhost\r\nX: \(String(repeating: "x", count: 5000))\r\n\r\n"
        )
        #expect(answer.head.hasPrefix("HTTP/1.1 413 "))
    }

    @Test func whoIsSlowIsToldSoAndClosed() async throws {
        var limits = MetricsServer.Limits()
        limits.requestTime = .milliseconds(100)
        let server = try RunningMetrics(limits: limits)
        #expect(try await server.http("GET /met").head.hasPrefix("HTTP/1.1 408 "))
        let silent = try RunningMetrics(limits: limits, answers: false)
        #expect(try await silent.http(get("/metrics")).head.hasPrefix("HTTP/1.1 503 "))
    }

    @Test func connectionsAreBounded() async throws {
        var limits = MetricsServer.Limits()
        limits.connections = 2
        let server = try RunningMetrics(limits: limits)
        let first = server.connect()
        let second = server.connect()
        // Both are in when the first has its answer's place.
        var head = ""
        for _ in 0..<100 where !head.hasPrefix("HTTP/1.1 503 ") {
            head = try await server.http(get("/metrics")).head
        }
        #expect(head.hasPrefix("HTTP/1.1 503 "))
        withExtendedLifetime((first, second)) {}
    }

    @Test func anAddressThatIsTakenOrNotOursIsAProblemInWords() throws {
        let server = try RunningMetrics()
        func problem(_ local: SocketAddress) -> StartProblem? {
            do throws(StartProblem) {
                _ = try MetricsServer.listen(local)
                return nil
            } catch { return error }
        }
        #expect(
            problem(SocketAddress(localhost, port: server.port))?.message
                == "TCP port \(server.port) on 127.0.0.1 is taken: metrics cannot be served there"
        )
        #expect(
            problem(SocketAddress(.v4(0xC000_0201), port: 9))?.message.contains("is not an address of this machine")
                == true
        )
    }
}
