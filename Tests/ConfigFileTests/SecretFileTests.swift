// SPDX-License-Identifier: Apache-2.0
import ConfigFile
import ControlPlane
import PPP
import Primitives
import Testing

@Suite("Secrets are read with care")
struct SecretFileTests {
    private func key(_ fixture: Fixture) -> SecretBytes? {
        fixture.outcome.settings?.controlPlane.ike.profiles.first?.preSharedKeys[0].secret
    }

    @Test(
        "One line end after a key does not belong to it",
        arguments: [
            ("0123456789", "0123456789"), ("0123456789\n", "0123456789"), ("0123456789\r\n", "0123456789"),
            ("0123456789\n\n", "0123456789\n"), (" 0123456789 \n", " 0123456789 "),
            ("0x3031323334353637\n", "01234567"),
            ("0x3031323334353637383A\n", "012345678:"),
        ]
    )
    func trimming(_ text: String, _ expected: String) {
        #expect(key(Fixture().with("psk", text)) == SecretBytes(copying: Array(expected.utf8)))
    }

    @Test
    func `A key may hold any bytes`() {
        var fixture = Fixture()
        fixture.files["psk"] = .success(
            LoadedFile(bytes: [0, 255, 1, 2, 3, 4, 5, 6], mode: 0o400, ownerIsTrusted: true)
        )
        #expect(key(fixture) == SecretBytes(copying: [0, 255, 1, 2, 3, 4, 5, 6] as [UInt8]))
    }

    @Test(
        "A file with a key is refused",
        arguments: [
            (Fixture().with("psk", .missing), "the pre-shared key: psk does not exist"),
            (
                Fixture().with("psk", .permissionDenied),
                "the pre-shared key: psk may not be read; give it to the user that culvertd runs as"
            ),
            (Fixture().with("psk", .notAFile), "the pre-shared key: psk is not a regular file"),
            (Fixture().with("psk", .tooLarge), "the pre-shared key: psk is too large"),
            (
                Fixture().with("psk", .other("Input/output error")),
                "the pre-shared key: psk cannot be read (Input/output error)"
            ),
            (
                Fixture().with("psk", "0123456789", mode: 0o644),
                "the pre-shared key: psk is refused, because others may read or write it (mode 0644); chmod 600 psk"
            ),
            (
                Fixture().with("psk", "0123456789", mode: 0o620),
                "the pre-shared key: psk is refused, because others may read or write it (mode 0620); chmod 600 psk"
            ),
            (
                Fixture().with("psk", "0123456789", ownerIsTrusted: false),
                "the pre-shared key: psk is refused, because it belongs to another user; chown root psk"
            ),
            (Fixture().with("psk", "\n"), "the pre-shared key is empty"),
            (
                Fixture().with("psk", "0x123\n"),
                "the pre-shared key begins with 0x, but pairs of hexadecimal digits do not follow"
            ),
            (
                Fixture().with("psk", "0x"),
                "the pre-shared key begins with 0x, but pairs of hexadecimal digits do not follow"
            ),
        ] as [(Fixture, String)]
    )
    func refusal(_ fixture: Fixture, _ message: String) {
        #expect(fixture.report == ["gw.yaml:7:23: error: \(message)"])
    }

    @Test
    func `A short key is taken with a warning`() {
        let fixture = Fixture().with("psk", "secret\n")
        #expect(
            fixture.report == [
                "gw.yaml:7:15: warning: the pre-shared key has 6 bytes: who records one handshake can find it by trying; "
                    + "take 20 random characters or more"
            ]
        )
        #expect(key(fixture) != nil)
    }

    @Test(
        "A secret of the wrong form is not shown",
        arguments: [
            ("      secret: [hunter2]", "15: error: the pre-shared key is text or { file: path }, not a list"),
            ("      secret:", "14: error: the pre-shared key has no value"),
            ("      secret: ''", "15: error: the pre-shared key is empty"),
            ("      secret: { path: hunter2 }", "15: error: the pre-shared key needs the key 'file'"),
        ]
    )
    func form(_ line: String, _ message: String) {
        let report = Fixture().replacing(7, by: line).report
        #expect(report.first == "gw.yaml:7:\(message)")
        #expect(!report.joined().contains("hunter2"))
    }

    @Test
    func `Paths are relative to the folder of the configuration`() {
        let fixture = Fixture()
            .with("/etc/culvert/psk", "01234567890123456789").with("/etc/culvert/users.yaml", "users: []")
        #expect(fixture.outcome(file: "/etc/culvert/gw.yaml").diagnostics.isEmpty)
        let absolute = Fixture().replacing(7, by: "      secret: { file: /run/keys/psk }")
            .with("/run/keys/psk", "01234567890123456789").with("etc/users.yaml", "users: []")
        #expect(absolute.outcome(file: "etc/gw.yaml").diagnostics.isEmpty)
    }

    @Test
    func `A configuration with a secret in it must be as closed as a file of secrets`() {
        var fixture = Fixture().replacing(7, by: "      secret: \"hunter2hunter2hunter2\"")
        for (mode, expected) in [
            (0o600, []), (0o400, []),
            (
                0o640,
                [
                    "gw.yaml:7:15: error: the pre-shared key stands in this file, and others may read or write it "
                        + "(mode 0640); chmod 600 gw.yaml"
                ]
            ),
        ] as [(UInt32, [String])] {
            fixture.files["gw.yaml"] = .success(Fixture.file(fixture.text, mode: mode))
            #expect(read(fixture) == expected)
        }
        var closed = Fixture()
        closed.files["gw.yaml"] = .success(Fixture.file(closed.text, mode: 0o644))
        #expect(read(closed).isEmpty)
    }

    private func read(_ fixture: Fixture) -> [String] {
        let files = fixture.files
        let outcome = ConfigFile.read("gw.yaml") { path throws(FileProblem) in
            guard let result = files[path] else { throw .missing }
            return try result.get()
        }
        return outcome.diagnostics.map(\.description)
    }

    @Test
    func `The configuration file itself may be missing or no text`() {
        #expect(read(Fixture()) == ["gw.yaml:1:1: error: the file does not exist"])
        var binary = Fixture()
        let bytes: [UInt8] = Array("gateway:\n  name: ".utf8) + [0xC3, 0x28]
        binary.files["gw.yaml"] = .success(LoadedFile(bytes: bytes, mode: 0o644, ownerIsTrusted: true))
        #expect(read(binary) == ["gw.yaml:2:9: error: the file is not UTF-8 text here"])
    }
}
