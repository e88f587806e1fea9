// SPDX-License-Identifier: Apache-2.0
import Cryptography
import DataPlane
import IKE
import Primitives
import Simulation
import Testing

/// What clients send, byte by byte where the bytes are known.
struct ClientVectorTests {
    /// All that a client says until its first child stands.
    private struct Talk {
        var client: SimulatedIKEInitiator
        var endpoint: Endpoint
        var sent: [SimulatedIKEInitiator.Outgoing] = []
        var chosen: [Event.Kind] = []

        init(_ vector: ClientVector, isNATted: Bool = false, allowLegacy: Set<LegacyAlgorithm> = []) {
            let own = isNATted ? SocketAddress(.v4(0xC0A8_0105), port: 500) : IKETests.client
            let settings = SimulatedIKEInitiator.Settings(
                vector,
                preSharedKey: Array("correct horse".utf8),
                ownAddress: own,
                gateway: gateway,
                ephemeralPort: 56_322
            )
            client = SimulatedIKEInitiator(settings, entropy: SeededEntropy(seed: 3))
            endpoint = .test(.test(allowLegacy: allowLegacy))
            var queue = client.start(at: IKETests.start)
            while !queue.isEmpty {
                sent += queue
                let datagrams = queue.map { outgoing in
                    Datagram(
                        bytes: outgoing.bytes,
                        port: outgoing.port,
                        local: SocketAddress(gateway.address, port: outgoing.port == .ike ? 500 : 4500),
                        peer: SocketAddress(
                            IKETests.client.address,
                            port: isNATted ? 40_000 : outgoing.port == .ike ? 500 : 4500
                        )
                    )
                }
                queue = []
                for datagram in datagrams {
                    queue += perform(endpoint.receive(datagram, at: IKETests.start))
                }
            }
        }

        private mutating func perform(_ effects: [Endpoint.Effect]) -> [SimulatedIKEInitiator.Outgoing] {
            var answers: [SimulatedIKEInitiator.Outgoing] = []
            chosen += effects.events.map(\.kind)
            for effect in effects {
                switch effect {
                case .transmit(let datagram):
                    answers += client.receive(datagram.bytes, on: datagram.port, at: IKETests.start)
                case .installInbound(let child):
                    answers += perform(endpoint.inboundInstalled(child.id, outcome: .installed, at: IKETests.start))
                case .installOutbound, .remove, .closed, .unanswered, .deletedByPeer, .moved, .report:
                    break
                }
            }
            return answers
        }

        /// Of message 1 of quick mode, without the marker of port 4500.
        var quickModeLength: Int? {
            sent.map { $0.port == .natTraversal ? Array($0.bytes.dropFirst(4)) : $0.bytes }
                .first { $0.count > 18 && $0[18] == ExchangeType.quickMode.rawValue }?.count
        }

        func firstMessage() throws -> Message {
            var reader = ByteReader(try #require(sent.first).bytes)
            return try Message(from: &reader)
        }
    }

