// SPDX-License-Identifier: Apache-2.0
import Cryptography
import DataPlane
import IKE
import Primitives
import Testing

struct ProposalTests {
    typealias Offer = (name: String, transforms: [IKETransform], legacy: Set<LegacyAlgorithm>, chosen: String?)

    static let offers: [Offer] = [
        ("Windows 10", ClientOffer.windows10, [], "aes256-sha1-ecp384"),
        ("macOS", ClientOffer.macOS, [], "aes256-sha256-modp2048"),
        ("Android 7.1.2", ClientOffer.android712, [], nil),
        ("Android 7.1.2, let in", ClientOffer.android712, [.modp1024], "aes256-sha256-modp1024"),
        (
            "Android 2.x, let in", ClientOffer.ike("3des-sha1-modp1024", "3des-md5-modp1024", "aes128-sha1-modp1024"),
            [.modp1024], "aes128-sha1-modp1024"
        ),
        ("strongSwan in NetworkManager", ClientOffer.strongSwanNM, [], "aes256-sha256-modp2048"),
        ("RouterOS", ClientOffer.routerOS, [], "aes128-sha1-modp2048"),
        ("RouterOS, everything let in", ClientOffer.routerOS, [.modp1024, .md5, .tripleDES], "aes128-sha1-modp2048"),
        ("weak only", ClientOffer.ike("3des-md5-modp1024"), [.modp1024, .md5], nil),
        (
            "weak only, let in", ClientOffer.ike("3des-md5-modp1024"), [.modp1024, .md5, .tripleDES],
            "3des-md5-modp1024"
        ),
        (
            "strong after weak", ClientOffer.ike("3des-sha1-modp2048", "aes128-sha1-modp2048"), [.tripleDES],
            "aes128-sha1-modp2048"
        ),
    ]

    static func payload(_ transforms: [IKETransform]) -> IKEv1.SAPayload {
        var peer = RawInitiator()
        peer.ikeOffer = transforms
        return peer.phaseOneOffer
    }

    @Test(arguments: offers.indices)
    func ourOrderOfPreferenceDecides(_ index: Int) {
        let offer = Self.offers[index]
        let acceptance = Acceptance(.test(allowLegacy: offer.legacy))
        let choice = try? IKEv1.choose(from: Self.payload(offer.transforms), acceptance)
        #expect(choice?.transform.description == offer.chosen, "\(offer.name)")
        if let choice {
            let answered = choice.answer.proposals[0].transforms
            #expect(answered.count == 1)
            #expect(offer.transforms[Int(answered[0].number) - 1] == choice.transform)
        }
    }

    static func mismatch(_ transforms: [IKETransform], legacy: Set<LegacyAlgorithm> = []) -> ProposalMismatch? {
        do throws(ProposalMismatch) {
            _ = try IKEv1.choose(from: payload(transforms), Acceptance(.test(allowLegacy: legacy)))
            return nil
        } catch {
            return error
        }
    }

    static func line(_ mismatch: ProposalMismatch, _ phase: Event.Phase = .one) -> EventDescription {
        Event(trace: nil, peer: client, kind: .noProposalChosen(phase, mismatch)).description
    }

