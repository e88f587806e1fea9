// SPDX-License-Identifier: Apache-2.0
import ConfigFile
import IKE
import Primitives
import Testing

@Suite("Several pre-shared keys for one profile")
struct PreSharedKeyTests {
    private static let first = "hunter2hunter2hunter2"
    private static let second = "another-key-of-length"

    private func keys(_ fixture: Fixture) -> [PreSharedKey]? {
        fixture.outcome.settings?.controlPlane.ike.profiles.first?.preSharedKeys
    }

    private func secret(_ text: String) -> SecretBytes { SecretBytes(copying: Array(text.utf8)) }

    private static func inline(_ lines: String...) -> Fixture {
        Fixture().replacing(7, by: (["      secrets:"] + lines.map { "        - \($0)" }).joined(separator: "\n"))
    }

    private static func file(_ text: String, mode: UInt32 = 0o600) -> Fixture {
        Fixture().replacing(7, by: "      secrets: { file: keys.yaml }").with("keys.yaml", text, mode: mode)
    }

    @Test
    func `One key has no name`() {
        #expect(keys(Fixture()) == [PreSharedKey(secret: secret("a long enough secret"))])
    }

    @Test
    func `A list in the configuration`() {
        let fixture = Self.inline(
            "{ name: alice, secret: \(Self.first), until: 2027-01-31 }",
            "{ name: alice, secret: \(Self.second) }",
            "{ name: bob, secret: { file: psk } }"
        )
        #expect(fixture.report.isEmpty)
        let end = WallClockTime(endOf: "2027-01-31")
        #expect(end != nil)
        #expect(
            keys(fixture) == [
                PreSharedKey(name: "alice", secret: secret(Self.first), until: end),
                PreSharedKey(name: "alice", secret: secret(Self.second)),
                PreSharedKey(name: "bob", secret: secret("a long enough secret")),
            ]
        )
    }

    @Test
    func `A list in a file of its own, whose paths are relative to it`() {
        let text = """
            secrets:
              - { name: alice, secret: \(Self.first), until: 2027-01-31 }
              - name: bob
                secret: { file: bob }

            """
        let fixture = Fixture().replacing(7, by: "      secrets: { file: keys/keys.yaml }")
            .with("keys/keys.yaml", text).with("keys/bob", Self.second)
        #expect(fixture.report.isEmpty)
        #expect(keys(fixture)?.map(\.name) == ["alice", "bob"])
        #expect(keys(fixture)?.map(\.secret) == [secret(Self.first), secret(Self.second)])
    }

    @Test(
        "What is wrong is said, and no key is shown",
        arguments: [
            (
                Self.inline("{ name: alice, secret: \(first) }", "{ name: bob, secret: \(first) }"),
                "gw.yaml:9:32: error: the key of 'bob' is the one in line 8: nobody could tell the two apart"
            ),
            (
                Self.inline("{ name: alice, secret: \(first) }", "{ name: bob, secret: { file: psk } }")
                    .with("psk", "0x68756e7465723268756e7465723268756e74657232"),
                "gw.yaml:9:32: error: the key of 'bob' is the one in line 8: nobody could tell the two apart"
            ),
            (
                Self.inline("{ name: alice, secret: \(first) }", "{ name: alice, secret: \(second) }"),
                "gw.yaml:9:34: warning: 'alice' has two keys that never end, the other one in line 8; "
                    + "give the older one an 'until'"
            ),
            (
                Self.inline("{ name: alice, secret: hunter2 }"),
                "gw.yaml:8:34: warning: the pre-shared key of 'alice' has 7 bytes: who records one handshake can find it "
                    + "by trying; take 20 random characters or more"
            ),
            (
                Self.inline("{ name: alice, secret: \(first), until: 2027-02-29 }"),
                "gw.yaml:8:64: error: until is the last day of the key, not '2027-02-29'; write it as 2027-01-31"
            ),
            (
                Self.inline("{ name: alice, secret: \(first), until: soon }"),
                "gw.yaml:8:64: error: until is the last day of the key, not 'soon'; write it as 2027-01-31"
            ),
            (
                Self.inline("{ name: alice, secret: \(first), untli: 2027-01-31 }"),
                "gw.yaml:8:57: error: unknown key 'untli' in an entry of secrets; did you mean 'until'?"
            ),
            (Self.inline("{ secret: \(first) }"), "gw.yaml:8:11: error: an entry of secrets needs the key 'name'"),
            (
                Self.inline("{ name: '', secret: \(first) }"),
                "gw.yaml:8:19: error: the name of a key is empty"
            ),
            (Self.inline("{ name: alice }"), "gw.yaml:8:11: error: an entry of secrets needs the key 'secret'"),
            (
                Self.inline("{ name: alice, secret: }"),
                "gw.yaml:8:34: error: the pre-shared key of 'alice' has no value"
            ),
            (Self.inline("hunter2"), "gw.yaml:8:11: error: an entry of secrets is a mapping of keys to values"),
            (
                Fixture().replacing(
                    7,
                    by: "      secret: { file: psk }\n      secrets: [ { name: a, secret: \(first) } ]"
                ),
                "gw.yaml:8:16: error: a profile has 'secret' or 'secrets', not both"
            ),
            (
                Fixture().replacing(7, by: "      secrets: []"),
                "gw.yaml:7:16: error: secrets lists no key: nobody could dial in"
            ),
            (
                Fixture().replacing(7, by: "      secrets: hunter2"),
                "gw.yaml:7:16: error: secrets is a list of keys or { file: path }, not a single value"
            ),
            (
                Fixture().replacing(7, by: "      secrets: { path: hunter2 }"),
                "gw.yaml:7:16: error: secrets needs the key 'file'"
            ),
            (
                Fixture().replacing(7, by: "      secrets: { file: keys.yaml }"),
                "gw.yaml:7:24: error: secrets: keys.yaml does not exist"
            ),
            (
                Self.file("secrets: [ { name: a, secret: \(first) } ]", mode: 0o640),
                "gw.yaml:7:24: error: secrets: keys.yaml is refused, because others may read or write it (mode 0640); "
                    + "chmod 600 keys.yaml"
            ),
            (Self.file(""), "keys.yaml:1:1: error: the file is empty"),
            (
                Self.file("secrets: { file: more.yaml }"),
                "keys.yaml:1:10: error: secrets is a list of keys, not a mapping"
            ),
            (Self.file("users: []"), "keys.yaml:1:1: error: the file needs the key 'secrets'"),
            (
                Self.file("secrets: [ { name: a, secret: \(first) }, { name: b, secret: \(first) } ]"),
                "keys.yaml:1:75: error: the key of 'b' is the one in line 1: nobody could tell the two apart"
            ),
        ] as [(Fixture, String)]
    )
    func mistakes(_ fixture: Fixture, _ message: String) {
        let report = fixture.report
        #expect(report.contains(message), "\(report)")
        #expect(!report.joined().contains("hunter2"))
        #expect(!report.joined().contains(Self.second))
    }

    @Test
    func `A thousand keys are enough`() {
        func fixture(_ count: Int) -> Fixture {
            let entries = (1...count).map { "  - { name: user-\($0), secret: the long key of user \($0) }\n" }
            return Self.file("secrets:\n" + entries.joined())
        }
        #expect(keys(fixture(1_000))?.count == 1_000)
        #expect(
            fixture(1_001).report == [
                "keys.yaml:2:3: error: secrets lists 1001 keys; at most 1000 can be tried for a peer; "
                    + "give groups of users profiles of their own, or let them share keys"
            ]
        )
    }

    @Test
    func `Keys in the configuration demand that it is closed`() {
        var fixture = Self.inline("{ name: alice, secret: \(Self.first) }")
        fixture.files["gw.yaml"] = .success(Fixture.file(fixture.text, mode: 0o644))
        let files = fixture.files
        let outcome = ConfigFile.read("gw.yaml") { path throws(FileProblem) in
            guard let result = files[path] else { throw .missing }
            return try result.get()
        }
        #expect(
            outcome.diagnostics.map(\.description) == [
                "gw.yaml:8:34: error: the pre-shared key of 'alice' stands in this file, and others may read or write it "
                    + "(mode 0644); chmod 600 gw.yaml"
            ]
        )
    }
}
