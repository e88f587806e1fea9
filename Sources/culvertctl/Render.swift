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

extension Int {
    /// In whole per cent, for counts of any size.
    fileprivate func percentage(of whole: Int) -> Int {
        Int(Double(self) / Double(whole) * 100)
    }
}
