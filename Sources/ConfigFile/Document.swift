// SPDX-License-Identifier: Apache-2.0
internal import Yams

/// A YAML document with the place of everything in it. Scalars are text: what a value means is
/// decided by who reads it, so that `name: 007` is the name that stands there.
struct Document {
    struct Node {
        var position: Position
        var content: Content
    }

    enum Content {
        /// `isPlain` is false for text in quotes and in block form.
        case scalar(String, isPlain: Bool)
        case list([Node])
        case mapping([Entry])
    }

    struct Entry {
        var key: String
        var position: Position
        var value: Node
    }

    /// What no honest file comes near, so that a hostile one is refused before it costs anything.
    struct Limits {
        var bytes: Int
        var nodes: Int
        var depth = 16
        var aliases = 16

        static let configuration = Limits(bytes: 1 << 20, nodes: 50_000)
        static let users = Limits(bytes: 32 << 20, nodes: 2_000_000)
    }

    /// `nil` for a document without content.
    let root: Node?

    /// Fails only with something in `diagnostics`.
    init?(_ text: String, limits: Limits, diagnostics: inout Diagnostics) {
        guard text.utf8.count <= limits.bytes else {
            diagnostics.error(.start, "the file has \(text.utf8.count) bytes; at most \(limits.bytes) are read")
            return nil
        }
        if let position = text.firstForbiddenScalar {
            diagnostics.error(position, "a control character, which YAML does not allow")
            return nil
        }
        guard text.aliasCount <= limits.aliases else {
            diagnostics.error(.start, "more than \(limits.aliases) aliases (*name); write the values out")
            return nil
        }
        // libyaml counts a byte order mark as a column, and then finds the first key indented.
        var marked = MarkedText(text.withoutByteOrderMark)
        do throws(Diagnostic) {
            guard let composed = try marked.compose(file: diagnostics.file) else {
                root = nil
                return
            }
            var converter = Converter(limits: limits, names: marked.names, diagnostics: diagnostics)
            let converted = converter.convert(composed, depth: 0)
            diagnostics = converter.diagnostics
            guard let converted else { return nil }
            root = converted
        } catch {
            diagnostics.error(Position(line: error.line, column: error.column), error.message, remedy: error.remedy)
            return nil
        }
    }
}

/// Yams refuses a mapping with a key set twice, and says where one of them stands. To go on and to
/// find every mistake of the file, the key it names is overwritten, sign by sign so that nothing
/// moves, with private-use scalars, and the text is read again.
private struct MarkedText {
    private var text: String
    /// What the placeholders stand for.
    private(set) var names: [String: String] = [:]

    private static let placeholders: ClosedRange<UInt32> = 0xE000...0xE01F

    init(_ text: String) {
        self.text = text
    }

    mutating func compose(file: String) throws(Diagnostic) -> Node? {
        for placeholder in Self.placeholders {
            do {
                return try Parser(yaml: text, resolver: .basic, encoding: .utf8).singleRoot()
            } catch YamlError.duplicatedKeysInMapping(let keys, let context) {
                let position = Position(line: context.mark.line, column: context.mark.column)
                let key = keys.first ?? ""
                guard let scalar = Unicode.Scalar(placeholder), !text.unicodeScalars.contains(scalar),
                    replace(key, at: position, with: scalar)
                else { throw duplicate(key, at: position, file: file) }
            } catch let error as YamlError {
                throw Diagnostic(error, file: file)
            } catch {
                throw Diagnostic(.error, file: file, line: 1, column: 1, "unreadable YAML")
            }
        }
        throw Diagnostic(.error, file: file, line: 1, column: 1, "more keys set twice than can be listed")
    }

    private func duplicate(_ key: String, at position: Position, file: String) -> Diagnostic {
        Diagnostic(
            .error,
            file: file,
            line: position.line,
            column: position.column,
            "the key \(key.quoted) is set twice in this mapping"
        )
    }

    /// False if something other than the key stands there.
    private mutating func replace(_ key: String, at position: Position, with scalar: Unicode.Scalar) -> Bool {
        var scalars = Array(text.unicodeScalars)
        guard var start = scalars.offset(of: position), !key.isEmpty else { return false }
        if start < scalars.count, scalars[start] == "\"" || scalars[start] == "'" { start += 1 }
        let length = key.unicodeScalars.count
        guard start + length <= scalars.count, scalars[start..<start + length].elementsEqual(key.unicodeScalars)
        else { return false }
        let placeholder = Array(repeating: scalar, count: length)
        scalars.replaceSubrange(start..<start + length, with: placeholder)
        var rewritten = String.UnicodeScalarView()
        rewritten.append(contentsOf: scalars)
        text = String(rewritten)
        var name = String.UnicodeScalarView()
        name.append(contentsOf: placeholder)
        names[String(name)] = names[key] ?? key
        return true
    }
}

/// Yams' tree to ours, within the limits.
private struct Converter {
    private let limits: Document.Limits
    private let names: [String: String]
    private var count = 0
    private(set) var diagnostics: Diagnostics

    init(limits: Document.Limits, names: [String: String], diagnostics: Diagnostics) {
        self.limits = limits
        self.names = names
        self.diagnostics = diagnostics
    }

