// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import ConfigFile
import Simulation
import Testing

@testable import culvertctl

/// `culvertctl check` over files that exist in memory only.
struct CheckTests {
    /// A configuration that is right, to be changed line by line.
    private struct Files {
        var lines = """
            gateway:
              name: gw1.example.net
              listen: [192.0.2.1]
            ike:
              profiles:
                - name: remote-access
                  secret: { file: psk }
                  allow-legacy: []
            ppp:
              authentication: [mschapv2, chap-md5, pap]
              dns: [192.0.2.53]
            addresses:
              pools:
                - { name: office, range: 10.99.0.0/24, gateway: 10.99.0.1 }
            users:
              file: users.yaml
            """.split(separator: "\n").map(String.init)
        var users = "users: [ { name: alice, secret: s3cret } ]\n"

        func replacing(_ number: Int, by text: String) -> Files {
            var copy = self
            copy.lines[number - 1] = text
            return copy
        }

        func with(users: String) -> Files {
            var copy = self
            copy.users = users
            return copy
        }

        /// As somebody would who does what the report says.
        func adding(_ addition: CheckReport.Addition) -> Files {
            guard let line = addition.line else { return self }
            var copy = self
            let text = lines[line - 1]
            let key = addition.place.split(separator: ".").last ?? ""
            if text.contains("\(key): ["), let bracket = text.lastIndex(of: "]") {
                let isEmpty = text.contains("[]")
                copy.lines[line - 1].insert(contentsOf: (isEmpty ? "" : ", ") + addition.text, at: bracket)
            } else {
                let indent = text.contains("- ") ? "      " : String(text.prefix { $0 == " " })
                copy.lines.insert(indent + addition.text, at: line)
            }
            return copy
        }

        func load(_ path: String) throws(FileProblem) -> LoadedFile {
            let text: String
            switch path {
            case "gw.yaml": text = lines.joined(separator: "\n") + "\n"
            case "users.yaml": text = users
            case "psk": text = "a long enough secret\n"
            default: throw .missing
            }
            return LoadedFile(bytes: Array(text.utf8), mode: 0o600, ownerIsTrusted: true)
        }
    }

    private func run(_ files: Files, _ arguments: String...) throws -> (isGood: Bool, text: String) {
        let check = try Check.parse(arguments + ["--config", "gw.yaml"])
        var text = ""
        let isGood = try check.play(load: files.load) { text += $0 }
        return (isGood, text)
    }

    private func report(_ files: Files, _ client: String, _ arguments: String...) throws -> CheckReport {
        let check = try Check.parse(["--client", client, "--config", "gw.yaml", "--json"] + arguments)
        var text = ""
        let isGood = try check.play(load: files.load) { text += $0 }
        let report: CheckReport = try #require(JSON.value(from: Array(text.utf8)))
        #expect(report.wouldConnect == isGood)
        return report
    }

    /// What is refused on both ways alike.
    private func refusal(_ report: CheckReport) throws -> CheckReport.Refusal {
        #expect(!report.wouldConnect)
        #expect(Set(report.ways.map(\.refused)).count == 1)
        return try #require(report.ways.first?.refused)
    }

    // MARK: - Would connect

    @Test func aClientThatIsUnderstoodWouldConnectDirectlyAndBehindANAT() throws {
        let report = try report(Files(), "windows10")
        #expect(report.wouldConnect)
        #expect(report.ways.map(\.behindNAT) == [false, true])
        #expect(report.user == "alice")
        for way in report.ways {
            let agreed = try #require(way.agreed)
            #expect(agreed.profile == "remote-access")
            #expect(agreed.ike == "aes256-sha1-ecp384")
            #expect(agreed.esp == "aes256-sha1")
            #expect(agreed.pfs == nil)
            #expect(agreed.encapsulated == way.behindNAT)
            #expect(agreed.authentication == "mschapv2")
            #expect(agreed.address == "10.99.0.2")
            #expect(agreed.pool == "office")
            #expect(agreed.dns == ["192.0.2.53"])
            #expect(agreed.mtu == 1400)
            #expect(agreed.legacy.isEmpty)
        }
        #expect(report.additions.isEmpty)
        #expect(!report.inferred.isEmpty)
    }

    @Test func theTextHasTheVerdictFirstAndWhatWouldBeAgreedOn() throws {
        let (isGood, text) = try run(Files(), "--client", "windows10")
        #expect(isGood)
        #expect(text.hasPrefix("Windows 10 (windows10) would connect, from 198.51.100.77 as user alice\n\n"))
        #expect(text.contains("\nIKE             aes256-sha1-ecp384        aes256-sha1-ecp384\n"))
        #expect(text.contains("\nencapsulation   none                      UDP 4500\n"))
        #expect(text.contains("\nSupposed about this client, not seen:\n  - "))
        #expect(!text.contains("\n\n\n"))
    }

