// SPDX-License-Identifier: Apache-2.0
import ControlPlane

func render(_ answer: TerminateAnswer) -> String {
    answer.terminated == 1 ? "1 call is ending\n" : "\(answer.terminated) calls are ending\n"
}

func render(_ status: StatusSnapshot) -> String {
    var text = (status.name ?? "gateway").visible
    if let version = status.version { text += ", culvertd \(version.visible)" }
    if let uptime = status.uptimeSeconds { text += ", up \(age(uptime))" }
    text += "\n\n"
    let lines = [
        ("calls up", status.callCount), ("IKE SAs", status.ikeCount), ("ESP SA pairs", status.childCount),
        ("L2TP tunnels", status.tunnelCount), ("L2TP sessions", status.sessionCount),
    ]
    for (name, count) in lines { text += "\(name.padded(to: 16))\(grouped(count).leftPadded(to: 10))\n" }
    if !status.pools.isEmpty {
        var table = Table([
            .init("POOL", minimum: 8), .init("RANGE", minimum: 18), .init("USED", isNumber: true),
            .init("SIZE", isNumber: true), .init("FULL", isNumber: true),
        ])
        for pool in status.pools {
            let share = pool.size > 0 ? "\(pool.used.percentage(of: pool.size)) %" : "-"
            table.add([pool.name, pool.range, grouped(pool.used), grouped(pool.size), share])
        }
        text += "\n" + table.text()
    }
    let counters = (status.counters ?? [:]).filter { $0.value > 0 }.sorted { $0.key < $1.key }
    if !counters.isEmpty {
        var table = Table([.init("COUNTER", minimum: 20), .init("VALUE", isNumber: true)])
        for (name, value) in counters { table.add([name, grouped(value)]) }
        text += "\n" + table.text()
    }
    return text
}

func render(_ list: ImpairmentList) -> String {
    guard !list.impairments.isEmpty else { return "no impairments\n" }
    var table = Table([
        .init("NUMBER", isNumber: true), .init("IMPAIRMENT", minimum: 20), .init("MATCHED", isNumber: true),
        .init("STRUCK", isNumber: true),
    ])
    for entry in list.impairments {
        table.add(["\(entry.number)", entry.impairment, grouped(entry.matched), grouped(entry.struck)])
    }
    return table.text()
}

/// Ordered by age, oldest first.
func render(_ calls: [CallSnapshot]) -> String {
    guard !calls.isEmpty else { return "no calls\n" }
    var table = Table([
        .init("TRACE"), .init("USER", minimum: 6), .init("ADDRESS", minimum: 15), .init("PEER", minimum: 6),
        .init("CLIENT", minimum: 6), .init("STATE"), .init("AGE", isNumber: true),
    ])
    for call in calls.sorted(by: { ($0.ageSeconds, $0.trace) > ($1.ageSeconds, $1.trace) }) {
        table.add([
            call.trace, call.user ?? "-", call.innerAddress ?? "-", host(of: call.ike.peer), call.ike.client ?? "-",
            call.state, age(call.ageSeconds),
        ])
    }
    return table.text()
}

/// `192.0.2.1:4500` and `[2001:db8::1]:4500` without the port.
private func host(of peer: String) -> String {
    guard let colon = peer.lastIndex(of: ":") else { return peer }
    let host = peer[..<colon]
    return host.hasPrefix("[") && host.hasSuffix("]") ? String(host.dropFirst().dropLast()) : String(host)
}

/// The two largest units: `3d 4h`, `5m 6s`, `7s`.
func age(_ seconds: Double) -> String {
    guard seconds.isFinite, seconds >= 0, seconds < 1e12 else { return "-" }
    let seconds = Int(seconds)
    switch seconds {
    case ..<60: return "\(seconds)s"
    case ..<3_600: return "\(seconds / 60)m \(seconds % 60)s"
    case ..<86_400: return "\(seconds / 3_600)h \(seconds % 3_600 / 60)m"
    default: return "\(seconds / 86_400)d \(seconds % 86_400 / 3_600)h"
    }
}

/// With a comma between thousands.
func grouped(_ value: some BinaryInteger) -> String {
    var text = ""
    for (index, digit) in "\(value)".reversed().enumerated() {
        if index > 0, index.isMultiple(of: 3), digit != "-" { text.append(",") }
        text.append(digit)
    }
    return String(text.reversed())
}

extension Int {
    /// In whole per cent, for counts of any size.
    fileprivate func percentage(of whole: Int) -> Int {
        Int(Double(self) / Double(whole) * 100)
    }
}
