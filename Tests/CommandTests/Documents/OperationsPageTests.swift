// SPDX-License-Identifier: Apache-2.0
import FoundationEssentials
import Testing

/// `Docs/Operations.md` names events, verdicts, findings and keys: each must be one that the programs have.
struct OperationsPageTests {
    /// What stands between backquotes and has the form of a name: `no-proposal-chosen`, `log-full`.
    private static let names: Set<String> = {
        let text = Document.text(of: "Docs/Operations.md")
        return Set(text.matches(of: /`([a-z0-9]+(?:-[a-z0-9]+)+)`/).map { String($0.1) })
    }()

    /// Names of others, and of files.
    private static let foreign: Set<String> = []

    private static let sources: String = {
        let root = Document.repository + "/Sources"
        let files = (try? FileManager.default.subpathsOfDirectory(atPath: root)) ?? []
        return files.filter { $0.hasSuffix(".swift") }.map { Document.text(of: "Sources/\($0)") }.joined()
    }()

    @Test func thereAreNames() {
        #expect(Self.names.contains("no-proposal-chosen"))
        #expect(Self.names.count > 25)
    }

    @Test(arguments: names.sorted())
    func isOneThatTheProgramsHave(name: String) {
        #expect(Self.foreign.contains(name) || Self.sources.contains("\"\(name)\""))
    }

    /// A page that is linked to is there.
    @Test(arguments: Document.text(of: "Docs/Operations.md").matches(of: /\]\(([^)]+)\)/).map { String($0.1) })
    func everyLinkLeadsToAPage(link: String) {
        #expect(!Document.text(of: "Docs/\(link)").isEmpty)
    }
}
