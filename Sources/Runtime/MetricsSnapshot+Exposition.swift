// SPDX-License-Identifier: Apache-2.0
internal import ControlPlane
internal import Cryptography
internal import DataPlane
internal import IKE
internal import Primitives

extension MetricsSnapshot {
    /// - Parameter process: What the system says of this process, if it was asked.
    package func exposition(process: ProcessFigures?) -> String {
        var page = Exposition()
        addCalls(to: &page)
        addEvents(to: &page)
        addKernel(to: &page)
        addKeys(to: &page)
        addTraffic(to: &page)
        addDaemon(process, to: &page)
        process?.add(to: &page)
        return page.text
    }

    private func addCalls(to page: inout Exposition) {
        page.metric("culvert_calls", .gauge, "Calls, and peers on the way to one, by how far they have come.")
        for state in ControlPlane.callStates { page.sample([("state", state)], gauges.callsByState[state] ?? 0) }
        page.metric("culvert_ike_sas", .gauge, "IKE SAs, half-open ones included.")
        page.sample(gauges.ikeCount)
        page.metric("culvert_esp_sa_pairs", .gauge, "Pairs of ESP security associations.")
        page.sample(gauges.childCount)
        page.metric("culvert_tunnels", .gauge, "L2TP control connections.")
        page.sample(gauges.tunnelCount)
        page.metric("culvert_sessions", .gauge, "L2TP sessions.")
        page.sample(gauges.sessionCount)
        page.metric("culvert_pool_addresses", .gauge, "Addresses that the pool can give to callers.")
        for pool in gauges.pools { page.sample([("pool", pool.name)], pool.size) }
        page.metric("culvert_pool_used_addresses", .gauge, "Addresses of the pool that callers have.")
        for pool in gauges.pools { page.sample([("pool", pool.name)], pool.used) }
        page.metric(
            "culvert_set_up_duration_seconds",
            .histogram,
            "Time that calls took to come up, by phase."
        )
        for (phase, histogram) in measurements.setUpTimes { page.samples([("phase", phase)], histogram) }
    }

    private func addEvents(to page: inout Exposition) {
        page.metric("culvert_events_total", .counter, "Events by layer and name, as the log has them.")
        for event in counters.eventCounts {
            page.sample([("layer", event.layer), ("event", event.name)], event.count)
        }
        page.metric("culvert_refusals_total", .counter, "What was refused by a decision, by layer and reason.")
        let refusals = measurements.refusals.map { ($0.key.layer.rawValue, $0.key.name, $0.value) }
        for (layer, name, count) in refusals.sorted(by: { ($0.0, $0.1) < ($1.0, $1.1) }) {
            page.sample([("layer", layer), ("reason", name)], count)
        }
        page.metric("culvert_refused_logins_total", .counter, "Logins of users that were refused, by reason.")
        for reason in Measurements.AuthenticationReason.allCases {
            page.sample([("reason", reason.rawValue)], measurements.refusedUsers[reason] ?? 0)
        }
    }

    private func addKernel(to page: inout Exposition) {
        let kinds = Impairment.RequestKind.allCases
        page.metric("culvert_kernel_requests_total", .counter, "What the kernel was asked to do.")
        for kind in kinds { page.sample([("request", kind.rawValue)], measurements.kernel[kind].requests) }
        page.metric("culvert_kernel_errors_total", .counter, "What the kernel refused to do.")
        for kind in kinds { page.sample([("request", kind.rawValue)], measurements.kernel[kind].errors) }
        page.metric("culvert_kernel_requests_in_flight", .gauge, "Requests that the kernel has not answered yet.")
        page.sample(measurements.kernel.inFlight)
        page.metric(
            "culvert_kernel_request_duration_seconds",
            .histogram,
            "Time from a request to the kernel's answer."
        )
        for kind in kinds { page.samples([("request", kind.rawValue)], measurements.kernel[kind].durations) }
    }

