// SPDX-License-Identifier: Apache-2.0

extension ConfigFile {
    /// One step from a mapping or a list to what is in it.
    package enum Step: Hashable, Sendable, ExpressibleByStringLiteral, ExpressibleByIntegerLiteral {
        case key(String)
        case element(Int)

        package init(stringLiteral value: String) { self = .key(value) }
        package init(integerLiteral value: Int) { self = .element(value) }
    }

    /// The line, from 1, on which `ike.profiles[0].remote` stands, say; `nil` if nothing stands there.
    package static func line(of path: [Step], in text: String) -> Int? {
        var diagnostics = Diagnostics(file: "")
        guard var node = Document(text, limits: .configuration, diagnostics: &diagnostics)?.root else { return nil }
        var line = node.position.line
        for step in path {
            switch (step, node.content) {
            case (.key(let key), .mapping(let entries)):
                guard let entry = entries.first(where: { $0.key == key }) else { return nil }
                (node, line) = (entry.value, entry.position.line)
            case (.element(let index), .list(let elements)):
                guard elements.indices.contains(index) else { return nil }
                (node, line) = (elements[index], elements[index].position.line)
            case (.key, .list), (.key, .scalar), (.element, .mapping), (.element, .scalar):
                return nil
            }
        }
        return line
    }
}