    @Test func theLineNamesOfferAcceptanceAndTheMissingItem() throws {
        let mismatch = try #require(Self.mismatch(ClientOffer.ike("3des-md5-modp1024", "aes256-sha1-modp1024")))
        let line = Self.line(mismatch)
        #expect(
            line.message
                == """
                no common IKE proposal; offered: 3des-md5-modp1024, aes256-sha1-modp1024; \
                accepted: aes256|aes192|aes128-sha256|sha384|sha512|sha1-\
                ecp256|ecp384|ecp521|modp2048|modp3072|modp4096|modp1536; \
                closest: aes256-sha1-modp1024, which needs allow-legacy: [modp1024]
                """
        )
        #expect(line.remedy == "update the client; where that cannot be, put modp1024 into allow-legacy of the profile")
        #expect(line.name == "no-proposal-chosen")
    }

    @Test func aTransformThatIsOnlyNotListedIsSaidSo() throws {
        var profile = Profile.test()
        profile.ikeProposals = ClientOffer.ike("aes256-sha256-modp2048", "aes128-sha1-modp2048")
        do throws(ProposalMismatch) {
            _ = try IKEv1.choose(from: Self.payload(ClientOffer.ike("aes256-sha1-modp2048")), Acceptance(profile))
            Issue.record("chosen")
        } catch {
            #expect(error.missing == [.notListed(nearest: "aes256-sha256-modp2048")])
            #expect(Self.line(error).remedy == "add aes256-sha1-modp2048 to `proposals`")
        }
    }

    static func custom(_ attributes: [IKEv1.Attribute], id: UInt8 = 1) -> IKEv1.SAPayload {
        IKEv1.SAPayload(
            proposals: [
                IKEv1.Proposal(
                    number: 1,
                    protocolID: .isakmp,
                    spi: [],
                    transforms: [IKEv1.Transform(number: 1, id: id, attributes: attributes)]
                )
            ]
        )
    }

    static let base = [IKEv1.Attribute(1, 7), IKEv1.Attribute(2, 2), IKEv1.Attribute(3, 1), IKEv1.Attribute(4, 14)]

    @Test("B06: a key length that AES does not have is refused", arguments: [0, 1, 64, 127, 512, 65_535])
    func aKeyLengthThatIsNoneIsRefused(_ length: UInt16) {
        #expect(throws: ProposalMismatch.self) {
            try IKEv1.choose(from: Self.custom(Self.base + [IKEv1.Attribute(14, length)]), Acceptance(.test()))
        }
    }

    @Test("B06: without a key length AES means 128 bits") func withoutAKeyLengthAESMeans128() throws {
        let choice = try IKEv1.choose(from: Self.custom(Self.base), Acceptance(.test()))
        #expect(choice.transform.description == "aes128-sha1-modp2048")
        #expect(choice.answer == Self.custom(Self.base))
    }

    @Test("B06: an attribute that comes twice is refused", arguments: [14, 1, 2, 3, 4])
    func anAttributeThatComesTwiceIsRefused(_ type: UInt16) {
        let all = Self.base + [IKEv1.Attribute(14, 128)]
        let again = all.filter { $0.type == type }
        #expect(throws: ProposalMismatch.self) {
            try IKEv1.choose(from: Self.custom(all + again), Acceptance(.test()))
        }
    }

    @Test(arguments: [
        (IKEv1.Attribute(3, 3), "RSA signatures"), (IKEv1.Attribute(3, 65_001), "pre-shared key and XAuth"),
        (IKEv1.Attribute(1, 1), "has des, which is not implemented"), (IKEv1.Attribute(4, 1), "has modp768"),
        (IKEv1.Attribute(2, 3), "has tiger"), (IKEv1.Attribute(13, 1), "has attribute 13"),
    ])
    func whatIsNotImplementedIsNamed(_ attribute: IKEv1.Attribute, _ words: String) {
        let attributes = Self.base.map { $0.type == attribute.type ? attribute : $0 }
        do throws(ProposalMismatch) {
            _ = try IKEv1.choose(
                from: Self.custom(attributes.contains(attribute) ? attributes : attributes + [attribute]),
                Acceptance(.test())
            )
            Issue.record("chosen")
        } catch {
            #expect(Self.line(error).message.contains(words), "\(Self.line(error).message)")
        }
    }

    @Test func lifetimesAreReadInEitherForm() throws {
        let four = IKEv1.Attribute(type: 12, value: .variable([0, 1, 0x51, 0x80]))
        let day = try IKEv1.choose(
            from: Self.custom(Self.base + [IKEv1.Attribute(11, 1), four]),
            Acceptance(.test())
        )
        #expect(day.lifetime == .seconds(86_400))
        let hour = try IKEv1.choose(
            from: Self.custom(Self.base + [IKEv1.Attribute(11, 1), IKEv1.Attribute(12, 3600)]),
            Acceptance(.test())
        )
        #expect(hour.lifetime == .seconds(3600))
        let huge = IKEv1.Attribute(type: 12, value: .variable([UInt8](repeating: 0xFF, count: 8)))
        let clamped = try IKEv1.choose(
            from: Self.custom(Self.base + [IKEv1.Attribute(11, 1), huge]),
            Acceptance(.test())
        )
        #expect(clamped.lifetime == .seconds(1 << 31))
        #expect(try IKEv1.choose(from: Self.custom(Self.base), Acceptance(.test())).lifetime == .seconds(28_800))
    }

    @Test func anESPProposalInPhaseOneIsNotTaken() {
        var offer = Self.custom(Self.base)
        offer.proposals[0].protocolID = .esp
        #expect(throws: ProposalMismatch.self) { try IKEv1.choose(from: offer, Acceptance(.test())) }
    }
}

struct PhaseTwoProposalTests {
    static func transform(_ id: UInt8, _ attributes: (UInt16, UInt16)...) -> IKEv1.Transform {
        IKEv1.Transform(number: 1, id: id, attributes: attributes.map { IKEv1.Attribute($0.0, $0.1) })
    }

    static func proposal(
        _ number: UInt8,
        _ transforms: [IKEv1.Transform],
        protocolID: IKEv1.ProtocolID = .esp,
        spi: [UInt8] = [1, 2, 3, 4]
    ) -> IKEv1.Proposal {
        var transforms = transforms
        for index in transforms.indices { transforms[index].number = UInt8(index + 1) }
        return IKEv1.Proposal(number: number, protocolID: protocolID, spi: spi, transforms: transforms)
    }

