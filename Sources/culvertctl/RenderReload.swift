// SPDX-License-Identifier: Apache-2.0
import Runtime

/// The plan as a person reads it.
func render(_ report: ReloadReport) -> String {
    var text = report.findings.map { finding in
        "\(finding.file):\(finding.line):\(finding.column): \(finding.severity): \(finding.message)".visible
            + (finding.remedy.map { "; \($0)" } ?? "").visible + "\n"
    }.joined()
    if !text.isEmpty { text += "\n" }
    switch report.outcome {
    case .refused:
        text += "refused: \((report.error?.message ?? "nothing was changed").visible)\n"
        if let remedy = report.error?.remedy { text += "  \(remedy.visible)\n" }
        return text
    case .unchanged:
        return text + "no changes\n"
    case .applied, .planned:
        break
    }
    text += renderChanges(report.changes)
    for ending in report.ending {
        let who = (ending.user.map { "\($0) from " } ?? "") + ending.peer
        text += wrapped("\(who), \(ending.trace): \(ending.reason)".visible, first: "ends     ", indent: 9)
    }
    let counts = ["added", "changed", "removed"].map { "\(report.count(of: $0)) \($0)" }.joined(separator: ", ")
    let ends =
        switch report.ending.count {
        case 0: "no call ends"
        case 1: "1 call ends"
        case let count: "\(grouped(count)) calls end"
        }
    return text + "\n\(counts); \(ends)\n" + (report.isApplied ? "applied\n" : "dry run: nothing was changed\n")
}

/// Of many alike, as when a thousand users are new, the first are enough.
private let mostAlike = 20

private func renderChanges(_ changes: [ReloadReport.Change]) -> String {
    var text = ""
    var alike: [String: Int] = [:]
    for change in changes {
        let family = "\(change.kind) \(change.key.prefix { $0 != "." })"
        alike[family, default: 0] += 1
        guard alike[family, default: 0] <= mostAlike else { continue }
        text += render(change)
    }
    for (family, count) in alike.sorted(by: { $0.key < $1.key }) where count > mostAlike {
        let words = family.split(separator: " ")
        text +=
            "\(String(words[0]).padded(to: 8)) \(grouped(count - mostAlike)) more of \(words[1]): --json lists them\n"
    }
    return text
}

private func render(_ change: ReloadReport.Change) -> String {
    let what = change.what.map { ": \($0)" } ?? ""
    let line = "\(change.key)\(what), \(change.takesEffect)".visible
    var text = wrapped(line, first: change.kind.padded(to: 9), indent: 9)
    if change.calls > 0 {
        let calls = change.calls == 1 ? "1 call" : "\(grouped(change.calls)) calls"
        let feeling = change.feeling.map { ": \($0)" } ?? ""
        text += wrapped("\(calls)\(feeling)".visible, first: String(repeating: " ", count: 9), indent: 9)
    }
    return text
}
