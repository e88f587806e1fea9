// SPDX-License-Identifier: Apache-2.0
import ConfigFile
import Testing

@Suite("The users file is checked like the configuration")
struct UserFileTests {
    private func report(_ text: String) -> [String] {
        Fixture().with("users.yaml", text).report
    }

    @Test(
        "Each mistake is named with its place",
        arguments: [
            ("users: [ { secret: s3cret } ]\n", "1:10: error: a user needs the key 'name'"),
            ("users: [ { name: '', secret: x } ]\n", "1:18: error: the name of a user has 1 to 255 bytes"),
            ("users: [ { name: alice } ]\n", "1:10: error: a user needs the key 'secret' or 'nt-hash'"),
            (
                "users:\n  - name: alice\n    secret: s3cret\n    nt-hash: 8846f7eaee8fb117ad06bdd830b7586c\n",
                "4:14: error: a user has 'secret' or 'nt-hash', not both"
            ),
            (
                "users: [ { name: alice, nt-hash: 8846f7ea } ]\n",
                "1:34: error: nt-hash is 32 hexadecimal digits: the MD4 of the password in UTF-16"
            ),
            (
                "users: [ { name: alice, nt-hash: 8846f7eaee8fb117ad06bdd830b7586z } ]\n",
                "1:34: error: nt-hash is 32 hexadecimal digits: the MD4 of the password in UTF-16"
            ),
            ("users: [ { name: alice, secret: } ]\n", "1:33: error: the secret of a user is text, not nothing"),
            ("users: [ { name: alice, secret: [x] } ]\n", "1:33: error: the secret of a user is text, not a list"),
            (
                "users:\n  - { name: alice, secret: x }\n  - { name: alice, secret: y }\n",
                "3:13: error: the user 'alice' is listed twice, first in line 2"
            ),
            (
                "users:\n  - { name: a, secret: x, address: 10.99.0.7 }\n  - { name: b, secret: y, address: 10.99.0.7 }\n",
                "3:36: error: the address 10.99.0.7 belongs to 'a' already"
            ),
            (
                "users: [ { name: a, secret: x, address: 10.99.0.1 } ]\n",
                "1:41: error: 10.99.0.1 is the gateway of the pool 'office'"
            ),
            (
                "users: [ { name: a, secret: x, address: 192.0.2.1 } ]\n",
                "1:41: error: 192.0.2.1 is an address the gateway listens on"
            ),
            (
                "users: [ { name: a, secret: x, address: 10.99.15.255 } ]\n",
                "1:41: error: 10.99.15.255 is the first or last of the range 10.99.0.0/20"
            ),
            (
                "users: [ { name: a, secret: x, address: '2001:db8::7' } ]\n",
                "1:41: error: IPv6 addresses for users are not supported yet"
            ),
            (
                "users: [ { name: a, secret: x, address: 127.0.0.1 } ]\n",
                "1:41: error: 127.0.0.1 is no address of a machine"
            ),
            ("users: [ { name: a, secret: x, disabled: 1 } ]\n", "1:42: error: disabled is true or false, not '1'"),
            (
                "users: [ { name: a, sercet: x, secret: y } ]\n",
                "1:21: error: unknown key 'sercet' in a user; did you mean 'secret'?"
            ),
            ("users: [ alice ]\n", "1:10: error: a user is a mapping of keys to values"),
            ("users: alice\n", "1:8: error: users is a list, not a single value"),
            ("- { name: alice, secret: x }\n", "1:1: error: the file is a mapping of keys to values"),
            ("user: []\n", "1:1: error: the file needs the key 'users'"),
            ("", "1:1: error: the file is empty; write users: [] for none"),
        ]
    )
    func mistakes(_ text: String, _ message: String) {
        #expect(report(text).first == "users.yaml:\(message)")
        #expect(Fixture().with("users.yaml", text).outcome.settings == nil)
    }

    @Test
    func `An NT hash without mschapv2 is useless, and said to be`() {
        let fixture = Fixture().adding("ppp: { authentication: pap }")
            .with("users.yaml", "users: [ { name: bob, nt-hash: 8846f7eaee8fb117ad06bdd830b7586c } ]\n")
        #expect(
            fixture.report == [
                "users.yaml:1:18: warning: 'bob' can never log in: an NT hash serves mschapv2 alone, "
                    + "which ppp.authentication does not list"
            ]
        )
    }

    @Test
    func `It must be closed to others`() {
        let fixture = Fixture().with("users.yaml", "users: []\n", mode: 0o640)
        #expect(
            fixture.report == [
                "gw.yaml:12:9: error: users.file: users.yaml is refused, "
                    + "because others may read or write it (mode 0640); chmod 600 users.yaml"
            ]
        )
    }

    @Test
    func `No report about users shows a secret`() {
        let text = """
            users:
              - { name: a, secret: hunter2, secret: hunter2 }
              - { name: b, secret: { hunter2: hunter2 } }
              - { name: c, nt-hash: hunter2 }
              - { name: d, secret: hunter2, nt-hash: hunter2 }
            """
        let report = report(text)
        #expect(report.count == 4)
        #expect(!report.joined().contains("hunter2"))
    }

    @Test
    func `Ten thousand users are no trouble`() throws {
        let lines = (0..<10_000).map { "  - { name: user\($0), secret: s3cret\($0) }\n" }
        let settings = try #require(
            Fixture().with("users.yaml", "users:\n" + lines.joined()).outcome.settings
        )
        #expect(settings.controlPlane.users.count == 10_000)
    }
}