    static let plain = IKEv1.PhaseTwoCircumstances(isNATPresent: false, isOnNATTraversalPort: false)
    static let natted = IKEv1.PhaseTwoCircumstances(isNATPresent: true, isOnNATTraversalPort: true)

    /// Windows: a proposal for each cipher, HMAC-SHA1, the last ones DES and NULL.
    static func windows(_ mode: UInt16) -> IKEv1.SAPayload {
        IKEv1.SAPayload(
            proposals: [
                proposal(1, [transform(12, (4, mode), (6, 256), (5, 2))]),
                proposal(2, [transform(12, (4, mode), (6, 128), (5, 2))]),
                proposal(3, [transform(3, (4, mode), (5, 2))]),
                proposal(4, [transform(2, (4, mode), (5, 2))]),
                proposal(5, [transform(11, (4, mode), (5, 2))]),
            ]
        )
    }

    /// macOS 11: one proposal, three ciphers with three hashes each.
    static func macOS(_ mode: UInt16) -> IKEv1.SAPayload {
        let integrities: [UInt16] = [5, 2, 1]
        return IKEv1.SAPayload(
            proposals: [
                proposal(
                    1,
                    integrities.map { transform(12, (4, mode), (6, 256), (5, $0)) }
                        + integrities.map { transform(12, (4, mode), (6, 128), (5, $0)) }
                        + integrities.map { transform(3, (4, mode), (5, $0)) }
                )
            ]
        )
    }

    /// Android 7.1.2: SHA-1 before SHA-2.
    static let android = IKEv1.SAPayload(
        proposals: [
            proposal(
                1,
                [7, 6, 2, 5, 1].map { transform(12, (4, 2), (6, 256), (5, $0)) }
                    + [7, 6, 2, 5, 1].map { transform(2, (4, 2), (5, $0)) }
            )
        ]
    )

    @Test func theOffersOfClientsAreAnswered() throws {
        let acceptance = Acceptance(.test())
        let windows = try IKEv1.choose(from: Self.windows(2), acceptance, Self.plain)
        #expect(windows.transform.description == "aes256-sha1")
        #expect(!windows.isEncapsulated)
        #expect(windows.answer.number == 1)
        let behindNAT = try IKEv1.choose(from: Self.windows(4), acceptance, Self.natted)
        #expect(behindNAT.isEncapsulated)
        let mac = try IKEv1.choose(from: Self.macOS(61444), acceptance, Self.natted)
        #expect(mac.transform.description == "aes256-sha256")
        #expect(mac.isEncapsulated)
        let android = try IKEv1.choose(from: Self.android, acceptance, Self.plain)
        #expect(android.transform.description == "aes256-sha256")
        #expect(android.answer.transforms[0].number == 4)
        let swan = IKEv1.SAPayload(
            proposals: [
                Self.proposal(0, [Self.transform(3, (4, 2), (5, 2))]),
                Self.proposal(1, [Self.transform(12, (4, 2), (6, 128), (5, 2))]),
                Self.proposal(2, [Self.transform(20, (4, 2), (6, 128))]),
            ]
        )
        #expect(try IKEv1.choose(from: swan, acceptance, Self.plain).transform.description == "aes128gcm16")
    }

    static func objections(
        _ proposals: [IKEv1.Proposal],
        _ circumstances: IKEv1.PhaseTwoCircumstances = plain,
        _ profile: Profile = .test()
    ) -> [Objection]? {
        do throws(ProposalMismatch) {
            _ = try IKEv1.choose(from: IKEv1.SAPayload(proposals: proposals), Acceptance(profile), circumstances)
            return nil
        } catch {
            return error.missing
        }
    }

    static let good = transform(12, (4, 2), (6, 256), (5, 5))

