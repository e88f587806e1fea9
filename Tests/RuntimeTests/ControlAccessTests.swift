// SPDX-License-Identifier: Apache-2.0
import CLinux
import Foundation
import Glibc
import Primitives
import Synchronization
import Testing

@testable import Runtime

struct ControlAccessTests {
    private static func request(_ endpoint: ControlEndpoint) -> String {
        let path = endpoint.path.replacing("{trace}", with: "0000000000000001")
        let body = endpoint == .terminate ? #"{"all":true}"# : endpoint == .impair ? #"{"loseNotices":true}"# : ""
        return "\(endpoint.method) \(path) HTTP/1.1\r\nHost: x\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
    }

    @Test(arguments: ControlEndpoint.allCases.filter { $0 != .events })
    func theReadOnlySocketChangesNothing(endpoint: ControlEndpoint) async throws {
        let socket = try RunningSocket()
        let path = socket.readOnlyPath
        let answer = try await onThread { http(path, Self.request(endpoint)) }
        if endpoint.access == .reading {
            #expect(answer.status != 403 && answer.status != 0)
            #expect(socket.requests.count == 1)
        } else {
            #expect(answer.status == 403)
            #expect(
                answer.body
                    == #"{"error":{"message":"this socket changes nothing","remedy":"ask on \#(socket.path), if you may"}}"#
            )
            #expect(socket.requests.isEmpty)
        }
        // The other one does it.
        _ = try await socket.http(Self.request(endpoint))
        #expect(socket.requests.count == (endpoint.access == .reading ? 2 : 1))
    }

    @Test func readersCannotKeepAdministratorsOut() async throws {
        var limits = ControlSocket.Limits()
        limits.connections = 2
        let socket = try RunningSocket(limits: limits)
        let statuses = try await onThread {
            let readers = (0..<2).map { _ in UnixClient(socket.readOnlyPath) }
            let reader = http(socket.readOnlyPath, get("/v1/status")).status
            let administrator = http(socket.path, get("/v1/status")).status
            _ = readers.count
            return [reader, administrator]
        }
        #expect(statuses == [503, 200])
    }

    @Test(arguments: [
        ("HEAD /v1/status HTTP/1.1\r\nHost: x\r\n\r\n", 200, ""),
        ("HEAD /v1/nothing HTTP/1.1\r\nHost: x\r\n\r\n", 404, ""),
        ("OPTIONS /v1/status HTTP/1.1\r\nHost: x\r\n\r\n", 204, "GET, HEAD, OPTIONS"),
        ("OPTIONS /v1/sessions/xyz HTTP/1.1\r\nHost: x\r\n\r\n", 204, "GET, HEAD, OPTIONS"),
        ("OPTIONS /v1/impair HTTP/1.1\r\nHost: x\r\n\r\n", 204, "GET, HEAD, POST, DELETE, OPTIONS"),
        ("OPTIONS /v1/nothing HTTP/1.1\r\nHost: x\r\n\r\n", 404, ""),
        ("PUT /v1/terminate HTTP/1.1\r\nHost: x\r\n\r\n", 405, "POST, OPTIONS"),
        ("PROPFIND /v1/events HTTP/1.1\r\nHost: x\r\n\r\n", 405, "GET, HEAD, OPTIONS"),
    ])
    func saysWhatAPathTakes(request: String, status: Int, allowed: String) async throws {
        let socket = try RunningSocket()
        let path = socket.path
        let text = try await onThread {
            let client = UnixClient(path)
            client.send(request)
            return client.receiveAll()
        }
        let (answer, body) = parse(text)
        #expect(answer == status)
        #expect(text.contains("\r\nallow: \(allowed)\r\n") == !allowed.isEmpty, "\(text)")
        #expect(body.isEmpty == (request.hasPrefix("HEAD") || status == 204))
        #expect(text.contains("\r\ncontent-type: application/json\r\n") == (status != 204))
        #expect(text.contains("\r\nconnection: close\r\n"))
    }

    /// What HEAD says of the length is what GET has.
    @Test func headHasTheLengthOfGet() async throws {
        let socket = try RunningSocket()
        let path = socket.path
        let (head, body) = try await onThread {
            let client = UnixClient(path)
            client.send("HEAD /v1/rules HTTP/1.1\r\nHost: x\r\n\r\n")
            return (client.receiveAll(), http(path, get("/v1/rules")).body)
        }
        #expect(head.contains("\r\ncontent-length: \(body.utf8.count)\r\n"))
    }
}

