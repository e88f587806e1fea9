// SPDX-License-Identifier: Apache-2.0
import ControlPlane
import Cryptography
import DataPlane
import Foundation
import IKE
import PPP
import Primitives
import Runtime
import Testing

/// What Prometheus reads, and what is said of it elsewhere.
struct MetricsExpositionTests {
    private var text: String { MetricsSnapshot.example.exposition(process: .example) }

    @Test func theLintHasNothingToSay() {
        let lint = ExpositionLint(text)
        #expect(lint.complaints == [])
        #expect(lint.samples.count > 200)
    }

    @Test func aGatewayThatHasJustStartedHasNothingToHide() {
        let lint = ExpositionLint(MetricsSnapshot.fresh.exposition(process: nil))
        #expect(lint.complaints == [])
        #expect(lint.samples.allSatisfy { $0.value == 0 || $0.name.contains("info") || $0.name.contains("successful") })
    }

    @Test func whatWasCountedIsThere() {
        for line in [
            #"culvert_calls{state="up"} 7"#, #"culvert_calls{state="keying"} 0"#,
            #"culvert_pool_addresses{pool="office \"a\\b\""} 250"#,
            #"culvert_algorithm_sas{protocol="ike",algorithm="modp1024",legacy="true"} 2"#,
            #"culvert_algorithm_sas{protocol="ike",algorithm="aes256",legacy="false"} 5"#,
            #"culvert_algorithm_sas{protocol="esp",algorithm="3des",legacy="true"} 1"#,
            #"culvert_algorithm_sas{protocol="esp",algorithm="md5",legacy="true"} 0"#,
            #"culvert_rekeys_total{protocol="esp",initiator="local",result="done"} 4"#,
            #"culvert_retransmissions_total{protocol="l2tp"} 11"#,
            #"culvert_refusals_total{layer="authentication",reason="user-refused"} 2"#,
            #"culvert_refused_logins_total{reason="wrong-password"} 1"#,
            #"culvert_refused_logins_total{reason="unknown-user"} 1"#,
            #"culvert_kernel_requests_total{request="install-inbound"} 0"#,
            #"culvert_kernel_errors_total{request="read-counters"} 1"#,
            #"culvert_traffic_bytes_total{direction="sent"} 4000"#,
            #"culvert_events_total{layer="control",event="ready"} 1"#,
            #"culvert_build_info{version="0.1.0",gateway="gw1"} 1"#, "culvert_log_lines_lost_total 3",
            #"culvert_reloads_total{result="refused"} 1"#, "culvert_config_last_reload_successful 0",
            "culvert_config_last_reload_success_timestamp_seconds 1700000000", "process_open_fds 21",
        ] {
            #expect(text.contains("\n\(line)\n"), "\(line)")
        }
    }

    @Test func nothingAPeerSaysIsALabel() {
        let labels = Set(ExpositionLint(text).samples.flatMap { Array($0.labels.keys) })
        #expect(
            labels == [
                "state", "pool", "phase", "layer", "event", "reason", "request", "protocol", "initiator", "result",
                "exchange", "observation", "algorithm", "legacy", "direction", "cause", "version", "gateway", "le",
            ]
        )
        #expect(!text.contains("mallory"))
        #expect(!text.contains("203.0.113"))
    }

    @Test func everyMetricIsDescribedAndNoOther() throws {
        let described = try Self.file("Docs/Metrics.md").matches(of: /(?m)^\| `([a-z_]+)` \| ([a-z]+) \|([^|]*)\|/)
        let lint = ExpositionLint(text)
        #expect(Set(described.map { String($0.1) }) == Set(lint.kinds.keys))
        for row in described {
            let name = String(row.1)
            #expect(lint.kinds[name] == String(row.2), "\(name)")
            let labels = Set(row.3.matches(of: /`([a-z]+)`/).map { String($0.1) })
            let used = lint.samples.filter {
                $0.name.hasPrefix(name) && $0.name.dropFirst(name.count).allSatisfy { $0 != "_" }
                    || Self.isPart($0.name, of: name)
            }
            #expect(Set(used.flatMap { Array($0.labels.keys) }).subtracting(["le"]) == labels, "\(name)")
        }
    }

    private static func isPart(_ sample: String, of name: String) -> Bool {
        ["_bucket", "_sum", "_count"].contains { sample == name + $0 }
    }

    @Test(arguments: ["Docs/Monitoring/culvert-dashboard.json", "Docs/Monitoring/alerts.yaml"])
    func whatTheDashboardAndTheAlertsAskForIsThere(_ path: String) throws {
        let lint = ExpositionLint(text)
        let known = Set(lint.samples.map(\.name))
        let words = try Self.file(path).matches(of: /(culvert|process)_[a-z_]+/).map { String($0.0) }
        #expect(words.count > 10)
        for word in Set(words) { #expect(known.contains(word), "\(word)") }
        // Values of labels too: a state or a phase that is not there makes an alert that never comes.
        for match in try Self.file(path).matches(of: /(state|phase|direction|result)!?=\\?"([a-z-]+)\\?"/) {
            let (label, value) = (String(match.1), String(match.2))
            #expect(lint.samples.contains { $0.labels[label] == value }, "\(label)=\(value)")
        }
    }

    @Test func theDashboardIsJSONThatAsksForItsDataSource() throws {
        let data = Data(try Self.file("Docs/Monitoring/culvert-dashboard.json").utf8)
        let board = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
        let panels = try #require(board["panels"] as? [[String: Any]])
        #expect(panels.count > 20)
        #expect(Set(panels.compactMap { $0["id"] as? Int }).count == panels.count)
        for panel in panels {
            let source = panel["datasource"] as? [String: String]
            #expect(source?["uid"] == "${datasource}")
            #expect((panel["targets"] as? [Any])?.isEmpty == false)
        }
    }

    private static func file(_ path: String) throws -> String {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        return try String(contentsOf: root.appending(path: path), encoding: .utf8)
    }
}

