// SPDX-License-Identifier: Apache-2.0

/// Columns as wide as what stands in them, and together never wider than a terminal.
struct Table {
    struct Column {
        var title: String
        var isNumber = false
        /// How narrow it may become when room is short; `nil` for never cut.
        var minimum: Int?

        init(_ title: String, isNumber: Bool = false, minimum: Int? = nil) {
            self.title = title
            self.isNumber = isNumber
            self.minimum = minimum
        }
    }

    private static let gap = 2

    var columns: [Column]
    /// Each as long as `columns`, and safe to print.
    private var rows: [[String]] = []

    init(_ columns: [Column]) {
        self.columns = columns
    }

    mutating func add(_ cells: [String]) {
        rows.append(cells.map(\.visible))
    }

    func text(width: Int = 80) -> String {
        let lines = [columns.map(\.title)] + rows
        let widths = fitted(to: width)
        return lines.map { line in
            var text = ""
            for (index, cell) in line.enumerated() {
                let cell = cell.cut(to: widths[index])
                text += columns[index].isNumber ? cell.leftPadded(to: widths[index]) : cell.padded(to: widths[index])
                if index < line.count - 1 { text += String(repeating: " ", count: Self.gap) }
            }
            while text.last == " " { text.removeLast() }
            return text + "\n"
        }.joined()
    }

    /// Takes from the widest column that may give, one by one.
    private func fitted(to width: Int) -> [Int] {
        var widths = columns.indices.map { index in
            rows.reduce(columns[index].title.count) { max($0, $1[index].count) }
        }
        while widths.reduce(0, +) + Self.gap * (columns.count - 1) > width {
            let givers = columns.indices.filter { widths[$0] > columns[$0].minimum ?? .max }
            guard let widest = givers.max(by: { widths[$0] < widths[$1] }) else { break }
            widths[widest] -= 1
        }
        return widths
    }
}
