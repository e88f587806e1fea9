// SPDX-License-Identifier: Apache-2.0
import ConfigFile
import Testing

struct LogSettingsTests {
    private func outcome(_ log: String) -> ConfigFile.Outcome { Fixture().adding(log).outcome }

    private func log(_ text: String) throws -> LogSettings {
        try #require(outcome(text).settings).log
    }

    @Test func withoutWordsAllIsAsItWas() throws {
        #expect(try log("log: {}\n") == LogSettings())
        #expect(try log("") == LogSettings())
    }

    @Test func saysWhereLinesGo() throws {
        #expect(try log("log: { to: journald }\n").to == .journald)
        #expect(try log("log: { to: stderr, format: json }\n").to == .stderr)
        #expect(try log("log: { to: auto }\n").to == .auto)
    }

    @Test func saysWhereSecurityEventsGo() throws {
        #expect(try log("log: { security: { to: stderr } }\n").security == SecurityLogSettings(to: .stderr))
        let cef = try log("log: { security: { to: /var/log/culvert/security.cef, format: cef } }\n").security
        #expect(cef?.to == .file("/var/log/culvert/security.cef") && cef?.format == .cef)
        #expect(try log("log: { security: { to: journald } }\n").security?.to == .journald)
    }

    @Test func whoAsksForPrivacyGetsAllOfIt() throws {
        let privacy = try #require(try log("log: { privacy: {} }\n").privacy)
        #expect(privacy == PrivacySettings())
        #expect(privacy.names == .pseudonym && privacy.addresses == .pseudonym && privacy.after == .seconds(2_592_000))
        let other = try #require(
            try log("log: { privacy: { names: none, addresses: network, keys: /srv/keys } }\n").privacy
        )
        #expect(other.names == .none && other.addresses == .network && other.folder == "/srv/keys")
        #expect(!other.usesPseudonyms)
        #expect(try log("log: { privacy: { after: 7d } }\n").privacy?.after == .seconds(604_800))
    }

    @Test(arguments: [
        ("log: { to: syslog }", "log.to is one of stderr, journald, auto, not 'syslog'"),
        ("log: { to: journald, format: json }", "log.to is journald, which takes fields and no JSON"),
        ("log: { security: { format: ecs } }", "log.security needs the key 'to'"),
        ("log: { security: { to: security.json } }", "the absolute path of a file, not 'security.json'"),
        ("log: { security: { to: stderr, format: leef } }", "log.security.format is one of ecs, cef, not 'leef'"),
        ("log: { security: stderr }", "log.security is a mapping"),
        ("log: { privacy: { names: hash } }", "log.privacy.names is one of clear, pseudonym, none, not 'hash'"),
        ("log: { privacy: { names: network } }", "log.privacy.names is one of clear, pseudonym, none, not 'network'"),
        ("log: { privacy: { after: 3h } }", "log.privacy.after lies between 1d and 3650d, not at 3h"),
        ("log: { privacy: { keys: keys } }", "log.privacy.keys is the absolute path of a folder"),
        ("log: { privacy: { key: x } }", "unknown key 'key' in log.privacy"),
    ])
    func mistakesAreNamed(text: String, message: String) {
        let outcome = outcome(text + "\n")
        #expect(outcome.settings == nil)
        #expect(outcome.diagnostics.contains { $0.description.contains(message) }, "\(outcome.diagnostics)")
    }

    @Test func aTimeWithoutPseudonymsIsPointedOut() {
        let outcome = outcome("log: { privacy: { names: none, addresses: none, after: 7d } }\n")
        #expect(outcome.settings != nil)
        #expect(outcome.diagnostics.contains { $0.description.contains("log.privacy.after has no effect") })
    }
}