    @Test func namesAreUniqueAndFound() {
        #expect(Set(ClientVector.all.map(\.name)).count == ClientVector.all.count)
        for vector in ClientVector.all { #expect(ClientVector.named(vector.name)?.title == vector.title) }
        #expect(ClientVector.named("windows95") == nil)
        #expect(ClientVector.all.count == 22)
    }

    @Test func whatIsInferredIsSaidInSentences() {
        for vector in ClientVector.all {
            #expect(!vector.inferred.isEmpty)
            for sentence in vector.inferred {
                #expect(sentence.hasSuffix("."), "\(vector.name): \(sentence)")
                #expect(sentence.first?.isUppercase == true, "\(vector.name): \(sentence)")
            }
        }
    }

    /// Sizes of logs.
    @Test func windows10IsAsLongAsItsLogsSay() throws {
        #expect(Talk(.windows10).sent.first?.bytes.count == 408)
        #expect(Talk(.windows10, isNATted: true).quickModeLength == 444)
        var required = ClientVector.windows10
        required.phase2.offer = WindowsOffer.encryptionRequired
        #expect(Talk(required).quickModeLength == 316)
    }

    @Test func windows10SaysWhatItsLogsSay() throws {
        let message = try Talk(.windows10).firstMessage()
        #expect(message.chain.payloads.map(\.type) == [.securityAssociation] + Array(repeating: .vendorID, count: 8))
        // DOI, situation, one proposal with five transforms; the first of them.
        let body = try message.chain.only(.securityAssociation)
        #expect(
            Array(body.prefix(56))
                == hex(
                    """
                    00000001 00000001 000000C8 01010005 03000028 01010000 80010007 800E0100 80020002 80040014 80030001
                    800B0001 000C0004 00007080
                    """.split(whereSeparator: \.isWhitespace).joined()
                )
        )
        let names = IKEv1.names(of: try IKEv1.SAPayload(body), .one)
        #expect(
            names == [
                "aes256-sha1-ecp384", "aes128-sha1-ecp256", "aes256-sha1-modp2048", "3des-sha1-modp2048",
                "3des-sha1-modp1024",
            ]
        )
    }

    @Test(arguments: [
        ("windows7", 7, false), ("windows10", 8, false), ("windows-xp", 4, false), ("macos", 12, true),
        ("macos-old", 12, true), ("ios", 12, true), ("android4", 6, true), ("chromeos", 5, true),
        ("networkmanager", 5, true), ("strongswan", 5, true), ("softether", 6, true),
    ])
    func vendorIDsAreAsManyAsInTheSources(_ name: String, _ count: Int, _ knowsDPD: Bool) throws {
        let vector = try #require(ClientVector.named(name))
        #expect(vector.phase1.vendorIDs.count == count)
        #expect(vector.phase1.vendorIDs.contains(SimulatedIKEInitiator.deadPeerDetection) == knowsDPD)
    }

    /// Those whose text is known are its MD5; what may follow it are four bytes.
    @Test func vendorIDsAreTheHashesOfTheirTexts() {
        let drafts = ["-00", "-02", "-02\n", "-03", "-04", "-05", "-06", "-07", "-08", ""]
        let texts =
            ["RFC 3947", "FRAGMENTATION", "MS NT5 ISAKMPOAKLEY", "MS-Negotiation Discovery Capable"]
            + ["Vid-Initial-Contact", "IKE CGA version 1"] + drafts.map { "draft-ietf-ipsec-nat-t-ike\($0)" }
        let hashes = texts.map { Hash.digest(.md5, Array($0.utf8)) }
        let fixed = [
            SimulatedIKEInitiator.deadPeerDetection, hex("09002689dfd6b712"), hex("01528bbbc00696121849ab9a1c5b2a51"),
        ]
        var seen: Set<[UInt8]> = []
        for id in Set(ClientVector.all.flatMap(\.phase1.vendorIDs)) {
            let known = (hashes + fixed).first { id.starts(with: $0) }
            #expect(known != nil, "\(id)")
            #expect([0, 4].contains(id.count - (known?.count ?? 0)))
            if let known { seen.insert(known) }
        }
        #expect(seen == Set(hashes + fixed))
    }

    @Test func applesVendorIDsComeInItsOrder() {
        let texts =
            ["RFC 3947"]
            + ["", "-08", "-07", "-06", "-05", "-04", "-03", "-02", "-02\n"].map {
                "draft-ietf-ipsec-nat-t-ike\($0)"
            }
        let hashes = texts.map { Hash.digest(.md5, Array($0.utf8)) }
        let rest = [hex("4048b7d56ebce88525e7de7f00d6c2d380000000"), SimulatedIKEInitiator.deadPeerDetection]
        #expect(ClientVector.macos.phase1.vendorIDs == hashes + rest)
    }

