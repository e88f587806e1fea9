// SPDX-License-Identifier: Apache-2.0
import ConfigFile
import ControlPlane
import Cryptography
import IKE
import L2TP
import PPP
import Primitives
import Testing

@Suite("A configuration says what it means")
struct SettingsTests {
    /// The example that the documents show.
    static let example = """
        gateway:
          name: gw1.example.net
          listen: [0.0.0.0, "::"]              # UDP 500, 4500 and 1701
        ike:
          profiles:
            - name: remote-access
              remote: any                      # or a list of prefixes
              authentication: psk              # psk | certificate
              secret: { file: psk }            # relative to this file; mode 0600 is demanded
              proposals: l2tp-clients          # a named preset, or a list such as aes256-sha256-modp2048
              allow-legacy: [ ]                # modp1024, 3des, md5: each by name, each counted, optional end date
        l2tp:
          require-ipsec: true
          hello-interval: 60s
        ppp:
          authentication: [mschapv2, chap-md5, pap, eap]
          dns: [192.0.2.53]
          mtu: auto
        addresses:
          pools:
            - { name: office, range: 10.99.0.0/20, gateway: 10.99.0.1 }
        users:
          file: users.yaml
        radius: {}                             # servers, secrets, accounting, coa
        control:
          socket: /run/culvert/control.sock
        metrics:
          listen: 127.0.0.1:9702

        """

    static let users = """
        users:
          - { name: alice, secret: s3cret }
          - { name: bob, nt-hash: 8846f7eaee8fb117ad06bdd830b7586c, address: 10.99.0.7 }
          - { name: carol, secret: "0x41", disabled: true }

        """

