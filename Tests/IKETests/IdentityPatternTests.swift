// SPDX-License-Identifier: Apache-2.0
import Cryptography
import DataPlane
import IKE
import Primitives
import Testing

struct IdentityPatternTests {
    private static func identity(_ type: IKEv1.IDType, _ data: [UInt8]) -> IKEv1.IDPayload {
        IKEv1.IDPayload(type: type, protocolNumber: 0, port: 0, data: data)
    }

    private static func matches(_ pattern: String, _ type: IKEv1.IDType, _ name: String) -> Bool {
        IdentityPattern(pattern).matches(identity(type, Array(name.utf8)))
    }

    @Test("a star stands for any number of any characters, and everything else for itself")
    func wildcards() {
        for (pattern, name, isMatch) in [
            ("sales", "sales", true), ("sales", "sale", false), ("sales", "saless", false), ("sales", "", false),
            ("*", "sales", true), ("**", "s", true), ("s*", "sales", true), ("s*", "s", true), ("s*", "ales", false),
            ("*s", "sales", true), ("*s", "s", true), ("*a*", "sales", true), ("*x*", "sales", false),
            ("s*s", "sales", true), ("s*s", "s", false), ("s*s", "ss", true), ("sa*les", "sales", true),
            ("sale*les", "sales", false), ("*ab*ab*", "abab", true), ("*ab*ab*", "aba", false),
            ("a*aab*b", "aaaabab", true), ("a*aab*b", "aaab", false), ("a*aab*b", "aaabb", true),
            ("a*ba*ba*c", "abababac", true), ("*aab", "aaab", true), ("*a*b*c*", "cba", false),
            ("s.les", "sales", false), ("s?les", "sales", false), ("[s]ales", "sales", false),
            ("^sales$", "sales", false),
            ("sales", "Sales", false), ("", "sales", false),
        ] {
            #expect(Self.matches(pattern, .keyID, name) == isMatch, "\(pattern) \(name)")
        }
    }

