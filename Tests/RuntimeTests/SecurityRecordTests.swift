// SPDX-License-Identifier: Apache-2.0
import ConfigFile
import FoundationEssentials
import Primitives
import Runtime
import Testing

struct SecurityRecordTests {
    private func record(_ description: EventDescription) throws -> SecurityRecord {
        let action = try #require(SecurityAction.of(description))
        return SecurityRecord(SecuritySamples.line(description), action, gateway: "gw1.example.net")
    }

    private func text(_ description: EventDescription, _ format: SecurityLogSettings.Format) throws -> String {
        String(decoding: try record(description).bytes(as: format), as: UTF8.self)
    }

    @Test func looksLikeThisInECS() throws {
        let refusal = try #require(SecuritySamples.all().first { $0.name == "user-refused" })
        #expect(
            try text(refusal, .ecs) == """
                {"@timestamp":"2026-11-21T01:02:03.456Z","ecs":{"version":"8.11.0"},"log":{"level":"warning"},\
                "event":{"kind":"event","category":["authentication"],"type":["start"],"action":"login-failed",\
                "outcome":"failure","severity":5,"provider":"culvertd","module":"culvert",\
                "dataset":"culvert.security","code":"authentication.user-refused","reason":"wrong-password"},\
                "source":{"address":"203.0.113.10","ip":"203.0.113.10","port":4500},"user":{"name":"alice"},\
                "observer":{"vendor":"Culvert","product":"culvertd","type":"vpn","version":"\(Daemon.version)",\
                "name":"gw1.example.net"},\
                "message":"User alice is refused with mschapv2: the password is wrong, and may try again",\
                "culvert":{"trace":"9f3c02a17b44d05e","method":"mschapv2"}}

                """
        )
    }

    @Test func looksLikeThisInCEF() throws {
        let refusal = try #require(SecuritySamples.all().first { $0.name == "user-refused" })
        #expect(
            try text(refusal, .cef) == """
                CEF:0|Culvert|culvertd|\(Daemon.version)|login-failed|A user was refused|5|rt=1795222923456 \
                act=login-failed outcome=failure cat=authentication dvchost=gw1.example.net src=203.0.113.10 spt=4500 \
                cs1=9f3c02a17b44d05e cs1Label=trace cs2=authentication.user-refused cs2Label=event suser=alice \
                reason=wrong-password msg=User alice is refused with mschapv2: the password is wrong, and may try again

                """
        )
    }

    @Test func anAddressOfVersionSixHasItsOwnKeyInCEF() throws {
        var record = try record(EventDescription(.authentication, .warning, "user-refused", "x"))
        record.line.source = .socket(SocketAddress(.v6(high: 0x2001_0DB8 << 32, low: 1), port: 500))
        let cef = String(decoding: record.bytes(as: .cef), as: UTF8.self)
        #expect(cef.contains(" c6a2=2001:db8::1 c6a2Label=Source IPv6 Address spt=500 ") && !cef.contains("src="))
        record.line.source = .concealed("192.0.2.0/24")
        #expect(String(decoding: record.bytes(as: .cef), as: UTF8.self).contains(" cs4=192.0.2.0/24 cs4Label=source "))
        let ecs = String(decoding: record.bytes(as: .ecs), as: UTF8.self)
        // A network is no address, and no `ip` of the schema.
        #expect(ecs.contains(#""source":{"address":"192.0.2.0/24"}"#))
    }

    // MARK: Hostile text

    private static let texts: [String] =
        (0..<0x500).compactMap { Unicode.Scalar($0) }.map { "a\($0)b" } + [
            "x|y\\|z\\", "a=b c=d", "suser=root", "\n\r\n", "\u{202E}\u{2028}\u{2029}\u{FEFF}", "😀",
            String(repeating: "=", count: 9000), String(repeating: "\\", count: 9000),
            String(repeating: "\n", count: 9000), String(repeating: "😀", count: 9000),
            String(repeating: "\u{0}", count: 9000),
            String(decoding: [0x61, 0xC3, 0x28, 0xE2, 0x82] as [UInt8], as: UTF8.self),
        ]

    private func hostile(_ text: String) -> EventDescription {
        EventDescription(
            .authentication,
            .warning,
            "user-refused",
            text,
            remedy: text,
            fields: [.init("user", text), .init("identity", text), .init("host-name", text), .init("reason", text)]
                + (0..<60).map { .init("field-\($0)", text) },
            facts: [.init(text, text)]
        )
    }

    private struct ECS: Decodable {
        struct User: Decodable { var name: String }
        struct Event: Decodable { var action: String }
        var message: String
        var user: User
        var event: Event
        var culvert: [String: String]
    }

    @Test func whateverAPeerSaysItIsOneObjectOnOneLine() throws {
        for hostileText in Self.texts {
            let bytes = try record(hostile(hostileText)).bytes(as: .ecs)
            #expect(bytes.count <= 4096 && bytes.last == 0x0A)
            #expect(bytes.dropLast().allSatisfy { (0x20...0x7E).contains($0) })
            let object = try JSONDecoder().decode(ECS.self, from: Data(bytes))
            #expect(object.event.action == "login-failed")
            if hostileText.unicodeScalars.count <= 30 {
                #expect(object.message == hostileText && object.user.name == hostileText)
            } else {
                #expect(object.message.hasSuffix("...") && object.user.name.hasSuffix("..."))
            }
        }
    }

    private struct NotCEF: Error {}

    /// As the format is read: seven bars that nothing escapes, then keys before equals signs that nothing escapes.
    private func parse(_ line: String) throws -> (header: [String], values: [String: String]) {
        var header = [""]
        var rest = line.unicodeScalars.dropLast()[...]
        while header.count < 8, let scalar = rest.popFirst() {
            switch scalar {
            case "\\":
                guard let next = rest.popFirst() else { throw NotCEF() }
                header[header.count - 1].unicodeScalars.append(next)
            case "|": header.append("")
            case _: header[header.count - 1].unicodeScalars.append(scalar)
            }
        }
        var values: [String: String] = [:]
        var key: String?
        var text = ""
        while let scalar = rest.popFirst() {
            switch scalar {
            case "\\":
                guard let next = rest.popFirst(), ["\\", "=", "n", "r"].contains(next) else { throw NotCEF() }
                text.unicodeScalars.append(next == "n" ? "\n" : next == "r" ? "\r" : next)
            case "=":
                let space = text.unicodeScalars.lastIndex(of: " ")
                let name = space.map { String(text.unicodeScalars[text.unicodeScalars.index(after: $0)...]) } ?? text
                guard !name.isEmpty, name.unicodeScalars.allSatisfy({ $0.properties.isAlphabetic || $0.isNumeral })
                else {
                    throw NotCEF()
                }
                if let key { values[key] = space.map { String(text.unicodeScalars[..<$0]) } ?? "" }
                key = name
                text = ""
            case _: text.unicodeScalars.append(scalar)
            }
        }
        if let key { values[key] = text }
        return (header, values)
    }

    @Test func whateverAPeerSaysEveryValueStandsBehindItsKey() throws {
        for hostileText in Self.texts {
            let bytes = try record(hostile(hostileText)).bytes(as: .cef)
            #expect(bytes.count <= 4096 && bytes.count { $0 == 0x0A } == 1)
            let line = try #require(String(validating: bytes, as: UTF8.self))
            let (header, values) = try parse(line)
            #expect(header.prefix(5) == ["CEF:0", "Culvert", "culvertd", Daemon.version, "login-failed"])
            #expect(header.dropFirst(5) == ["A user was refused", "5", ""])
            #expect(
                Set(values.keys) == [
                    "rt", "act", "outcome", "cat", "dvchost", "src", "spt", "cs1", "cs1Label", "cs2", "cs2Label",
                    "suser", "shost", "reason", "cs5", "cs5Label", "msg",
                ]
            )
            #expect(values["act"] == "login-failed" && values["src"] == "203.0.113.10")
            let isPlain = hostileText.unicodeScalars.allSatisfy { (0x20...0x7E).contains($0.value) }
            if hostileText.unicodeScalars.count <= 30, isPlain || hostileText == "\n\r\n" {
                #expect(values["suser"] == hostileText && values["msg"] == hostileText)
            }
        }
    }

    // MARK: The page

    private static let page = SecurityActionTests.repository + "/Docs/SecurityEvents.md"
    private static let marks = (begin: "<!-- made by SecurityRecordTests: -->\n", end: "<!-- end -->\n")

    /// The tables and examples of `Docs/SecurityEvents.md`.
    private func generated() throws -> String {
        let samples = SecuritySamples.all()
        var text =
            "| action | event | severity | outcome | category | type | further fields |\n|---|---|--:|---|---|---|---|\n"
        for action in SecurityAction.all {
            let sample = try #require(samples.first { SecurityAction.of($0) == action }, "\(action.id)")
            let line = SecuritySamples.line(sample)
            var fields = line.source == nil ? [] : ["source"]
            fields += line.trace == nil ? [] : ["trace"]
            fields += (sample.fields + sample.facts).map(\.name)
            let nature = action.nature
            text +=
                "| `\(action.id)`\(nature.kind == .alert ? " (alert)" : "") | `\(action.source)` | \(action.severity)"
            text += " | \(nature.outcome.rawValue) | \(nature.categories.map(\.rawValue).joined(separator: ", "))"
            text += " | \(nature.types.map(\.rawValue).joined(separator: ", ")) | \(fields.joined(separator: ", ")) |\n"
        }
        for (title, format) in [("ECS", SecurityLogSettings.Format.ecs), ("CEF", .cef)] {
            text += "\n### One of each in \(title)\n\n```\(format == .ecs ? "ndjson" : "text")\n"
            for action in SecurityAction.all {
                let sample = try #require(samples.first { SecurityAction.of($0) == action })
                text += try self.text(sample, format)
            }
            text += "```\n"
        }
        return text
    }

    /// `CULVERT_WRITE_DOCS=1 swift test --filter SecurityRecordTests` writes it anew.
    @Test func thePageShowsWhatIsWritten() throws {
        let page = try String(decoding: Data(contentsOf: URL(filePath: Self.page)), as: UTF8.self)
        let parts = page.components(separatedBy: Self.marks.begin)
        try #require(parts.count == 2)
        let rest = parts[1].components(separatedBy: Self.marks.end)
        try #require(rest.count == 2)
        let wanted = try generated()
        if ProcessInfo.processInfo.environment["CULVERT_WRITE_DOCS"] != nil {
            let text = parts[0] + Self.marks.begin + wanted + Self.marks.end + rest[1]
            try Data(text.utf8).write(to: URL(filePath: Self.page))
        } else {
            #expect(rest[0] == wanted, "see the comment of this test")
        }
    }
}

extension Unicode.Scalar {
    fileprivate var isNumeral: Bool { ("0"..."9").contains(self) }
}
