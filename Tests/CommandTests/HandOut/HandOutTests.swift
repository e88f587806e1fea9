// SPDX-License-Identifier: Apache-2.0
import ConfigFile
import FoundationEssentials
import Runtime
import Testing

@testable import culvertctl

/// `culvertctl client` over files that exist in memory only.
struct HandOutTests {
    private static let configuration = """
        gateway:
          name: gw1.example.net
          listen: [192.0.2.1]
        ike:
          profiles:
            - name: remote-access
              secret: { file: psk }
              allow-legacy: [modp1024]
            - name: groups
              secret: { file: psk }
              aggressive-mode: true
              identities: [sales]
        ppp:
          authentication: [mschapv2, chap-md5]
        addresses:
          pools:
            - { name: office, range: 10.99.0.0/24, gateway: 10.99.0.1 }
        users:
          file: users.yaml
        """
    private static let users = """
        users:
          - { name: alice, secret: "it's $5 & <more>" }
          - { name: bob, nt-hash: 8846f7eaee8fb117ad06bdd830b7586c }
          - { name: carol, secret: x, disabled: true }
          - { name: "d\\\\ave \\"q\\"", secret: "‘quoted’" }
        """

    private static func sheet(
        _ arguments: String...,
        configuration: String = configuration,
        key: String = "K3y 'n\" \\$? <&>"
    ) throws -> HandOut.Sheet {
        let order = try HandOut.parse(arguments)
        return try order.sheet { path throws(FileProblem) in
            let text =
                switch path {
                case "/etc/culvert/culvert.yaml": configuration
                case "/etc/culvert/psk": key
                case "/etc/culvert/users.yaml": users
                case _: throw .missing
                }
            return LoadedFile(bytes: Array(text.utf8), mode: 0o600, ownerIsTrusted: true)
        }
    }

    @Test func writesAScriptForWindows() throws {
        let sheet = try Self.sheet("alice", "--for", "windows", "--route", "10.0.0.0/8")
        let lines = sheet.text.split(separator: "\r\n")
        #expect(lines.contains("$name = 'gw1.example.net'"))
        #expect(lines.contains(#"    -TunnelType L2tp -L2tpPsk 'K3y ''n" \$? <&>' `"#))
        #expect(lines.contains("    -AuthenticationMethod MSChapv2 -EncryptionLevel Required `"))
        #expect(lines.contains("    -RememberCredential -Force -SplitTunneling"))
        #expect(lines.contains { $0.hasSuffix("-DestinationPrefix '10.0.0.0/8'") })
        #expect(!sheet.text.contains("AssumeUDPEncapsulation"), "the gateway conceals its NAT")
        #expect(!sheet.text.contains("it's"), "the password was not asked for")
        #expect(sheet.warnings.isEmpty)
    }

