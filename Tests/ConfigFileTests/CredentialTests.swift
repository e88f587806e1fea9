// SPDX-License-Identifier: Apache-2.0
import ConfigFile
import Primitives
import Testing

@Suite("Secrets that the service manager hands over")
struct CredentialTests {
    private static let fixture = Fixture()
        .replacing(7, by: "      secret: { credential: psk }")
        .with("$CREDENTIALS_DIRECTORY/psk", "a key of the service manager\n", mode: 0o400)

    @Test
    func `A pre-shared key may be a credential`() {
        #expect(Self.fixture.report == [])
        // Whatever folder the configuration lies in.
        let elsewhere = Self.fixture.with("/etc/culvert/users.yaml", "users: []").outcome(file: "/etc/culvert/gw.yaml")
        #expect(
            elsewhere.settings?.controlPlane.ike.profiles.first?.preSharedKeys[0].secret
                == SecretBytes(copying: Array("a key of the service manager".utf8))
        )
    }

    @Test
    func `So may a list of keys and the file of users`() {
        let fixture = Fixture()
            .replacing(7, by: "      secrets: { credential: keys }")
            .replacing(12, by: "  credential: users")
            .with(
                "$CREDENTIALS_DIRECTORY/keys",
                "secrets:\n  - { name: a, secret: { credential: other } }\n",
                mode: 0o440
            )
            .with("$CREDENTIALS_DIRECTORY/other", "another key of twenty bytes", mode: 0o400)
            .with("$CREDENTIALS_DIRECTORY/users", "users: [ { name: alice, secret: s3cret } ]", mode: 0o400)
        #expect(fixture.report == [])
        #expect(fixture.outcome.settings?.controlPlane.users.map(\.name) == ["alice"])
    }

    @Test(
        arguments: [
            (
                fixture.with("$CREDENTIALS_DIRECTORY/psk", .noCredentials),
                "gw.yaml:7:29: error: the pre-shared key: $CREDENTIALS_DIRECTORY/psk cannot be read, because the variable "
                    + "CREDENTIALS_DIRECTORY is not set; LoadCredential=NAME:FILE in the unit of culvertd; by hand, set it to a "
                    + "folder of such files"
            ),
            (
                fixture.with("$CREDENTIALS_DIRECTORY/psk", .missing),
                "gw.yaml:7:29: error: the pre-shared key: $CREDENTIALS_DIRECTORY/psk does not exist"
            ),
            (
                fixture.with("$CREDENTIALS_DIRECTORY/psk", "0123456789", mode: 0o444),
                "gw.yaml:7:29: error: the pre-shared key: $CREDENTIALS_DIRECTORY/psk is refused, because others may read or "
                    + "write it (mode 0444); let LoadCredential= in the unit of culvertd make it"
            ),
            (
                fixture.with("$CREDENTIALS_DIRECTORY/psk", "0123456789", ownerIsTrusted: false),
                "gw.yaml:7:29: error: the pre-shared key: $CREDENTIALS_DIRECTORY/psk is refused, because it belongs to another "
                    + "user; chown root $CREDENTIALS_DIRECTORY/psk"
            ),
            (
                fixture.replacing(7, by: "      secret: { credential: ../psk }"),
                "gw.yaml:7:29: error: the credential of the pre-shared key is a name such as psk, not a path"
            ),
            (
                fixture.replacing(7, by: "      secret: { credential: psk, file: psk }"),
                "gw.yaml:7:29: error: the pre-shared key has 'file' or 'credential', not both"
            ),
        ] as [(Fixture, String)]
    )
    func refusal(_ fixture: Fixture, _ message: String) {
        #expect(fixture.report == [message])
    }

    /// The access list by which a user of its own may read shows as the group's right.
    @Test
    func `A credential may be the group's to read, a file may not`() {
        let fixture = Self.fixture.with("$CREDENTIALS_DIRECTORY/psk", "a key of the service manager", mode: 0o440)
        #expect(fixture.report == [])
        #expect(Fixture().with("psk", "a key of the service manager", mode: 0o440).report.count == 1)
    }
}
