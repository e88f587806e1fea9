// SPDX-License-Identifier: Apache-2.0
import ConfigFile
import Testing

/// Every YAML block of the documents is a configuration, a part of one, or a file that one names.
struct DocumentedConfigurationTests {
    /// What a part stands in.
    private static let sections: [(name: String, text: String)] = [
        ("gateway", "gateway:\n  name: gw1.example.net\n"),
        ("ike", "ike:\n  profiles:\n    - name: remote-access\n      secret: { file: psk }\n"),
        (
            "addresses",
            "addresses:\n  pools:\n    - { name: office, range: 10.99.0.0/20, gateway: 10.99.0.1 }\n"
        ),
        ("users", "users:\n  file: users.yaml\n"),
    ]
    private static let users = "users:\n  - { name: alice, secret: s3cret }\n"
    private static let keys = "secrets:\n  - { name: alice, secret: s3cret }\n"
    /// What other programs read.
    private static let foreign: Set<String> = ["groups", "scrape_configs", "services", "rule_files"]

    static let blocks = Document.blocks.filter { $0.language == "yaml" && !foreign.contains($0.firstKey) }

    @Test func thereAreSuchBlocks() { #expect(Self.blocks.count >= 3) }

    @Test(arguments: blocks)
    func isUsable(block: Document.Block) {
        let (configuration, users, keys) = Self.files(of: block)
        let outcome = ConfigFile.parse(configuration, file: "culvert.yaml") { path throws(FileProblem) in
            let text =
                switch path {
                case _ where path.contains("users"): users
                case _ where path.contains("keys"): keys
                case _: "k3y"
                }
            return LoadedFile(bytes: Array(text.utf8), mode: 0o600, ownerIsTrusted: true)
        }
        #expect(outcome.settings != nil, "\(block): \(outcome.report)")
    }

    private static func files(of block: Document.Block) -> (configuration: String, users: String, keys: String) {
        if block.isList(of: "users") { return (whole(with: ""), block.text, keys) }
        if block.isList(of: "secrets") { return (whole(with: ""), users, block.text) }
        guard block.lines.first?.hasPrefix("      ") == true else { return (whole(with: block.text), users, keys) }
        // Keys of a profile.
        var lines = block.lines
        let replacesKey = lines.contains { $0.hasPrefix("      secret") }
        lines.insert(contentsOf: ["ike:", "  profiles:", "    - name: remote-access"], at: 0)
        if !replacesKey { lines.append("      secret: { file: psk }") }
        return (whole(with: lines.map { $0 + "\n" }.joined()), users, keys)
    }

    private static func whole(with part: String) -> String {
        let given = Set(part.split(separator: "\n").map { $0.prefix { $0 != ":" } })
        return sections.filter { !given.contains(Substring($0.name)) }.map(\.text).joined() + part
    }
}

extension Document.Block {
    fileprivate var firstKey: String {
        let line = lines.first { !$0.hasPrefix("#") && !$0.isEmpty } ?? ""
        return String(line.prefix { $0 != ":" })
    }

    /// Whether it is a file with a list of that name and nothing else.
    fileprivate func isList(of name: String) -> Bool {
        guard firstKey == name, let line = lines.firstIndex(where: { $0.hasPrefix(name) }) else { return false }
        return lines[line].contains("[") || (line + 1 < lines.count && lines[line + 1].hasPrefix("  - "))
    }
}
