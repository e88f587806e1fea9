// SPDX-License-Identifier: Apache-2.0
import ConfigFile
import ControlPlane
import IKE
import Testing

@Suite("Names of peers and aggressive mode in a configuration")
struct IdentityTests {
    /// The profile with more keys, which begin in line 8 and column 7.
    private static func profile(_ lines: String...) -> Fixture {
        Fixture().replacing(7, by: (["secret: { file: psk }"] + lines).map { "      \($0)" }.joined(separator: "\n"))
    }

    private static let risk =
        "warning: aggressive-mode shows a hash of the pre-shared key to whoever asks in one of the names under"
        + " identities, and he can try keys at home until one fits; let the secret be 32 random characters or more, and"
        + " clear the group name on clients that can do without"

    @Test("names are taken as they are written, and aggressive mode is off")
    func names() throws {
        let outcome = Self.profile("identities: [sales, \"*.example.com\", 192.168.0.0/16, 0x00ff]").outcome
        #expect(outcome.diagnostics.isEmpty)
        let profile = try #require(outcome.settings?.controlPlane.ike.profiles.first)
        #expect(profile.identities.map(\.text) == ["sales", "*.example.com", "192.168.0.0/16", "0x00ff"])
        #expect(!profile.allowsAggressiveMode)
        let none = try #require(Fixture().outcome.settings?.controlPlane.ike.profiles.first)
        #expect(none.identities.isEmpty && !none.allowsAggressiveMode)
    }

    @Test("C01: aggressive mode is on if a profile says so, and the start says what it risks")
    func risk() throws {
        let outcome = Self.profile("identities: sales", "aggressive-mode: true").outcome
        #expect(outcome.diagnostics.map(\.description) == ["gw.yaml:9:24: \(Self.risk)"])
        let profile = try #require(outcome.settings?.controlPlane.ike.profiles.first)
        #expect(profile.allowsAggressiveMode && profile.identities.map(\.text) == ["sales"])
        #expect(Self.profile("identities: sales", "aggressive-mode: false").report == [])
        #expect(Self.profile("aggressive-mode: false").report == [])
    }

    @Test(
        "aggressive mode is for names that are named",
        arguments: [
            (["aggressive-mode: true"], "8:24", "aggressive-mode without identities"),
            (
                ["identities: [\"**\", sales]", "aggressive-mode: true"], "9:24",
                "aggressive-mode with the identity '**'"
            ),
            (
                ["identities: [sales, 0.0.0.0/0]", "aggressive-mode: true"], "9:24",
                "aggressive-mode with the identity '0.0.0.0/0'"
            ),
        ]
    )
    func unnamed(_ lines: [String], _ place: String, _ mistake: String) {
        let text = (["secret: { file: psk }"] + lines).map { "      \($0)" }.joined(separator: "\n")
        let outcome = Fixture().replacing(7, by: text).outcome
        #expect(
            outcome.diagnostics.map(\.description) == [
                "gw.yaml:\(place): error: \(mistake): whoever asks would be shown a hash of the pre-shared key; "
                    + "list the group names of the clients under identities"
            ]
        )
        #expect(outcome.settings == nil)
    }

    @Test(
        "mistakes are shown where they are",
        arguments: [
            (
                "identities: []",
                "8:19: error: identities names nobody; name who may come, or leave the key out if "
                    + "everybody may who has the secret"
            ),
            ("identities: [sales, sales]", "8:27: error: identities lists 'sales' twice"),
            ("identities: [\"\"]", "8:20: error: an entry of identities is empty"),
            (
                "identities: [Köln]",
                "8:20: error: 'Köln' in identities has characters that are not printable ASCII; "
                    + "write a group name with such characters as 0x4bc3b66c6e"
            ),
            ("identities: { a: b }", "8:19: error: identities is a list, not a mapping"),
            ("aggressive-mode: maybe", "8:24: error: aggressive-mode is true or false, not 'maybe'"),
            (
                "identities: [\(String(repeating: "a", count: 257))]",
                "8:20: error: '\(String(repeating: "a", count: 60))…' in identities is longer than 256 characters, "
                    + "as no name is"
            ),
        ]
    )
    func mistakes(_ line: String, _ mistake: String) {
        #expect(Self.profile(line).report == ["gw.yaml:\(mistake)"])
    }

    @Test("S06: a later profile that is found by name is not hidden by one that takes every peer")
    func foundByName() {
        func second(_ remote: String, _ rest: String) -> [String] {
            let text =
                "    - { name: a, \(remote) secret: { file: psk } }\n    - name: b\n      \(remote.dropLast())\(rest)"
            return Fixture().replacing(6, by: text).report
        }
        for remote in ["remote: any,", "remote: 198.51.100.0/24,"] {
            let named = second(remote, "\n      identities: [sales]\n      aggressive-mode: true")
            #expect(named == ["gw.yaml:10:24: \(Self.risk)"])
            // Without aggressive mode a name is asked for too late.
            #expect(second(remote, "\n      identities: [sales]").count == 1)
        }
    }
}
