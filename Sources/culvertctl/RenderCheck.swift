// SPDX-License-Identifier: Apache-2.0
import IKE

/// Wider than a terminal if it must be: algorithms are not cut.
private let widest = 150

func render(_ report: CheckReport) -> String {
    let verdict = report.wouldConnect ? "would connect" : "would not connect"
    var text = "\(report.client.title) (\(report.client.name)) \(verdict)".visible
    text += ", from \(report.peer.visible) as user \(report.user.visible)\n\n"
    let agreed = report.ways.filter { $0.agreed != nil }
    if !agreed.isEmpty { text += table(of: agreed.map { ($0.behindNAT, $0.agreed) }) + "\n" }
    var told: Set<CheckReport.Refusal> = []
    for way in report.ways {
        guard let refusal = way.refused, told.insert(refusal).inserted else { continue }
        let isEverywhere = report.ways.allSatisfy { $0.refused == refusal }
        text += render(refusal, way: isEverywhere ? nil : way.behindNAT) + "\n"
    }
    if !report.additions.isEmpty {
        text += report.additions.count == 1 ? "The line to add:\n" : "The lines to add:\n"
        for addition in report.additions {
            let line = addition.line.map { " (line \($0))" } ?? ""
            text += "  \(addition.place)\(line): add  \(addition.text)\n".visibleLines
        }
        let mended = report.ways.filter { $0.mended != nil }
        if mended.isEmpty {
            text += "\n"
        } else {
            text += "\nWith \(report.additions.count == 1 ? "it" : "them") it would connect:\n"
            text += table(of: mended.map { ($0.behindNAT, $0.mended) }) + "\n"
        }
    }
    text += list("Warnings:", report.warnings)
    text += list("Supposed about this client, not seen:", report.inferred)
    while text.hasSuffix("\n\n") { text.removeLast() }
    return text
}

/// One line for each client.
func render(_ reports: [CheckReport]) -> String {
    var table = Table([
        .init("CLIENT"), .init("CONNECTS"), .init("IKE"), .init("ESP"), .init("PPP"), .init("MISSING", minimum: 24),
    ])
    for report in reports {
        let agreement = report.ways.compactMap(\.agreed).first
        let connects =
            switch (report.wouldConnect, agreement, report.ways.first?.agreed) {
            case (true, _, _): "yes"
            case (false, nil, _): "no"
            case (false, _, nil): "behind NAT"
            case (false, _, _): "without NAT"
            }
        var missing = report.additions.map(\.brief)
        if missing.isEmpty, let refusal = report.ways.compactMap(\.refused).first {
            missing = refusal.missing.isEmpty ? [refusal.reason] : refusal.missing
        }
        let group = agreement?.pfs.map { ", PFS \($0)" } ?? ""
        table.add([
            report.client.name, connects, agreement?.ike ?? "-", (agreement?.esp ?? "-") + group,
            agreement?.authentication ?? "-", missing.isEmpty ? "-" : missing.joined(separator: "; "),
        ])
    }
    return table.text(width: widest)
}

private func table(of ways: [(behindNAT: Bool, agreement: CheckReport.Agreement?)]) -> String {
    let agreements = ways.compactMap(\.agreement)
    var table = Table([.init("")] + ways.map { Table.Column($0.behindNAT ? "BEHIND A NAT" : "DIRECT", minimum: 20) })
    func row(_ name: String, _ cell: (CheckReport.Agreement) -> String) {
        table.add([name] + agreements.map(cell))
    }
    row("profile") { $0.profile + ($0.key.map { ", key \($0)" } ?? "") }
    row("taken for") { $0.recognisedAs }
    row("IKE") { $0.ike + ($0.aggressiveMode ? ", aggressive mode" : "") }
    row("PFS") { $0.pfs ?? "none" }
    row("ESP") { $0.esp }
    row("encapsulation") { $0.encapsulated ? "UDP 4500" : "none" }
    row("authentication") { $0.authentication }
    row("address") { $0.address + ($0.pool.map { " of pool \($0)" } ?? ", fixed") }
    row("name servers") { $0.dns.isEmpty ? "none" : $0.dns.joined(separator: ", ") }
    row("MTU") { "\($0.mtu)" }
    row("legacy used") { $0.legacy.isEmpty ? "none" : $0.legacy.joined(separator: ", ") }
    return table.text(width: widest)
}

/// - Parameter way: Behind a NAT or not; `nil` if it makes no difference.
private func render(_ refusal: CheckReport.Refusal, way: Bool?) -> String {
    var text = ""
    func line(_ name: String, _ value: String?) {
        if let value, !value.isEmpty { text += "\(name.padded(to: 10))\(value.visible)\n" }
    }
    line("where", way.map { $0 ? "behind a NAT" : "without a NAT" })
    line("layer", refusal.layer + (refusal.event.map { ", \($0)" } ?? ""))
    line("message", refusal.message)
    line("reason", refusal.reason)
    line("offered", refusal.offered.joined(separator: ", "))
    let isList = refusal.layer != "ike" || refusal.accepted.isEmpty
    line("accepted", isList ? refusal.accepted.joined(separator: ", ") : ProposalMismatch.summary(of: refusal.accepted))
    line("missing", refusal.missing.joined(separator: "; "))
    line("hint", refusal.hint)
    return text
}

private func list(_ title: String, _ lines: [String]) -> String {
    lines.isEmpty ? "" : "\(title)\n" + lines.map { "  - \($0.visible)\n" }.joined() + "\n"
}

extension String {
    /// ``visible``, but for the end of the line.
    fileprivate var visibleLines: String { dropLast().visible + "\n" }
}
