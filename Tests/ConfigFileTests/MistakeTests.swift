// SPDX-License-Identifier: Apache-2.0
import ConfigFile
import Testing

/// One line of the configuration, broken, and the whole report about it.
struct Mistake: CustomTestStringConvertible, Sendable {
    var line: Int
    var text: String
    var report: [String]

    init(_ line: Int, _ text: String, _ report: String...) {
        self.line = line
        self.text = text
        self.report = report
    }

    var testDescription: String { text }
}

@Suite("Each mistake is named with its place and what mends it")
struct MistakeTests {
    private static func check(_ mistake: Mistake, _ comment: Comment? = nil) {
        let fixture = Fixture().replacing(mistake.line, by: mistake.text)
        #expect(fixture.report == mistake.report, comment)
        let hasErrors = mistake.report.contains { $0.contains(": error: ") }
        #expect((fixture.outcome.settings == nil) == hasErrors)
    }

    @Test(
        "in limits",
        arguments: [
            Mistake(
                12,
                "  file: users.yaml\nlimits: { calls: 20000 }",
                "gw.yaml:13:18: error: calls is a whole number from 1 to 16384, not '20000'"
            ),
            Mistake(
                12,
                "  file: users.yaml\nlimits: { calls: 5000 }",
                "gw.yaml:13:18: warning: limits.calls is 5000, but pools and users have addresses for 4093 calls only"
            ),
            Mistake(
                12,
                "  file: users.yaml\nlimits: { half-open: none }",
                "gw.yaml:13:22: error: half-open is a whole number from 1 to 1000000, not 'none'"
            ),
            Mistake(
                12,
                "  file: users.yaml\nlimits: { half-open: 0 }",
                "gw.yaml:13:22: error: half-open is a whole number from 1 to 1000000, not '0'"
            ),
            Mistake(
                12,
                "  file: users.yaml\nlimits: { traces: 16385 }",
                "gw.yaml:13:19: error: traces is a whole number from 1 to 16384, not '16385'"
            ),
            Mistake(
                12,
                "  file: users.yaml\nlimits: { failed-traces: 0 }",
                "gw.yaml:13:26: error: failed-traces is a whole number from 1 to 16384, not '0'"
            ),
            Mistake(
                12,
                "  file: users.yaml\nlimits: { half-open-per-source: 60, half-open: 50 }",
                "gw.yaml:13:33: error: half-open-per-source is 60, but half-open allows 50 in all"
            ),
            Mistake(
                12,
                "  file: users.yaml\nlimits: { half-open: 60, ike-sas: 50 }",
                "gw.yaml:13:22: error: half-open is 60, but ike-sas allows 50 in all"
            ),
            Mistake(
                12,
                "  file: users.yaml\nlimits: { large-sources: [192.0.2.1/24, 10.0.0.0/8, 10.0.0.0/8] }",
                "gw.yaml:13:27: error: large-sources 192.0.2.1/24 has bits set beyond its length; "
                    + "the block around it is 192.0.2.0/24",
                "gw.yaml:13:53: error: large-sources lists 10.0.0.0/8 twice"
            ),
            Mistake(
                12,
                "  file: users.yaml\nlimits: { large-sources: 0.0.0.0/0 }",
                "gw.yaml:13:26: error: large-sources 0.0.0.0/0 is everybody: the limits per source would protect nobody; "
                    + "raise half-open-per-source, or name the networks that many peers come from"
            ),
            Mistake(
                12,
                "  file: users.yaml\nlimits: { tunnel: 5 }",
                "gw.yaml:13:11: error: unknown key 'tunnel' in limits; did you mean 'tunnels'?"
            ),
        ]
    )
    func limits(_ mistake: Mistake) {
        Self.check(mistake)
    }

