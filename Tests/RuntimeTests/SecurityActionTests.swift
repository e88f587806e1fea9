// SPDX-License-Identifier: Apache-2.0
import FoundationEssentials
import Primitives
import Runtime
import Testing

struct SecurityActionTests {
    static let repository = String(#filePath.split(separator: "/Tests/RuntimeTests/")[0])

    /// Events whose names sound like security and that are none: what a peer does wrong that concerns itself alone, what
    /// the kernel refuses, and what the log says of itself.
    private static let ordinary: Set<String> = [
        "ike.no-proposal-chosen", "ike.no-profile", "ike.ike-sa-limit", "ike.invalid-identity",
        "ike.invalid-key-exchange", "ike.unsupported-exchange", "ike.unsupported-version", "ike.malformed-message",
        "ike.unexpected-message", "ike.rekeying-failed", "ike.rekey-failed", "ike.fragment-refused",
        "l2tp.malformed-message", "l2tp.tunnel-limit-reached", "l2tp.tunnel-rate-limited", "l2tp.session-limit-reached",
        "l2tp.outgoing-call-refused", "l2tp.unexpected-message", "ppp.terminated-by-peer", "ppp.malformed-packet",
        "ppp.answers-limited",
        "ppp.unexpected-packet", "control.call-limit", "kernel.request-refused", "kernel.removal-refused",
        "kernel.move-refused", "kernel.mtu-refused", "kernel.inventory-refused", "kernel.counters-refused",
        "kernel.gateway-address-refused",
        "control.reload-not-supported",
    ]
    /// What makes a name one that somebody has to think about.
    private static let suspicious = [
        "auth", "login", "user", "secret", "key", "identity", "refus", "throttl", "lock", "ban", "legacy", "weak",
        "aggressive", "limit", "rate", "foreign", "unexpected", "hash", "integrity", "scan", "malformed", "invalid",
        "unsupported", "no-pro", "terminat", "impair", "reload", "privacy", "security", "half-open",
    ]

    /// `layer.name` of every event that the sources describe.
    private static func eventNames() throws -> Set<String> {
        var names: Set<String> = []
        let root = repository + "/Sources"
        let files = try #require(FileManager.default.enumerated(root))
        for file in files where file.hasSuffix(".swift") {
            for call in try calls(in: [UInt8](Data(contentsOf: URL(filePath: "\(root)/\(file)")))) {
                let arguments = arguments(of: call)
                guard arguments.count >= 4, arguments[0].hasPrefix("."), !arguments[0].contains(" ") else { continue }
                for literal in arguments[2].matches(of: /"([a-z0-9-]+)"/) {
                    names.insert("\(arguments[0].dropFirst()).\(literal.1)")
                }
            }
        }
        return names
    }

    /// What follows each `EventDescription(`, as far as the name of the event.
    private static func calls(in bytes: [UInt8]) -> [String] {
        let word = Array("EventDescription(".utf8)
        var calls: [String] = []
        for (index, byte) in bytes.enumerated() where byte == word[0] && bytes[index...].starts(with: word) {
            calls.append(String(decoding: bytes[(index + word.count)...].prefix(400), as: UTF8.self))
        }
        return calls
    }

    /// The first four, in whatever they are written.
    private static func arguments(of call: String) -> [String] {
        var arguments = [""]
        var depth = 0
        var isQuoted = false
        for character in call {
            if character == "\"" { isQuoted.toggle() }
            if !isQuoted {
                if "([{".contains(character) { depth += 1 }
                if ")]}".contains(character) { depth -= 1 }
                if depth < 0 || arguments.count > 4 { break }
                if character == ",", depth == 0 {
                    arguments.append("")
                    continue
                }
            }
            arguments[arguments.count - 1].append(character)
        }
        return arguments.map { $0.split(whereSeparator: \.isWhitespace).joined(separator: " ") }
    }

    /// A new event of the layer authentication, and any whose name sounds like it, is a security action or is said to be
    /// none.
    @Test func everyEventThatSoundsLikeSecurityIsClassified() throws {
        let classified = Set(SecurityAction.all.map { "\($0.source)" })
        let names = try Self.eventNames()
        #expect(names.count > 100)
        for name in names.sorted() where !classified.contains(name) {
            #expect(!name.hasPrefix("authentication."), "\(name) needs a SecurityAction")
            let sounds = Self.suspicious.contains { name.split(separator: ".").last?.contains($0) == true }
            #expect(!sounds || Self.ordinary.contains(name), "\(name): a SecurityAction, or ordinary in this test?")
        }
        #expect(classified.isDisjoint(with: Self.ordinary))
    }

    @Test func everyActionHasAnEventThatSomebodyReports() throws {
        let names = try Self.eventNames()
        // Reported where a configuration is read again, and where the control socket looks at who asks.
        let expected: Set<String> = ["control.reloaded", "control.reload-refused", "control.peer-refused"]
        for action in SecurityAction.all {
            let source = "\(action.source)"
            #expect(names.contains(source) || expected.contains(source), "\(source)")
        }
    }

    @Test func identifiersAreUniqueAndInKebabCase() {
        #expect(Set(SecurityAction.all.map(\.id)).count == SecurityAction.all.count)
        for action in SecurityAction.all {
            #expect(action.id.allSatisfy { ("a"..."z").contains($0) || $0 == "-" })
            #expect((0...10).contains(action.severity))
            #expect(!action.title.isEmpty && !action.title.hasSuffix("."))
        }
    }

    /// What ECS expects with each category.
    ///
    /// - SeeAlso: ECS 8.11, event.category
    private static let expectedTypes: [SecurityAction.Category: Set<String>] = [
        .authentication: ["start", "end", "info"],
        .configuration: ["access", "change", "creation", "deletion", "info"],
        .intrusionDetection: ["allowed", "denied", "info"],
        .network: ["access", "allowed", "connection", "denied", "end", "info", "protocol", "start"],
        .process: ["access", "change", "end", "info", "start"], .session: ["start", "end", "info"],
    ]

    @Test func categoriesAndTypesGoTogetherAsTheSchemaWants() {
        for action in SecurityAction.all {
            let nature = action.nature
            #expect(!nature.categories.isEmpty && !nature.types.isEmpty)
            for category in nature.categories {
                let expected = Self.expectedTypes[category] ?? []
                #expect(nature.types.contains { expected.contains($0.rawValue) }, "\(action.id) \(category)")
            }
            for type in nature.types {
                #expect(
                    nature.categories.contains { Self.expectedTypes[$0]?.contains(type.rawValue) == true },
                    "\(action.id) \(type)"
                )
            }
        }
    }
}

extension FileManager {
    fileprivate func enumerated(_ path: String) -> [String]? { try? subpathsOfDirectory(atPath: path) }
}
