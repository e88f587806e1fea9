// SPDX-License-Identifier: Apache-2.0
import ControlPlane

/// In the order given.
func render(_ traces: [TraceSummary]) -> String {
    guard !traces.isEmpty else { return "nothing is kept yet\n" }
    var table = Table([
        .init("TRACE"), .init("PEER", minimum: 15), .init("USER", minimum: 6), .init("STATE"),
        .init("VERDICT", minimum: 12), .init("AGE", isNumber: true),
    ])
    for trace in traces {
        let verdict = [trace.layer, trace.event].compactMap(\.self).joined(separator: " ")
        table.add([
            trace.trace ?? "-", trace.peer, trace.user ?? "-", trace.state, verdict.isEmpty ? "-" : verdict,
            age(trace.ageSeconds),
        ])
    }
    return table.text()
}

/// A line for each step, then the verdict.
func render(_ trace: TraceSnapshot) -> String {
    let who = [
        trace.peer, trace.client.map { "client \($0)" }, trace.profile.map { "profile \($0)" },
        trace.user.map { "user \($0)" },
    ].compactMap(\.self)
    var text = wrapped(
        "\(trace.trace.map { "call \($0)" } ?? "first messages of a stranger"): \(trace.state)".visible,
        first: "",
        indent: 2
    )
    text += wrapped(who.joined(separator: ", ").visible, first: "  ", indent: 2)
    if let note = trace.note { text += wrapped("(\(note))".visible, first: "  ", indent: 2) }
    text += "\n"
    let times = trace.steps.map { "+" + seconds($0.at) }
    let layers = trace.steps.map { label($0.layer).visible }
    let timeWidth = times.map(\.count).max() ?? 0
    let layerWidth = layers.map(\.count).max() ?? 0
    let gap = middle(of: trace)
    for (place, step) in trace.steps.enumerated() {
        if place == gap, let count = trace.leftOut {
            text += "  … \(count) \(count == 1 ? "step is" : "steps are") not kept\n"
        }
        let first = "  \(times[place].leftPadded(to: timeWidth)) s  \(layers[place].padded(to: layerWidth))  "
        let repeated = step.count.map { $0 > 1 ? " (\($0) times)" : "" } ?? ""
        text += wrapped((step.text + repeated).visible, first: first, indent: first.count)
    }
    guard let verdict = trace.verdict else { return text }
    text += "\n"
    text += wrapped(
        "\(label(verdict.layer)): \(verdict.text) [\(verdict.event)]".visible,
        first: "verdict  ",
        indent: 9
    )
    if let remedy = verdict.remedy { text += wrapped(remedy.visible, first: "remedy   ", indent: 9) }
    return text
}

/// Where the steps that are not kept were: after the first half of what a trace keeps.
private func middle(of trace: TraceSnapshot) -> Int? {
    trace.leftOut == nil ? nil : trace.trace == nil ? 0 : trace.steps.count / 2
}

private func label(_ layer: String) -> String {
    switch layer {
    case "ike", "esp", "l2tp", "ppp": layer.uppercased()
    case "authentication": "user"
    default: layer
    }
}

/// With milliseconds.
private func seconds(_ value: Double) -> String {
    guard value.isFinite, value >= 0, value < 1e12 else { return "-" }
    let milliseconds = Int((value * 1000).rounded())
    let rest = String(milliseconds % 1000)
    return "\(milliseconds / 1000).\(String(repeating: "0", count: 3 - rest.count))\(rest)"
}
