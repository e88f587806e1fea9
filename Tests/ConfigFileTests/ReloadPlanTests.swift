// SPDX-License-Identifier: Apache-2.0
import ConfigFile
import Testing

@Suite("What another configuration changes")
struct ReloadPlanTests {
    /// Every key there is, with a value that is not the usual one.
    private static let full = """
        gateway: { name: gw1.example.net, listen: [192.0.2.1], outer-mtu: 1400 }
        ike:
          exchange-timeout: 20s
          keepalive-interval: 15s
          profiles:
            - name: remote-access
              remote: [198.51.100.0/24]
              secrets:
                - { name: alice, secret: the key of alice 123 }
                - { name: bob, secret: the key of bob 45678, until: 2027-01-31 }
              identities: [staff]
              aggressive-mode: false
              conceal-nat: true
              proposals: [aes256-sha256-modp2048]
              esp-proposals: [aes256-sha256]
              pfs-groups: [modp2048]
              allow-legacy: [modp1024]
              sha256-truncation: auto
              ike-lifetime: 8h
              esp-lifetime: 1h
              esp-bytes: 1GB
            - name: branch
              secret: the key of the branch
        l2tp: { secret: subway, hello-interval: 60s, receive-window-size: 16, retransmission-limit: 5 }
        ppp:
          authentication: [mschapv2, pap]
          dns: [192.0.2.53]
          wins: [192.0.2.54]
          mtu: auto
          echo-interval: 30s
          set-up-timeout: 60s
          authentication-tries: 3
        limits:
          calls: 100
          ike-sas: 1000
          half-open: 500
          half-open-per-source: 20
          large-sources: [203.0.113.0/24]
          tunnels: 200
          sessions-per-tunnel: 2
          traces: 100
          failed-traces: 50
        liveness: { grace: 150s, dead-peer-interval: 60s }
        addresses:
          pools:
            - { name: office, range: 10.99.0.0/24, gateway: 10.99.0.1 }
            - { name: guests, range: 10.98.0.0/24, gateway: 10.98.0.1 }
        users: { file: users.yaml }
        control: { socket: /run/culvert/control.sock, mode: "0660", group: culvert }
        metrics: { listen: "127.0.0.1:9702" }
        log: { level: info, format: text }
        """
    private static let users = """
        users:
          - { name: alice, secret: s3cret, address: 10.99.0.7 }
          - { name: bob, secret: other }
          - { name: carol, nt-hash: 8846f7eaee8fb117ad06bdd830b7586c, disabled: true }
        """

    private static func settings(_ text: String, users: String = Self.users) throws -> Settings {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        let outcome = Fixture(lines: lines).with("users.yaml", users + "\n").outcome
        #expect(outcome.diagnostics.filter { $0.severity == .error } == [])
        return try #require(outcome.settings)
    }

    private static func plan(_ old: String, by new: String, inUsers: Bool = false) throws -> ReloadPlan {
        let text = inUsers ? users : full
        let parts = text.components(separatedBy: old)
        #expect(parts.count >= 2, "\(old) is not in the text")
        let changed = parts[0] + new + parts.dropFirst().joined(separator: old)
        return ReloadPlan(
            from: try settings(full),
            to: inUsers ? try settings(full, users: changed) : try settings(changed)
        )
    }

    private static func words(_ plan: ReloadPlan) -> [String] {
        plan.changes.map { change in
            "\(change.kind) \(change.key)" + (change.what.isEmpty ? "" : ": \(change.what)")
                + "; \(change.time.rawValue)"
        }
    }

    @Test
    func `The same text changes nothing`() throws {
        let plan = ReloadPlan(from: try Self.settings(Self.full), to: try Self.settings(Self.full))
        #expect(plan.isEmpty)
        #expect(plan.settings == (try Self.settings(Self.full)))
    }

