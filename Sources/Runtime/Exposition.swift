// SPDX-License-Identifier: Apache-2.0

/// Metrics as Prometheus reads them: its text format, version 0.0.4.
///
/// - SeeAlso: https://prometheus.io/docs/instrumenting/exposition_formats/
package struct Exposition: Sendable {
    package enum Kind: String, Hashable, Sendable {
        case counter
        case gauge
        case histogram
    }

    package static let mediaType = "text/plain; version=0.0.4; charset=utf-8"

    package private(set) var text = ""
    private var name = ""

    package init() {}

    /// Begins a metric; its samples follow.
    package mutating func metric(_ name: String, _ kind: Kind, _ help: String) {
        self.name = name
        text += "# HELP \(name) \(Self.escaped(help, quotes: false))\n# TYPE \(name) \(kind.rawValue)\n"
    }

    package mutating func sample(_ value: some BinaryInteger) { sample([], value) }
    package mutating func sample(_ value: Double) { sample([], value) }

    package mutating func sample(_ labels: [(String, String)], _ value: some BinaryInteger) {
        add(name, labels, String(value))
    }

    package mutating func sample(_ labels: [(String, String)], _ value: Double) {
        add(name, labels, Self.number(value))
    }

    package mutating func samples(_ labels: [(String, String)] = [], _ histogram: Histogram) {
        var below: UInt64 = 0
        for (bound, count) in zip(histogram.bounds, histogram.counts) {
            below += count
            add("\(name)_bucket", labels + [("le", Self.number(bound))], String(below))
        }
        add("\(name)_bucket", labels + [("le", "+Inf")], String(histogram.count))
        add("\(name)_sum", labels, Self.number(histogram.sum))
        add("\(name)_count", labels, String(histogram.count))
    }

    private mutating func add(_ name: String, _ labels: [(String, String)], _ value: String) {
        text += name
        if !labels.isEmpty {
            text += "{"
            text += labels.map { "\($0.0)=\"\(Self.escaped($0.1, quotes: true))\"" }.joined(separator: ",")
            text += "}"
        }
        text += " \(value)\n"
    }

    static func number(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
        if let whole = Int64(exactly: value) { return String(whole) }
        return "\(value)"
    }

    static func escaped(_ text: String, quotes: Bool) -> String {
        var escaped = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\\": escaped += "\\\\"
            case "\n": escaped += "\\n"
            case "\"" where quotes: escaped += "\\\""
            case _: escaped.unicodeScalars.append(scalar)
            }
        }
        return escaped
    }
}