struct SlowAndHostileClientTests {
    @Test func refusesAFloodOfHeaders() async throws {
        let socket = try RunningSocket()
        let many = (0..<65).map { "X-\($0): 1\r\n" }.joined()
        let answer = try await socket.http("GET /v1/status HTTP/1.1\r\n\(many)\r\n")
        #expect(answer.status == 431)
        #expect(socket.requests.isEmpty)
        let endless = try await socket.http(
            "GET /v1/status HTTP/1.1\r\n" + String(repeating: "a: b\r\n", count: 100_000)
        )
        #expect([400, 413, 431].contains(endless.status))
    }

    @Test func answersThatNobodyReadsAreBoundedTogether() async throws {
        var limits = ControlSocket.Limits()
        let length = try await RunningSocket().http(get("/v1/sessions")).body.utf8.count
        limits.answerBytes = length * 3 / 2
        let socket = try RunningSocket(limits: limits)
        let path = socket.path
        let statuses = try await onThread {
            // Each answer is over half a million bytes: more than a socket's buffer.
            let first = UnixClient(path)
            first.send(get("/v1/sessions"))
            usleep(500_000)
            let refused = http(path, get("/v1/sessions")).status
            let small = http(path, get("/v1/status")).status
            let text = first.receiveAll()
            let again = http(path, get("/v1/sessions")).status
            return [refused, small, parse(text).status, again]
        }
        #expect(statuses == [503, 200, 200, 200])
    }

    @Test func readersWhoDoNotReadLeaveAdministratorsTheirAnswers() async throws {
        var limits = ControlSocket.Limits()
        let length = try await RunningSocket().http(get("/v1/sessions")).body.utf8.count
        limits.answerBytes = length * 3 / 2
        let socket = try RunningSocket(limits: limits)
        let statuses = try await onThread { () -> [Int] in
            let stuck = UnixClient(socket.readOnlyPath)
            stuck.send(get("/v1/sessions"))
            // From its first byte on an answer counts.
            var byte: UInt8 = 0
            guard recv(stuck.descriptor, &byte, 1, 0) == 1 else { return [] }
            let reader = http(socket.readOnlyPath, get("/v1/sessions")).status
            let administrator = http(socket.path, get("/v1/sessions")).status
            _ = stuck.receiveAll()
            return [reader, administrator]
        }
        #expect(statuses == [503, 200])
    }

    @Test func whoTalksOnIsNotHeard() async throws {
        let socket = try RunningSocket()
        let path = socket.path
        let text = try await onThread {
            let client = UnixClient(path)
            client.send(String(repeating: get("/v1/status"), count: 500))
            return client.receiveAll()
        }
        #expect(text.hasPrefix("HTTP/1.1 200 OK"))
        #expect(text.components(separatedBy: "HTTP/1.1").count == 2)
        #expect(socket.requests.count == 1)
    }

    /// Connections that say nothing take places for a while, and then give them back.
    @Test func halfOpenConnectionsGoAway() async throws {
        var limits = ControlSocket.Limits()
        limits.connections = 4
        limits.requestTime = .milliseconds(300)
        let socket = try RunningSocket(limits: limits)
        let path = socket.path
        let statuses = try await onThread {
            let silent = (0..<4).map { _ in UnixClient(path) }
            let halfway = http(path, get("/v1/status")).status
            usleep(600_000)
            let after = http(path, get("/v1/status")).status
            return [halfway, after] + silent.map { parse($0.receiveAll()).status }
        }
        #expect(statuses == [503, 200, 408, 408, 408, 408])
    }

    /// The shard's thread only passes answers on, and never waits for whoever reads them.
    @Test func nobodyWhoReadsSlowlyHoldsUpTheOthers() async throws {
        let socket = try RunningSocket()
        let path = socket.path
        let count = try await onThread {
            let stuck = (0..<20).map { _ in UnixClient(path) }
            for client in stuck { client.send(get("/v1/sessions")) }
            var count = 0
            for _ in 0..<50 where http(path, get("/v1/status")).status == 200 { count += 1 }
            _ = stuck.count
            return count
        }
        #expect(count == 50)
    }
}

struct PeerAuthorityTests {
    @Test(
        arguments: [
            (0, 0, [], true), (900, 5, [], true), (1000, 1000, [], false), (1000, 77, [], true),
            (1000, 1000, [4, 77], true),
            (1000, 1000, [4, 78], false),
        ] as [(UInt32, UInt32, Set<UInt32>, Bool)]
    )
    func rootTheDaemonAndTheGroupMay(user: UInt32, group: UInt32, groups: Set<UInt32>, may: Bool) {
        let peer = SocketPeer(user: user, group: group, groups: groups)
        #expect(PeerAuthority(user: 900, group: 77).admits(peer) == may)
        #expect(PeerAuthority(user: 900, group: nil).admits(peer) == (user == 0 || user == 900))
        #expect(PeerAuthority(user: 900, group: nil, isForEverybody: true).admits(peer))
    }

