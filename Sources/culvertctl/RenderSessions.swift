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
    var sorted = layout.sort.sorted(calls, isReversed: layout.isReversed)
    var summary = ""
    if layout.hasHeader { summary = "\n" + wrappedLine(summarise(calls, of: total), layout.width) }
    if let height = layout.height {
        let room = max(1, height - (layout.hasHeader ? 1 : 0) - summary.count { $0 == "\n" } - 1)
        if sorted.count > room {
            if layout.hasHeader {
                summary = "… and \(grouped(sorted.count - room)) more\n" + summary
            }
            sorted.removeLast(sorted.count - room)
        }
    }
    var table = Table(layout.columns.map(\.column))
    for call in sorted { table.add(layout.columns.map { $0.text(of: call) ?? "-" }) }
    let leftOut = layout.hasHeader ? table.leftOut(width: layout.width) : []
    if !leftOut.isEmpty {
        summary += wrappedLine(
            "no room for \(leftOut.map { $0.lowercased() }.joined(separator: ", "))",
            layout.width
        )
    }
    return table.text(width: layout.width, hasHeader: layout.hasHeader) + summary
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