    @Test func aGatewayWithIPv6AloneIsTriedWithoutANAT() throws {
        let report = try report(Files().replacing(3, by: "  listen: [\"2001:db8::1\"]"), "macos")
        #expect(report.ways.map(\.behindNAT) == [false])
        #expect(report.peer == "2001:db8::77")
        #expect(report.wouldConnect)
    }

    @Test func aUserWithAnNTHashCanComeInByMSCHAPv2() throws {
        let files = Files().with(users: "users: [ { name: bob, nt-hash: 8846f7eaee8fb117ad06bdd830b7586c } ]\n")
        #expect(try report(files, "macos").wouldConnect)
    }

    @Test func whereOnlyPAPIsSpokenWhoeverSpeaksItComesInWithAWarning() throws {
        let files = Files().replacing(10, by: "  authentication: [pap]")
        let report = try report(files, "macos")
        #expect(report.wouldConnect)
        #expect(report.ways.compactMap(\.agreed?.authentication) == ["pap", "pap"])
        #expect(report.warnings.contains { $0.hasPrefix("PAP ") })
        let hash = files.with(users: "users: [ { name: bob, nt-hash: 8846f7eaee8fb117ad06bdd830b7586c } ]\n")
        let refusal = try refusal(try self.report(hash, "macos"))
        #expect(refusal.missing.joined().contains("nt-hash"))
        #expect(refusal.hint?.contains("mschapv2") == true)
    }

    @Test func withoutUsersOneIsMadeUp() throws {
        let report = try report(Files().with(users: "users: []\n"), "windows10")
        #expect(report.wouldConnect)
        #expect(report.user == "made up")
        #expect(report.warnings.contains { $0.contains("made up") })
    }

    @Test func aFixedAddressIsTheUsers() throws {
        let users = "users: [ { name: alice, secret: s3cret }, { name: carol, secret: s3cret, address: 10.99.0.77 } ]\n"
        let report = try report(Files().with(users: users), "windows10", "--user", "carol")
        #expect(report.ways.compactMap(\.agreed?.address) == ["10.99.0.77", "10.99.0.77"])
    }

    @Test func theProfileIsChosenByNameOrAddress() throws {
        let files = Files().replacing(
            8,
            by: """
                      remote: [203.0.113.0/24]
                    - name: others
                      secret: { file: psk }
                """
        )
        #expect(try report(files, "windows10").peer == "203.0.113.77")
        #expect(try report(files, "windows10", "--profile", "others").peer == "198.51.100.77")
        let report = try report(files, "windows10", "--peer", "198.51.100.9")
        #expect(report.ways.compactMap(\.agreed?.profile) == ["others", "others"])
        #expect(throws: Problem.self) { try self.report(files, "windows10", "--profile", "nobody") }
    }

    // MARK: - Would not

    @Test func aGroupThatIsNotListedIsNamedWithTheLine() throws {
        let files = Files().replacing(8, by: "      proposals: [aes256-sha256-modp4096]")
        let report = try report(files, "windows10")
        let refusal = try refusal(report)
        #expect(refusal.layer == "ike")
        #expect(refusal.event == "no-proposal-chosen")
        #expect(refusal.message == "main mode, message 1 (SA)")
        #expect(refusal.offered.first == "aes256-sha1-ecp384")
        #expect(refusal.offered.count == 5)
        #expect(refusal.accepted == ["aes256-sha256-modp4096"])
        let addition = try #require(report.additions.first)
        #expect(addition.place == "ike.profiles[0].proposals")
        #expect(addition.line == 8)
        #expect(addition.text == "aes256-sha1-ecp384")
        #expect(try self.report(files.adding(addition), "windows10").wouldConnect)
        #expect(report.ways.allSatisfy { $0.mended?.ike == "aes256-sha1-ecp384" })
    }

    /// What is as old as that.
    @Test(arguments: ["android2", "android4", "android7", "macos-old", "ios-old", "windows-xp", "routeros"])
    func whatItSaysToAddForLegacyLetsTheClientIn(_ client: String) throws {
        let report = try report(Files(), client)
        #expect(!report.wouldConnect)
        var files = Files()
        for addition in report.additions {
            #expect(addition.place == "ike.profiles[0].allow-legacy")
            #expect(addition.line == 8)
            files = files.adding(addition)
        }
        #expect(try self.report(files, client).wouldConnect)
    }

