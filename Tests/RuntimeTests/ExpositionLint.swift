// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Reads Prometheus' text format as strictly as its parser and its linter do together.
///
/// - SeeAlso: https://prometheus.io/docs/instrumenting/exposition_formats/
struct ExpositionLint {
    struct Sample {
        var name: String
        var labels: [String: String]
        var value: Double
    }

    private(set) var complaints: [String] = []
    /// By name, as TYPE says.
    private(set) var kinds: [String: String] = [:]
    private(set) var samples: [Sample] = []
    private var helps: Set<String> = []
    private var current: String?
    private var finished: Set<String> = []
    private var series: Set<String> = []

    init(_ text: String) {
        if !text.hasSuffix("\n") { complaints.append("the last line has no end") }
        for line in text.split(separator: "\n", omittingEmptySubsequences: false).dropLast() { read(String(line)) }
        checkHistograms()
        for name in kinds.keys { checkName(name) }
    }

    private mutating func read(_ line: String) {
        if line.hasPrefix("#") {
            let parts = line.split(separator: " ", maxSplits: 3, omittingEmptySubsequences: false).map(String.init)
            guard parts.count == 4, parts[0] == "#" else { return complaints.append("not a comment: \(line)") }
            begin(parts[1], parts[2], parts[3])
            return
        }
        guard let sample = Self.sample(line) else { return complaints.append("not a sample: \(line)") }
        guard let current, let kind = kinds[current] else { return complaints.append("\(line) comes before its TYPE") }
        let suffixes = kind == "histogram" ? ["_bucket", "_sum", "_count"] : [""]
        if !suffixes.contains(where: { sample.name == current + $0 }) {
            complaints.append("\(sample.name) stands among those of \(current)")
        }
        let identity =
            sample.name
            + sample.labels.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: ",")
        if !series.insert(identity).inserted { complaints.append("twice: \(identity)") }
        if kind != "gauge", sample.value < 0 || sample.value.isNaN { complaints.append("\(line) is below zero") }
        samples.append(sample)
    }

    private mutating func begin(_ keyword: String, _ name: String, _ rest: String) {
        if name != current {
            if let current { finished.insert(current) }
            if finished.contains(name) { complaints.append("\(name) begins twice") }
            current = name
        }
        switch keyword {
        case "HELP":
            if !helps.insert(name).inserted { complaints.append("two HELP of \(name)") }
            if rest.isEmpty { complaints.append("\(name) has no words") }
        case "TYPE":
            if !helps.contains(name) { complaints.append("\(name) has no HELP before its TYPE") }
            if kinds[name] != nil { complaints.append("two TYPE of \(name)") }
            if samples.contains(where: { $0.name.hasPrefix(name) && $0.name == name }) {
                complaints.append("\(name) has its TYPE after samples")
            }
            if !["counter", "gauge", "histogram"].contains(rest) { complaints.append("\(name) is a \(rest)") }
            kinds[name] = rest
        case _:
            complaints.append("unknown: # \(keyword)")
        }
    }

    private mutating func checkName(_ name: String) {
        if name.wholeMatch(of: /[a-z][a-z0-9_]*/) == nil { complaints.append("\(name) is no name of ours") }
        if kinds[name] == "counter", !name.hasSuffix("_total") { complaints.append("the counter \(name) is no _total") }
        if kinds[name] != "counter", name.hasSuffix("_total") { complaints.append("\(name) is no counter") }
        for unit in ["milliseconds", "minutes", "hours", "kilobytes", "bits", "percent"] where name.contains(unit) {
            complaints.append("\(name) is not in base units")
        }
        if name.contains("duration"), !name.hasSuffix("_seconds") { complaints.append("\(name) has no unit") }
        if kinds[name] == "histogram", name.hasSuffix("_count") || name.hasSuffix("_sum") || name.hasSuffix("_bucket") {
            complaints.append("\(name) ends as a part of a histogram does")
        }
    }

    private mutating func checkHistograms() {
        for name in kinds.filter({ $0.value == "histogram" }).keys {
            var groups: [[String: String]: [Sample]] = [:]
            for sample in samples where sample.name == name + "_bucket" {
                groups[sample.labels.filter { $0.key != "le" }, default: []].append(sample)
            }
            if groups.isEmpty { complaints.append("\(name) has no buckets") }
            for (labels, buckets) in groups {
                let bounds = buckets.map { Self.number($0.labels["le"] ?? "") ?? .nan }
                if bounds != bounds.sorted() || bounds.last != .infinity {
                    complaints.append("\(name): buckets \(bounds)")
                }
                let values = buckets.map(\.value)
                if values != values.sorted() { complaints.append("\(name) \(labels) is not cumulative") }
                let count = samples.first { $0.name == name + "_count" && $0.labels == labels }?.value
                if count != values.last { complaints.append("\(name) \(labels): count \(count ?? -1)") }
                if !samples.contains(where: { $0.name == name + "_sum" && $0.labels == labels }) {
                    complaints.append("\(name) \(labels) has no sum")
                }
            }
        }
    }

    private static func sample(_ line: String) -> Sample? {
        guard let match = line.wholeMatch(of: /([a-zA-Z_:][a-zA-Z0-9_:]*)(\{.*\})? (\S+)/),
            let value = number(String(match.3))
        else { return nil }
        guard let text = match.2 else { return Sample(name: String(match.1), labels: [:], value: value) }
        guard let labels = labels(text.dropFirst().dropLast()) else { return nil }
        return Sample(name: String(match.1), labels: labels, value: value)
    }

    private static func labels(_ text: Substring) -> [String: String]? {
        var labels: [String: String] = [:]
        var rest = text
        while !rest.isEmpty {
            guard let match = rest.prefixMatch(of: /([a-z_][a-z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(,|$)/) else {
                return nil
            }
            guard labels.updateValue(String(match.2), forKey: String(match.1)) == nil else { return nil }
            rest = rest[match.range.upperBound...]
        }
        return labels
    }

    private static func number(_ text: String) -> Double? {
        switch text {
        case "+Inf": .infinity
        case "-Inf": -.infinity
        case "NaN": .nan
        case _: text.wholeMatch(of: /-?[0-9]+(\.[0-9]+)?(e[-+]?[0-9]+)?/) == nil ? nil : Double(text)
        }
    }
}