    @Test(
        "in liveness",
        arguments: [
            Mistake(
                12,
                "  file: users.yaml\nliveness: { grace: 29s }",
                "gw.yaml:13:20: error: grace lies between 30s and 1d, not at 29s"
            ),
            Mistake(
                12,
                "  file: users.yaml\nliveness: { grace: 45s }",
                "gw.yaml:13:20: error: liveness.grace is 45s, and liveness.dead-peer-interval is 1m: "
                    + "peers would be gone before they are asked; grace is at least twice the interval",
                "gw.yaml:13:20: error: liveness.grace is 45s, and l2tp.hello-interval is 1m: "
                    + "peers would be gone before they are asked; grace is at least twice the interval"
            ),
            Mistake(
                12,
                "  file: users.yaml\nl2tp: { hello-interval: 150s }",
                "gw.yaml:13:25: error: liveness.grace is 150s, and l2tp.hello-interval is 150s: "
                    + "peers would be gone before they are asked; grace is at least twice the interval"
            ),
            Mistake(
                12,
                "  file: users.yaml\nppp: { echo-interval: 1h }",
                "gw.yaml:13:23: error: liveness.grace is 150s, and ppp.echo-interval is 1h: "
                    + "peers would be gone before they are asked; grace is at least twice the interval"
            ),
            Mistake(
                12,
                "  file: users.yaml\nliveness: { dead-peer-interval: 10m }",
                "gw.yaml:13:33: error: liveness.grace is 150s, and liveness.dead-peer-interval is 10m: "
                    + "peers would be gone before they are asked; grace is at least twice the interval"
            ),
            Mistake(
                12,
                "  file: users.yaml\nliveness: { grase: 1m }",
                "gw.yaml:13:13: error: unknown key 'grase' in liveness; did you mean 'grace'?"
            ),
        ]
    )
    func liveness(_ mistake: Mistake) {
        Self.check(mistake)
    }

    @Test(
        "in gateway",
        arguments: [
            Mistake(
                2,
                "  name: ''",
                "gw.yaml:2:9: error: the name of the gateway is empty"
            ),
            Mistake(
                2,
                "  name:",
                "gw.yaml:2:8: error: name is a single value, not nothing"
            ),
            Mistake(
                2,
                "  name: gateway one",
                "gw.yaml:2:9: error: the name of the gateway is up to 255 ASCII characters without spaces"
            ),
            Mistake(
                2,
                "  nam: gw1",
                "gw.yaml:2:3: error: gateway needs the key 'name'",
                "gw.yaml:2:3: error: unknown key 'nam' in gateway; did you mean 'name'?"
            ),
            Mistake(
                3,
                "  listen: [192.0.2.1, 192.0.2.256]",
                "gw.yaml:3:23: error: an entry of listen is an IP address, not '192.0.2.256'"
            ),
            Mistake(
                3,
                "  listen: [192.0.2.1, 192.0.2.1]",
                "gw.yaml:3:23: error: listen lists 192.0.2.1 twice"
            ),
            Mistake(3, "  listen: []", "gw.yaml:3:11: error: listen names no address"),
            Mistake(3, "  listen: 224.0.0.1", "gw.yaml:3:11: error: 224.0.0.1 is no address of a machine"),
            Mistake(
                3,
                "  listen: { on: 192.0.2.1 }",
                "gw.yaml:3:11: error: listen is a list, not a mapping"
            ),
            Mistake(
                3,
                "  outer-mtu: 100",
                "gw.yaml:3:14: error: outer-mtu is a whole number from 576 to 9216, not '100'"
            ),
        ]
    )
    func gateway(_ mistake: Mistake) {
        Self.check(mistake)
    }