    private func addKeys(to page: inout Exposition) {
        page.metric(
            "culvert_rekeys_total",
            .counter,
            "Keys that took the place of others, and our attempts that failed."
        )
        let events = counters.byName
        for (protocolName, done, failure) in [
            ("ike", gauges.ikeReplaced, "ike.rekeying-failed"), ("esp", gauges.childrenReplaced, "ike.rekey-failed"),
        ] {
            func labels(_ initiator: String, _ result: String) -> [(String, String)] {
                [("protocol", protocolName), ("initiator", initiator), ("result", result)]
            }
            page.sample(labels("peer", "done"), done.byPeer)
            page.sample(labels("local", "done"), done.byUs)
            page.sample(labels("local", "failed"), events[failure] ?? 0)
        }
        page.metric("culvert_retransmissions_total", .counter, "Messages of ours that were sent again.")
        page.sample([("protocol", "ike")], gauges.ikeRetransmissions)
        page.sample([("protocol", "l2tp")], gauges.l2tpRetransmissions)
        page.sample([("protocol", "ppp")], gauges.pppRetransmissions)
        let exchanges = Measurements.Exchange.allCases
        page.metric(
            "culvert_ike_messages_total",
            .counter,
            "Messages of IKE that were taken in, by exchange; those without our cookie are not counted here."
        )
        for exchange in exchanges { page.sample([("exchange", exchange.rawValue)], measurements[exchange].messages) }
        page.metric(
            "culvert_ike_cpu_seconds_total",
            .counter,
            "Processor time spent on them: Diffie-Hellman is most of it."
        )
        for exchange in exchanges {
            page.sample(
                [("exchange", exchange.rawValue)],
                Double(measurements[exchange].cpuNanoseconds) / 1e9
            )
        }
        page.metric("culvert_ike_observations_total", .counter, "What IKE counts and does not report as events.")
        for (name, count) in gauges.ikeCounters.sorted(by: { $0.key < $1.key }) {
            page.sample([("observation", name)], count)
        }
        page.metric(
            "culvert_algorithm_sas",
            .gauge,
            "Security associations that use an algorithm now; legacy ones are those that allow-legacy lets in."
        )
        for use in algorithms {
            page.sample(
                [
                    ("protocol", use.protocolName), ("algorithm", use.name),
                    ("legacy", use.isLegacy ? "true" : "false"),
                ],
                use.count
            )
        }
    }

    private func addTraffic(to page: inout Exposition) {
        page.metric(
            "culvert_traffic_bytes_total",
            .counter,
            "Bytes of users in all calls, from the kernel's counters; of a call that ended, up to the reading before."
        )
        page.sample([("direction", "received")], traffic.receivedBytes)
        page.sample([("direction", "sent")], traffic.sentBytes)
        page.metric("culvert_traffic_packets_total", .counter, "Packets of users in all calls, likewise.")
        page.sample([("direction", "received")], traffic.receivedPackets)
        page.sample([("direction", "sent")], traffic.sentPackets)
        page.metric(
            "culvert_control_packets_total",
            .counter,
            "Datagrams and frames of IKE, L2TP and PPP that the process read or sent."
        )
        page.sample([("direction", "received")], counters.packets.received)
        page.sample([("direction", "sent")], counters.packets.sent)
        page.metric("culvert_control_packets_dropped_total", .counter, "Such packets that were lost here, by cause.")
        page.sample([("cause", "unsent")], counters.packets.unsent)
        page.sample([("cause", "unusable")], counters.packets.unusable)
        page.sample([("cause", "overflow")], counters.packets.overflowed)
        page.sample([("cause", "crowded-out")], counters.packets.crowdedOut)
    }

    private func addDaemon(_ process: ProcessFigures?, to page: inout Exposition) {
        page.metric("culvert_build_info", .gauge, "Always 1; the labels say what runs here.")
        page.sample([("version", version), ("gateway", name)], 1)
        page.metric("culvert_log_lines_lost_total", .counter, "Log lines that found no room with their reader.")
        page.sample(counters.lostLogLines)
        let reload = measurements.reload
        page.metric("culvert_reloads_total", .counter, "Readings of the configuration after the start.")
        page.sample([("result", "applied")], reload.applied)
        page.sample([("result", "refused")], reload.refused)
        page.metric("culvert_config_last_reload_successful", .gauge, "0 if the last reading was refused.")
        page.sample(reload.wasLastApplied ? 1 : 0)
        guard let start = process?.started else { return }
        page.metric(
            "culvert_config_last_reload_success_timestamp_seconds",
            .gauge,
            "When the configuration in force was read."
        )
        page.sample(Double((reload.lastApplied ?? start).milliseconds) / 1000)
    }
}

extension MetricsSnapshot {
    /// How often an algorithm is in use.
    struct AlgorithmUse: Hashable, Sendable {
        var protocolName: String
        var name: String
        var isLegacy: Bool
        var count: Int
    }

    /// Legacy ones always, others if there are any: an alert needs a series that is there before it rises.
    var algorithms: [AlgorithmUse] {
        var counts: [String: [String: Int]] = ["ike": [:], "esp": [:]]
        for legacy in Self.legacyOfIKE { counts["ike"]?[legacy] = 0 }
        for legacy in Self.legacyOfESP { counts["esp"]?[legacy] = 0 }
        for (transform, count) in gauges.ikeTransforms {
            for name in transform.description.split(separator: "-") {
                counts["ike"]?[String(name), default: 0] += count
            }
        }
        for (transform, count) in gauges.espTransforms {
            for name in transform.description.split(separator: "-") {
                counts["esp"]?[String(name), default: 0] += count
            }
        }
        return ["ike", "esp"].flatMap { protocolName in
            (counts[protocolName] ?? [:]).sorted { $0.key < $1.key }.map { name, count in
                AlgorithmUse(
                    protocolName: protocolName,
                    name: name,
                    isLegacy: Self.legacyOfIKE.contains(name),
                    count: count
                )
            }
        }
    }

    private static var legacyOfIKE: [String] { LegacyAlgorithm.allCases.map(\.rawValue) }
    private static var legacyOfESP: [String] { legacyOfIKE.filter { $0 != LegacyAlgorithm.modp1024.rawValue } }
}
