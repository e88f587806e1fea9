// SPDX-License-Identifier: Apache-2.0
import ControlPlane
import DataPlane
import Foundation
import Primitives
import Runtime
import Testing

struct StatusPageTests {
    static let hostile = [
        "<script>alert(1)</script>", "\"><img src=x onerror=alert(1)>", "' onmouseover='alert(1)", "</style><style>*{}",
        "</title><svg onload=alert(1)>", "&lt;b&gt;", "\u{202E}gnp.exe", "a\u{0}b\u{1B}[2J\nc", "]]><!--",
        "javascript:alert(1)",
        "{{constructor}}", String(repeating: "<", count: 5000), "\u{E0041}\u{2066}x",
    ]

    static func call(_ user: String?, number: UInt32 = 1) -> ControlPlane.CallLine {
        ControlPlane.CallLine(
            trace: TraceID(rawValue: UInt64(number)),
            state: "up",
            user: user,
            innerAddress: IPAddress("10.99.0.7"),
            peer: .example,
            interface: "cv\(number)",
            age: .seconds(3725),
            session: KernelSessionID(tunnel: 1, session: number)
        )
    }

    static func page(_ users: [String?], minutes: [TrafficReadings.Minute] = []) -> String {
        var metrics = MetricsSnapshot.example
        metrics.gauges.sessionCount = users.count
        let calls = users.enumerated().map { call($1, number: UInt32($0 + 1)) }
        let snapshot = PageSnapshot(
            metrics: metrics,
            calls: calls,
            callTraffic: [
                KernelSessionID(tunnel: 1, session: 1): TrafficCounters(
                    receivedPackets: 9,
                    receivedBytes: 1_234_567,
                    sentPackets: 8,
                    sentBytes: 999
                )
            ],
            minutes: minutes,
            now: seconds(7200)
        )
        return StatusPage(snapshot, at: WallClockTime(milliseconds: 1_700_000_000_000)).html
    }

    @Test(arguments: hostile)
    func nothingAPeerSaysBecomesMarkup(_ name: String) {
        let tags = { (html: String) in html.matches(of: /<[a-zA-Z\/!][^>]*>/).map { String($0.0) } }
        #expect(tags(Self.page([name])) == tags(Self.page(["alice"])))
        let html = Self.page([name])
        #expect(!html.unicodeScalars.contains { $0.value < 0x20 && $0 != "\n" })
        #expect(!html.unicodeScalars.contains("\u{202E}"))
        #expect(html.utf8.count < 12_000)
    }

    @Test func aCallIsARow() {
        let html = Self.page(["alice", nil])
        #expect(
            html.contains(
                #"<tr><th scope="row"><bdi>alice</bdi></th><td>up</td><td>10.99.0.7</td><td>203.0.113.7:500</td>"#
                    + #"<td>cv1</td><td class="number">1 h 2 min</td><td class="number">1.2 MB</td>"#
                    + #"<td class="number">999 B</td></tr>"#
            )
        )
        #expect(html.contains("<bdi>–</bdi>"))
        #expect(html.contains("All 2, newest first."))
        #expect(
            html.contains(
                #"<tr><th scope="row">user-refused</th><td>authentication</td><td class="number">2</td></tr>"#
            )
        )
        #expect(html.contains("<title>gw1: 7 calls up</title>"))
        #expect(html.contains("<time>2023-11-14 22:13:20 UTC</time>"))
    }

    @Test func moreCallsThanRowsAreSaidToBe() {
        var metrics = MetricsSnapshot.example
        metrics.gauges.sessionCount = 10_000
        let snapshot = PageSnapshot(
            metrics: metrics,
            calls: (1...200).map { Self.call("u\($0)", number: $0) },
            callTraffic: [:],
            minutes: [],
            now: seconds(1)
        )
        let html = StatusPage(snapshot, at: WallClockTime(milliseconds: 0)).html
        #expect(html.contains("The 200 newest of 10000; culvertctl sessions lists all."))
        #expect(html.utf8.count < 80_000)
    }

    @Test func theCurveHasAPointForEachMinute() throws {
        let minutes = (0..<60).map { (number: Int) -> TrafficReadings.Minute in
            let end = seconds(Double(3660 + 60 * number))
            return TrafficReadings.Minute(
                end: end,
                length: .seconds(60),
                received: 7_500_000,
                sent: UInt64(75_000 * number)
            )
        }
        let html = Self.page([], minutes: minutes)
        let lines = html.matches(of: /<polyline class="([a-z]+)" points="([^"]*)"/)
        #expect(lines.map { String($0.1) } == ["received", "sent"])
        for line in lines {
            let points = line.2.split(separator: " ").map { $0.split(separator: ",").compactMap { Double($0) } }
            #expect(points.count == 61)
            #expect(points.allSatisfy { $0.count == 2 && (0...720).contains($0[0]) && (0...160).contains($0[1]) })
            #expect(points.map { $0[0] } == points.map { $0[0] }.sorted())
        }
        #expect(
            html.contains("In the last minute 1.0 Mbit/s came from callers")
                || html.contains("In the last minute 1 Mbit/s came from callers")
        )
    }

    @Test func thePolicyNamesTheVeryStyleAndScriptThatAreThere() throws {
        let html = Self.page([])
        let policy = StatusPage.contentSecurityPolicy
        #expect(policy.hasPrefix("default-src 'none'; "))
        #expect(!policy.contains("unsafe"))
        #expect(html.matches(of: /<script/).count == 1)
        #expect(html.matches(of: /<style/).count == 1)
        // Nothing that the policy would have to allow beside them.
        #expect(html.firstMatch(of: /\ (style|on[a-z]+)=/) == nil)
        #expect(html.firstMatch(of: /(src|href)="(?!data:,")/) == nil)
    }

    @Test func whatIsEmptySaysSo() {
        let snapshot = PageSnapshot(metrics: .fresh, calls: [], callTraffic: [:], minutes: [], now: seconds(0))
        let html = StatusPage(snapshot, at: WallClockTime(milliseconds: 0)).html
        #expect(html.contains("Nobody is connected."))
        #expect(html.contains("Nothing was refused since the start."))
        #expect(html.contains("The first minute is not over yet."))
        #expect(html.contains("<svg"))
    }
}