    @Test func nobodyIsNotAdmitted() {
        #expect(!PeerAuthority(user: 900, group: 77).admits(nil))
        #expect(PeerAuthority(user: 900, group: 77, isForEverybody: true).admits(nil))
    }

    @Test(
        arguments: [
            (0o660, ControlAccess.administration, true, false), (0o600, .administration, false, false),
            (0o666, .administration, true, false), (0o666, .reading, true, true), (0o664, .reading, true, false),
            (0o602, .reading, false, true),
        ] as [(UInt32, ControlAccess, Bool, Bool)]
    )
    func theFileSaysWhoElseMay(mode: UInt32, access: ControlAccess, hasGroup: Bool, isForEverybody: Bool) throws {
        let folder = TemporaryFolder()
        let opened = try ControlSocketFile.open(path: "\(folder.path)/x.sock", mode: mode, group: "daemon")
        defer { close(opened.descriptor) }
        let authority = PeerAuthority(opened.file, access)
        #expect(authority.user == geteuid())
        #expect((authority.group == getgrnam("daemon").pointee.gr_gid) == hasGroup)
        #expect(authority.groupName == (hasGroup ? "daemon" : nil))
        #expect(authority.isForEverybody == isForEverybody)
    }

    /// As it would be if somebody had opened the file to all afterwards.
    @Test(.enabled(if: Other.isThere, "Becoming others takes root, setpriv and curl."))
    func strangersAreTurnedAwayWhateverTheFileLetsIn() async throws {
        let socket = try RunningSocket(mode: 0o666, readOnlyMode: 0o660, group: "daemon")
        let parent = URL(fileURLWithPath: socket.path).deletingLastPathComponent().path
        chmod(parent, 0o755)
        chmod(socket.readOnlyPath, 0o666)
        let daemon = getgrnam("daemon").pointee.gr_gid
        let paths = [socket.path, socket.readOnlyPath]
        func ask(_ group: UInt32, _ groups: [UInt32]) async throws -> [String] {
            try await onThread { try paths.map { try Other.ask($0, user: 54_321, group: group, groups: groups) } }
        }
        for answer in try await ask(54_321, [54_322]) {
            #expect(
                answer
                    == #"{"error":{"message":"this socket is for root and culvertd and the group daemon only","#
                    + #""remedy":"join it (usermod -aG daemon NAME, then log in anew), or use sudo"}}403"#
            )
        }
        #expect(try await ask(daemon, []).map { $0.suffix(3) } == ["200", "200"])
        #expect(try await ask(54_321, [daemon]).map { $0.suffix(3) } == ["200", "200"])
        // Among very many groups, too.
        #expect(try await ask(54_321, Array(60_000..<60_200) + [daemon]).map { $0.suffix(3) } == ["200", "200"])
        #expect(try await ask(54_321, Array(60_000..<60_200)).map { $0.suffix(3) } == ["403", "403"])
        #expect(socket.requests.count == 6)
        for _ in 0..<300 where socket.refusedPeerCount < 4 { usleep(10_000) }
        #expect(socket.refusedPeerCount == 4)
    }

    @Test(.enabled(if: Other.isThere, "Becoming others takes root, setpriv and curl."))
    func everybodyMayLookIfTheReadOnlySocketIsOpenToAll() async throws {
        let socket = try RunningSocket(mode: 0o660, readOnlyMode: 0o666, group: "daemon")
        chmod(URL(fileURLWithPath: socket.path).deletingLastPathComponent().path, 0o755)
        let path = socket.readOnlyPath
        let answers = try await onThread {
            let orders = [[], ["-d", #"{"all":true}"#, "http://localhost/v1/terminate"]]
            return try orders.map { try Other.ask(path, user: 54_321, group: 54_321, groups: [], $0).suffix(3) }
        }
        #expect(answers == ["200", "403"])
    }
}

/// What somebody else is answered to a GET of the status.
private struct Other {
    static let isThere =
        geteuid() == 0 && access("/usr/bin/setpriv", X_OK) == 0 && access("/usr/bin/curl", X_OK) == 0

    /// - Returns: The body, and behind it the status.
    static func ask(
        _ path: String,
        user: UInt32,
        group: UInt32,
        groups: [UInt32],
        _ more: [String] = []
    ) throws -> String {
        let names = groups.map(String.init).joined(separator: ",")
        return try run(
            "/usr/bin/setpriv",
            ["--reuid=\(user)", "--regid=\(group)", groups.isEmpty ? "--clear-groups" : "--groups=\(names)"]
                + ["/usr/bin/curl", "-s", "-w", "%{http_code}", "--unix-socket", path] + more
                + (more.isEmpty ? ["http://localhost/v1/status"] : [])
        )
    }
}
