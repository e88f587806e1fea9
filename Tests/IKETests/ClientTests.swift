// SPDX-License-Identifier: Apache-2.0
import Cryptography
import IKE
import Primitives
import Testing

/// First messages of native clients, as far as they tell them apart.
enum FirstMessage {
    static let rfc3947 = hex("4a131c81070358455c5728f20e95452f")
    static let draft = hex("4df37928e9fc4fd1b3262170d515c662")
    static let draft00 = hex("4485152d18b6bbcd0be8a8469579ddcc")
    static let draft02 = hex("cd60464335df21f87cfdb2fc68b6a448")
    static let draft02Newline = hex("90cb80913ebb696e086381b5ec427b1f")
    static let draft03 = hex("7d9419a65310ca6f2c179d9215529d56")
    static let draft04 = hex("9909b64eed937c6573de52ace952fa6b")
    static let draft05 = hex("80d0bb3def54565ee84645d4c85ce3ee")
    static let draft06 = hex("4d1e0e136deafa34c4f3ea9f02ec7285")
    static let draft07 = hex("439b59f8ba676c4c7737ae22eab8f582")
    static let draft08 = hex("8f8d83826d246b6fc7a8a6a428c11de8")
    static let fragmentation = hex("4048b7d56ebce88525e7de7f00d6c2d3")
    static let capable = fragmentation + hex("80000000")
    static let deadPeerDetection = hex("afcad71368a1f1c96b8696fc77570100")
    static let xauth = hex("09002689dfd6b712")
    static let keyMods = hex("01528bbbc00696121849ab9a1c5b2a5100000001")

    static func microsoft(_ version: UInt8) -> [UInt8] { hex("1e2b516905991c7d7c96fcbfb587e461000000") + [version] }

    static let windows7 =
        [
            microsoft(8), rfc3947, draft02Newline, fragmentation, hex("fb1de3cdf341b7ea16b7e5be0855f120"),
            hex("26244d38eddb61b3172a36e3d0cfb819"), hex("e3a5966a76379fe707228231e5ce8652"),
        ]
    static let windows10 = [keyMods, microsoft(9)] + windows7.dropFirst()
    static let apple = [
        rfc3947, draft, draft08, draft07, draft06, draft05, draft04, draft03, draft02, draft02Newline, capable,
        deadPeerDetection,
    ]
    static let android = [rfc3947, draft02, draft02Newline, draft00, capable, deadPeerDetection]
    static let strongSwan = [xauth, deadPeerDetection, capable, rfc3947, draft02Newline]
    static let softEther = [rfc3947, draft03, draft02Newline, draft02, draft00, deadPeerDetection]

    /// `aes256-sha1-modp2048`, and DES, which we do not have.
    static func offer(_ names: String...) -> IKEv1.SAPayload { offer(names) }

    static func offer(_ names: [String]) -> IKEv1.SAPayload {
        let transforms = names.enumerated().map { index, name in
            let isDES = name.hasPrefix("des-")
            var transform =
                IKETransform(isDES ? "3\(name)" : name)
                .map { RawInitiator.wire($0, number: index + 1, lifetime: 28_800) }
                ?? IKEv1.Transform(number: 0, id: 1, attributes: [])
            if isDES { transform.attributes[0] = IKEv1.Attribute(1, 1) }
            return transform
        }
        return IKEv1.SAPayload(
            proposals: [IKEv1.Proposal(number: 1, protocolID: .isakmp, spi: [], transforms: transforms)]
        )
    }

    /// Every cipher with every hash in one group.
    static func grid(_ ciphers: [String], _ hashes: [String], _ group: String = "modp1024") -> [String] {
        ciphers.flatMap { cipher in hashes.map { "\(cipher)-\($0)-\(group)" } }
    }

    static let android2Offer = grid(["3des", "des", "aes128"], ["sha1", "md5"])
    static let android4Offer = grid(["aes256", "aes128", "3des", "des"], ["sha1", "md5"])
    static let android6Offer = grid(["aes256", "aes128", "3des", "des"], ["sha256", "sha1", "md5"])
    static let android7Offer =
        grid(["aes256"], ["sha384", "sha256", "sha512", "sha1", "md5"])
        + grid(["aes128"], ["sha512", "sha384", "sha256", "sha1", "md5"])
        + grid(["3des", "des"], ["sha256", "sha1", "md5"])
    static let chromeOSOffer = [
        "aes128-sha256-modp3072", "aes128-sha1-modp2048", "3des-sha1-modp1536", "3des-sha1-modp1024",
        "aes128-sha256-ecp256",
    ]
    static let appleOldOffer = grid(["aes256", "aes128", "3des"], ["sha1", "md5"])
}

struct ClientTests {
    struct Message: CustomTestStringConvertible {
        var testDescription: String
        var client: Client
        var vendorIDs: [[UInt8]]
        var offer: [String]

