// SPDX-License-Identifier: Apache-2.0
import ConfigFile
import IKE
import Primitives
import Testing

/// The cases of `Docs/Conformance/security-cases.md` that concern configuration and secrets' files, each with the
/// nearest thing that is right.
struct SecurityCaseTests {
    @Test("S02: a list that is longer than peers can be told is cut with a word, one that fits without")
    func longLists() throws {
        let servers = { (count: Int) in (1...count).map { "192.0.2.\($0)" }.joined(separator: ", ") }
        let long = Fixture().adding("ppp: { dns: [\(servers(6))] }")
        #expect(long.report == ["gw.yaml:13:36: warning: peers are told about the first two servers of dns only"])
        #expect(long.outcome.settings?.controlPlane.dns.count == 6)
        #expect(Fixture().adding("ppp: { dns: [\(servers(2))] }").report == [])
        // Nothing has a fixed size: a thousand of what may be many are a thousand.
        let prefixes = (0..<1000).map { "10.\($0 / 250).\($0 % 250).0/24" }.joined(separator: ", ")
        let many = Fixture().adding("limits: { large-sources: [\(prefixes)] }")
        #expect(many.outcome.settings?.controlPlane.ike.largeSources.count == 1000)
    }

    struct Edit: Sendable, CustomTestStringConvertible {
        var what: String
        var error: String?
        var change: @Sendable (String) -> String

        var testDescription: String { what }

        init(_ what: String, _ error: String? = nil, _ change: @escaping @Sendable (String) -> String) {
            self.what = what
            self.error = error
            self.change = change
        }
    }

    static let edits: [Edit] = [
        Edit("a byte order mark") { "\u{FEFF}" + $0 },
        Edit("CR LF") { $0.split(separator: "\n").map { $0 + "\r\n" }.joined() },
        Edit("no line end at the end") { String($0.dropLast()) },
        Edit("an unknown key", "gw.yaml:13:1: error: unknown key 'liveliness'") { $0 + "liveliness: {}\n" },
        Edit("a key set twice", "gw.yaml:13:1: error: the key 'users' is set twice") {
            $0 + "users: { file: users.yaml }\n"
        },
        Edit("a line of a megabyte", "gw.yaml:1:1: error: the file has 1048") {
            $0 + "# " + String(repeating: "x", count: 1 << 20) + "\n"
        },
    ]

    @Test(
        "S03: what an editor may do to a file is accepted by rule, or refused with its place",
        arguments: edits
    )
    func editors(_ edit: Edit) {
        let files = Fixture().files
        let outcome = ConfigFile.parse(edit.change(Fixture().text), file: "gw.yaml") { path throws(FileProblem) in
            guard let file = files[path] else { throw .missing }
            return try file.get()
        }
        if let error = edit.error {
            #expect(outcome.settings == nil)
            #expect(outcome.diagnostics.contains { $0.description.hasPrefix(error) }, "\(outcome.report)")
        } else {
            #expect(outcome.diagnostics.isEmpty, "\(outcome.report)")
            #expect(outcome.settings == Fixture().outcome.settings)
        }
    }

    @Test("S03: bytes that are no UTF-8 are refused with their place; UTF-8 beyond ASCII is taken")
    func notUTF8() {
        let read = { (bytes: [UInt8]) in
            ConfigFile.read("gw.yaml") { path throws(FileProblem) in
                guard path != "gw.yaml" else { return LoadedFile(bytes: bytes, mode: 0o644, ownerIsTrusted: true) }
                guard let file = Fixture().files[path] else { throw .missing }
                return try file.get()
            }
        }
        let text = Array(Fixture().text.utf8)
        let broken = read(text + Array("# ".utf8) + [0xC3, 0x28, 0x0A])
        #expect(broken.diagnostics.map(\.description) == ["gw.yaml:13:3: error: the file is not UTF-8 text here"])
        #expect(broken.settings == nil)
        #expect(read(text + Array("# für später 🙂\n".utf8)).diagnostics.isEmpty)
    }

