// SPDX-License-Identifier: Apache-2.0

/// One mapping of the file while it is read: what nobody asked for is a mistake, and what was asked
/// for is what it may have meant.
struct Section {
    /// For messages: `ppp`, `ike.profiles`; empty for the whole file.
    let name: String
    let position: Position
    private let entries: [Document.Entry]
    private var known: [String] = []
    private(set) var isAbsent = false

    /// `nil` if the node is no mapping. An empty value is an empty mapping.
    init?(_ node: Document.Node, name: String, diagnostics: inout Diagnostics) {
        switch node.content {
        case .mapping(let entries): self.entries = entries
        case .scalar where node.isEmpty: entries = []
        case .scalar, .list:
            diagnostics.error(node.position, "\(name.isEmpty ? "the file" : name) is a mapping of keys to values")
            return nil
        }
        self.name = name
        position = node.position
    }

    /// A section that the file has not, or that could not be read: nothing is missed in it.
    init(absent name: String) {
        self.name = name
        position = .start
        entries = []
        isAbsent = true
    }

    var isEmpty: Bool { entries.isEmpty }

    /// Where its first key stands.
    var firstPosition: Position { entries.first?.position ?? position }

    func has(_ key: String) -> Bool { entries.contains { $0.key == key } }

    /// `nil` if the key is absent; a key without a value is a mistake of whoever reads the node.
    mutating func take(_ key: String) -> Document.Node? {
        known.append(key)
        return entries.first { $0.key == key }?.value
    }

    /// The same, where absence is a mistake.
    mutating func require(_ key: String, _ diagnostics: inout Diagnostics) -> Document.Node? {
        let node = take(key)
        if node == nil, !isAbsent {
            diagnostics.error(position, "\(name.isEmpty ? "the file" : name) needs the key '\(key)'")
        }
        return node
    }

    /// After the last ``take(_:)``: what is left over.
    func finish(_ diagnostics: inout Diagnostics) {
        for entry in entries where !known.contains(entry.key) {
            let message = "unknown key \(entry.key.quoted)" + (name.isEmpty ? "" : " in \(name)")
            diagnostics.error(entry.position, message, remedy: entry.key.suggestion(among: known))
        }
    }
}

extension Document.Node {
    /// `key:`, `key: ~`, `key: null`.
    var isEmpty: Bool {
        switch content {
        case .scalar(let text, let isPlain): isPlain && ["", "~", "null", "Null", "NULL"].contains(text)
        case .list, .mapping: false
        }
    }

    /// The kind of the node, for messages that must not show its text.
    var kind: String {
        switch content {
        case .scalar: isEmpty ? "nothing" : "a single value"
        case .list: "a list"
        case .mapping: "a mapping"
        }
    }
}

extension String {
    /// A sentence with the closest of `candidates`, if one is close enough to be a slip of the keyboard.
    func suggestion(among candidates: [String]) -> String? {
        guard utf8.count <= 64 else { return nil }
        let ranked = candidates.map { ($0, $0.distance(to: self)) }.min { $0.1 < $1.1 }
        guard let (candidate, distance) = ranked, distance <= max(1, candidate.utf8.count / 3) else { return nil }
        return "did you mean '\(candidate)'?"
    }

    /// How many bytes must be inserted, removed, replaced or swapped with their neighbour.
    private func distance(to other: String) -> Int {
        let a = Array(utf8)
        let b = Array(other.utf8)
        guard !a.isEmpty, !b.isEmpty else { return max(a.count, b.count) }
        var rows = [Array(0...b.count)]
        for i in 1...a.count {
            var row = [i]
            for j in 1...b.count {
                var best = Swift.min(
                    rows[i - 1][j] + 1,
                    row[j - 1] + 1,
                    rows[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)
                )
                if i > 1, j > 1, a[i - 1] == b[j - 2], a[i - 2] == b[j - 1] {
                    best = Swift.min(best, rows[i - 2][j - 2] + 1)
                }
                row.append(best)
            }
            rows.append(row)
        }
        return rows[a.count][b.count]
    }
}