    @Test(
        "in ike",
        arguments: [
            Mistake(
                6,
                "    - nmae: remote-access",
                "gw.yaml:6:7: error: a profile needs the key 'name'",
                "gw.yaml:6:7: error: unknown key 'nmae' in a profile; did you mean 'name'?"
            ),
            Mistake(
                7,
                "      remote: any",
                "gw.yaml:6:7: error: a profile with a pre-shared key needs the key 'secret' or 'secrets'"
            ),
            Mistake(
                7,
                "      secret: { file: psk }\n      authentication: certificate",
                "gw.yaml:8:23: error: authentication by certificate is not supported yet; use psk"
            ),
            Mistake(
                7,
                "      secret: { file: psk }\n      authentication: pks",
                "gw.yaml:8:23: error: authentication is one of psk, certificate, not 'pks'; did you mean 'psk'?"
            ),
            Mistake(
                7,
                "      secret: { file: psk }\n      remote: []",
                "gw.yaml:8:15: error: remote names nobody; write any, or a list of address blocks"
            ),
            Mistake(
                7,
                "      secret: { file: psk }\n      remote: [198.51.100.7/24]",
                "gw.yaml:8:16: error: remote 198.51.100.7/24 has bits set beyond its length; "
                    + "the block around it is 198.51.100.0/24"
            ),
            Mistake(
                7,
                "      secret: { file: psk }\n      remote: [198.51.100.0/24, 198.51.100.0/24]",
                "gw.yaml:8:33: error: remote lists 198.51.100.0/24 twice"
            ),
            Mistake(
                7,
                "      secret: { file: psk }\n      remote: '2001:db8::/32'",
                "gw.yaml:8:15: error: remote 2001:db8::/32 is IPv6, but gateway.listen has no IPv6 address"
            ),
            Mistake(
                7,
                "      secret: { file: psk }\n      remote: everybody",
                "gw.yaml:8:15: error: remote is an address block such as 192.0.2.0/24, not 'everybody'"
            ),
            Mistake(
                7,
                "      secret: { file: psk }\n      ike-lifetime: 30",
                "gw.yaml:8:21: error: ike-lifetime is a duration, not '30'; write a number and ms, s, m, h or d, as in 60s"
            ),
            Mistake(
                7,
                "      secret: { file: psk }\n      ike-lifetime: 8d",
                "gw.yaml:8:21: error: ike-lifetime lies between 5m and 1d, not at 8d"
            ),
            Mistake(
                7,
                "      secret: { file: psk }\n      esp-bytes: 50",
                "gw.yaml:8:18: error: esp-bytes is an amount of bytes, not '50'; "
                    + "write a number and kB, MB, GB or TB, as in 50GB"
            ),
            Mistake(
                7,
                "      secret: { file: psk }\n      esp-bytes: 5MB",
                "gw.yaml:8:18: error: esp-bytes lies between 10MB and 4TB, not at 5MB"
            ),
            Mistake(
                7,
                "      secret: { file: psk }\n      esp-bytes: 99999999999999TB",
                "gw.yaml:8:18: error: esp-bytes lies between 10MB and 4TB, not at 99999999999999TB"
            ),
            Mistake(
                5,
                "  half-open-limit: 5\n  profiles:",
                "gw.yaml:5:3: error: unknown key 'half-open-limit' in ike"
            ),
            Mistake(
                7,
                "      secret: { file: psk }\n    - { name: remote-access, secret: { file: psk } }",
                "gw.yaml:8:7: error: two profiles have the name 'remote-access'",
                "gw.yaml:8:7: warning: the profile 'remote-access' is never used: "
                    + "'remote-access' before it takes every peer; move it up"
            ),
        ]
    )
    func ike(_ mistake: Mistake) {
        Self.check(mistake)
    }

