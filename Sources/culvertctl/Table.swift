// SPDX-License-Identifier: Apache-2.0

/// Columns as wide as what stands in them, and together never wider than a terminal.
struct Table {
    struct Column {
        var title: String
        var isNumber = false
        /// How narrow it may become when room is short; `nil` for never cut.
        var minimum: Int?
        /// Where room is short even so, the column with the least of it goes; `nil` for never left out.
        var importance: Int?

        init(_ title: String, isNumber: Bool = false, minimum: Int? = nil, importance: Int? = nil) {
            self.title = title
            self.isNumber = isNumber
            self.minimum = minimum
            self.importance = importance
        }
    }

    private struct Cell {
        let text: String
        let width: Int

        /// - Parameter text: Safe to print.
        init(_ text: String) {
            self.text = text
            width = text.width
        }
    }

    private static let gap = 2

    private let columns: [Column]
    /// Each as long as `columns`.
    private var rows: [[Cell]] = []
    private var widths: [Int]

    init(_ columns: [Column]) {
        self.columns = columns
        widths = columns.map(\.title.width)
    }

    mutating func add(_ cells: [String]) {
        let row = cells.map { Cell($0.visible) }
        for (index, cell) in row.enumerated() { widths[index] = max(widths[index], cell.width) }
        rows.append(row)
    }

    /// - Parameter width: Of the terminal; `nil` for as wide as it is.
    /// - Parameter limit: Rows that there is room for.
    func text(width: Int? = 80, hasHeader: Bool = true, limit: Int = .max) -> String {
        let shown = shown(in: width)
        let widths = fitted(shown, to: width)
        var text = ""
        let header = hasHeader ? [columns.map { Cell($0.title) }] : []
        for line in [header[...], rows.prefix(limit)].joined() {
            var blanks = 0
            for (place, index) in shown.enumerated() {
                let cell =
                    line[index].width > widths[place] ? Cell(line[index].text.cut(to: widths[place])) : line[index]
                let padding = widths[place] - cell.width
                if columns[index].isNumber { blanks += padding }
                if !cell.text.isEmpty {
                    for _ in 0..<blanks { text.append(" ") }
                    blanks = 0
                    text.append(cell.text)
                }
                blanks += (columns[index].isNumber ? 0 : padding) + Self.gap
            }
            text.append("\n")
        }
        return text
    }

    /// The titles of the columns that such a terminal has no room for.
    func leftOut(width: Int?) -> [String] {
        let shown = Set(shown(in: width))
        return columns.indices.filter { !shown.contains($0) }.map { columns[$0].title }
    }

    /// Leaves columns out until the rest fits when cut as far as may be.
    private func shown(in width: Int?) -> [Int] {
        var shown = Array(columns.indices)
        guard let width else { return shown }
        while shown.count > 1, narrowest(shown) > width {
            let candidates = shown.filter { columns[$0].importance != nil }
            guard let least = candidates.min(by: { columns[$0].importance ?? 0 < columns[$1].importance ?? 0 }) else {
                break
            }
            shown.removeAll { $0 == least }
        }
        return shown
    }

    private func narrowest(_ shown: [Int]) -> Int {
        shown.reduce(Self.gap * (shown.count - 1)) { $0 + min(widths[$1], columns[$1].minimum ?? .max) }
    }

    /// Takes from the widest column that may give, one by one; from any if none may.
    private func fitted(_ shown: [Int], to width: Int?) -> [Int] {
        var widths = shown.map { self.widths[$0] }
        guard let width else { return widths }
        var excess = widths.reduce(Self.gap * (shown.count - 1), +) - width
        var floors = shown.map { columns[$0].minimum ?? .max }
        while excess > 0 {
            let givers = widths.indices.filter { widths[$0] > floors[$0] }
            if let widest = givers.max(by: { widths[$0] < widths[$1] }) {
                widths[widest] -= 1
                excess -= 1
            } else if floors.contains(where: { $0 > 1 }) {
                floors = floors.map { _ in 1 }
            } else {
                break
            }
        }
        return widths
    }
}