    private func fixture(_ text: String) -> Fixture {
        Fixture(lines: text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init))
            .with("users.yaml", Self.users)
    }

    @Test
    func `The example of the design is taken, with a word about what has no effect yet`() throws {
        let fixture = fixture(Self.example)
        #expect(
            fixture.report == [
                "gw.yaml:16:45: warning: eap is not supported yet, and is not offered",
                "gw.yaml:24:9: warning: RADIUS is not supported yet; the empty section changes nothing",
            ]
        )
        let settings = try #require(fixture.outcome.settings)
        #expect(settings.gatewayName == "gw1.example.net")
        #expect(settings.listen == [.v4(0), .v6(high: 0, low: 0)])
        #expect(settings.controlSocket == ControlSocketSettings())
        #expect(settings.controlSocket.path == "/run/culvert/control.sock")
        #expect(settings.controlSocket.mode == 0o660)
        #expect(settings.metrics.listen == SocketAddress(.v4(0x7F00_0001), port: 9702))
        #expect(!settings.metrics.page)
        #expect(settings.log == LogSettings())

        let controlPlane = settings.controlPlane
        #expect(controlPlane.mtu == .auto)
        #expect(settings.clampsSegments)
        #expect(controlPlane.outerMTU == 1500)
        #expect(controlPlane.callLimit == 16_000)
        #expect(controlPlane.dns == [.v4(0xC000_0235)])
        #expect(controlPlane.l2tp.hostName == "gw1.example.net")
        #expect(controlPlane.l2tp.helloInterval == .seconds(60))
        #expect(controlPlane.ppp.name == "gw1.example.net")
        #expect(controlPlane.ppp.authentication == [.mschapv2, .chapMD5, .pap])
        #expect(controlPlane.ppp.mru == 1500)

        let profile = try #require(controlPlane.ike.profiles.first)
        #expect(controlPlane.ike.profiles.count == 1)
        #expect(profile.name == "remote-access")
        #expect(profile.remote == nil)
        #expect(profile.preSharedKeys[0].secret == SecretBytes(copying: Array("a long enough secret".utf8)))
        #expect(profile.ikeProposals == Profile.l2tpClientsIKE)
        #expect(profile.espProposals == Profile.l2tpClientsESP)
        #expect(profile.pfsGroups == Profile.l2tpClientsPFS)
        #expect(profile.allowLegacy.isEmpty)

        let pool = try #require(controlPlane.pools.first)
        #expect(pool.name == "office" && pool.range.description == "10.99.0.0/20" && pool.gateway == .v4(0x0A63_0001))
    }

    @Test
    func `Users have a password or a hash, and may have an address`() throws {
        let users = try #require(fixture(Self.example).outcome.settings).controlPlane.users
        let hash: [UInt8] = [
            0x88, 0x46, 0xF7, 0xEA, 0xEE, 0x8F, 0xB1, 0x17, 0xAD, 0x06, 0xBD, 0xD8, 0x30, 0xB7, 0x58, 0x6C,
        ]
        #expect(
            users == [
                User(name: "alice", secret: .password(SecretBytes(copying: Array("s3cret".utf8)))),
                User(name: "bob", secret: .ntHash(SecretBytes(copying: hash)), address: .v4(0x0A63_0007)),
                User(name: "carol", secret: .password(SecretBytes(copying: Array("0x41".utf8))), isDisabled: true),
            ]
        )
    }

    @Test
    func `Every further key reaches its place`() throws {
        let text = """
            gateway:
              name: gw1
              listen: 192.0.2.1
              outer-mtu: 1492
            ike:
              exchange-timeout: 20s
              keepalive-interval: 15s
              profiles:
                - name: branch
                  remote: [198.51.100.0/24, 203.0.113.7]
                  secret: "0x00ff10a1b2c3d4e500ff10a1b2c3d4e5"
                  proposals: [aes256-sha256-ecp256, 3des-sha1-modp1024]
                  esp-proposals: [aes128gcm16, aes256-sha1]
                  pfs-groups: []
                  allow-legacy: [3des, modp1024]
                  ike-lifetime: 8h
                  esp-lifetime: 3600s
                  esp-bytes: 50GB
            l2tp:
              secret: tunnel secret
              hello-interval: 2m
              receive-window-size: 8
              retransmission-limit: 7
            ppp:
              authentication: pap
              dns: [192.0.2.53, 192.0.2.54]
              wins: 192.0.2.55
              mtu: 1400
              clamp-mss: false
              echo-interval: 10s
              set-up-timeout: 1m
              authentication-tries: 2
            limits:
              calls: 300
              ike-sas: 600
              half-open: 50
              half-open-per-source: 5
              large-sources: [198.51.100.0/24, "2001:db8::/32"]
              tunnels: 100
              sessions-per-tunnel: 2
              traces: 5000
              failed-traces: 100
            liveness:
              grace: 4m
              dead-peer-interval: 30s
            addresses:
              pools:
                - { name: a, range: 10.99.0.0/24, gateway: 10.99.0.1 }
                - { name: b, range: 10.99.1.0/24, gateway: 10.99.0.1 }
            users: { file: users.yaml }
            control: { socket: /tmp/c.sock, mode: "0600", group: culvert }
            log: { level: debug, format: json }
            """
        let fixture = Fixture(lines: text.split(separator: "\n").map(String.init))
        #expect(fixture.report.isEmpty)
        let settings = try #require(fixture.outcome.settings)
        #expect(settings.listen == [.v4(0xC000_0201)])
        #expect(settings.controlSocket.path == "/tmp/c.sock")
        #expect(settings.controlSocket.mode == 0o600)
        #expect(settings.controlSocket.group == "culvert")
        #expect(settings.controlSocket.readOnlyPath == "/tmp/status.sock")
        #expect(settings.log.level == .debug && settings.log.format == .json)

        let controlPlane = settings.controlPlane
        #expect(controlPlane.outerMTU == 1492)
        #expect(controlPlane.callLimit == 300)
        #expect(controlPlane.traceLimits.traces == 5_000 && controlPlane.traceLimits.failed == 100)
        #expect(controlPlane.mtu == .fixed(1400))
        #expect(!settings.clampsSegments)
        #expect(controlPlane.dns == [.v4(0xC000_0235), .v4(0xC000_0236)])
        #expect(controlPlane.wins == [.v4(0xC000_0237)])
        #expect(controlPlane.pools.map(\.name) == ["a", "b"])

        #expect(controlPlane.ike.halfOpenLimit == 50 && controlPlane.ike.halfOpenPerSourceLimit == 5)
        #expect(controlPlane.ike.ikeSALimit == 600)
        #expect(controlPlane.ike.largeSources.map(\.description) == ["198.51.100.0/24", "2001:db8::/32"])
        #expect(controlPlane.ike.silenceLimit == .seconds(240))
        #expect(controlPlane.ike.deadPeerInterval == .seconds(30))
        #expect(controlPlane.ike.exchangeTimeout == .seconds(20))
        #expect(controlPlane.ike.keepaliveInterval == .seconds(15))
        let profile = try #require(controlPlane.ike.profiles.first)
        #expect(profile.remote?.map(\.description) == ["198.51.100.0/24", "203.0.113.7/32"])
        let half: [UInt8] = [0x00, 0xFF, 0x10, 0xA1, 0xB2, 0xC3, 0xD4, 0xE5]
        #expect(profile.preSharedKeys[0].secret == SecretBytes(copying: half + half))
        #expect(profile.ikeProposals.map(\.description) == ["aes256-sha256-ecp256", "3des-sha1-modp1024"])
        #expect(profile.espProposals.map(\.description) == ["aes128gcm16", "aes256-sha1"])
        #expect(profile.pfsGroups.isEmpty)
        #expect(profile.allowLegacy == [.tripleDES, .modp1024])
        #expect(profile.ikeLifetime == .seconds(28_800) && profile.childLifetime == .seconds(3_600))
        // As responder we hold peers to the same.
        #expect(profile.longestIKELifetime == .seconds(28_800) && profile.longestChildLifetime == .seconds(3_600))
        #expect(profile.longestChildKilobytes == 48_828_125)

        let l2tp = controlPlane.l2tp
        #expect(l2tp.secret == SecretBytes(copying: Array("tunnel secret".utf8)))
        #expect(l2tp.helloInterval == .seconds(120))
        #expect(l2tp.receiveWindowSize == 8)
        #expect(l2tp.tunnelLimit == 100 && l2tp.sessionsPerTunnelLimit == 2 && l2tp.retransmissionLimit == 7)

        let ppp = controlPlane.ppp
        #expect(ppp.authentication == [.pap])
        #expect(ppp.mru == 1400)
        #expect(l2tp.silenceLimit == .seconds(240) && ppp.silenceLimit == .seconds(240))
        #expect(ppp.echoInterval == .seconds(10))
        #expect(ppp.setUpTimeout == .seconds(60) && ppp.authenticationTries == 2)
    }

    @Test
    func `Leave for legacy algorithms is for everybody, for some, or until the end of a day`() throws {
        let text = """
                  secret: { file: psk }
                  proposals: [aes256-sha1-modp2048, aes256-sha1-modp1024, aes256-md5-modp2048]
                  esp-proposals: [aes256-sha256, 3des-sha1]
                  pfs-groups: [modp1024]
                  allow-legacy:
                    - 3des
                    - name: modp1024
                      clients: [android-4, android-7]
                      until: 2027-03-31
                    - { name: modp1024, clients: routeros }
                    - { name: md5, until: 2026-12-31 }
                  sha256-truncation: 96
            """
        let settings = try #require(Fixture().replacing(7, by: text).outcome.settings)
        let profile = try #require(settings.controlPlane.ike.profiles.first)
        #expect(profile.allowLegacy == [.tripleDES])
        #expect(
            profile.legacyGrants == [
                LegacyGrant(.modp1024, clients: [.android4, .android7], until: WallClockTime(endOf: "2027-03-31")),
                LegacyGrant(.modp1024, clients: [.routerOS]),
                LegacyGrant(.md5, until: WallClockTime(endOf: "2026-12-31")),
            ]
        )
        // 2027-04-01T00:00:00Z.
        #expect(profile.legacyGrants[0].until?.milliseconds == 1_806_537_600_000)
        #expect(profile.sha256Truncation == .bits96)
    }

    @Test
    func `A name alone in braces is as good as the name`() throws {
        let text = "      secret: { file: psk }\n      allow-legacy: [ { name: md5 } ]\n      sha256-truncation: auto"
        let settings = try #require(Fixture().replacing(7, by: text).outcome.settings)
        let profile = try #require(settings.controlPlane.ike.profiles.first)
        #expect(profile.allowLegacy == [.md5] && profile.legacyGrants.isEmpty)
        #expect(profile.sha256Truncation == .byClient)
    }

    @Test
    func `What is left out has its default`() throws {
        let settings = try #require(Fixture().outcome.settings)
        #expect(settings.controlPlane.traceLimits.traces == 1_024 && settings.controlPlane.traceLimits.failed == 256)
        #expect(settings.controlPlane.ppp.authentication == [.mschapv2, .chapMD5, .pap])
        #expect(settings.controlPlane.ike.profiles.first?.ikeProposals == Profile.l2tpClientsIKE)
        #expect(settings.log.level == .info && settings.log.format == .text)
        let profile = try #require(settings.controlPlane.ike.profiles.first)
        #expect(profile.ikeLifetime == .seconds(28_800) && profile.longestIKELifetime == .seconds(86_400))
        #expect(profile.childLifetime == .seconds(3_600) && profile.longestChildLifetime == .seconds(28_800))
        #expect(profile.longestChildKilobytes == nil)
        #expect(settings.controlPlane.ike.silenceLimit == .seconds(150))
        let without = try #require(Fixture().replacing(3, by: "").outcome.settings)
        #expect(without.listen == [.v4(0), .v6(high: 0, low: 0)])
    }

    @Test(
        arguments: [
            ("{ socket: /srv/a.sock }", "/srv/status.sock", nil, 0o660),
            ("{ read-only-socket: off }", nil, nil, 0o660), ("{ read-only-socket: /s.sock }", "/s.sock", nil, 0o660),
            ("{ read-only-group: watchers, read-only-mode: 0620 }", "/run/culvert/status.sock", "watchers", 0o620),
        ] as [(String, String?, String?, UInt32)]
    )
    func `The read-only socket is where it is wanted`(
        _ text: String,
        _ path: String?,
        _ group: String?,
        _ mode: UInt32
    )
        throws
    {
        let fixture = Fixture().replacing(12, by: "  file: users.yaml\ncontrol: \(text)")
        #expect(fixture.report.isEmpty)
        let settings = try #require(fixture.outcome.settings).controlSocket
        #expect(settings.readOnlyPath == path)
        #expect(settings.readOnlyGroup == group)
        #expect(settings.readOnlyMode == mode)
    }

    @Test
    func `Nothing printed about the settings contains a secret`() throws {
        let settings = try #require(fixture(Self.example).outcome.settings)
        var text = ""
        dump(settings, to: &text)
        text += "\(settings)"
        for secret in ["s3cret", "8846f7ea", "long enough"] { #expect(!text.contains(secret)) }
    }
}
