// SPDX-License-Identifier: Apache-2.0
import Cryptography
import DataPlane
import IKE
import Primitives
import Testing

/// HMAC-SHA2-256 in ESP: one number on the wire, two lengths in kernels.
struct TruncationTests {
    static func rig(_ truncation: SHA256Truncation, isAndroid6: Bool) -> Rig {
        var profile = Profile.test(allowLegacy: [.modp1024])
        profile.sha256Truncation = truncation
        var rig = Rig(.test(profile))
        if isAndroid6 { rig.becomeAndroid6() }
        return rig
    }

    @Test(
        arguments: [
            (.byClient, true, .hmacSHA256_96), (.byClient, false, .hmacSHA256_128), (.bits96, true, .hmacSHA256_96),
            (.bits96, false, .hmacSHA256_96), (.bits128, true, .hmacSHA256_128), (.bits128, false, .hmacSHA256_128),
        ] as [(SHA256Truncation, Bool, ESPTransform.Integrity)]
    )
    func theProfileOrTheClientDecidesWhatIsInstalled(
        _ truncation: SHA256Truncation,
        _ isAndroid6: Bool,
        _ integrity: ESPTransform.Integrity
    ) throws {
        var rig = Self.rig(truncation, isAndroid6: isAndroid6)
        try rig.toEstablished()
        #expect(rig.endpoint.snapshots.first?.client == (isAndroid6 ? .android6 : .unknown))
        let (quick, child, effects) = try rig.toQuick2()
        let is96 = integrity == .hmacSHA256_96
        #expect(child.transform == ESPTransform(cipher: .aesCBC(keyBits: 256), integrity: integrity))
        #expect(child.inboundIntegrityKey?.count == 32)
        #expect(child.transform.icvLength == (is96 ? 12 : 16))
        let name = is96 ? "aes256-sha256_96" : "aes256-sha256"
        let chosen = try #require(effects.events.first { $0.description.name == "phase2-chosen" }).description
        #expect(chosen.fields == [.init("chosen", name), .init("offered", "aes256-sha256")])
        // What was offered is answered, and nothing about its length.
        let answered = try IKEv1.SAPayload(quick.chain.only(.securityAssociation))
        #expect(answered.proposals[0].transforms[0].attributes.contains(IKEv1.Attribute(5, 5)))
        _ = rig.send(try rig.peer.quick3(quick))
        #expect(rig.endpoint.snapshots.first?.children.map { "\($0.transform)" } == [name])
    }

    @Test func ourOwnQuickModesKeepTheLength() throws {
        for (truncation, expected) in [(SHA256Truncation.byClient, 12), (.bits128, 16)] {
            var rig = Self.rig(truncation, isAndroid6: true)
            rig.peer.ikeLifetime = 86_400
            try rig.toEstablished()
            let old = try rig.toChild()
            let offering = rig.endpoint.take(.softLimit, of: old.id, at: rig.now)
            let (new, _, answered) = try rig.finishRekeying(offering)
            #expect(new.transform == old.transform && new.transform.icvLength == expected)
            let offer = try IKEv1.SAPayload(answered.chain.only(.securityAssociation))
            #expect(offer.proposals[0].transforms[0].attributes.contains(IKEv1.Attribute(5, 5)))
            // And those after them.
            rig.now = rig.now.advanced(by: .seconds(60))
            let again = rig.endpoint.take(.softLimit, of: new.id, at: rig.now)
            let (third, _, _) = try rig.finishRekeying(again, spi: 0x2000_0002)
            #expect(third.transform == old.transform)
        }
    }

    /// The peer's next IKE SA looks like somebody else's: what its kernel does has not changed by that.
    @Test func aChildUnderTheNextIKESAKeepsTheLength() throws {
        var rig = Self.rig(.byClient, isAndroid6: true)
        rig.peer.ikeLifetime = 86_400
        try rig.toEstablished()
        let old = try rig.toChild()
        let first = rig.peer
        rig.peer = RawInitiator()
        rig.peer.ikeLifetime = 86_400
        rig.peer.cookieI = Cookie(rawValue: 0x7777)
        try rig.toEstablished()
        let delete = InformationalTests.delete(.isakmp, [first.cookies.bytes])
        _ = rig.send(try first.informational(delete))
        let offering = rig.endpoint.take(.softLimit, of: old.id, at: rig.now)
        let (new, _, _) = try rig.finishRekeying(offering)
        #expect(new.id.ike != old.id.ike)
        #expect(rig.endpoint.snapshot(of: new.id.ike)?.client == .unknown)
        #expect(new.transform == old.transform && new.transform.integrity == .hmacSHA256_96)
    }

    @Test func bothLengthsHaveTheSameRank() throws {
        var profile = Profile.test()
        profile.espProposals = ClientOffer.esp("aes256-sha1", "aes256-sha256_96", "aes128-sha256")
        for truncation in SHA256Truncation.allCases {
            profile.sha256Truncation = truncation
            let acceptance = Acceptance(profile).applied(to: .android6)
            for name in ["aes256-sha256", "aes256-sha256_96"] {
                #expect(acceptance.rank(of: try #require(ESPTransform(parsing: name))) == 1)
            }
            #expect(acceptance.acceptedESP.map(\.description) == ["aes256-sha1", "aes256-sha256", "aes128-sha256"])
        }
    }

    @Test func onlyOneAlgorithmHasTwoLengths() {
        for transform in Profile.l2tpClientsESP where transform.integrity != .hmacSHA256_128 {
            #expect(transform.truncatingSHA256(to96: true) == transform)
            #expect(transform.truncatingSHA256(to96: false) == transform)
        }
    }

    /// No client is refused for what it does about perfect forward secrecy.
    @Test(arguments: [nil] + Profile.l2tpClientsPFS.map(Optional.some))
    func everyGroupOrNoneWillDo(_ group: DiffieHellmanGroup?) throws {
        var rig = Self.rig(.byClient, isAndroid6: false)
        rig.peer.pfs = group
        try rig.toEstablished()
        let (quick, _, effects) = try rig.toQuick2()
        let name = group.map { "aes256-sha256-\($0.operatorName)" } ?? "aes256-sha256"
        let chosen = try #require(effects.events.first { $0.description.name == "phase2-chosen" }).description
        #expect(chosen.fields.first == .init("chosen", name))
        #expect(rig.send(try rig.peer.quick3(quick)).eventNames.first == "child-established")
    }
}

extension Rig {
    mutating func becomeAndroid6() {
        peer.vendorIDs = FirstMessage.android
        // DES, which is offered too, stands at the end and is never chosen.
        let known = FirstMessage.android6Offer.compactMap { IKETransform($0) }
        peer.ikeOffer = known + [IKETransform](repeating: known[0], count: 3)
        peer.offersDES = true
    }
}
