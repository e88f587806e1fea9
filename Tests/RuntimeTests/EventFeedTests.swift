// SPDX-License-Identifier: Apache-2.0
import Foundation
import Primitives
import Runtime
import Synchronization
import Testing

struct EventFeedTests {
    private static let call = EventDescription(
        .control,
        .notice,
        "call-up",
        "alice is there",
        fields: [.init("user", "alice"), .init("address", "10.99.0.2")]
    )

    @Test func keepsNothingWhenNobodyListens() {
        let feed = EventFeed()
        feed.publish(Self.call, trace: nil, peer: nil)
        feed.listen {}
        #expect(feed.take().events.isEmpty)
        feed.publish(Self.call, trace: nil, peer: nil)
        feed.listen(nil)
        feed.publish(Self.call, trace: nil, peer: nil)
        #expect(feed.take().events.isEmpty)
    }

    @Test func wakesOnceForAllThatWaits() {
        let wakes = Box(Mutex(0))
        let feed = EventFeed(clock: { WallClockTime(milliseconds: 0) })
        feed.listen { wakes.value.withLock { $0 += 1 } }
        for _ in 0..<100 { feed.publish(Self.call, trace: TraceID(rawValue: 7), peer: nil) }
        #expect(wakes.value.withLock { $0 } == 1)
        let event = FeedEvent(
            time: WallClockTime(milliseconds: 0),
            description: Self.call,
            trace: TraceID(rawValue: 7),
            peer: nil
        )
        #expect(feed.take().events == Array(repeating: event, count: 100))
        feed.publish(Self.call, trace: nil, peer: nil)
        #expect(wakes.value.withLock { $0 } == 2)
    }

    @Test func countsWhatFindsNoRoom() {
        let few = EventFeed(eventLimit: 3)
        few.listen {}
        for _ in 0..<5 { few.publish(Self.call, trace: nil, peer: nil) }
        let batch = few.take()
        #expect(batch.events.count == 3)
        #expect(batch.lost == 2)
        few.publish(Self.call, trace: nil, peer: nil)
        #expect(few.take().lost == 0)

        let small = EventFeed(byteLimit: 1000)
        small.listen {}
        let long = EventDescription(.ike, .notice, "long", String(repeating: "x", count: 800))
        for _ in 0..<3 { small.publish(long, trace: nil, peer: nil) }
        #expect(small.take().events.count == 1)
    }

    /// What it costs the gateway that somebody could listen, and that nobody takes what another one publishes.
    @Test func neverWaits() {
        let feed = EventFeed()
        feed.listen {}
        for _ in 0..<100_000 { feed.publish(Self.call, trace: nil, peer: nil) }
        let batch = feed.take()
        #expect(batch.events.count + Int(batch.lost) == 100_000)
        #expect(batch.events.count == 4096)
    }
}

struct EventFilterTests {
    private func event(_ name: String, user: String?) -> FeedEvent {
        FeedEvent(
            time: WallClockTime(milliseconds: 0),
            description: EventDescription(
                .control,
                .notice,
                name,
                "",
                fields: user.map { [.init("user", $0)] } ?? []
            ),
            trace: TraceID(rawValue: 1),
            peer: SocketAddress(.v4(0xC000_0201), port: 4500)
        )
    }

    @Test(arguments: [
        ("", true), ("kind=call-up", true), ("kind=call-down", false), ("kind=call-down,call-up", true),
        ("user=alice", true), ("user=bob", false), ("peer=192.0.2.1", true), ("peer=192.0.2.2", false),
        ("trace=0000000000000001", true), ("trace=0000000000000002", false), ("user=alice&kind=refused", false),
        ("user=alice&kind=call-up&peer=192.0.2.1&trace=0000000000000001", true),
    ])
    func everyConditionHasToHold(query: String, admits: Bool) throws {
        guard case .events(let filter) = try ControlRoute(method: "GET", path: "/v1/events?\(query)") else {
            Issue.record("not a stream")
            return
        }
        #expect(filter.admits(event("call-up", user: "alice")) == admits)
        #expect(filter.admits(event("call-up", user: nil)) == (admits && filter.user == nil))
    }
}

struct EventKindTests {
    /// `layer.name` of every event that the sources describe.
    static func namesInSources() throws -> Set<String> {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        var names: Set<String> = []
        let files = FileManager.default.enumerator(
            at: root.appendingPathComponent("Sources"),
            includingPropertiesForKeys: []
        )
        while let file = files?.nextObject() as? URL {
            guard file.pathExtension == "swift" else { continue }
            let text = try String(contentsOf: file, encoding: .utf8)
            let pattern = /EventDescription\(\s*\.([a-z0-9]+),[^"]{1,120}?"([a-z0-9-]+)"(?:\s*:\s*"([a-z0-9-]+)")?,/
            for match in text.matches(of: pattern) {
                for name in [match.2, match.3].compactMap(\.self) { names.insert("\(match.1).\(name)") }
            }
        }
        return names
    }

    @Test func theTableNamesEventsThatAreThere() throws {
        let names = try Self.namesInSources()
        #expect(names.count > 100)
        for (kind, events) in EventKind.table {
            for event in events { #expect(names.contains(event), "\(kind): \(event)") }
        }
    }

    @Test func noEventIsOfTwoKinds() {
        let all = EventKind.table.values.flatMap(\.self)
        #expect(Set(all).count == all.count)
    }

    @Test(arguments: [
        (EventDescription.Layer.control, "call-up", EventKind.callUp), (.control, "call-down", .callDown),
        (.ike, "no-proposal-chosen", .refused), (.ike, "child-replaced", .rekeyed),
        (.authentication, "throttled-user", .banned), (.control, "terminate", .configuration),
        (.kernel, "whatever", .kernel), (.ike, "install-failed", .kernel), (.ike, "closed", .other),
        (.l2tp, "call-up", .other),
    ])
    func tellsTheKind(layer: EventDescription.Layer, name: String, kind: EventKind) {
        #expect(EventKind(of: EventDescription(layer, .info, name, "")) == kind)
    }
}