        init(_ name: String, _ client: Client, _ vendorIDs: [[UInt8]], _ offer: [String]) {
            testDescription = name
            self.client = client
            self.vendorIDs = vendorIDs
            self.offer = offer
        }
    }

    static func names(_ transforms: [IKETransform]) -> [String] { transforms.map(\.description) }

    static let windowsOffer = names(ClientOffer.windows10)
    static let appleOffer = names(ClientOffer.macOS)
    static let nmOffer = names(ClientOffer.strongSwanNM)
    static let routerOffer = names(ClientOffer.routerOS)
    private typealias First = FirstMessage

    static let messages: [Message] = [
        Message("Windows 10", .windows, First.windows10, windowsOffer),
        Message(
            "Windows 8 without KEY_MODS",
            .windows,
            [First.microsoft(9)] + First.windows7.dropFirst(),
            windowsOffer
        ),
        Message("Windows 7", .windows7, First.windows7, windowsOffer),
        Message("Windows 7, first version", .windows7, [First.microsoft(7)], windowsOffer),
        Message(
            "Windows XP",
            .windowsXP,
            [First.microsoft(4), First.fragmentation, First.draft02Newline],
            ["3des-sha1-modp2048", "3des-sha1-modp1024"]
        ),
        Message("Windows 2000", .windowsXP, [First.microsoft(3), First.fragmentation], ["3des-sha1-modp1024"]),
        Message("macOS", .apple, First.apple, appleOffer),
        Message("macOS, aggressive mode", .apple, First.apple, Array(appleOffer.prefix(4))),
        Message("macOS, aggressive mode again", .apple, First.apple, Array(appleOffer.suffix(7))),
        Message("OS X 10.10", .appleOld, First.apple, First.appleOldOffer),
        Message("Android 2", .android2, First.android, First.android2Offer),
        Message("Android 4", .android4, First.android, First.android4Offer),
        Message("Android 6", .android6, First.android, First.android6Offer),
        Message("Android 7.1.2", .android7, First.android, First.android7Offer),
        Message("Android of a vendor, with SHA-2", .android7, First.android, First.android6Offer.dropLast()),
        Message("racoon of somebody else", .unknown, First.android, ["aes256-sha1-modp2048"]),
        Message("racoon with a list of its own", .unknown, First.android, ["aes128-sha1-modp1024"]),
        Message("ChromeOS", .chromeOS, First.strongSwan, First.chromeOSOffer),
        Message("NetworkManager, strongSwan", .networkManager, First.strongSwan, nmOffer),
        Message("NetworkManager, libreswan", .networkManager, [First.rfc3947], nmOffer),
        Message(
            "NetworkManager, libreswan without group 2",
            .networkManager,
            [First.rfc3947],
            nmOffer.filter { !$0.hasSuffix("modp1024") }
        ),
        Message("RouterOS", .routerOS, [First.xauth, First.deadPeerDetection], routerOffer),
        Message(
            "RouterOS, by group",
            .routerOS,
            [First.deadPeerDetection, First.rfc3947, First.xauth],
            [routerOffer[0], routerOffer[2], routerOffer[1], routerOffer[3]]
        ),
        Message("RouterOS' list without XAUTH", .unknown, [First.deadPeerDetection], routerOffer),
        Message("strongSwan", .strongSwan, First.strongSwan, ["aes128-sha256-ecp256"]),
        Message("strongSwan with more", .strongSwan, First.strongSwan + [First.draft00], ["aes128-sha256-ecp256"]),
        Message("strongSwan with less", .unknown, Array(First.strongSwan.dropLast()), ["aes128-sha256-ecp256"]),
        Message("libreswan", .libreswan, [Array("OE-Libreswan-4.12".utf8)], ["aes256-sha256-modp2048"]),
        Message("SoftEther", .softEther, First.softEther, ["aes256-sha1-modp2048"]),
        Message("nothing but RFC 3947", .unknown, [First.rfc3947], ["aes256-sha256-modp2048"]),
        Message("nothing at all", .unknown, [], []),
    ]

    @Test(arguments: messages)
    func theFirstMessageShowsWhoItIs(_ message: Message) {
        let vendorIDs = VendorIDs(message.vendorIDs.map { $0[...] })
        #expect(Client(vendorIDs: vendorIDs, offer: FirstMessage.offer(message.offer)) == message.client)
        // Others' vendor ids among them, and another order, change nothing.
        let more = message.vendorIDs.reversed() + [[UInt8](repeating: 7, count: 16), [], [1]]
        #expect(VendorIDs(more.map { $0[...] }) == vendorIDs)
    }

    @Test func everyClientIsRecognisedBySomething() {
        #expect(Set(Self.messages.map(\.client)) == Set(Client.allCases))
    }