    @Test(
        "S04: secrets that others can read, or that are another's, are refused; closed ones are taken",
        arguments: [
            (0o600, true, true), (0o400, true, true), (0o640, true, false), (0o604, true, false), (0o620, true, false),
            (0o601, true, false), (0o600, false, false),
        ] as [(UInt32, Bool, Bool)]
    )
    func openFiles(mode: UInt32, isTrusted: Bool, isTaken: Bool) {
        let key = Fixture().with("psk", "a long enough secret\n", mode: mode, ownerIsTrusted: isTrusted)
        let users = Fixture().with("users.yaml", "users: []\n", mode: mode, ownerIsTrusted: isTrusted)
        for fixture in [key, users] {
            #expect((fixture.outcome.settings != nil) == isTaken)
            #expect(fixture.report.contains { $0.contains("is refused, because") } == !isTaken)
        }
    }

    @Test(
        "S05: a key that is empty or broken is refused, one that is short or blank is warned of, a good one is taken",
        arguments: [
            ("\n", "error: the pre-shared key is empty"), ("", "error: the pre-shared key is empty"),
            ("0x\n", "error: the pre-shared key begins with 0x, but"),
            ("0x123\n", "error: the pre-shared key begins with 0x, but"),
            ("0x12zz\n", "error: the pre-shared key begins with 0x, but"),
            ("nineteen characters\n", "warning: the pre-shared key has 19 bytes"),
            ("0x000102030405060708090a0b0c0d0e\n", "warning: the pre-shared key has 15 bytes"),
            ("twenty-one characters \n", "warning: the pre-shared key begins or ends with a blank"),
            (" twenty-one characters\n", "warning: the pre-shared key begins or ends with a blank"),
            ("twenty characters it has\n", nil), ("0x000102030405060708090a0b0c0d0e0f\n", nil),
        ] as [(String, String?)]
    )
    func weakKeys(text: String, complaint: String?) {
        let fixture = Fixture().with("psk", text)
        if let complaint {
            #expect(fixture.report.count == 1)
            #expect(fixture.report.first?.dropFirst("gw.yaml:7:15: ".count).hasPrefix(complaint.prefix(5)) == true)
            #expect(fixture.report.first?.contains(complaint) == true, "\(fixture.report)")
        } else {
            #expect(fixture.report.isEmpty)
        }
        #expect((fixture.outcome.settings == nil) == (complaint?.hasPrefix("error") == true))
        #expect(!fixture.report.joined().contains("characters i") && !fixture.report.joined().contains("nineteen"))
    }

    @Test("S06: an old algorithm needs its word; with it, it is taken")
    func legacy() {
        let without = Fixture().replacing(7, by: "      secret: { file: psk }\n      proposals: [3des-sha1-modp1024]")
        #expect(without.outcome.settings == nil)
        #expect(without.report.contains { $0.contains("allow-legacy") }, "\(without.report)")
        let with = Fixture().replacing(
            7,
            by:
                "      secret: { file: psk }\n      proposals: [3des-sha1-modp1024]\n      allow-legacy: [3des, modp1024]"
        )
        #expect(with.outcome.settings?.controlPlane.ike.profiles.first?.ikeProposals.count == 1)
    }

    @Test("S06: pools that overlap are refused with both names; neighbours are taken")
    func overlappingPools() {
        let pools = { (range: String) in
            Fixture().replacing(
                10,
                by: "    - { name: office, range: 10.99.0.0/20, gateway: 10.99.0.1 }\n"
                    + "    - { name: lab, range: \(range), gateway: 10.98.0.1 }"
            )
        }
        #expect(
            pools("10.99.8.0/24").report == [
                "gw.yaml:11:27: error: the range 10.99.8.0/24 overlaps 10.99.0.0/20 of the pool 'office'"
            ]
        )
        #expect(pools("10.99.16.0/24").report == [])
    }

    @Test("S06: a profile that another hides is warned of with both names; the other way round both are used")
    func hiddenProfiles() {
        let profiles = { (first: String, second: String) in
            Fixture().replacing(
                6,
                by: "    - { name: a, remote: \(first), secret: { file: psk } }\n    - name: b\n      remote: \(second)"
            )
        }
        let wide = "198.51.100.0/24"
        let narrow = "198.51.100.7"
        #expect(
            profiles(wide, narrow).report == [
                "gw.yaml:7:7: warning: the profile 'b' is never used for 198.51.100.7/32: 'a' in line 6 takes "
                    + "198.51.100.0/24 before it; move it up"
            ]
        )
        #expect(profiles(narrow, wide).report == [])
        #expect(profiles(wide, wide).report.count == 1)
    }
}