    @Test(
        "in lists of algorithms",
        arguments: [
            ("proposals: l2tp-client", 18, "unknown entry 'l2tp-client' in proposals; did you mean 'l2tp-clients'?"),
            (
                "proposals: [aes256-sha256-modp2048, aes256-sha256-modp2047]", 43,
                "unknown entry 'aes256-sha256-modp2047' in proposals; "
                    + "write aes256-sha256-modp2048, or l2tp-clients in place of the list"
            ),
            (
                "proposals: [aes256-sha256-modp2048, aes256-sha256-modp2048]", 43,
                "proposals lists 'aes256-sha256-modp2048' twice"
            ),
            ("proposals: []", 18, "proposals lists nothing"),
            ("proposals: [[aes256-sha256-modp2048]]", 19, "an entry of proposals is a single value, not a list"),
            (
                "proposals: [3des-md5-modp1024]", 19,
                "3des-md5-modp1024 in proposals needs 3des and md5 and modp1024, which is not allowed; "
                    + "take it out, or name 3des, md5, modp1024 in allow-legacy"
            ),
            (
                "esp-proposals: [3des-sha1]", 23,
                "3des-sha1 in esp-proposals needs 3des, which is not allowed; "
                    + "take it out, or name 3des in allow-legacy"
            ),
            (
                "esp-proposals: [aes256]", 23,
                "unknown entry 'aes256' in esp-proposals; "
                    + "write aes256-sha256 or aes128gcm16, or l2tp-clients in place of the list"
            ),
            (
                "pfs-groups: [modp1024]", 20,
                "modp1024 in pfs-groups needs modp1024, which is not allowed; "
                    + "take it out, or name modp1024 in allow-legacy"
            ),
            (
                "allow-legacy: [modp768]", 22,
                "an entry of allow-legacy is one of modp1024, 3des, md5, not 'modp768'"
            ),
            ("allow-legacy: [md5, md5]", 27, "allow-legacy lists md5 twice"),
            (
                "allow-legacy: [ { name: md4 } ]", 31,
                "the name of an entry of allow-legacy is one of modp1024, 3des, md5, not 'md4'; did you mean 'md5'?"
            ),
            ("allow-legacy: [ { until: 2027-03-31 } ]", 23, "an entry of allow-legacy needs the key 'name'"),
            (
                "allow-legacy: [ { name: md5, client: apple } ]", 36,
                "unknown key 'client' in an entry of allow-legacy; did you mean 'clients'?"
            ),
            (
                "allow-legacy: [ { name: md5, until: 2027-02-29 } ]", 43,
                "until is a day, not '2027-02-29'; "
                    + "write year, month and day, as in 2027-03-31; it ends with that day, in UTC"
            ),
            (
                "allow-legacy: [ { name: md5, until: } ]", 43,
                "until is a single value, not nothing"
            ),
            (
                "allow-legacy: [ { name: md5, clients: [android4] } ]", 46,
                "an entry of clients is one of windows-xp, windows-7, windows, apple-old, apple, android-2, android-4, "
                    + "android-6, android-7, chromeos, networkmanager, routeros, softether, strongswan, libreswan, "
                    + "unknown, not 'android4'; did you mean 'android-4'?"
            ),
            (
                "allow-legacy: [ { name: md5, clients: [] } ]", 45,
                "clients names nobody; leave it out for every client"
            ),
            (
                "allow-legacy: [ { name: md5, clients: [apple, apple] } ]", 53,
                "clients lists apple twice"
            ),
            (
                "allow-legacy: [md5, { name: md5, clients: [apple] } ]", 27,
                "allow-legacy lists md5 twice; without clients an entry is for all of them; take one of the two out"
            ),
            (
                "allow-legacy: [ { name: md5, clients: [apple, windows] }, { name: md5, clients: [apple] } ]", 65,
                "allow-legacy lists md5 twice for the same client"
            ),
            (
                "sha256-truncation: 112", 26,
                "sha256-truncation is one of auto, 96, 128, not '112'"
            ),
            (
                "esp-proposals: [aes256-sha256_96]", 23,
                "aes256-sha256_96 in esp-proposals says how long HMAC-SHA2-256 is, which is not negotiated; "
                    + "write aes256-sha256, and sha256-truncation: 96 if clients need it"
            ),
        ]
    )
    func algorithms(_ key: String, _ column: Int, _ message: String) {
        Self.check(Mistake(7, "      secret: { file: psk }\n      \(key)", "gw.yaml:8:\(column): error: \(message)"))
    }