    static let texts: [(String, VendorIDs)] = [
        ("RFC 3947", .rfc3947), ("draft-ietf-ipsec-nat-t-ike", .draft), ("draft-ietf-ipsec-nat-t-ike-00", .draft00),
        ("draft-ietf-ipsec-nat-t-ike-02", .draft02), ("draft-ietf-ipsec-nat-t-ike-02\n", .draft02Newline),
        ("draft-ietf-ipsec-nat-t-ike-03", .draft03), ("draft-ietf-ipsec-nat-t-ike-04", .draft04To08),
        ("draft-ietf-ipsec-nat-t-ike-05", .draft04To08), ("draft-ietf-ipsec-nat-t-ike-06", .draft04To08),
        ("draft-ietf-ipsec-nat-t-ike-07", .draft04To08), ("draft-ietf-ipsec-nat-t-ike-08", .draft04To08),
        ("FRAGMENTATION", .fragmentation), ("MS NT5 ISAKMPOAKLEY", .microsoft),
        ("MS-Negotiation Discovery Capable", .negotiationDiscovery), ("Vid-Initial-Contact", .initialContact),
        ("IKE CGA version 1", .ikeCGA),
    ]

    @Test(arguments: texts)
    func mostVendorIDsAreTheHashOfAText(_ text: String, _ vendorID: VendorIDs) {
        let body = Hash.digest(.md5, Array(text.utf8))
        #expect(VendorIDs([body[...]]) == vendorID)
        #expect(VendorIDs([body.dropLast()]) == [])
        var spoilt = body
        spoilt[15] ^= 1
        #expect(VendorIDs([spoilt[...]]) == [])
        // A slice does not begin at 0.
        #expect(VendorIDs([([0, 0] + body).dropFirst(2)]) == vendorID)
        let isOpen = vendorID == .fragmentation || vendorID == .microsoft
        #expect(VendorIDs([(body + [9, 9, 9])[...]]) == (isOpen ? vendorID : []))
    }

    @Test func whatStandsBehindAVendorIDTellsTheVersion() {
        let versions = (0...12).map { VendorIDs([FirstMessage.microsoft($0)[...]]) }
        for (version, vendorIDs) in versions.enumerated() {
            #expect(vendorIDs.contains(.microsoft))
            #expect(vendorIDs.contains(.microsoftTo4) == (version <= 4))
            #expect(vendorIDs.contains(.microsoftFrom9) == (version >= 9))
        }
        #expect(VendorIDs([FirstMessage.capable[...]]) == .fragmentation)
        #expect(VendorIDs([FirstMessage.keyMods[...]]) == .keyMods)
        #expect(VendorIDs([FirstMessage.xauth[...]]) == .xauth)
        #expect(
            VendorIDs([FirstMessage.xauth[...], FirstMessage.deadPeerDetection[...]]) == [.xauth, .deadPeerDetection]
        )
        #expect(VendorIDs([Array("OE-Libreswan-".utf8)[...]]) == [])
        #expect(VendorIDs([Array("OE-Libreswan-5.2".utf8)[...]]) == .libreswan)
    }

    @Test func onlyOneClientIsTreatedInAWayThatHarmsOthers() {
        #expect(Client.allCases.filter(\.truncatesSHA256To96) == [.android6])
        // Its list to the last transform, or nothing.
        for index in FirstMessage.android6Offer.indices {
            var offer = FirstMessage.android6Offer
            offer.remove(at: index)
            let client = Client(
                vendorIDs: VendorIDs(FirstMessage.android.map { $0[...] }),
                offer: FirstMessage.offer(offer)
            )
            #expect(!client.truncatesSHA256To96)
        }
    }

    @Test func theEndpointKnowsWhomItTalksTo() throws {
        var rig = Rig()
        rig.peer.vendorIDs = FirstMessage.apple
        rig.peer.ikeOffer = ClientOffer.macOS
        let effects = try rig.toEstablished()
        #expect(rig.endpoint.snapshots.first?.client == .apple)
        let line = try #require(effects.events.first { $0.description.name == "phase1-established" }).description
        #expect(line.fields.contains(.init("client", "apple")))
    }

    /// Two peers that differ in vendor ids alone are two offers.
    @Test func theSameOfferOfAnotherClientIsAnother() throws {
        for (index, vendorIDs) in [FirstMessage.strongSwan, [FirstMessage.rfc3947]].enumerated() {
            var rig = Rig()
            for number in 1...2 {
                rig.peer = RawInitiator()
                rig.peer.cookieI = Cookie(rawValue: UInt64(number))
                rig.peer.vendorIDs = vendorIDs
                rig.peer.ikeOffer = ClientOffer.ike("aes256-sha256-ecp256")
                try rig.toEstablished()
            }
            let expected: Client = index == 0 ? .strongSwan : .unknown
            #expect(rig.endpoint.snapshots.map(\.client) == [expected, expected])
        }
    }
}