    @Test func everythingAgainstATransformHasItsName() {
        #expect(Self.objections([Self.proposal(1, [Self.good])]) == nil)
        #expect(
            Self.objections([Self.proposal(1, [Self.transform(12, (4, 1), (6, 256), (5, 5))])]) == [
                .encapsulationMode(1)
            ]
        )
        #expect(
            Self.objections([Self.proposal(1, [Self.transform(12, (4, 3), (6, 256), (5, 5))])], Self.natted) == [
                .encapsulationMode(3)
            ]
        )
        #expect(
            Self.objections([Self.proposal(1, [Self.transform(12, (4, 4), (6, 256), (5, 5))])]) == [
                .encapsulationWithoutNATTraversal
            ]
        )
        #expect(Self.objections([Self.proposal(1, [Self.transform(3, (4, 2), (5, 2))])]) == [.needsLegacy(.tripleDES)])
        #expect(
            Self.objections([Self.proposal(1, [Self.transform(12, (4, 2), (6, 128), (5, 1))])]) == [.needsLegacy(.md5)]
        )
        #expect(
            Self.objections([Self.proposal(1, [Self.transform(12, (4, 2), (6, 0), (5, 2))])]) == [.unknown("aes0-sha1")]
        )
        #expect(Self.objections([Self.proposal(1, [Self.transform(11, (4, 2), (5, 2))])]) == [.unknown("null-sha1")])
        #expect(Self.objections([Self.proposal(1, [Self.transform(23, (4, 2), (6, 128))])]) == [.unknown("aes128gmac")])
        #expect(Self.objections([Self.proposal(1, [Self.transform(12, (4, 2), (6, 128))])]) == [.unknown("aes128")])
        #expect(
            Self.objections([Self.proposal(1, [Self.transform(20, (4, 2), (6, 128), (5, 2))])]) == [
                .unknown("aes128gcm16-sha1")
            ]
        )
        #expect(
            Self.objections([Self.proposal(1, [Self.transform(12, (4, 2), (6, 256), (5, 5), (9, 1))])]) == [
                .unknown("attribute 9")
            ]
        )
        #expect(
            Self.objections([Self.proposal(1, [Self.transform(12, (4, 2), (6, 256), (5, 5), (3, 2))])]) == [
                .needsLegacy(.modp1024)
            ]
        )
        #expect(
            Self.objections([Self.proposal(1, [Self.transform(12, (4, 2), (6, 256), (5, 5), (3, 24))])]) == [
                .pfsGroup("modp2048s256")
            ]
        )
        #expect(Self.objections([Self.proposal(1, [Self.good], protocolID: .ah)]) == [.protocolID(.ah)])
        #expect(
            Self.objections([Self.proposal(1, [Self.good]), Self.proposal(1, [Self.good], protocolID: .ipcomp)]) == [
                .bundle
            ]
        )
        #expect(Self.objections([Self.proposal(1, [Self.good], spi: [])]) == [.unusableSPI(size: 0)])
        #expect(Self.objections([Self.proposal(1, [Self.good], spi: [0, 0, 0, 255])]) == [.unusableSPI(size: 4)])
    }

    @Test func theAlternativeBehindABundleIsTaken() throws {
        let offer = IKEv1.SAPayload(
            proposals: [
                Self.proposal(1, [Self.good]), Self.proposal(1, [Self.good], protocolID: .ipcomp),
                Self.proposal(2, [Self.transform(12, (4, 2), (6, 128), (5, 2))], spi: [9, 9, 9, 9]),
            ]
        )
        let choice = try IKEv1.choose(from: offer, Acceptance(.test()), Self.plain)
        #expect(choice.answer.number == 2)
        #expect(choice.peerSPI.rawValue == 0x0909_0909)
    }

    @Test func bothLifetimesAreRead() throws {
        let lifetimes = [
            IKEv1.Attribute(1, 1), IKEv1.Attribute(type: 2, value: .variable([0, 0, 0x0E, 0x10])),
            IKEv1.Attribute(1, 2), IKEv1.Attribute(type: 2, value: .variable([0, 3, 0xD0, 0x90])),
        ]
        var transform = Self.good
        transform.attributes = lifetimes + transform.attributes
        let choice = try IKEv1.choose(
            from: IKEv1.SAPayload(proposals: [Self.proposal(1, [transform])]),
            Acceptance(.test()),
            Self.plain
        )
        #expect(choice.lifetime == .seconds(3600))
        #expect(choice.lifetimeKilobytes == 250_000)
    }

    @Test func plainTransportBehindANATIsEncapsulatedOnPort4500Alone() throws {
        let offer = IKEv1.SAPayload(proposals: [Self.proposal(1, [Self.good])])
        #expect(try IKEv1.choose(from: offer, Acceptance(.test()), Self.natted).isEncapsulated)
        let onPort500 = IKEv1.PhaseTwoCircumstances(isNATPresent: true, isOnNATTraversalPort: false)
        #expect(try !IKEv1.choose(from: offer, Acceptance(.test()), onPort500).isEncapsulated)
    }

    @Test func tunnelModeIsExplained() {
        do throws(ProposalMismatch) {
            _ = try IKEv1.choose(
                from: IKEv1.SAPayload(
                    proposals: [Self.proposal(1, [Self.transform(12, (4, 1), (6, 256), (5, 5))])]),
                Acceptance(.test()),
                Self.plain
            )
        } catch {
            let line = ProposalTests.line(error, .two)
            #expect(line.message.contains("wants tunnel mode instead of transport mode"))
            #expect(line.remedy == "set the client to transport mode, as L2TP needs it")
        }
    }
}