    static let changes: [(String, String, [String])] = [
        (
            "name: gw1.example.net", "name: gw2",
            ["changed gateway.name: was gw1.example.net, is gw2; at once for new calls"]
        ),
        (
            "listen: [192.0.2.1]", "listen: [192.0.2.1, 192.0.2.2]",
            ["changed gateway.listen: was 192.0.2.1, is 192.0.2.1, 192.0.2.2; only after a restart"]
        ),
        ("outer-mtu: 1400", "outer-mtu: 1500", ["changed gateway.outer-mtu: was 1400, is 1500; at once for new calls"]),
        ("exchange-timeout: 20s", "", ["changed ike.exchange-timeout: was 20s, is 30s; at the next rekeying"]),
        ("keepalive-interval: 15s", "", ["changed ike.keepalive-interval: was 15s, is 20s; at once"]),
        (
            "198.51.100.0/24", "198.51.100.0/25",
            [
                "changed ike.profiles.remote-access.remote: was 198.51.100.0/24, is 198.51.100.0/25; at once"
            ]
        ),
        (
            "remote: [198.51.100.0/24]", "remote: any",
            [
                "changed ike.profiles.remote-access.remote: was 198.51.100.0/24, is any; at once"
            ]
        ),
        (
            "the key of alice 123", "another key of alice",
            [
                "changed ike.profiles.remote-access.secrets.alice: secret changed; at the next rekeying"
            ]
        ),
        (
            "until: 2027-01-31", "until: 2027-02-28",
            [
                "changed ike.profiles.remote-access.secrets.bob: its last day; at the next rekeying"
            ]
        ),
        (
            "name: bob, secret: the", "name: dave, secret: the",
            [
                "removed ike.profiles.remote-access.secrets.bob; at the next rekeying",
                "added ike.profiles.remote-access.secrets.dave; at once",
            ]
        ),
        (
            "identities: [staff]", "identities: [staff, guests]",
            [
                "changed ike.profiles.remote-access.identities: was staff, is staff, guests; at the next rekeying"
            ]
        ),
        (
            "aggressive-mode: false", "aggressive-mode: true",
            [
                "changed ike.profiles.remote-access.aggressive-mode: was false, is true; at the next rekeying"
            ]
        ),
        (
            "conceal-nat: true", "conceal-nat: false",
            [
                "changed ike.profiles.remote-access.conceal-nat: was true, is false; at the next rekeying"
            ]
        ),
        (
            "proposals: [aes256-sha256-modp2048]", "proposals: [aes256-sha256-modp2048, aes128-sha1-modp2048]",
            [
                "changed ike.profiles.remote-access.proposals: was aes256-sha256-modp2048, "
                    + "is aes256-sha256-modp2048, aes128-sha1-modp2048; at the next rekeying"
            ]
        ),
        (
            "esp-proposals: [aes256-sha256]", "esp-proposals: [aes128-sha1]",
            [
                "changed ike.profiles.remote-access.esp-proposals: was aes256-sha256, is aes128-sha1; at the next rekeying"
            ]
        ),
        (
            "pfs-groups: [modp2048]", "pfs-groups: []",
            [
                "changed ike.profiles.remote-access.pfs-groups: was modp2048, is none; at the next rekeying"
            ]
        ),
        (
            "allow-legacy: [modp1024]", "allow-legacy: [modp1024, { name: md5, clients: [android-4] }]",
            [
                "changed ike.profiles.remote-access.allow-legacy: was modp1024, is modp1024, md5 for android-4; "
                    + "at the next rekeying"
            ]
        ),
        (
            "sha256-truncation: auto", "sha256-truncation: 96",
            [
                "changed ike.profiles.remote-access.sha256-truncation: was auto, is 96; at the next rekeying"
            ]
        ),
        (
            "ike-lifetime: 8h", "ike-lifetime: 4h",
            [
                "changed ike.profiles.remote-access.ike-lifetime: was 8h, is 4h; at the next rekeying"
            ]
        ),
        (
            "esp-lifetime: 1h", "esp-lifetime: 2h",
            [
                "changed ike.profiles.remote-access.esp-lifetime: was 1h, is 2h; at the next rekeying"
            ]
        ),
        (
            "esp-bytes: 1GB", "",
            [
                "changed ike.profiles.remote-access.esp-bytes: was 976562 kB of 1024 bytes, is no limit; at the next rekeying"
            ]
        ),
        (
            "the key of the branch", "another for the branch",
            [
                "changed ike.profiles.branch.secret: secret changed; at the next rekeying"
            ]
        ),
        ("name: branch", "name: office", ["changed ike.profiles.office.name: was branch, is office; at once"]),
        ("    - name: branch\n      secret: the key of the branch\n", "", ["removed ike.profiles.branch; at once"]),
        ("secret: subway", "secret: tubes", ["changed l2tp.secret: secret changed; at once for new calls"]),
        ("secret: subway, ", "", ["changed l2tp.secret: was a secret, is none; at once for new calls"]),
        ("hello-interval: 60s", "hello-interval: 30s", ["changed l2tp.hello-interval: was 1m, is 30s; at once"]),
        (
            "receive-window-size: 16", "receive-window-size: 8",
            [
                "changed l2tp.receive-window-size: was 16, is 8; at once for new calls"
            ]
        ),
        (
            "retransmission-limit: 5", "retransmission-limit: 6",
            [
                "changed l2tp.retransmission-limit: was 5, is 6; at once for new calls"
            ]
        ),
        (
            "[mschapv2, pap]", "[mschapv2]",
            [
                "changed ppp.authentication: was mschapv2, pap, is mschapv2; at once for new calls"
            ]
        ),
        ("dns: [192.0.2.53]", "dns: []", ["changed ppp.dns: was 192.0.2.53, is none; at once for new calls"]),
        (
            "wins: [192.0.2.54]", "wins: [192.0.2.55]",
            [
                "changed ppp.wins: was 192.0.2.54, is 192.0.2.55; at once for new calls"
            ]
        ),
        ("mtu: auto", "mtu: 1280", ["changed ppp.mtu: was auto, is 1280; at once for new calls"]),
        (
            "echo-interval: 30s", "echo-interval: 20s",
            ["changed ppp.echo-interval: was 30s, is 20s; at once for new calls"]
        ),
        (
            "set-up-timeout: 60s", "set-up-timeout: 2m",
            [
                "changed ppp.set-up-timeout: was 1m, is 2m; at once for new calls"
            ]
        ),
        (
            "authentication-tries: 3", "authentication-tries: 2",
            [
                "changed ppp.authentication-tries: was 3, is 2; at once for new calls"
            ]
        ),
        ("calls: 100", "calls: 101", ["changed limits.calls: was 100, is 101; at once"]),
        ("ike-sas: 1000", "ike-sas: 1001", ["changed limits.ike-sas: was 1000, is 1001; at once"]),
        ("half-open: 500", "half-open: 501", ["changed limits.half-open: was 500, is 501; at once"]),
        (
            "half-open-per-source: 20", "half-open-per-source: 21",
            [
                "changed limits.half-open-per-source: was 20, is 21; at once"
            ]
        ),
        (
            "large-sources: [203.0.113.0/24]", "large-sources: []",
            [
                "changed limits.large-sources: was 203.0.113.0/24, is none; at once"
            ]
        ),
        ("tunnels: 200", "tunnels: 201", ["changed limits.tunnels: was 200, is 201; at once"]),
        (
            "sessions-per-tunnel: 2", "sessions-per-tunnel: 3",
            [
                "changed limits.sessions-per-tunnel: was 2, is 3; at once"
            ]
        ),
        ("  traces: 100", "  traces: 101", ["changed limits.traces: was 100, is 101; at once"]),
        ("failed-traces: 50", "failed-traces: 51", ["changed limits.failed-traces: was 50, is 51; at once"]),
        ("grace: 150s", "grace: 200s", ["changed liveness.grace: was 150s, is 200s; at once"]),
        (
            "dead-peer-interval: 60s", "dead-peer-interval: 50s",
            [
                "changed liveness.dead-peer-interval: was 1m, is 50s; at once"
            ]
        ),
        (
            "range: 10.99.0.0/24", "range: 10.99.0.0/25",
            [
                "changed addresses.pools.office.range: was 10.99.0.0/24, is 10.99.0.0/25; at once for new calls"
            ]
        ),
        (
            "gateway: 10.98.0.1 }", "gateway: 10.98.0.2 }",
            [
                "changed addresses.pools.guests.gateway: was 10.98.0.1, is 10.98.0.2; at once for new calls"
            ]
        ),
        (
            "name: guests,", "name: visitors,",
            [
                "removed addresses.pools.guests: 10.98.0.0/24; when the call ends",
                "added addresses.pools.visitors: 10.98.0.0/24; at once",
            ]
        ),
        (
            "socket: /run/culvert/control.sock", "socket: /run/x",
            [
                "changed control.socket: was /run/culvert/control.sock, is /run/x; only after a restart"
            ]
        ),
        ("mode: \"0660\"", "mode: \"0600\"", ["changed control.mode: was 0660, is 0600; only after a restart"]),
        ("group: culvert", "group: adm", ["changed control.group: was culvert, is adm; only after a restart"]),
        (
            "127.0.0.1:9702", "127.0.0.1:9703",
            [
                "changed metrics.listen: was 127.0.0.1:9702, is 127.0.0.1:9703; only after a restart"
            ]
        ),
        ("level: info", "level: debug", ["changed log.level: was info, is debug; at once"]),
        ("format: text", "format: json", ["changed log.format: was text, is json; at once"]),
    ]