    @Test(
        "in l2tp, ppp, control, log, metrics, radius",
        arguments: [
            Mistake(
                12,
                "  file: users.yaml\nl2tp: { require-ipsec: false }",
                "gw.yaml:13:24: error: L2TP without IPsec is not supported yet; leave require-ipsec out, or set it to true"
            ),
            Mistake(
                12,
                "  file: users.yaml\nl2tp: { require-ipsec: yes }",
                "gw.yaml:13:24: error: require-ipsec is true or false, not 'yes'"
            ),
            Mistake(
                12,
                "  file: users.yaml\nl2tp: { helo-interval: 60s }",
                "gw.yaml:13:9: error: unknown key 'helo-interval' in l2tp; did you mean 'hello-interval'?"
            ),
            Mistake(
                12,
                "  file: users.yaml\nl2tp: { hello-interval: 1ms }",
                "gw.yaml:13:25: error: hello-interval lies between 5s and 1h, not at 1ms"
            ),
            Mistake(
                12,
                "  file: users.yaml\nppp: { authentication: [eap] }",
                "gw.yaml:13:24: error: ppp.authentication lists no method to use; name one of mschapv2, chap-md5, pap",
                "gw.yaml:13:25: warning: eap is not supported yet, and is not offered"
            ),
            Mistake(
                12,
                "  file: users.yaml\nppp: { authentication: [pap, pap, mschap] }",
                "gw.yaml:13:30: error: ppp.authentication lists pap twice",
                "gw.yaml:13:35: error: an entry of ppp.authentication is one of mschapv2, chap-md5, pap, not 'mschap'; "
                    + "did you mean 'mschapv2'?"
            ),
            Mistake(
                12,
                "  file: users.yaml\nppp: { dns: ['2001:db8::53'] }",
                "gw.yaml:13:14: error: dns 2001:db8::53 is IPv6: peers are told about IPv4 servers only"
            ),
            Mistake(
                12,
                "  file: users.yaml\nppp: { dns: [192.0.2.1, 192.0.2.2, 192.0.2.3] }",
                "gw.yaml:13:36: warning: peers are told about the first two servers of dns only"
            ),
            Mistake(
                12,
                "  file: users.yaml\nppp: { wins: 0.0.0.0 }",
                "gw.yaml:13:14: error: wins 0.0.0.0 is no address of a machine"
            ),
            Mistake(
                12,
                "  file: users.yaml\nppp: { mtu: automatic }",
                "gw.yaml:13:13: error: mtu, if not auto, is a whole number from 576 to 1500, not 'automatic'"
            ),
            Mistake(
                12,
                "  file: users.yaml\ncontrol: { socket: run/culvert.sock }",
                "gw.yaml:13:20: error: control.socket is an absolute path of up to 107 bytes"
            ),
            Mistake(
                12,
                "  file: users.yaml\ncontrol: { mode: 0666 }",
                "gw.yaml:13:18: error: control.mode 0666 lets every user of the machine end calls; use 0660 and a group;"
                    + " to look only, there is control.read-only-socket"
            ),
            Mistake(
                12,
                "  file: users.yaml\ncontrol: { read-only-mode: 0666 }",
                "gw.yaml:13:28: warning: control.read-only-mode 0666 shows every user of the machine who is connected,"
                    + " with names and addresses; use 0660 and control.read-only-group, unless all users of this machine"
                    + " may know"
            ),
            Mistake(
                12,
                "  file: users.yaml\ncontrol: { read-only-mode: 12345, read-only-socket: status.sock }",
                "gw.yaml:13:28: error: control.read-only-mode is an octal mode such as 0660, not '12345'",
                "gw.yaml:13:53: error: control.read-only-socket is an absolute path of up to 107 bytes"
            ),
            Mistake(
                12,
                "  file: users.yaml\ncontrol: { socket: /run/c.sock, read-only-socket: /run/c.sock }",
                "gw.yaml:13:51: error: control.read-only-socket and control.socket have one path; give them two, or set"
                    + " read-only-socket to off"
            ),
            Mistake(
                12,
                "  file: users.yaml\ncontrol: { socket: /run/status.sock }",
                "gw.yaml:13:20: error: control.read-only-socket and control.socket have one path; give them two, or set"
                    + " read-only-socket to off"
            ),
            Mistake(
                12,
                "  file: users.yaml\ncontrol: { mode: rw }",
                "gw.yaml:13:18: error: control.mode is an octal mode such as 0660, not 'rw'"
            ),
            Mistake(
                12,
                "  file: users.yaml\nlog: { level: verbose, format: xml }",
                "gw.yaml:13:15: error: log.level is one of debug, info, notice, warning, error, not 'verbose'",
                "gw.yaml:13:32: error: log.format is one of text, json, not 'xml'"
            ),
            Mistake(
                12,
                "  file: users.yaml\nmetrics: { listen: localhost }",
                "gw.yaml:13:20: error: metrics.listen is an address and a port such as 127.0.0.1:9702, not 'localhost'"
            ),
            Mistake(
                12,
                "  file: users.yaml\nmetrics: { listen: 192.0.2.1:9702, page: true }",
                "gw.yaml:13:20: warning: everybody who reaches 192.0.2.1:9702 reads the metrics, and who is connected: "
                    + "nobody is asked who he is; listen on 127.0.0.1:9702, and let a reverse proxy ask"
            ),
            Mistake(
                12,
                "  file: users.yaml\nmetrics: { listen: '0.0.0.0:9702' }",
                "gw.yaml:13:20: warning: everybody who reaches 0.0.0.0:9702 reads the metrics: "
                    + "nobody is asked who he is; listen on 127.0.0.1:9702, and let a reverse proxy ask"
            ),
            Mistake(
                12,
                "  file: users.yaml\nmetrics: { page: true }",
                "gw.yaml:13:18: error: metrics.page needs metrics.listen: the page is served there"
            ),
            Mistake(
                12,
                "  file: users.yaml\nmetrics: { listen: '[::1]:9702', page: maybe }",
                "gw.yaml:13:40: error: metrics.page is true or false, not 'maybe'"
            ),
            Mistake(
                12,
                "  file: users.yaml\nradius: { servers: [192.0.2.9] }",
                "gw.yaml:13:11: error: RADIUS is not supported yet; take the section out, and list the users in users.file"
            ),
            Mistake(
                12,
                "  file: users.yaml\nl2tp: [60s]",
                "gw.yaml:13:7: error: l2tp is a mapping of keys to values"
            ),
        ]
    )
    func others(_ mistake: Mistake) {
        Self.check(mistake)
    }

