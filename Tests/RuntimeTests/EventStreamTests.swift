// SPDX-License-Identifier: Apache-2.0
import Foundation
import Glibc
import Primitives
import Runtime
import Testing

/// Somebody who follows the events.
private struct Listener {
    let client: UnixClient
    let received = Received()

    final class Received {
        var text = ""
        var isOver = false
    }

    init(_ socket: RunningSocket, _ query: String = "") {
        client = UnixClient(socket.path)
        client.send(get("/v1/events\(query)"))
        // From the first heartbeat on it listens.
        waitForLines(1)
    }

    /// What has come, without the frames of the chunks.
    var lines: [EventLine] {
        received.text.split(whereSeparator: \.isNewline).filter { $0.hasPrefix("{") }.compactMap {
            try? JSONDecoder().decode(EventLine.self, from: Data($0.utf8))
        }
    }

    var events: [EventLine] { lines.filter { $0.kind != "heartbeat" } }

    func receiveSome() {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        let count = recv(client.descriptor, &buffer, buffer.count, 0)
        if count > 0 { received.text += String(decoding: buffer.prefix(count), as: UTF8.self) }
        if count <= 0 { received.isOver = true }
    }

    func waitForLines(_ count: Int) {
        while lines.count < count, !received.isOver { receiveSome() }
    }

    func waitForEvents(_ count: Int) {
        while events.count < count, !received.isOver { receiveSome() }
    }

    func waitForEnd() {
        while !received.isOver { receiveSome() }
    }
}

struct EventStreamTests {
    private static let peer = SocketAddress(.v4(0xC000_0207), port: 4500)

    private static func up(_ user: String) -> EventDescription {
        EventDescription(
            .control,
            .notice,
            "call-up",
            "\(user) is there",
            remedy: "none",
            fields: [.init("user", user), .init("address", "10.99.0.2")]
        )
    }

    @Test func tellsEveryEventAsALine() async throws {
        let socket = try RunningSocket()
        let received = try await onThread {
            let listener = Listener(socket)
            socket.feed.publish(Self.up("alice"), trace: TraceID(rawValue: 0xAA), peer: Self.peer)
            socket.feed.publish(EventDescription(.ike, .debug, "started", "it begins"), trace: nil, peer: nil)
            listener.waitForEvents(2)
            return (listener.received.text, listener.events)
        }
        let head = received.0.prefix { $0 != "{" }
        #expect(head.hasPrefix("HTTP/1.1 200 OK\r\n"))
        #expect(head.lowercased().contains("content-type: application/x-ndjson\r\n"))
        #expect(head.lowercased().contains("transfer-encoding: chunked\r\n"))
        let line = try #require(received.1.first)
        #expect(line.kind == "call-up")
        #expect(line.event == "control.call-up")
        #expect(line.severity == "notice")
        #expect(line.trace == "00000000000000aa")
        #expect(line.peer == "192.0.2.7:4500")
        #expect(line.user == "alice")
        #expect(line.message == "alice is there")
        #expect(line.remedy == "none")
        #expect(line.fields == ["user": "alice", "address": "10.99.0.2"])
        #expect(line.time.hasPrefix("20") && line.time.hasSuffix("Z"))
        #expect(received.1.last?.kind == "other")
        #expect(received.1.last?.trace == nil)
    }

    @Test func tellsOnlyWhatWasAskedFor() async throws {
        let socket = try RunningSocket()
        let users = try await onThread {
            let alice = Listener(socket, "?user=alice")
            let refused = Listener(socket, "?kind=refused,banned")
            for user in ["bob", "alice", "carol"] { socket.feed.publish(Self.up(user), trace: nil, peer: nil) }
            let profile = EventDescription(.ike, .notice, "no-profile", "no")
            socket.feed.publish(profile, trace: nil, peer: nil)
            socket.feed.publish(Self.up("alice"), trace: nil, peer: nil)
            alice.waitForEvents(2)
            refused.waitForEvents(1)
            return (alice.events.map(\.user), refused.events.map(\.event))
        }
        #expect(users.0 == ["alice", "alice"])
        #expect(users.1 == ["ike.no-profile"])
    }

    @Test func beatsAndIsNotCutByTheTimeOfAConnection() async throws {
        var limits = ControlSocket.Limits()
        limits.heartbeat = .milliseconds(50)
        limits.connectionTime = .milliseconds(100)
        limits.requestTime = .milliseconds(100)
        limits.stallTime = .milliseconds(120)
        let socket = try RunningSocket(limits: limits)
        let isThere = try await onThread {
            let listener = Listener(socket)
            listener.waitForLines(12)
            socket.feed.publish(Self.up("alice"), trace: nil, peer: nil)
            listener.waitForEvents(1)
            return listener.events.count == 1 && listener.lines.count >= 13
        }
        #expect(isThere)
    }