    /// `nil` after an error that makes the rest meaningless.
    mutating func convert(_ node: Node, depth: Int) -> Document.Node? {
        let position = Position(node.mark)
        count += 1
        guard count <= limits.nodes else {
            diagnostics.error(
                position,
                "more than \(limits.nodes) values in one file, aliases counted where they are used"
            )
            return nil
        }
        guard depth <= limits.depth else {
            diagnostics.error(position, "nested more than \(limits.depth) levels deep")
            return nil
        }
        switch node {
        case .scalar(let scalar):
            let isPlain = scalar.style == .plain || scalar.style == .any
            return Document.Node(position: position, content: .scalar(scalar.string, isPlain: isPlain))
        case .sequence(let sequence):
            var elements: [Document.Node] = []
            for element in sequence {
                guard let element = convert(element, depth: depth + 1) else { return nil }
                elements.append(element)
            }
            return Document.Node(position: position, content: .list(elements))
        case .mapping(let mapping):
            guard let entries = entries(of: mapping, depth: depth) else { return nil }
            return Document.Node(position: position, content: .mapping(entries))
        case .alias:
            diagnostics.error(position, "an alias without its anchor")
            return nil
        }
    }

    private mutating func entries(of mapping: Node.Mapping, depth: Int) -> [Document.Entry]? {
        var entries: [Document.Entry] = []
        var seen: [String: Position] = [:]
        for (key, value) in mapping {
            let position = Position(key.mark)
            guard case .scalar(let scalar) = key else {
                diagnostics.error(position, "a key is a list or a mapping; keys are words")
                return nil
            }
            let name = names[scalar.string] ?? scalar.string
            guard let value = convert(value, depth: depth + 1) else { return nil }
            if let first = seen[name] {
                diagnostics.error(
                    position,
                    "the key \(name.quoted) is set twice in this mapping, first in line \(first.line)"
                )
            } else {
                seen[name] = position
                entries.append(Document.Entry(key: name, position: position, value: value))
            }
        }
        return entries
    }
}

extension Position {
    fileprivate init(_ mark: Mark?) {
        self.init(line: mark?.line ?? 1, column: mark?.column ?? 1)
    }
}

extension Diagnostic {
    fileprivate init(_ error: YamlError, file: String) {
        switch error {
        case .scanner(let context, let problem, let mark, _), .parser(let context, let problem, let mark, _),
            .composer(let context, let problem, let mark, _):
            let place = context.map { " (\($0.text) that starts in line \($0.mark.line))" } ?? ""
            let words = problem.hasPrefix("Maximum nesting level") ? "nested too deep" : problem + place
            self.init(.error, file: file, line: mark.line, column: mark.column, "not YAML: \(words)")
        case .reader(let problem, _, _, _):
            self.init(.error, file: file, line: 1, column: 1, "not YAML: \(problem)")
        case .no, .memory, .writer, .emitter, .representer, .dataCouldNotBeDecoded, .duplicatedKeysInMapping:
            self.init(.error, file: file, line: 1, column: 1, "unreadable YAML")
        }
    }
}

extension [Unicode.Scalar] {
    /// Where a place of libyaml's counting is. It takes CR, LF, CR LF, NEL, LS and PS for line ends.
    fileprivate func offset(of position: Position) -> Int? {
        var line = 1
        var index = 0
        while line < position.line {
            guard index < count else { return nil }
            switch self[index] {
            case "\r":
                line += 1
                if index + 1 < count, self[index + 1] == "\n" { index += 1 }
            case "\n", "\u{85}", "\u{2028}", "\u{2029}": line += 1
            default: break
            }
            index += 1
        }
        let offset = index + position.column - 1
        return offset < count ? offset : nil
    }
}

extension String {
    fileprivate var withoutByteOrderMark: String {
        unicodeScalars.first == "\u{FEFF}" ? String(unicodeScalars.dropFirst()) : self
    }

    /// The first scalar that no YAML file may contain.
    ///
    /// - SeeAlso: YAML 1.1 §5.1
    fileprivate var firstForbiddenScalar: Position? {
        var position = Position.start
        for scalar in unicodeScalars {
            switch scalar.value {
            case 0x0A: position = Position(line: position.line + 1, column: 0)
            case 0x09, 0x0D, 0x20...0x7E, 0x85, 0xA0...0xD7FF, 0xE000...0xFFFD, 0x1_0000...0x10_FFFF: break
            default: return position
            }
            position.column += 1
        }
        return nil
    }

    /// How many words of the text may be aliases. Comments and quoted text do not count, and nothing
    /// that is an alias is missed unless a block of literal text contains a lone quote.
    ///
    /// Aliases are what makes a small document a large one; within keys Yams would walk all of it.
    fileprivate var aliasCount: Int {
        var count = 0
        var quote: Unicode.Scalar?
        var isComment = false
        var isEscaped = false
        var previous: Unicode.Scalar = "\n"
        for scalar in unicodeScalars {
            defer { previous = scalar }
            if isComment {
                isComment = scalar != "\n"
                continue
            }
            if let open = quote {
                if isEscaped {
                    isEscaped = false
                } else if scalar == "\\", open == "\"" {
                    isEscaped = true
                } else if scalar == open {
                    quote = nil
                }
                continue
            }
            guard " \t\r\n[]{},:?-".unicodeScalars.contains(previous) else { continue }
            switch scalar {
            case "\"", "'": quote = scalar
            case "#": isComment = previous.properties.isWhitespace
            case "*": count += 1
            default: break
            }
        }
        return count
    }
}