    @Test(
        "in addresses",
        arguments: [
            Mistake(
                10,
                "    - { name: office, range: 10.99.0.7/20, gateway: 10.99.0.1 }",
                "gw.yaml:10:30: error: range 10.99.0.7/20 has bits set beyond its length; the block around it is 10.99.0.0/20"
            ),
            Mistake(
                10,
                "    - { name: office, range: 10.99.0.0/31, gateway: 10.99.0.1 }",
                "gw.yaml:10:30: error: the range 10.99.0.0/31 has no address for a peer; "
                    + "its first and last address and the gateway's are left out",
                "gw.yaml:10:53: error: the gateway 10.99.0.1 is no address of a machine"
            ),
            Mistake(
                10,
                "    - { name: office, range: 10.99.0.0/32, gateway: 10.98.0.1 }",
                "gw.yaml:10:30: error: the range 10.99.0.0/32 has no address for a peer; "
                    + "its first and last address and the gateway's are left out"
            ),
            Mistake(
                10,
                "    - { name: office, range: 10.99.0.0/20, gateway: 10.99.0.0 }",
                "gw.yaml:10:53: error: the gateway 10.99.0.0 is no address of a machine"
            ),
            Mistake(
                10,
                "    - { name: office, range: 10.99.0.0/20, gateway: '2001:db8::1' }",
                "gw.yaml:10:53: error: the gateway 2001:db8::1 is IPv6, the range 10.99.0.0/20 is IPv4"
            ),
            Mistake(
                10,
                "    - { name: office, range: '2001:db8::/64', gateway: '2001:db8::1' }",
                "gw.yaml:10:30: error: pools of IPv6 addresses are not supported yet"
            ),
            Mistake(
                10,
                "    - { name: office, range: 127.0.0.0/20, gateway: 10.99.0.1 }",
                "gw.yaml:10:30: error: the range 127.0.0.0/20 is not a block for machines"
            ),
            Mistake(
                10,
                "    - { name: office, range: 192.0.2.0/24, gateway: 10.99.0.1 }",
                "gw.yaml:10:30: error: the range 192.0.2.0/24 contains 192.0.2.1, which the gateway listens on"
            ),
            Mistake(
                10,
                """
                    - { name: office, range: 10.99.0.0/20, gateway: 10.99.0.1 }
                    - { name: office, range: 10.99.8.0/24, gateway: 10.99.8.1 }
                """,
                "gw.yaml:11:30: error: two pools have the name 'office'",
                "gw.yaml:11:30: error: the range 10.99.8.0/24 overlaps 10.99.0.0/20 of the pool 'office'"
            ),
            Mistake(
                10,
                """
                    - { name: office, range: 10.99.0.0/20, gateway: 10.99.0.1 }
                    - { name: guests, range: 10.98.0.0/20, gateway: 10.99.0.2 }
                """,
                "gw.yaml:11:53: error: the gateway 10.99.0.2 lies in the pool 'office', which would hand it out"
            ),
            Mistake(
                10,
                """
                    - { name: office, range: 10.99.0.0/20, gateway: 10.98.0.2 }
                    - { name: guests, range: 10.98.0.0/20, gateway: 10.98.0.1 }
                """,
                "gw.yaml:11:30: error: the range 10.98.0.0/20 contains 10.98.0.2, the gateway of the pool 'office'"
            ),
            Mistake(
                9,
                "  pools: []\n  #",
                "gw.yaml:11:5: error: not YAML: did not find expected key (while parsing a block mapping that starts in line 9)"
            ),
        ]
    )
    func addresses(_ mistake: Mistake) {
        Self.check(mistake)
    }

