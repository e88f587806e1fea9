// SPDX-License-Identifier: Apache-2.0
import ControlPlane

/// How a list of calls is to look.
struct SessionsLayout {
    var columns = SessionColumn.usual
    var sort = SessionColumn.age
    var isReversed = false
    var hasHeader = true
    /// Of the terminal; `nil` for no limit.
    var width: Int? = 80
    /// How many lines there is room for, the last one included; `nil` for no limit.
    var height: Int?
}

/// A table and a line that sums it up.
///
/// - Parameter total: How many calls there are, those that were not asked for included.
func render(_ calls: [CallSnapshot], of total: Int? = nil, _ layout: SessionsLayout = SessionsLayout()) -> String {
    let total = total ?? calls.count
    guard !calls.isEmpty else {
        guard layout.hasHeader else { return "" }
        return total == 0 ? "no calls\n" : "none of \(grouped(total)) calls matches\n"
    }
    var table = Table(layout.columns.map(\.column))
    for call in layout.sort.sorted(calls, isReversed: layout.isReversed) {
        table.add(layout.columns.map { $0.text(of: call) ?? "-" })
    }
    guard layout.hasHeader else {
        return table.text(width: layout.width, hasHeader: false, limit: max(1, (layout.height ?? .max) - 1))
    }
    var summary = "\n" + wrappedLine(summarise(calls, of: total), layout.width)
    let leftOut = table.leftOut(width: layout.width).map { $0.lowercased() }
    if !leftOut.isEmpty { summary += wrappedLine("no room for \(leftOut.joined(separator: ", "))", layout.width) }
    var limit = Int.max
    if let height = layout.height {
        // The titles, the line that counts the rest, and the one on which the cursor stands.
        limit = max(1, height - summary.count { $0 == "\n" } - 3)
        if calls.count > limit { summary = "… and \(grouped(calls.count - limit)) more\n" + summary }
    }
    return table.text(width: layout.width, limit: limit) + summary
}

private func wrappedLine(_ line: String, _ width: Int?) -> String {
    width.map { wrapped(line, first: "", indent: 0, width: $0) } ?? line + "\n"
}

/// `3 of 1,200 calls: 2 up, 1 keyed`.
private func summarise(_ calls: [CallSnapshot], of total: Int) -> String {
    var counts: [String: Int] = [:]
    for call in calls { counts[call.state, default: 0] += 1 }
    let others = counts.keys.filter { !CallSnapshot.states.contains($0) }.sorted()
    let states = (CallSnapshot.states + others).compactMap { state in
        counts[state].map { "\(grouped($0)) \(state.visible)" }
    }
    let number =
        total == calls.count
        ? (total == 1 ? "1 call" : "\(grouped(total)) calls") : "\(grouped(calls.count)) of \(grouped(total)) calls"
    return "\(number): \(states.joined(separator: ", "))"
}
