// SPDX-License-Identifier: Apache-2.0
import ConfigFile
import Testing

@Suite("Any text at all gets an answer")
struct DocumentTests {
    private func report(_ text: String) -> [String] {
        let fixture = Fixture()
        let files = fixture.files
        let outcome = ConfigFile.parse(text, file: "gw.yaml") { path throws(FileProblem) in
            guard let result = files[path] else { throw .missing }
            return try result.get()
        }
        #expect((outcome.settings == nil) == outcome.diagnostics.contains { $0.severity == .error })
        return outcome.diagnostics.map(\.description)
    }

    @Test(
        "What is not YAML, or not for us",
        arguments: [
            ("", "1:1: error: the file is empty"),
            ("# nothing\n", "1:1: error: the file is empty"),
            ("~\n", "1:1: error: the file is empty"),
            ("gateway\n", "1:1: error: the file is a mapping of keys to values"),
            ("a: b: c\n", "1:5: error: not YAML: mapping values are not allowed in this context"),
            (
                "a: [1, 2\nb: 3\n",
                "2:2: error: not YAML: did not find expected ',' or ']' (while parsing a flow sequence that starts in line 1)"
            ),
            (
                "a:\n\tb: 1\n",
                "2:1: error: not YAML: found character that cannot start any token (while scanning for the next token that starts in line 2)"
            ),
            (
                "a: \"x\n",
                "2:1: error: not YAML: found unexpected end of stream (while scanning a quoted scalar that starts in line 1)"
            ),
            ("a: *b\n", "1:4: error: not YAML: found undefined alias"),
            (
                "a: 1\n---\nb: 2\n",
                "2:1: error: not YAML: but found another document (expected a single document in the stream that starts in line 1)"
            ),
            ("a: \u{1}\n", "1:4: error: a control character, which YAML does not allow"),
            ("a: 1\nb: x\u{0}y\n", "2:5: error: a control character, which YAML does not allow"),
            ("? [a, b]\n: 1\n", "1:3: error: a key is a list or a mapping; keys are words"),
        ]
    )
    func malformed(_ text: String, _ message: String) {
        #expect(report(text).first == "gw.yaml:\(message)")
    }

