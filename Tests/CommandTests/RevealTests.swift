// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import culvertctl

struct RevealTests {
    @Test func takesPseudonymsAndAFolder() throws {
        let command = try #require(try Culvertctl.parseAsRoot(["reveal", "name_a", "addr_b"]) as? Reveal)
        #expect(command.pseudonyms == ["name_a", "addr_b"])
        #expect(command.keys == "/var/lib/culvert/privacy" && !command.json)
        #expect(throws: (any Error).self) { try Culvertctl.parseAsRoot(["reveal"]) }
    }

    @Test func saysWhoItWasAndWhoNobodyIs() {
        let text = render([
            Revealed(pseudonym: "name_a", value: "alice\u{1B}[31m", day: "2026-11-21"),
            Revealed(pseudonym: "name_b", value: nil, day: nil),
        ])
        #expect(text == "name_a: alice\\u{1b}[31m (2026-11-21)\nname_b: not known\n")
    }

    @Test func aFolderThatIsNotThereIsAProblem() {
        #expect(throws: Problem.self) {
            var command = try Culvertctl.parseAsRoot(["reveal", "--keys", "/nonexistent", "name_a"])
            try command.run()
        }
    }
}
