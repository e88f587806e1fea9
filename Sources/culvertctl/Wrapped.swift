// SPDX-License-Identifier: Apache-2.0

/// Breaks between words; a word longer than the room is cut into pieces. Safe text only.
func wrapped(_ line: String, first: String, indent: Int, width: Int = 80) -> String {
    var lines: [String] = []
    var current = first
    var isFresh = true
    for word in line.split(separator: " ", omittingEmptySubsequences: false) {
        var word = word
        if !isFresh, current.width + 1 + word.width > width {
            lines.append(current)
            current = String(repeating: " ", count: indent)
            isFresh = true
        }
        while isFresh, current.width + word.width > width {
            let piece = word.prefix(cells: width - current.width)
            lines.append(current + piece)
            word = word[piece.endIndex...]
            current = String(repeating: " ", count: indent)
        }
        current += (isFresh ? "" : " ") + word
        isFresh = false
    }
    lines.append(current)
    return lines.map { $0 + "\n" }.joined()
}

extension Substring {
    /// As much as fits into so many cells, and at least one character.
    fileprivate func prefix(cells: Int) -> Substring {
        var end = startIndex
        while end < endIndex {
            let next = index(after: end)
            guard end == startIndex || self[..<next].width <= cells else { break }
            end = next
        }
        return self[..<end]
    }
}