    @Test("time grows with the lengths, not with their product to the number of stars")
    func manyStars() {
        let name = String(repeating: "a", count: IKEv1.IDPayload.longestName)
        let pattern = String(repeating: "a*", count: 120) + "b"
        let clock = ContinuousClock()
        let time = clock.measure {
            for _ in 0..<100 { #expect(!Self.matches(pattern, .keyID, name)) }
        }
        #expect(time < .seconds(5))
    }

    @Test("the search agrees with trying every place", arguments: 0..<20)
    func agreesWithTheObvious(_ seed: UInt64) {
        let entropy = SeededEntropy(seed: seed)
        func obvious(_ pattern: Substring, _ name: Substring) -> Bool {
            guard let first = pattern.first else { return name.isEmpty }
            if first == "*" {
                return obvious(pattern.dropFirst(), name) || (!name.isEmpty && obvious(pattern, name.dropFirst()))
            }
            return name.first == first && obvious(pattern.dropFirst(), name.dropFirst())
        }
        for _ in 0..<200 {
            let pattern = entropy.bytes(Int(entropy.integer(UInt8.self) % 8)).map { ["a", "b", "*", "a"][Int($0 % 4)] }
            let name = entropy.bytes(1 + Int(entropy.integer(UInt8.self) % 9)).map { ["a", "b"][Int($0 % 2)] }
            let texts = (pattern.joined(), name.joined())
            #expect(Self.matches(texts.0, .keyID, texts.1) == obvious(texts.0[...], texts.1[...]), "\(texts)")
        }
    }

    @Test("domains know no capitals, key ids and users do")
    func capitals() {
        #expect(Self.matches("*.Example.COM", .fqdn, "gw.eXample.com"))
        #expect(Self.matches("GW", .fqdn, "gw"))
        #expect(Self.matches("alice@Example.com", .userFQDN, "alice@eXAMPLE.COM"))
        #expect(!Self.matches("alice@example.com", .userFQDN, "Alice@example.com"))
        #expect(Self.matches("*@example.com", .userFQDN, "Alice@EXAMPLE.com"))
        #expect(!Self.matches("Sales", .keyID, "sales"))
    }

    @Test("a key id that is no text is named in hexadecimal digits")
    func keyIDs() {
        let bytes = Self.identity(.keyID, [0x00, 0xAB, 0x0F])
        #expect(bytes.plainName == "0x00ab0f")
        #expect(IdentityPattern("0x00AB0F").matches(bytes) && IdentityPattern("0x00*").matches(bytes))
        #expect(!IdentityPattern("0x00ab").matches(bytes))
        #expect(Self.identity(.keyID, Array("Köln".utf8)).plainName == "0x4bc3b66c6e")
        #expect(Self.identity(.keyID, Array("a group".utf8)).plainName == "a group")
        #expect(Self.identity(.keyID, []).plainName == nil)
    }

    @Test("an address is named by itself, by a block, or by a pattern")
    func addresses() throws {
        let four = IKEv1.IDPayload(.v4(0xC0A8_0105), protocolNumber: 17, port: 500)
        for (pattern, isMatch) in [
            ("192.168.1.5", true), ("192.168.0.0/16", true), ("192.168.1.5/32", true), ("10.0.0.0/8", false),
            ("192.168.1.*", true), ("192.168.2.*", false), ("*", true), ("::/0", false), ("0.0.0.0/0", true),
        ] {
            #expect(IdentityPattern(pattern).matches(four) == isMatch, "\(pattern)")
        }
        let six = IKEv1.IDPayload(try #require(IPAddress("2001:db8::7")), protocolNumber: 17, port: 500)
        #expect(IdentityPattern("2001:DB8::/32").matches(six) && IdentityPattern("2001:DB8:*").matches(six))
        #expect(!IdentityPattern("2001:db9::/32").matches(six) && !IdentityPattern("0.0.0.0/0").matches(six))
        // A name that looks like an address is none.
        #expect(!Self.matches("192.168.0.0/16", .keyID, "192.168.1.5"))
    }

    @Test(
        "B10: what has no name is nobody, whatever the pattern",
        arguments: [
            (IKEv1.IDType.distinguishedName, [UInt8](repeating: 0x30, count: 60)), (.generalName, [1, 2, 3]),
            (.ipv4Address, [1, 2, 3]), (.ipv6Address, [UInt8](repeating: 1, count: 15)),
            (.ipv4Subnet, [10, 0, 0, 0, 255, 0, 0, 0]),
            (.ipv4Range, [10, 0, 0, 1, 10, 0, 0, 2]), (.fqdn, [0x61, 0x00, 0x62]), (.userFQDN, [0xFF]), (.fqdn, []),
            (.keyID, [UInt8](repeating: 0x61, count: IKEv1.IDPayload.longestName + 1)),
            (IKEv1.IDType(rawValue: 99), [0x61]),
        ]
    )
    func nobody(_ type: IKEv1.IDType, _ data: [UInt8]) {
        #expect(!IdentityPattern("*").matches(Self.identity(type, data)))
        #expect(Self.identity(type, data).plainName == nil)
    }

    // In main mode.

    private static func rig(_ identities: String...) -> Rig {
        var profile = Profile.test()
        profile.identities = identities.map { IdentityPattern($0) }
        return Rig(.test(profile))
    }

    @Test("in main mode a profile that names who may come lets nobody else in")
    func mainModeIdentities() throws {
        var rig = Self.rig("*.example.com", "192.168.0.0/16")
        // A private address, as behind a NAT: it is not compared with that of the packet.
        try rig.toEstablished()
        #expect(rig.state == "established")
        rig = Self.rig("*.example.com", "10.0.0.0/8")
        try rig.toMessage4()
        let effects = rig.send(try rig.peer.message5())
        #expect(effects.words == ["transmit", "[identity-refused]"])
        #expect(effects.events.first?.description.message.contains("192.168.1.5") == true)
        let notice = try RawInitiator.decode(Rig.reply(effects))
        #expect(try IKEv1.NotificationPayload(notice.chain.only(.notification)).type == .authenticationFailed)
        #expect(rig.state == "refused")
        rig.peer = RawInitiator()
        rig.peer.cookieI = Cookie(rawValue: 2)
        rig.peer.identity = Self.identity(.fqdn, Array("Laptop.Example.com".utf8))
        try rig.toEstablished()
        #expect(rig.endpoint.snapshots.contains { $0.state == "established" })
    }

    @Test("B12: names are not to be had by trying either")
    func namesAreSlowedDown() throws {
        var rig = Self.rig("sales")
        for number in 1...10 {
            let events = try WrongKeyTests.attempt(&rig, number, key: "correct horse").eventNames
            #expect(events == ["identity-refused"] + (number == 10 ? ["authentication-delay"] : []))
        }
        #expect(try WrongKeyTests.attempt(&rig, 11, key: "correct horse").isEmpty)
    }
}
