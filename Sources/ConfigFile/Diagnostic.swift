// SPDX-License-Identifier: Apache-2.0

/// One mistake in a configuration file, or one thing in it that has no effect.
package struct Diagnostic: Error, Hashable, Sendable {
    package enum Severity: String, Hashable, Sendable, CaseIterable {
        /// The file is not used.
        case error
        /// The file is used; what is named here has no effect, or not the likely one.
        case warning
    }

    package var severity: Severity
    package var file: String
    /// From 1.
    package var line: Int
    /// From 1, counted in Unicode scalars.
    package var column: Int
    package var message: String
    /// What mends it.
    package var remedy: String?

    package init(
        _ severity: Severity,
        file: String,
        line: Int,
        column: Int,
        _ message: String,
        remedy: String? = nil
    ) {
        self.severity = severity
        self.file = file
        self.line = line
        self.column = column
        self.message = message
        self.remedy = remedy
    }
}

extension Diagnostic: CustomStringConvertible {
    /// `gw.yaml:12:9: error: what is wrong; what mends it`, the form that editors jump to.
    package var description: String {
        "\(file):\(line):\(column): \(severity.rawValue): \(message)" + (remedy.map { "; \($0)" } ?? "")
    }
}

/// A place in a file; both count from 1.
struct Position: Hashable, Sendable {
    var line: Int
    var column: Int

    static let start = Position(line: 1, column: 1)
}

/// The mistakes of one file as they are found. A reader carries on after each, so that one look shows all.
struct Diagnostics {
    let file: String
    private(set) var found: [Diagnostic] = []

    init(file: String) {
        self.file = file
    }

    mutating func error(_ position: Position, _ message: String, remedy: String? = nil) {
        add(.error, position, message, remedy)
    }

    mutating func warning(_ position: Position, _ message: String, remedy: String? = nil) {
        add(.warning, position, message, remedy)
    }

    mutating func append(contentsOf other: Diagnostics) {
        found += other.found
    }

    private mutating func add(
        _ severity: Diagnostic.Severity,
        _ position: Position,
        _ message: String,
        _ remedy: String?
    ) {
        found.append(
            Diagnostic(severity, file: file, line: position.line, column: position.column, message, remedy: remedy)
        )
    }
}

extension StringProtocol {
    /// In quotes for a message: without control characters, and cut when long.
    var quoted: String {
        var text = ""
        for scalar in unicodeScalars.prefix(60) {
            text += scalar.properties.generalCategory.isPrintable ? String(scalar) : "\u{FFFD}"
        }
        return "'\(text)\(unicodeScalars.count > 60 ? "…" : "")'"
    }
}

extension Unicode.GeneralCategory {
    fileprivate var isPrintable: Bool {
        switch self {
        case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator: false
        default: true
        }
    }
}