extension ProcessFigures {
    static var example: ProcessFigures {
        var figures = ProcessFigures(started: WallClockTime(milliseconds: 1_700_000_000_000), cpuSeconds: 1.5)
        figures.residentBytes = 40_000_000
        figures.virtualBytes = 250_000_000
        figures.openFiles = 21
        figures.mostOpenFiles = 1024
        return figures
    }
}

extension MetricsSnapshot {
    static var fresh: MetricsSnapshot {
        MetricsSnapshot(
            name: "gw1",
            version: "0.1.0",
            uptime: .seconds(0),
            gauges: ControlPlane.Gauges(),
            measurements: Measurements(),
            counters: Counters(),
            traffic: TrafficCounters(receivedPackets: 0, receivedBytes: 0, sentPackets: 0, sentBytes: 0)
        )
    }

    /// With something of everything.
    static var example: MetricsSnapshot {
        var snapshot = fresh
        snapshot.uptime = .seconds(93_784)
        snapshot.gauges.callsByState = ["up": 7, "keyed": 1]
        snapshot.gauges.sessionCount = 7
        snapshot.gauges.ikeTransforms = [
            IKETransform(cipher: .aesCBC(keyBits: 256), hash: .sha256, group: .modp2048): 5,
            IKETransform(cipher: .tripleDESCBC, hash: .sha1, group: .modp1024): 2,
        ]
        snapshot.gauges.espTransforms = [
            ESPTransform(cipher: .aesGCM16(keyBits: 256), integrity: nil): 4,
            ESPTransform(cipher: .tripleDESCBC, integrity: .hmacSHA1_96): 1,
        ]
        snapshot.gauges.pools = [.init(name: "office \"a\\b\"", range: "10.99.0.0/24", used: 7, size: 250)]
        snapshot.gauges.childrenReplaced = .init(byPeer: 3, byUs: 4)
        snapshot.gauges.l2tpRetransmissions = 11
        snapshot.gauges.ikeCounters = ["keepalives": 5]
        snapshot.traffic = TrafficCounters(receivedPackets: 10, receivedBytes: 2000, sentPackets: 20, sentBytes: 4000)
        snapshot.counters.lostLogLines = 3
        var sink = EventSink(level: .error, output: LogOutput(descriptor: -1))
        sink.report(EventDescription(.control, .notice, "ready", "x"), at: seconds(0))
        sink.report(EventDescription(.control, .notice, "reload-refused", "x"), at: seconds(0))
        for refusal in [AuthenticationVerdict.Refusal.wrongPassword, .unknownUser] {
            let kind = PPP.Event.Kind.userRefused(userName: "mallory", method: .mschapv2, refusal, isFinal: true)
            sink.report(.ppp(PPP.Event(trace: TraceID(rawValue: 1), peer: .example, kind: kind)), at: seconds(1))
        }
        snapshot.measurements = sink.measurements
        let lost = snapshot.counters.lostLogLines
        snapshot.counters = sink.counters
        snapshot.counters.lostLogLines = lost
        let ticket = DataPlaneTicket(rawValue: 1)
        snapshot.measurements.kernel.ask(.readCounters([]), ticket, at: seconds(1))
        snapshot.measurements.kernel.answer(ticket, .failed(DataPlaneError(step: "x", code: 1)), at: seconds(1.002))
        return snapshot
    }
}

extension SocketAddress {
    static var example: SocketAddress { SocketAddress(.v4(0xCB00_7107), port: 500) }
}