    @Test
    func `Every key set twice is found, and the first counts`() {
        let text = """
            gateway: { name: gw1, name: gw2 }
            "log": { level: info }
            ike:
              profiles: []
              profiles: []
              profiles: []
            'log': { format: xml }
            lgo: 1
            """
        let report = report(text)
        #expect(
            report.filter { $0.contains("twice") || $0.contains("unknown") } == [
                "gw.yaml:1:23: error: the key 'name' is set twice in this mapping, first in line 1",
                "gw.yaml:5:3: error: the key 'profiles' is set twice in this mapping, first in line 4",
                "gw.yaml:6:3: error: the key 'profiles' is set twice in this mapping, first in line 4",
                "gw.yaml:7:1: error: the key 'log' is set twice in this mapping, first in line 2",
                "gw.yaml:8:1: error: unknown key 'lgo'; did you mean 'log'?",
            ]
        )
    }

    @Test
    func `Duplicates without end come to an end`() {
        let many = report((0..<100).map { "a\($0): 1\na\($0): 2\n" }.joined())
        #expect(many == ["gw.yaml:1:1: error: more keys set twice than can be listed"])
        let escaped = report("\"\\x61\": 1\na: 2\n")
        #expect(escaped == ["gw.yaml:1:1: error: the key 'a' is set twice in this mapping"])
    }

    @Test
    func `Unprintable keys do not reach the terminal`() {
        #expect(report("\"a\\e[31m\": 1\n").first == "gw.yaml:1:1: error: the file needs the key 'gateway'")
        #expect(report("\"a\\e[31m\": 1\n").last == "gw.yaml:1:1: error: unknown key 'a\u{FFFD}[31m'")
    }

    @Test
    func `An alias stands for what its anchor holds`() {
        let text = Fixture().replacing(7, by: "      secret: &key { file: psk }\n    - { name: b, secret: *key }").text
        #expect(report(text).allSatisfy { $0.contains(": warning: ") })
    }

    @Test(
        "Documents that grow are refused early",
        arguments: [
            (
                "a: &a [x, x, x, x, x, x, x, x, x]\n" + bomb(levels: 12, width: 9),
                "more than 16 aliases (*name); write the values out"
            ),
            ("a: &a [x, x, x, x, x, x, x, x, x]\n" + bomb(levels: 5, width: 3), "unknown key"),
            ("a: " + String(repeating: "[", count: 10_000), "not YAML: nested too deep"),
            (
                "a: " + String(repeating: "[", count: 900) + String(repeating: "]", count: 900),
                "nested more than 16 levels deep"
            ),
            (String(repeating: "- ", count: 5_000) + "x", "not YAML: nested too deep"),
            (
                "a: [" + String(repeating: "x,", count: 60_000) + "]",
                "more than 50000 values in one file, aliases counted where they are used"
            ),
            ("a: " + String(repeating: "x", count: 1 << 20), "the file has 1048579 bytes; at most 1048576 are read"),
        ]
    )
    func growth(_ text: String, _ message: String) {
        let report = report(text)
        #expect(report.contains { $0.contains(message) }, "\(report.prefix(3))")
    }

    /// Every level lists the one before it `width` times.
    static func bomb(levels: Int, width: Int) -> String {
        var text = ""
        for level in 1...levels {
            let previous = level == 1 ? "a" : "a\(level - 1)"
            text +=
                "a\(level): &a\(level) [" + Array(repeating: "*\(previous)", count: width).joined(separator: ", ")
                + "]\n"
        }
        return text
    }

    @Test
    func `A few aliases of much content count each time`() {
        let base = "a: &a [" + String(repeating: "x,", count: 5_000) + "]\n"
        let text = base + (0..<12).map { "b\($0): *a\n" }.joined()
        #expect(report(text).contains { $0.contains("more than 50000 values in one file") })
    }

    @Test
    func `Aliases in quotes and comments are none`() {
        let lines = (0..<40).map { "  - { name: u\($0), secret: \"*a ' *b\" } # *c, *d\n" }.joined()
        #expect(Fixture().with("users.yaml", "users:\n" + lines).report.isEmpty)
    }

    @Test
    func `Broken configurations never trap`() {
        let seed = Array(SettingsTests.example.unicodeScalars)
        let parts: [[Unicode.Scalar]] = [
            "\n", "  ", "\t", ": ", "- ", "? ", "[", "]", "{", "}", ",", "&a ", "*a", "|\n", ">\n", "\"", "'", "!!int ",
            "#",
            "---\n", "...\n", "%YAML 1.1\n", "\u{85}", "\u{2028}", "\u{FEFF}", "\u{0}", "é", "😀", "0x",
            "999999999999999999999",
            "-1", "10.99.0.1", "::", "name: x", "<<: *a", "60s", "true", "null", "\r\n", "\r",
        ].map { Array($0.unicodeScalars) }
        var random = SplitMix(state: 20_261_121)
        var settled = 0
        for round in 0..<2_000 {
            var scalars = seed
            for _ in 0...random.below(4) {
                let place = random.below(scalars.count)
                switch random.below(4) {
                case 0: scalars.insert(contentsOf: parts[random.below(parts.count)], at: place)
                case 1: scalars.removeSubrange(place..<min(scalars.count, place + 1 + random.below(8)))
                case 2: scalars.replaceSubrange(place...place, with: parts[random.below(parts.count)])
                default: scalars.removeSubrange(place...)
                }
                if scalars.isEmpty { scalars = seed }
            }
            var text = String.UnicodeScalarView()
            text.append(contentsOf: scalars)
            let string = String(text)
            let files = Fixture().with("users.yaml", round.isMultiple(of: 2) ? SettingsTests.users : string).files
            let outcome = ConfigFile.parse(string, file: "gw.yaml") { path throws(FileProblem) in
                guard let result = files[path] else { throw .missing }
                return try result.get()
            }
            if outcome.settings != nil { settled += 1 }
            #expect(outcome.diagnostics.allSatisfy { $0.line >= 1 && $0.column >= 1 })
            #expect((outcome.settings == nil) == outcome.diagnostics.contains { $0.severity == .error })
        }
        // Some of the damage is in comments and the like.
        #expect((1..<1_000).contains(settled))
    }
}

/// Repeatable noise.
private struct SplitMix {
    var state: UInt64

    mutating func below(_ bound: Int) -> Int {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return Int((z ^ (z >> 31)) % UInt64(bound))
    }
}