    /// Life type, life duration as a basic attribute, encryption, key length, authentication, hash, group.
    @Test func applesAttributesComeInItsOrder() throws {
        let transforms = try #require(ClientVector.macos.phase1.offers.first?.proposals.first).transforms
        #expect(transforms.count == 14)
        #expect(
            transforms[0].attributes == [
                .init(11, 1), .init(12, 3600), .init(1, 7), .init(14, 256), .init(3, 1), .init(2, 4), .init(4, 14),
            ]
        )
        #expect(
            transforms[13].attributes == [
                .init(11, 1), .init(12, 3600), .init(1, 5), .init(3, 1), .init(2, 1), .init(4, 2),
            ]
        )
    }

    static let offers: [(String, [String])] = [
        (
            "macos",
            [
                "aes256-sha256-modp2048", "aes256-sha1-modp2048", "aes256-md5-modp2048", "aes256-sha512-modp2048",
                "aes256-sha256-modp1536", "aes256-sha1-modp1536", "aes256-md5-modp1536", "aes256-sha256-modp1024",
                "aes256-sha1-modp1024", "aes256-md5-modp1024", "aes128-sha1-modp1024", "aes128-md5-modp1024",
                "3des-sha1-modp1024", "3des-md5-modp1024",
            ]
        ),
        (
            "macos-old",
            [
                "aes256-sha1-modp1024", "aes256-md5-modp1024", "aes128-sha1-modp1024", "aes128-md5-modp1024",
                "3des-sha1-modp1024", "3des-md5-modp1024",
            ]
        ),
        (
            "android2",
            [
                "3des-sha1-modp1024", "3des-md5-modp1024", "des-sha1-modp1024", "des-md5-modp1024",
                "aes128-sha1-modp1024", "aes128-md5-modp1024",
            ]
        ),
        (
            "android4",
            [
                "aes256-sha1-modp1024", "aes256-md5-modp1024", "aes128-sha1-modp1024", "aes128-md5-modp1024",
                "3des-sha1-modp1024", "3des-md5-modp1024", "des-sha1-modp1024", "des-md5-modp1024",
            ]
        ),
        (
            "android7",
            [
                "aes256-sha384-modp1024", "aes256-sha256-modp1024", "aes256-sha512-modp1024", "aes256-sha1-modp1024",
                "aes256-md5-modp1024", "aes128-sha512-modp1024", "aes128-sha384-modp1024", "aes128-sha256-modp1024",
                "aes128-sha1-modp1024", "aes128-md5-modp1024", "3des-sha256-modp1024", "3des-sha1-modp1024",
                "3des-md5-modp1024", "des-sha256-modp1024", "des-sha1-modp1024", "des-md5-modp1024",
            ]
        ),
        (
            "networkmanager",
            [
                "aes256-sha256-modp2048", "aes256-sha256-modp1536", "aes256-sha256-modp1024", "aes256-sha1-modp2048",
                "aes256-sha1-modp1536", "aes256-sha1-modp1024", "aes256-sha1-ecp384", "aes128-sha1-modp1024",
                "aes128-sha1-ecp256", "3des-sha1-modp2048", "3des-sha1-modp1024",
            ]
        ),
    ]

    @Test(arguments: offers)
    func phaseOneIsOfferedInTheOrderOfTheSource(_ name: String, _ transforms: [String]) throws {
        let vector = try #require(ClientVector.named(name))
        #expect(IKEv1.names(of: vector.phase1.offers[0], .one) == transforms)
    }

    @Test(arguments: [
        ("windows10", ["aes256-sha1", "aes128-sha1", "3des-sha1", "des-sha1", "null-sha1"]),
        ("windows7", ["aes128-sha1", "3des-sha1", "des-sha1"]),
        (
            "macos",
            [
                "aes256-sha256", "aes256-sha1", "aes256-md5", "aes128-sha256", "aes128-sha1", "aes128-md5",
                "3des-sha256", "3des-sha1", "3des-md5",
            ]
        ),
        ("macos-old", ["aes256-sha1", "aes256-md5", "aes128-sha1", "aes128-md5", "3des-sha1", "3des-md5"]),
        ("android2", ["3des-sha1", "3des-md5", "des-sha1", "des-md5", "aes128-sha1", "aes128-md5"]),
        ("chromeos", ["aes128gcm16", "aes128-sha256", "aes128-sha1", "3des-sha1", "3des-md5"]),
        ("networkmanager", ["aes256-sha1", "aes128-sha1", "3des-sha1"]),
        ("routeros", ["aes256-sha1", "aes192-sha1", "aes128-sha1"]),
    ])
    func phaseTwoIsOfferedInTheOrderOfTheSource(_ name: String, _ transforms: [String]) throws {
        let vector = try #require(ClientVector.named(name))
        let offer = vector.phase2.offer
        #expect(IKEv1.names(of: offer, .two) == transforms)
        #expect(offer.proposals.count == (name.hasPrefix("windows") ? transforms.count : 1))
        #expect(offer.proposals.map(\.number) == Array(1...UInt8(offer.proposals.count)))
    }

    /// Seconds and kilobytes, and how they are written.
    @Test(arguments: [
        ("windows10", 28_800, 3600, 250_000), ("macos", 3600, 3600, nil), ("android7", 28_800, 28_800, nil),
        ("routeros", 86_400, 1800, nil),
    ])
    func lifetimesAreThoseOfTheSource(
        _ name: String,
        _ phase1: UInt64,
        _ phase2: UInt64,
        _ kilobytes: UInt64?
    ) throws {
        let vector = try #require(ClientVector.named(name))
        for transform in vector.phase1.offers.flatMap(\.proposals).flatMap(\.transforms) {
            #expect(transform.attributes.first { $0.type == 12 }?.number == phase1)
        }
        for transform in vector.phase2.offer.proposals.flatMap(\.transforms) {
            let durations = transform.attributes.filter { $0.type == 2 }
            #expect(durations.map(\.number) == [phase2] + (kilobytes.map { [$0] } ?? []))
            for duration in durations {
                if case .variable(let bytes) = duration.value { #expect(bytes.count == 4) }
                if case .basic = duration.value { #expect(!name.hasPrefix("windows")) }
            }
        }
    }

    /// Apple with a group name: group 14 first, then group 2, nothing of group 5.
    @Test(arguments: ["macos-group", "ios-group"])
    func applesTwoTriesAreOfOneGroupEach(_ name: String) throws {
        let vector = try #require(ClientVector.named(name))
        let offers = vector.phase1.offers.map { IKEv1.names(of: $0, .one) }
        #expect(offers.map(\.count) == [4, 7])
        #expect(offers[0].allSatisfy { $0.hasSuffix("modp2048") })
        #expect(offers[1].allSatisfy { $0.hasSuffix("modp1024") })
        #expect(vector.phase1.identity == .keyID(Array("staff".utf8)))
    }

    /// Each of its offers: Apple's second try, too.
    @Test(arguments: ClientVector.all.map(\.name))
    func everyVectorIsRecognised(_ name: String) throws {
        let vector = try #require(ClientVector.named(name))
        let vendorIDs = VendorIDs(vector.phase1.vendorIDs.map { $0[...] })
        for offer in vector.phase1.offers {
            #expect(Client(vendorIDs: vendorIDs, offer: offer) == vector.client)
        }
    }

    /// XP knows draft 02 only, and its numbers.
    @Test func xpSpeaksTheDraftWithItsOwnNumbers() throws {
        let talk = Talk(.windowsXP, isNATted: true, allowLegacy: [.tripleDES])
        #expect(talk.client.isNATFound)
        #expect(talk.client.children.last?.encapsulation == 61_444)
        var reader = ByteReader(talk.sent[1].bytes)
        let message3 = try Message(from: &reader)
        #expect(message3.chain.all(.natDiscoveryDraft).count == 2)
        #expect(message3.chain.all(.natDiscovery).isEmpty)
    }
}