    @Test func withoutTheKeyTheWholeLineIsNamed() throws {
        let files = Files().replacing(8, by: "      esp-lifetime: 1h")
        let (isGood, text) = try run(files, "--client", "android4")
        #expect(!isGood)
        #expect(text.hasPrefix("Android 4 and 5 (android4) would not connect"))
        #expect(text.contains("\nlayer     ike, no-proposal-chosen\nmessage   main mode, message 1 (SA)\n"))
        #expect(text.contains("\nmissing   aes256-sha1-modp1024 needs allow-legacy: [modp1024]\n"))
        #expect(text.contains("\nThe line to add:\n  ike.profiles[0] (line 6): add  allow-legacy: [ "))
        #expect(text.contains("\nWith it it would connect:\n"))
    }

    @Test func anESPTransformThatIsNotListedIsNamedWithTheLine() throws {
        let files = Files().replacing(8, by: "      esp-proposals: [aes256gcm16]")
        let report = try report(files, "windows10")
        let refusal = try refusal(report)
        #expect(refusal.message == "quick mode, message 1 (SA)")
        #expect(refusal.offered.contains("aes256-sha1"))
        let addition = try #require(report.additions.first)
        #expect(addition.place == "ike.profiles[0].esp-proposals")
        #expect(addition.text == "aes256-sha1")
        #expect(try self.report(files.adding(addition), "windows10").wouldConnect)
    }

    @Test func aMethodThatTheClientDoesNotHaveIsNamedWithTheLine() throws {
        let files = Files().replacing(10, by: "  authentication: [pap]")
        let report = try report(files, "windows10")
        let refusal = try refusal(report)
        #expect(refusal.layer == "ppp")
        #expect(refusal.message == "LCP, Configure-Request of the gateway")
        #expect(refusal.offered == ["mschapv2", "chap-md5"])
        #expect(refusal.accepted == ["pap"])
        let addition = try #require(report.additions.first)
        #expect(addition.place == "ppp.authentication")
        #expect(addition.line == 10)
        #expect(addition.text == "mschapv2")
        #expect(try self.report(files.adding(addition), "windows10").wouldConnect)
    }

    @Test func anNTHashThatDoesNotServeTheMethodIsNamed() throws {
        let files = Files().replacing(10, by: "  authentication: [chap-md5]")
            .with(users: "users: [ { name: bob, nt-hash: 8846f7eaee8fb117ad06bdd830b7586c } ]\n")
        let refusal = try refusal(try report(files, "windows10"))
        #expect(refusal.layer == "authentication")
        #expect(refusal.missing.joined().contains("nt-hash"))
        #expect(refusal.hint?.contains("mschapv2") == true)
    }

    @Test func aPoolWithoutAFreeAddressIsNamed() throws {
        let files = Files().replacing(14, by: "    - { name: office, range: 10.99.0.0/30, gateway: 10.99.0.1 }")
            .with(
                users: "users: [ { name: alice, secret: s3cret }, { name: bob, secret: s3cret, address: 10.99.0.2 } ]\n"
            )
        let report = try report(files, "windows10")
        let refusal = try refusal(report)
        #expect(refusal.event == "no-address")
        #expect(report.additions.map(\.place) == ["addresses.pools"])
        #expect(report.additions.map(\.line) == [13])
        #expect(report.ways.allSatisfy { $0.mended == nil })
    }

