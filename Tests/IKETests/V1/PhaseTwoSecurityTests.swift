// SPDX-License-Identifier: Apache-2.0
import Cryptography
import DataPlane
import IKE
import Primitives
import Testing

/// Hostile input after phase 1 that has no better place; each case with its legitimate twin.
struct PhaseTwoSecurityTests {
    /// A copy of the offer, changed.
    private static func offer(_ change: (inout IKEv1.Proposal) -> Void) throws -> [Endpoint.Effect] {
        var rig = try QuickModeTests.established()
        var quick = rig.peer.newQuick()
        var payloads = rig.peer.quickPayloads(quick)
        var sa = rig.peer.phaseTwoOffer(spi: quick.spi)
        change(&sa.proposals[0])
        payloads[0] = Payload(.securityAssociation, sa)
        return rig.send(try rig.peer.quick1(&quick, payloads))
    }

    @Test("D03: AES-GMAC, NULL, a key of no length and unknown transforms are refused by name, AES is taken")
    func uselessTransformsAreRefused() throws {
        #expect(try Self.offer { _ in }.words == ["[phase2-chosen]", "installInbound"])
        for (id, keyLength) in [(23, 128), (11, nil), (12, 0), (12, 129), (99, 128), (0, nil)] as [(UInt8, UInt16?)] {
            let effects = try Self.offer { proposal in
                proposal.transforms[0].id = id
                proposal.transforms[0].attributes.removeAll { $0.type == 6 }
                if let keyLength { proposal.transforms[0].attributes.append(IKEv1.Attribute(6, keyLength)) }
            }
            #expect(effects.words == ["transmit", "[no-proposal-chosen]"], "\(id) \(String(describing: keyLength))")
        }
    }

    @Test("D05: protected messages for cookies that nobody has are dropped and counted, as is what has no SA at all")
    func unknownCookies() throws {
        var rig = try QuickModeTests.established()
        let right = try rig.peer.alive(.areYouThere, [0, 0, 0, 1])
        var foreign = right
        foreign[15] ^= 1
        #expect(rig.send(foreign).isEmpty)
        #expect(rig.endpoint.counters.unknownSA == 1)
        let short = rig.send(Array(foreign.prefix(27)))
        #expect(short.words == ["[malformed-message]"])
        #expect(short.events.first?.trace == nil && short.events.first?.description.message.isEmpty == false)
        #expect(rig.send(right).words == ["transmit"])
    }

    @Test("D07: Deletes whose sizes lie are refused, SPIs of another peer stay, the own one goes")
    func deletesThatLie() throws {
        var rig = try QuickModeTests.established()
        try rig.toChild()
        for (size, count, bytes) in [
            (4, 0xFFFF, [16, 0, 0, 1]), (0, 1, []), (0, 0xFFFF, []), (3, 1, [16, 0, 0]), (255, 1, [16, 0, 0, 1]),
            (4, 2, [16, 0, 0, 1]),
        ] as [(UInt8, UInt16, [UInt8])] {
            let body: [UInt8] = [0, 0, 0, 1, 3, size, UInt8(count >> 8), UInt8(count & 0xFF)] + bytes
            let words = rig.send(try rig.peer.informational(Payload(.delete, body))).words
            #expect(words.allSatisfy { $0 == "[malformed-message]" }, "\(size) × \(count)")
            #expect(rig.endpoint.snapshots.first?.children.count == 1)
        }
        var other = Rig(rig.endpoint)
        other.source = SocketAddress(.v4(0xCB00_7163), port: 500)
        other.peer.ownAddress = other.source
        other.peer.cookieI = Cookie(rawValue: 0xD07)
        try other.toEstablished()
        let delete = InformationalTests.delete(.esp, [RawInitiator.bytes(0x1000_0001)])
        #expect(other.send(try other.peer.informational(delete)).isEmpty)
        rig.endpoint = other.endpoint
        #expect(rig.send(try rig.peer.informational(delete)).words == ["remove", "[child-deleted-by-peer]"])
    }

    @Test("D11: unknown attributes and PFS groups that no profile has are refused, a group it has is taken")
    func strangeOffers() throws {
        for attribute in [
            IKEv1.Attribute(3, 1), IKEv1.Attribute(3, 22), IKEv1.Attribute(10, 1), IKEv1.Attribute(99, 1),
        ] {
            let effects = try Self.offer { $0.transforms[0].attributes.append(attribute) }
            #expect(effects.words == ["transmit", "[no-proposal-chosen]"])
        }
        var rig = try QuickModeTests.established()
        rig.peer.pfs = .ecp256
        try rig.toChild()
        // Another domain of interpretation cannot be read at all.
        var quick = rig.peer.newQuick(2, spi: 0x1000_0002)
        var payloads = rig.peer.quickPayloads(quick)
        var body = Array(payloads[0].body)
        body[3] = 2
        payloads[0] = Payload(.securityAssociation, body)
        #expect(rig.send(try rig.peer.quick1(&quick, payloads)).words == ["transmit", "[malformed-message]"])
    }
}