    @Test
    func `All mistakes of a file are reported at once and in order`() {
        let fixture = Fixture()
            .replacing(12, by: "  file: users.yaml\nlgo: { level: info }")
            .replacing(3, by: "  listen: [nowhere]")
            .with("users.yaml", "users:\n  - { name: alice }\n  - { nam: bob, secret: x }\n")
        #expect(
            fixture.report == [
                "gw.yaml:3:12: error: an entry of listen is an IP address, not 'nowhere'",
                "gw.yaml:13:1: error: unknown key 'lgo'; did you mean 'log'?",
                "users.yaml:2:5: error: a user needs the key 'secret' or 'nt-hash'",
                "users.yaml:3:5: error: a user needs the key 'name'",
                "users.yaml:3:7: error: unknown key 'nam' in a user; did you mean 'name'?",
            ]
        )
    }

    @Test
    func `A file without sections is told which it needs`() {
        let outcome = ConfigFile.parse("log: { level: info }\n", file: "gw.yaml") { _ throws(FileProblem) in
            throw .missing
        }
        #expect(
            outcome.diagnostics.map(\.description) == [
                "gw.yaml:1:1: error: the file needs the key 'gateway'",
                "gw.yaml:1:1: error: the file needs the key 'ike'",
                "gw.yaml:1:1: error: the file needs the key 'addresses'",
                "gw.yaml:1:1: error: the file needs the key 'users'",
            ]
        )
    }
}