    @Test func whoDoesNotKeepUpIsToldWhatWasLost() async throws {
        var limits = ControlSocket.Limits()
        limits.streamEvents = 100
        limits.streamBytes = 100_000
        let socket = try RunningSocket(limits: limits)
        let words = String(repeating: "x", count: 2000)
        let (told, lost) = try await onThread {
            let slow = Listener(socket)
            let quick = Listener(socket, "?user=nobody")
            // More than the kernel's buffers and the limits take together.
            for _ in 0..<40 {
                for _ in 0..<50 {
                    socket.feed.publish(EventDescription(.ike, .info, "long", words), trace: nil, peer: nil)
                }
                usleep(5_000)
            }
            socket.feed.publish(Self.up("nobody"), trace: nil, peer: nil)
            // Nobody waits for the slow one.
            quick.waitForEvents(1)
            while slow.events.last?.kind != "lost", !slow.received.isOver { slow.receiveSome() }
            socket.feed.publish(Self.up("somebody"), trace: nil, peer: nil)
            while slow.events.last?.user != "somebody", !slow.received.isOver { slow.receiveSome() }
            let events = slow.events
            return (events.count { $0.event == "ike.long" }, events.reduce(0) { $0 + Int($1.count ?? 0) })
        }
        #expect(told > 100)
        #expect(lost > 0)
        // All of them are accounted for, and that for nobody.
        #expect(told + lost == 2001)
    }

    @Test func whoTakesNothingIsLetGo() async throws {
        var limits = ControlSocket.Limits()
        limits.stallTime = .milliseconds(300)
        limits.heartbeat = .milliseconds(100)
        let socket = try RunningSocket(limits: limits)
        let words = String(repeating: "x", count: 2000)
        let isOver = try await onThread {
            let stuck = Listener(socket)
            for _ in 0..<2000 {
                socket.feed.publish(EventDescription(.ike, .info, "long", words), trace: nil, peer: nil)
            }
            guard stuck.client.waitForHangUp() else { return false }
            stuck.waitForEnd()
            return stuck.events.count < 2000
        }
        #expect(isOver)
        #expect(try await socket.http(get("/v1/status")).status == 200)
    }

    @Test func takesABoundedNumberOfListeners() async throws {
        var limits = ControlSocket.Limits()
        limits.streams = 2
        let socket = try RunningSocket(limits: limits)
        let statuses = try await onThread {
            let listeners = [Listener(socket), Listener(socket)]
            let refused = http(socket.path, get("/v1/events")).status
            let other = http(socket.path, get("/v1/status")).status
            _ = listeners.count
            return [refused, other]
        }
        #expect(statuses == [503, 200])
        // Their places are free again.
        let isThere = try await onThread {
            for _ in 0..<100 where http(socket.path, "HEAD /v1/events HTTP/1.1\r\nHost: x\r\n\r\n").status != 200 {
                usleep(10_000)
            }
            return Listener(socket).lines.count == 1
        }
        #expect(isThere)
    }

    /// The first line that is written to them already ends their connection.
    @Test func listenersWhoLeftBeforeTheyWereServedTakeNoPlaces() async throws {
        var limits = ControlSocket.Limits()
        limits.streams = 2
        let socket = try RunningSocket(limits: limits) { path in
            for _ in 0..<6 { UnixClient(path).send(get("/v1/events")) }
        }
        // Its turn comes after theirs.
        #expect(try await socket.http(get("/v1/status")).status == 200)
        let lines = try await onThread {
            let listeners = [Listener(socket), Listener(socket)]
            return listeners.map(\.lines.count)
        }
        #expect(lines == [1, 1])
    }

    @Test func aListenerWhoTalksIsCutOff() async throws {
        let socket = try RunningSocket()
        let isOver = try await onThread {
            let listener = Listener(socket)
            listener.client.send(get("/v1/status"))
            listener.waitForEnd()
            return listener.received.isOver
        }
        #expect(isOver)
        #expect(socket.requests.isEmpty)
    }

    @Test func whoLeavesIsForgotten() async throws {
        let socket = try RunningSocket()
        try await onThread {
            for _ in 0..<60 { _ = Listener(socket) }
            for _ in 0..<10_000 { socket.feed.publish(Self.up("alice"), trace: nil, peer: nil) }
        }
        #expect(try await socket.http(get("/v1/status")).status == 200)
    }

    @Test func endsWithTheLastOfTheEvents() async throws {
        let (users, text) = try await onThread {
            let listener: Listener
            do {
                let socket = try RunningSocket()
                listener = Listener(socket)
                socket.feed.publish(Self.up("alice"), trace: nil, peer: nil)
            }
            listener.waitForEnd()
            return (listener.events.map(\.user), listener.received.text)
        }
        #expect(users == ["alice"])
        #expect(text.hasSuffix("0\r\n\r\n"))
    }
}
