// SPDX-License-Identifier: Apache-2.0
import ConfigFile
import Glibc
import Testing

@Suite("The examples in the documents")
struct ExampleTests {
    private static let repository =
        #filePath.split(separator: "/").dropLast(3).reduce("") { "\($0)/\($1)" }

    private static func text(_ name: String) throws -> String {
        let file = try #require(fopen("\(repository)/\(name)", "r"))
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 65_536)
        let count = fread(&bytes, 1, bytes.count, file)
        return String(decoding: bytes[..<count], as: UTF8.self)
    }

    @Test
    func `culvert.yaml and users.yaml are right, and use no key in vain`() throws {
        let text = try Self.text("Docs/Examples/culvert.yaml")
        let fixture = Fixture(lines: text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init))
            .with("users.yaml", try Self.text("Docs/Examples/users.yaml"))
        #expect(fixture.outcome.report == "gw.yaml: usable, no warnings: 1 profile, 1 pool, 3 users\n")
    }

    @Test
    func `What the README begins with is right`() throws {
        let readme = try Self.text("README.md").split(separator: "\n", omittingEmptySubsequences: false)
        let begin = try #require(readme.firstIndex { $0.hasSuffix("```yaml") })
        let lines = readme[(begin + 1)...].prefix { !$0.hasSuffix("```") }
        let fixture = Fixture(lines: lines.map(String.init))
        #expect(fixture.outcome.report == "gw.yaml: usable, no warnings: 1 profile, 1 pool, 1 user\n")
    }
}
