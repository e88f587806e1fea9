// SPDX-License-Identifier: Apache-2.0
import Cryptography
import DataPlane
import IKE
import Primitives
import Testing

struct EventTests {
    static let child = ESPSPI(rawValue: 0x1000).map { ChildSA.ID(ike: IKESAID(rawValue: 1), inboundSPI: $0) }

    static func all() throws -> [Event.Kind] {
        let child = try #require(Self.child)
        let ike = try #require(IKETransform("aes256-sha256-ecp256"))
        let esp = try #require(ESPTransform(parsing: "aes256-sha256"))
        let mismatch = ProposalMismatch(offered: [], accepted: [], closest: nil, missing: [])
        return [
            .started(profile: "p"),
            .phase1Established(
                profile: "p",
                identity: "i",
                transform: ike,
                nat: NATFinding(),
                client: .unknown,
                key: nil
            ),
            .proposalChosen(.one, offered: IKEv1.SAPayload(proposals: []), chosen: "c"),
            .aggressiveMode(.refused(identity: "i")), .aggressiveMode(.noKey(identity: "i", profile: "p")),
            .aggressiveMode(.overLimit(8)), .aggressiveMode(.overRate(1)),
            .identity(.refused(identity: "i", profile: "p")), .preSharedKeys(.overBudget),
            .fragmentation(.refused(.firstMessage)), .legacyGrant(.ended(LegacyGrant(.md5), profile: "p")),
            .childEstablished(child, outboundSPI: child.inboundSPI, transform: esp, isEncapsulated: true),
            .legacyAlgorithm([.md5], transform: "aes256-md5-modp2048"), .initialContact, .noProfile,
            .firstMessageRate(10), .halfOpenLimit(7), .halfOpenSourceLimit(7), .ikeSALimit(7),
            .noProposalChosen(.one, mismatch),
            .noProposalChosen(.two, mismatch),
            .authenticationFailed(.preSharedKeyDiffers, profile: "p"),
            .authenticationFailed(.addressOutsideProfile, profile: "p"), .invalidIdentity("r"),
            .authenticationDelay(.seconds(1)),
            .invalidKeyExchange("r"), .malformedMessage(.quickMode, .trailing(1)),
            .unexpectedMessage(.quickMode, "r"),
            .unsupportedExchange(.transaction), .unsupportedVersion(major: 2, minor: 0), .hashMismatch(.quickMode),
            .severalNegotiations(2), .tooManyExchanges(8), .tooManyChildren(8), .exchangeTimeout("s"),
            .installFailed(DataPlaneError(step: "NEWSA", code: 1)), .spiExhausted, .cryptographyFailed("r"),
            .peerNotification(.noProposalChosen), .deletedByPeer(ikeSA: true, children: 1),
            .childDeletedByPeer(child), .childExpired(child), .childReplaced(child), .childExhausted(child),
            .childVanished(child), .rekeyFailed(child, "r"), .expired(children: 0),
            .deadPeer(silence: .seconds(1), children: 0), .deadWithSuccessor, .replacedByPeer, .peerMoved(from: client),
            .closed, .preSharedKeys(.noneFits(tried: 3, profile: "p")), .preSharedKeys(.noneIsCurrent(profile: "p")),
            .natTraversal(.concealed(isEncapsulationForced: true)), .natTraversal(.shown(profile: "p")),
        ]
    }

    @Test func namesAreKebabCaseAndSentencesHaveNoPeriod() throws {
        for kind in try Self.all() {
            let description = Event(trace: nil, peer: client, kind: kind).description
            #expect(description.layer == .ike)
            #expect(description.name.allSatisfy { ("a"..."z").contains($0) || $0 == "-" || $0.isNumber }, "\(kind)")
            #expect(!description.message.isEmpty && !description.message.hasSuffix("."))
        }
    }

    /// Whoever is woken has to be told what to do.
    @Test func everyWarningHasARemedy() throws {
        for kind in try Self.all() {
            let description = Event(trace: nil, peer: client, kind: kind).description
            let needsRemedy = description.severity >= .warning && description.name != "too-many-exchanges"
            #expect(!needsRemedy || description.remedy != nil, "\(description.name)")
        }
    }

    @Test func nothingThatAPeerSendsStretchesTheLine() {
        let names = (0..<128).map { "aes\($0)-sha1-modp1024" }
        let mismatch = ProposalMismatch(
            offered: names,
            accepted: ["aes128-sha1-modp2048", "aes256-sha256-ecp256"],
            closest: names[0],
            missing: [.unknown("aes0")]
        )
        let line = Event(trace: nil, peer: client, kind: .noProposalChosen(.one, mismatch)).description.message
        #expect(line.count < 1500)
        #expect(line.contains("and 88 more"))
        #expect(line.contains("accepted: aes128-sha1-modp2048, aes256-sha256-ecp256;"))
    }

    @Test func keysAreNotPrinted() throws {
        var rig = try QuickModeTests.established()
        let child = try rig.toChild()
        #expect(!"\(child)".contains("UInt8"))
        #expect("\(child.inboundEncryptionKey)" == "<32 secret bytes>")
        #expect("\(Configuration(profiles: [.test()]))".contains("secret bytes"))
    }
}
