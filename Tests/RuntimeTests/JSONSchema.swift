// SPDX-License-Identifier: Apache-2.0
import Foundation

/// A JSON document as it is.
enum JSONValue: Decodable, Hashable, Sendable {
    case null
    case bool(Bool)
    case number(Double)
    case string(String)
    case array([JSONValue])
    case object([String: JSONValue])

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .null
        } else if let value = try? container.decode(Bool.self) {
            self = .bool(value)
        } else if let value = try? container.decode(Double.self) {
            self = .number(value)
        } else if let value = try? container.decode(String.self) {
            self = .string(value)
        } else if let value = try? container.decode([JSONValue].self) {
            self = .array(value)
        } else {
            self = .object(try container.decode([String: JSONValue].self))
        }
    }

    init(_ text: String) throws { self = try JSONDecoder().decode(JSONValue.self, from: Data(text.utf8)) }

    init(encoding value: some Encodable) throws {
        self = try JSONDecoder().decode(JSONValue.self, from: try JSONEncoder().encode(value))
    }

    subscript(_ name: String) -> JSONValue? { object?[name] }

    /// By the names of the members on the way.
    subscript(_ path: [String]) -> JSONValue? { path.reduce(self) { $0?[$1] } }

    var object: [String: JSONValue]? { if case .object(let value) = self { value } else { nil } }
    var array: [JSONValue]? { if case .array(let value) = self { value } else { nil } }
    var string: String? { if case .string(let value) = self { value } else { nil } }
    var number: Double? { if case .number(let value) = self { value } else { nil } }
}

/// As much of JSON Schema as `Docs/openapi.json` uses. A property that is not declared is a mistake, unless the schema
/// says what others are like.
///
/// - SeeAlso: OpenAPI 3.1, JSON Schema 2020-12
struct SchemaCheck {
    private let schemas: [String: JSONValue]
    /// `Status.callCount`: every declared property that was seen.
    private(set) var seen: Set<String> = []
    private(set) var problems: [String] = []

    private static let keywords: Set<String> = [
        "$ref", "type", "description", "enum", "const", "required", "properties", "additionalProperties", "items",
        "pattern", "minimum", "minProperties", "maxProperties", "oneOf",
    ]

    init(_ document: JSONValue) {
        schemas = document[["components", "schemas"]]?.object ?? [:]
    }

    /// Every property that the named schemas declare.
    func declared(in names: some Sequence<String>) -> Set<String> {
        Set(names.flatMap { name in (schemas[name]?["properties"]?.object ?? [:]).keys.map { "\(name).\($0)" } })
    }

    mutating func check(_ value: JSONValue, _ schema: JSONValue?, at place: String, named name: String? = nil) {
        guard let schema, let rules = schema.object else { return problems.append("\(place): no schema") }
        for keyword in rules.keys where !Self.keywords.contains(keyword) {
            problems.append("\(place): this check does not know \(keyword)")
        }
        if let reference = rules["$ref"]?.string {
            let name = String(reference.split(separator: "/").last ?? "")
            return check(value, schemas[name], at: place, named: name)
        }
        if let choices = rules["oneOf"]?.array { return checkOne(of: choices, value, at: place) }
        if let type = rules["type"]?.string, !Self.isOf(type, value) {
            problems.append("\(place): is no \(type): \(value)")
        }
        if let choices = rules["enum"]?.array, !choices.contains(value) {
            problems.append("\(place): is not among \(choices)")
        }
        if let only = rules["const"], only != value { problems.append("\(place): is not \(only)") }
        if let least = rules["minimum"]?.number, (value.number ?? least) < least {
            problems.append("\(place): too small")
        }
        if let pattern = rules["pattern"]?.string, let text = value.string,
            text.range(of: pattern, options: .regularExpression) == nil
        {
            problems.append("\(place): \(text) is not as \(pattern)")
        }
        if let items = value.array {
            for (index, item) in items.enumerated() { check(item, rules["items"], at: "\(place)[\(index)]") }
        }
        if let members = value.object { check(members, rules, at: place, named: name) }
    }

    private mutating func check(
        _ members: [String: JSONValue],
        _ rules: [String: JSONValue],
        at place: String,
        named name: String?
    ) {
        for required in rules["required"]?.array ?? [] where members[required.string ?? ""] == nil {
            problems.append("\(place): lacks \(required)")
        }
        if let least = rules["minProperties"]?.number, Double(members.count) < least {
            problems.append("\(place): too few")
        }
        if let most = rules["maxProperties"]?.number, Double(members.count) > most {
            problems.append("\(place): too many")
        }
        for (key, member) in members {
            if let schema = rules["properties"]?[key] {
                if let name { seen.insert("\(name).\(key)") }
                check(member, schema, at: "\(place).\(key)")
            } else if let others = rules["additionalProperties"], others.object != nil {
                check(member, others, at: "\(place).\(key)")
            } else {
                problems.append("\(place): \(key) is not declared")
            }
        }
    }

    private mutating func checkOne(of choices: [JSONValue], _ value: JSONValue, at place: String) {
        var fits = 0
        for choice in choices {
            var attempt = self
            attempt.problems = []
            attempt.check(value, choice, at: place)
            if attempt.problems.isEmpty {
                fits += 1
                seen.formUnion(attempt.seen)
            }
        }
        if fits != 1 { problems.append("\(place): fits \(fits) of the schemas it may have: \(value)") }
    }

    private static func isOf(_ type: String, _ value: JSONValue) -> Bool {
        switch (type, value) {
        case ("object", .object), ("array", .array), ("string", .string), ("boolean", .bool), ("number", .number): true
        case ("integer", .number(let number)): number == number.rounded()
        case _: false
        }
    }
}