    @Test(arguments: changes)
    func `Every key says what it was, what it is, and when that counts`(
        old: String,
        new: String,
        expected: [String]
    ) throws {
        let plan = try Self.plan(old, by: new)
        #expect(Self.words(plan) == expected)
        // What needs a restart is as it was; carried out, nothing else is left to be done.
        let again = ReloadPlan(from: plan.settings, to: try Self.settings(Self.full))
        let isLater = plan.changes.allSatisfy { $0.time == .restart }
        #expect(again.isEmpty == isLater)
    }

    @Test(arguments: [
        ("secret: other", "secret: new", ["changed users.bob: secret changed; at once for new calls"]),
        (
            "secret: other", "nt-hash: 8846f7eaee8fb117ad06bdd830b7586c",
            [
                "changed users.bob: secret changed; at once for new calls"
            ]
        ),
        (
            ", address: 10.99.0.7", ", address: 10.99.0.8",
            [
                "changed users.alice: address was 10.99.0.7, is 10.99.0.8; at once for new calls"
            ]
        ),
        (
            ", address: 10.99.0.7", "",
            [
                "changed users.alice: address was 10.99.0.7, is from a pool; at once for new calls"
            ]
        ),
        ("disabled: true", "disabled: false", ["changed users.carol: enabled; at once"]),
        ("secret: other", "secret: other, disabled: true", ["changed users.bob: disabled; at once"]),
        ("name: bob", "name: dave", ["removed users.bob; at once", "added users.dave; at once"]),
    ])
    func `Users by their names`(old: String, new: String, expected: [String]) throws {
        #expect(Self.words(try Self.plan(old, by: new, inUsers: true)) == expected)
    }

