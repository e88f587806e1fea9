// SPDX-License-Identifier: Apache-2.0
package import Primitives

/// One entry of systemd's journal: lines of `NAME=value`, and values that could be taken for several lines after their
/// length.
///
/// - SeeAlso: systemd's "Native Journal Protocol"
package struct JournalEntry: Hashable, Sendable {
    package private(set) var bytes: [UInt8] = []
    /// More than any event has; journald takes far more.
    private static let byteLimit = 16_384

    package init(identifier: String, severity: EventDescription.Severity, message: [UInt8]) {
        append("MESSAGE", message)
        append("PRIORITY", Array("\(severity.priority)".utf8))
        append("SYSLOG_IDENTIFIER", Array(identifier.utf8))
    }

    /// Leaves out what has an impossible name, and what does not fit any more.
    package mutating func append(_ name: String, _ value: [UInt8]) {
        let name = Array(name.utf8)
        guard Self.isName(name), bytes.count + name.count + value.count + 16 <= Self.byteLimit else { return }
        bytes += name
        if value.contains(where: { $0 < 0x20 }) {
            bytes.append(0x0A)
            let length = UInt64(value.count)
            for shift in stride(from: 0, to: 64, by: 8) {
                bytes.append(UInt8(truncatingIfNeeded: length >> UInt64(shift)))
            }
        } else {
            bytes.append(0x3D)
        }
        bytes += value
        bytes.append(0x0A)
    }

    /// Capital letters, digits, and underscores that are not at the beginning.
    private static func isName(_ name: [UInt8]) -> Bool {
        guard let first = name.first, name.count <= 64, (0x41...0x5A).contains(first) else { return false }
        return name.allSatisfy { (0x41...0x5A).contains($0) || (0x30...0x39).contains($0) || $0 == 0x5F }
    }
}

extension LogLine {
    /// The line as it stands in the text of the log, less what journald knows itself, and its parts as fields.
    package func journalEntry() -> JournalEntry {
        var output = LineWriter()
        writeText(into: &output)
        var entry = JournalEntry(identifier: "culvertd", severity: description.severity, message: output.bytes)
        entry.append("CULVERT_LAYER", Array(description.layer.rawValue.utf8))
        entry.append("CULVERT_EVENT", Array(description.name.utf8.prefix(80)))
        if let trace { entry.append("CULVERT_TRACE", Array("\(trace)".utf8)) }
        if let source { entry.append("CULVERT_PEER", Array("\(source)".utf8)) }
        if let remedy = description.remedy {
            entry.append("CULVERT_REMEDY", Array(String(remedy.unicodeScalars.prefix(Self.messageLimit)).utf8))
        }
        for field in description.fields + description.facts {
            let name = field.name.unicodeScalars.prefix(40).map { scalar -> Character in
                let upper = scalar.properties.uppercaseMapping
                return upper.utf8.count == 1 && (upper.first?.isLetter == true || upper.first?.isNumber == true)
                    ? Character(upper) : "_"
            }
            let value = String(field.value.unicodeScalars.prefix(Self.fieldLimit))
            entry.append("CULVERT_FIELD_" + String(name), Array(value.utf8))
        }
        return entry
    }
}

extension String {
    fileprivate init(_ scalars: Substring.UnicodeScalarView) {
        var view = String.UnicodeScalarView()
        view.append(contentsOf: scalars)
        self = String(view)
    }
}

extension EventDescription.Severity {
    /// Of syslog(3).
    package var priority: Int {
        switch self {
        case .debug: 7
        case .info: 6
        case .notice: 5
        case .warning: 4
        case .error: 3
        }
    }
}