    @Test func tellsWindowsOfANATThatIsNotConcealed() throws {
        let open = Self.configuration.replacing("allow-legacy: [modp1024]", with: "conceal-nat: false")
        #expect(
            try Self.sheet("alice", "--for", "windows", configuration: open).text
                .contains("AssumeUDPEncapsulationContextOnSendRule -Type DWord -Value 2")
        )
    }

    @Test func warnsIfCulvertdHasNotReadTheFilesAsTheyAre() {
        #expect(HandOut.difference(ReloadReport(.unchanged)) == nil)
        #expect(HandOut.difference(ReloadReport(.planned))?.hasSuffix(": culvertctl reload") == true)
        #expect(HandOut.difference(ReloadReport(.refused))?.contains("culvertctl reload --dry-run") == true)
    }

    @Test func noQuotationMarkEndsALiteralOfPowerShell() throws {
        let text = try Self.sheet("alice", "--for", "windows", "--with-password", "--name", "‘a’").text
        #expect(text.contains("$name = '‘‘a’’'"))
        #expect(text.contains("& rasdial.exe $name 'alice' 'it''s $5 & <more>'"))
        #expect(text.hasPrefix("\u{FEFF}"), "without a mark Windows does not take it for UTF-8")
    }

    @Test func rasdialIsGivenNoWordsThatItMistakes() throws {
        let text = try Self.sheet("d\\ave \"q\"", "--for", "windows", "--with-password").text
        #expect(!text.contains("& rasdial.exe"))
        #expect(!text.contains("quoted"))
        #expect(text.contains("# No password here: rasdial.exe does not take"))
        #expect(text.contains("Windows asks for the password"))
    }

    private static func rotating(_ secrets: String) -> String {
        configuration.replacing(
            "      secret: { file: psk }\n      allow-legacy: [modp1024]",
            with: "      secrets: [\(secrets)]"
        )
    }

    @Test(arguments: [
        ("{ name: a, secret: the-old-one, until: 2099-03-31 }, { name: b, secret: the-new-one }", "the-new-one"),
        ("{ name: b, secret: the-new-one }, { name: a, secret: the-old-one, until: 2099-03-31 }", "the-new-one"),
        (
            "{ name: a, secret: the-old-one, until: 2098-01-01 }, { name: b, secret: the-new-one, until: 2099-01-01 }",
            "the-new-one"
        ),
        ("{ name: a, secret: the-old-one }, { name: b, secret: the-new-one }", "the-new-one"),
        ("{ name: alice, secret: her-own }, { name: all, secret: the-new-one }", "her-own"),
        ("{ name: bob, secret: his-own }, { name: all, secret: the-new-one }", "the-new-one"),
    ])
    func whoChangesKeysHandsOutTheNewOne(secrets: String, key: String) throws {
        let text = try Self.sheet("alice", "--for", "windows", configuration: Self.rotating(secrets)).text
        #expect(text.contains("-L2tpPsk '\(key)'"))
    }

    @Test func nobodyGetsTheKeyOfAnother() throws {
        let problem = try #require(throws: Problem.self) {
            try Self.sheet(
                "alice",
                "--for",
                "windows",
                configuration: Self.rotating("{ name: bob, secret: his-own-long-key }")
            )
        }
        #expect(problem.message == "profile remote-access has keys for other users only")
    }

    @Test func aHandOutThatCannotBeTriedIsStillWritten() throws {
        let shadowed = Self.configuration.replacing(
            "    - name: groups",
            with: "    - name: second\n      secret: { file: psk }\n    - name: groups"
        )
        let sheet = try Self.sheet("alice", "--for", "macos", "--profile", "second", configuration: shadowed)
        #expect(sheet.text.contains("com.apple.vpn.managed"))
        #expect(sheet.warnings.first?.hasPrefix("whether ") == true)
    }

    @Test(arguments: ["macos", "ios"])
    func writesAProfileForApple(system: String) throws {
        let sheet = try Self.sheet("alice", "--for", system, "--with-password", "--group", "sales", "--name", "a<b>&c")
        let profile = try PropertyListDecoder().decode(Value.self, from: Data(sheet.text.utf8))
        let payload = try #require(profile["PayloadContent"]?.first)
        #expect(payload["PayloadType"] == .text("com.apple.vpn.managed"))
        #expect(payload["VPNType"] == .text("L2TP"))
        #expect(payload["UserDefinedName"] == .text("a<b>&c"))
        #expect(payload["PPP"]?["AuthName"] == .text("alice"))
        #expect(payload["PPP"]?["AuthPassword"] == .text("it's $5 & <more>"))
        #expect(payload["PPP"]?["CommRemoteAddress"] == .text("gw1.example.net"))
        #expect(payload["IPSec"]?["SharedSecret"] == .data(Data(#"K3y 'n" \$? <&>"#.utf8)))
        #expect(payload["IPSec"]?["LocalIdentifier"] == .text("sales"))
        #expect(payload["IPv4"]?["OverridePrimary"] == .number(1))
        #expect(payload["PayloadUUID"] != nil && profile["PayloadUUID"] != payload["PayloadUUID"])
        #expect(profile["PayloadScope"] == (system == "macos" ? .text("System") : nil))
    }

    @Test func theSameConnectionHasTheSameIdentifiers() throws {
        let first = try Self.sheet("alice", "--for", "ios").text
        #expect(try Self.sheet("alice", "--for", "ios").text == first)
        #expect(try Self.sheet("bob", "--for", "ios").text != first)
    }

    @Test func writesAKeyfile() throws {
        let sheet = try Self.sheet("alice", "--for", "networkmanager", "--with-password", "--route", "10.1.0.0/16")
        let lines = sheet.text.split(separator: "\n")
        for line in [
            "gateway=gw1.example.net", "user=alice", "password-flags=0", "refuse-pap=yes", "password=it's $5 & <more>",
            "ipsec-psk=0sSzN5ICduIiBcJD8gPCY+", "never-default=true", "route1=10.1.0.0/16",
        ] {
            #expect(lines.contains(Substring(line)))
        }
        #expect(!lines.contains("refuse-chap=yes"))
        let hidden = try Self.sheet("bob", "--for", "networkmanager").text
        #expect(hidden.contains("password-flags=1"))
        #expect(!hidden.contains("\npassword="))
    }

    @Test func aKeyfileKeepsBackslashes() throws {
        #expect(
            try Self.sheet("d\\ave \"q\"", "--for", "networkmanager").text.contains("\nuser=d\\\\ave \"q\"\n")
        )
    }

    @Test func writesCommandsForRouterOS() throws {
        let sheet = try Self.sheet("alice", "--for", "routeros", "--with-password")
        #expect(sheet.text.contains(#"password="it's \245 & <more>" use-ipsec=yes"#))
        #expect(sheet.text.contains(#"ipsec-secret="K3y 'n\22 \5C\24\3F <&>""#))
        #expect(sheet.text.contains("allow=mschap2,chap profile=default"))
    }

    @Test func writesStepsForAndroid() throws {
        let sheet = try Self.sheet("alice", "--for", "android")
        #expect(sheet.text.contains("Server address            gw1.example.net"))
        #expect(sheet.text.contains("IPSec identifier          (leave empty)"))
        #expect(sheet.text.contains("Password                  (yours)"))
        #expect(sheet.warnings.isEmpty)
    }

    @Test func warnsOfAClientThatWouldBeRefused() throws {
        let strict = Self.configuration.replacing("allow-legacy: [modp1024]", with: "allow-legacy: []")
        let sheet = try Self.sheet("alice", "--for", "android", configuration: strict)
        #expect(sheet.warnings.first?.contains("would be refused") == true)
        #expect(sheet.warnings.contains { $0.contains("allow-legacy") && $0.contains("modp1024") })
    }

    @Test func aCodeCarriesTheAddressOrTheEssentials() throws {
        let address = "https://files.example.net/alice.mobileconfig"
        let code = try Self.sheet("alice", "--for", "ios", "--qr", "--url", address).code
        #expect(try code == QRCode(address).terminalText)
        let essentials = """
            Type: L2TP/IPsec PSK
            Server: gw1.example.net
            Key: K3y
            User: alice

            """
        let text = try Self.sheet("alice", "--for", "android", "--qr", key: "K3y").code
        #expect(try text == QRCode(essentials).terminalText)
    }

    @Test(arguments: [
        (["nobody", "--for", "ios"], "no user nobody is in the file of users"),
        (["carol", "--for", "ios"], "the user carol is disabled"),
        (
            ["bob", "--for", "ios", "--with-password"],
            "the password of bob is not known: the file has its NT hash only"
        ),
        (["alice", "--for", "ios", "--profile", "other"], "there is no profile other"),
        (["alice", "--for", "ios", "--group", "research"], "no profile takes the group research"),
        (["alice", "--for", "ios", "--server", "no good"], "no good is neither a host name nor an IP address"),
        (
            ["alice", "--for", "ios", "--name", "a\u{1B}[2Jb"],
            "the connection's name has characters that no client takes"
        ),
    ])
    func saysWhatIsMissing(arguments: [String], words: String) throws {
        let problem = try #require(throws: Problem.self) {
            let order = try HandOut.parse(arguments)
            _ = try order.sheet { path throws(FileProblem) in
                let text =
                    switch path {
                    case "/etc/culvert/culvert.yaml": Self.configuration
                    case "/etc/culvert/psk": "key"
                    case _: Self.users
                    }
                return LoadedFile(bytes: Array(text.utf8), mode: 0o600, ownerIsTrusted: true)
            }
        }
        #expect(problem.text.contains(words))
    }

    @Test func aKeyOfBytesIsForThoseWhoTakeBytes() throws {
        #expect(try Self.sheet("alice", "--for", "ios", key: "0x00ff10").text.contains("<data>AP8Q</data>"))
        #expect(try Self.sheet("alice", "--for", "networkmanager", key: "0x00ff10").text.contains("=0sAP8Q\n"))
        for system in ["windows", "android", "routeros"] {
            #expect(throws: Problem.self) { try Self.sheet("alice", "--for", system, key: "0x00ff10") }
        }
    }

    @Test(arguments: [
        ["alice"], ["alice", "--for", "windows", "--qr"], ["alice", "--for", "ios", "--url", "https://a"],
        ["alice", "--for", "windows", "--group", "sales"], ["alice", "--for", "ios", "--route", "10.0.0.0/8"],
        ["alice", "--for", "windows", "--route", "ten"], ["alice", "--for", "windows", "--route", "2001:db8::/32"],
    ])
    func wrongUsageIsWrongUsage(arguments: [String]) {
        #expect(throws: (any Error).self) { try HandOut.parse(arguments) }
    }

    @Test func aNameGivesTheUUIDOfTheStandard() {
        // RFC 9562 appendix A.4: www.example.com in the name space of domain names.
        let domains: [UInt8] = [
            0x6B, 0xA7, 0xB8, 0x10, 0x9D, 0xAD, 0x11, 0xD1, 0x80, 0xB4, 0x00, 0xC0, 0x4F, 0xD4, 0x30, 0xC8,
        ]
        #expect(NameUUID.string(of: "www.example.com", in: domains) == "2ED6657D-E927-568B-95E1-2665A8AEA6A2")
    }
}

/// Whatever a property list holds.
private enum Value: Decodable, Equatable {
    case text(String)
    case number(Int)
    case truth(Bool)
    case data(Data)
    case list([Value])
    case dictionary([String: Value])

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let value = try? container.decode(Bool.self) {
            self = .truth(value)
        } else if let value = try? container.decode(Int.self) {
            self = .number(value)
        } else if let value = try? container.decode(String.self) {
            self = .text(value)
        } else if let value = try? container.decode(Data.self) {
            self = .data(value)
        } else if let value = try? container.decode([Value].self) {
            self = .list(value)
        } else {
            self = .dictionary(try container.decode([String: Value].self))
        }
    }

    subscript(key: String) -> Value? {
        guard case .dictionary(let entries) = self else { return nil }
        return entries[key]
    }

    var first: Value? {
        guard case .list(let elements) = self else { return nil }
        return elements.first
    }
}