    @Test
    func `No secret is in what is said`() throws {
        for (old, new) in [
            ("the key of alice 123", "0x0102030405060708090a0b0c0d0e0f10"), ("secret: subway", "secret: hush"),
            ("the key of the branch", "hush hush hush hush hush"),
        ] {
            let text = "\(try Self.plan(old, by: new))"
            for secret in ["the key", "another", "0102", "hush", "subway", "s3cret", "8846f7"] {
                #expect(!text.contains(secret))
            }
        }
    }

    @Test
    func `The order of profiles and of pools is a change`() throws {
        var other = try Self.settings(Self.full)
        other.controlPlane.ike.profiles.reverse()
        other.controlPlane.pools.reverse()
        other.controlPlane.users.reverse()
        #expect(
            Self.words(ReloadPlan(from: try Self.settings(Self.full), to: other)) == [
                "changed ike.profiles: their order; at once for new calls",
                "changed addresses.pools: their order; at once for new calls",
            ]
        )
    }

    /// The address that is listened on only changes with a restart, and pools change at once.
    @Test
    func `What cannot be beside what stays in force is named`() throws {
        func contradictions(_ changes: (String, String)...) throws -> [String] {
            let text = changes.reduce(Self.full) { $0.replacing($1.0, with: $1.1) }
            return ReloadPlan(from: try Self.settings(Self.full), to: try Self.settings(text)).contradictions
        }
        let elsewhere = ("listen: [192.0.2.1]", "listen: [203.0.113.1]")
        let range = ("range: 10.98.0.0/24, gateway: 10.98.0.1", "range: 192.0.2.0/28, gateway: 192.0.2.14")
        #expect(try contradictions() == [])
        #expect(try contradictions(elsewhere) == [])
        #expect(
            try contradictions(elsewhere, range) == [
                "the range 192.0.2.0/28 of the pool guests contains 192.0.2.1, which the gateway listens on until it "
                    + "is restarted"
            ]
        )
        #expect(try contradictions(elsewhere, ("range: 10.98.0.0/24", "range: 192.0.2.16/28")) == [])
        let users = Self.users.replacing("10.99.0.7", with: "192.0.2.1")
        let text = Self.full.replacing(elsewhere.0, with: elsewhere.1)
        let plan = ReloadPlan(from: try Self.settings(Self.full), to: try Self.settings(text, users: users))
        #expect(
            plan.contradictions == [
                "the address of the user alice is 192.0.2.1, which the gateway listens on until it is restarted"
            ]
        )
    }

    @Test
    func `The address that a user gets stands beside the change`() throws {
        func addresses(_ old: String, _ new: String) throws -> [String] {
            try Self.plan(old, by: new, inUsers: true).changes.map { $0.address.map { "\($0)" } ?? "none" }
        }
        #expect(try addresses("address: 10.99.0.7", "address: 10.99.0.8") == ["10.99.0.8"])
        #expect(try addresses(", address: 10.99.0.7", "") == ["none"])
        #expect(try addresses("name: bob,", "name: bert, address: 10.99.0.9,") == ["none", "10.99.0.9"])
        #expect(try addresses("secret: s3cret", "secret: another") == ["none"])
    }

    @Test
    func `What no rule knows is not silent`() throws {
        var other = try Self.settings(Self.full)
        other.controlPlane.l2tp.vendorName = "Another"
        other.controlPlane.ike.profiles[0].longestIKELifetime = .seconds(1)
        #expect(
            Self.words(ReloadPlan(from: try Self.settings(Self.full), to: other)) == [
                "changed ike.profiles.remote-access.ike-lifetime: was 8h, is 1s; at the next rekeying",
                "changed other settings; at once for new calls",
            ]
        )
    }

    @Test
    func `Many changes come in the order of the file`() throws {
        let text = Self.full.replacing("level: info", with: "level: debug").replacing("calls: 100", with: "calls: 99")
            .replacing("grace: 150s", with: "grace: 160s").replacing("gw1.example.net", with: "gw2")
        let plan = ReloadPlan(from: try Self.settings(Self.full), to: try Self.settings(text))
        #expect(plan.changes.map(\.key) == ["gateway.name", "limits.calls", "liveness.grace", "log.level"])
    }
}

extension String {
    fileprivate func components(separatedBy separator: String) -> [String] {
        var parts: [String] = []
        var rest = self[...]
        while let range = rest.firstRange(of: separator) {
            parts.append(String(rest[..<range.lowerBound]))
            rest = rest[range.upperBound...]
        }
        return parts + [String(rest)]
    }
}
