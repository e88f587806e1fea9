// SPDX-License-Identifier: Apache-2.0

/// Breaks between words; a word longer than the room is cut into pieces.
func wrapped(_ line: String, first: String, indent: Int, width: Int = 80) -> String {
    var lines: [String] = []
    var current = first
    var isFresh = true
    for word in line.split(separator: " ", omittingEmptySubsequences: false) {
        var word = word
        if !isFresh, current.count + 1 + word.count > width {
            lines.append(current)
            current = String(repeating: " ", count: indent)
            isFresh = true
        }
        while isFresh, current.count + word.count > width {
            let room = width - current.count
            lines.append(current + word.prefix(room))
            word = word.dropFirst(room)
            current = String(repeating: " ", count: indent)
        }
        current += (isFresh ? "" : " ") + word
        isFresh = false
    }
    lines.append(current)
    return lines.map { $0 + "\n" }.joined()
}