    @Test func aggressiveModeThatIsNotAllowedIsNamed() throws {
        let report = try report(Files(), "macos-group")
        let refusal = try refusal(report)
        #expect(refusal.layer == "ike")
        #expect(refusal.message == "aggressive mode, message 1")
        #expect(refusal.missing == ["aggressive-mode: true", "identities with staff"])
        #expect(
            report.additions.map(\.text) == [
                "- { name: staff, secret: { file: ITS SECRET }, aggressive-mode: true, identities: [ staff ] }"
            ]
        )
        #expect(report.additions.map(\.place) == ["ike.profiles"])
        #expect(report.additions.map(\.line) == [5])
    }

    /// Which of its addresses a client has at home is no matter for a line of the configuration.
    @Test func aNameThatTheProfileDoesNotHaveIsNamed() throws {
        let report = try report(Files().replacing(8, by: "      identities: [\"*.example.net\"]"), "windows10")
        #expect(report.ways.map(\.refused?.event) == ["identity-refused", "identity-refused"])
        #expect(report.ways.map(\.refused?.message) == Array(repeating: "main mode, the last message", count: 2))
        #expect(report.ways[1].refused?.missing == ["identities with 192.168.43.77"])
        #expect(report.additions.isEmpty)
    }

    /// The fourth generation cuts HMAC-SHA2-256 to 96 bits, and is known by its first message.
    @Test func android6ComesInWithItsOwnTruncation() throws {
        let files = Files().replacing(8, by: "      allow-legacy: [ { name: modp1024, clients: [android-6] } ]")
        let report = try report(files, "android6")
        #expect(report.wouldConnect)
        #expect(report.ways.compactMap(\.agreed?.esp) == ["aes256-sha256_96", "aes256-sha256_96"])
        #expect(report.ways.compactMap(\.agreed?.recognisedAs) == ["android-6", "android-6"])
        let fixed = files.replacing(7, by: "      secret: { file: psk }\n      sha256-truncation: 128")
        let refused = try self.report(fixed, "android6")
        #expect(try refusal(refused).layer == "esp")
        #expect(refused.additions.map(\.text) == ["sha256-truncation: auto"])
        #expect(refused.additions.map(\.line) == [8])
    }

    /// In the profile of its own that is named, with what is legacy beside it.
    @Test(arguments: ["macos-group", "ios-group", "android7-group", "chromeos-group"])
    func whatItSaysToAddForAGroupNameLetsTheClientIn(_ client: String) throws {
        let report = try report(Files(), client)
        let addition = try #require(report.additions.first)
        #expect(report.additions.count == 1)
        #expect(report.ways.allSatisfy { $0.mended?.profile == "staff" && $0.mended?.aggressiveMode == true })
        let text = addition.text.replacing("{ file: ITS SECRET }", with: "{ file: psk }")
        let files = Files().replacing(8, by: "      allow-legacy: []\n    \(text)")
        #expect(try self.report(files, client).wouldConnect)
        #expect(try self.report(files, "windows10").wouldConnect)
    }

    @Test func anAddressThatNoProfileIsForIsNamed() throws {
        let files = Files().replacing(8, by: "      remote: [203.0.113.0/24]")
        let report = try report(files, "windows10", "--peer", "198.51.100.9")
        let refusal = try refusal(report)
        #expect(refusal.event == "no-profile")
        let addition = try #require(report.additions.first)
        #expect(addition.place == "ike.profiles[0].remote")
        #expect(addition.text == "198.51.100.9")
        #expect(try self.report(files.adding(addition), "windows10", "--peer", "198.51.100.9").wouldConnect)
    }

    @Test func aDisabledUserIsRefused() throws {
        let users = "users: [ { name: alice, secret: s3cret, disabled: true }, { name: bob, secret: s3cret } ]\n"
        let files = Files().with(users: users)
        #expect(try report(files, "windows10").user == "bob")
        let refusal = try refusal(try report(files, "windows10", "--user", "alice"))
        #expect(refusal.missing == ["alice is disabled"])
        #expect(throws: Problem.self) { try self.report(files, "windows10", "--user", "mallory") }
    }

    // MARK: - Words

    @Test func theTableHasALineForEveryClient() throws {
        let (isGood, text) = try run(Files(), "--all")
        #expect(isGood)
        let lines = text.split(separator: "\n")
        #expect(lines.count == ClientVector.all.count + 1)
        #expect(lines[0].hasPrefix("CLIENT"))
        #expect(lines.contains { $0.hasPrefix("windows11 ") && $0.contains(" yes ") })
        #expect(lines.contains { $0.hasPrefix("android4 ") && $0.hasSuffix("allow-legacy modp1024") })
    }

    @Test func theNamesAreListed() throws {
        let (isGood, text) = try run(Files(), "--client", "list")
        #expect(isGood)
        for vector in ClientVector.all { #expect(text.contains("\n\(vector.name) ")) }
        #expect(throws: ValidationError.self) { try self.run(Files(), "--client", "windows95") }
    }

    @Test(
        "Wrong usage is told apart",
        arguments: [
            [], ["--client", "windows11", "--all"], ["--client", "windows11", "--peer", "nowhere"],
            ["--client", "windows11", "--peer", "192.0.2.9", "--profile", "x"],
        ]
    )
    func wrongUsage(_ arguments: [String]) {
        #expect(throws: (any Error).self) { try Check.parse(arguments) }
    }

    @Test func aFileThatCannotBeUsedIsSaidSo() {
        #expect(throws: Problem.self) { try self.run(Files().replacing(5, by: "  profils:"), "--client", "windows11") }
    }
}
