// SPDX-License-Identifier: Apache-2.0
import Cryptography
import DataPlane
import IKE
import Primitives
import Testing

/// Who takes over from whom: others know the pre-shared key, others are behind the same NAT.
struct SuccessionSecurityTests {
    /// A victim behind a NAT with a child, and somebody who claims to be it.
    struct Scene {
        var rig: Rig
        var victim: RawInitiator
        var child: ChildSA
        let home: SocketAddress

        init(isAnswering: Bool = false, announced: Bool = false) throws {
            rig = Rig.natted()
            if announced { rig.peer.vendorIDs = [VendorID.rfc3947, VendorID.deadPeerDetection] }
            rig.peer.ikeLifetime = 86_400
            rig.peer.espLifetime = 28_800
            try rig.toEstablished()
            child = try rig.toChild()
            victim = rig.peer
            home = rig.source
        }

        /// The victim's identity once more, from `source`.
        ///
        /// - Parameter spoofing: Message 5 comes from the victim's own address and port.
        mutating func claim(
            from source: SocketAddress,
            spoofing: Bool = false,
            contact: Bool = false,
            announced: Bool = false
        ) throws {
            rig.peer = RawInitiator()
            rig.peer.cookieI = Cookie(rawValue: 0xBAD)
            rig.peer.ownAddress = victim.ownAddress
            rig.peer.encapsulation = 4
            rig.peer.ikeLifetime = 86_400
            rig.peer.espLifetime = 28_800
            if announced { rig.peer.vendorIDs = [VendorID.rfc3947, VendorID.deadPeerDetection] }
            rig.isOnNATTraversalPort = false
            rig.local.port = 500
            rig.source = SocketAddress(source.address, port: 1024)
            try rig.toMessage4()
            rig.source = spoofing ? home : source
            var payloads = rig.peer.message5Payloads
            if contact { payloads.append(InformationalTests.notify(.initialContact, rig)) }
            try rig.peer.receive6(Rig.reply(rig.send(try rig.peer.message5(payloads))))
        }

        /// The victim hangs up.
        mutating func hangUp() throws -> [Endpoint.Effect] {
            rig.source = home
            return rig.send(
                try victim.informational(InformationalTests.delete(.isakmp, [victim.cookies.bytes]))
            )
        }
    }

    static let neighbour = SocketAddress(client.address, port: 50_001)

    @Test func aClaimFromAnotherPortOfTheNATChangesNothing() throws {
        for contact in [false, true] {
            var scene = try Scene()
            try scene.claim(from: Self.neighbour, contact: contact)
            let forged = try scene.rig.toChild(9, spi: 0x1000_0009)
            #expect(forged.previousIKE == nil)
            #expect(scene.rig.endpoint.snapshot(of: scene.child.id.ike)?.state == "established")
            #expect(scene.rig.endpoint.snapshot(of: scene.child.id.ike)?.children.count == 1)
            // The victim's goodbye is one.
            #expect(try scene.hangUp().contains(.deletedByPeer(scene.child.id.ike)))
        }
    }

    @Test func aForgedMessage5SupersedesNobody() throws {
        for contact in [false, true] {
            var scene = try Scene(announced: true)
            try scene.claim(from: Self.neighbour, spoofing: true, contact: contact, announced: true)
            // Quick mode from there would need message 2, which goes to the victim.
            #expect(scene.rig.endpoint.snapshot(of: scene.child.id.ike)?.state == "established")
            let forged = try #require(scene.rig.endpoint.snapshots.last?.id)
            // The victim goes on: it answers, the forger does not.
            var effects: [Endpoint.Effect] = []
            for _ in 0..<40 {
                let more = scene.rig.untilSomethingHappens(within: .seconds(10))
                for datagram in more.datagrams {
                    let bytes = Array(datagram.bytes.dropFirst(4))
                    guard let number = try? scene.victim.question(bytes) else { continue }
                    _ = scene.rig.send(try scene.victim.alive(.areYouThereAck, number))
                }
                effects += more
            }
            #expect(effects.contains(.closed(forged)))
            #expect(!effects.contains(.closed(scene.child.id.ike)))
            #expect(scene.rig.endpoint.snapshot(of: scene.child.id.ike)?.children.count == 1)
            #expect(try scene.hangUp().contains(.deletedByPeer(scene.child.id.ike)))
        }
    }

    @Test func whatAForgerKeepsAliveEndsWithHim() throws {
        var scene = try Scene(announced: true)
        try scene.claim(from: Self.neighbour, spoofing: true, announced: true)
        // The victim hangs up, which looks like the end of a rekeying: whoever is said to be there is asked at once.
        let goodbye = try scene.hangUp()
        #expect(goodbye.words == ["[deleted-by-peer]", "transmit"])
        var all: [Endpoint.Effect] = []
        for _ in 0..<20 { all += scene.rig.untilSomethingHappens(within: .seconds(20)) }
        #expect(all.contains(.closed(scene.child.id.ike)))
        #expect(scene.rig.endpoint.snapshots.isEmpty)
        #expect(scene.rig.endpoint.nextDeadline == nil)
    }

    @Test func initialContactEndsTheFormerSAsAfterProof() throws {
        for inMessage5 in [true, false] {
            var scene = try Scene()
            try scene.claim(from: scene.home, contact: inMessage5)
            if !inMessage5 {
                let notice = InformationalTests.notify(.initialContact, scene.rig)
                _ = scene.rig.send(try scene.rig.peer.informational(notice))
            }
            #expect(scene.rig.endpoint.snapshots.count == 2)
            let (quick, child, before) = try scene.rig.toQuick2(9, spi: 0x1000_0009)
            #expect(child.previousIKE == nil)
            #expect(!before.contains(.closed(scene.child.id.ike)))
            let effects = scene.rig.send(try scene.rig.peer.quick3(quick))
            #expect(effects.contains(.closed(scene.child.id.ike)))
            // The peer is not told what it does not know.
            #expect(effects.datagrams.isEmpty)
            #expect(scene.rig.endpoint.snapshots.map(\.id) == [child.id.ike])
        }
    }

    @Test func initialContactAfterTheProofEndsThemAtOnce() throws {
        var scene = try Scene()
        try scene.claim(from: scene.home)
        let child = try scene.rig.toChild(9, spi: 0x1000_0009)
        #expect(child.previousIKE == scene.child.id.ike)
        let notice = InformationalTests.notify(.initialContact, scene.rig)
        let effects = scene.rig.send(try scene.rig.peer.informational(notice))
        #expect(effects.words == ["[initial-contact]", "[replaced-by-peer]", "closed"])
    }

    @Test func aSuccessorThatDiesOfSilenceTakesRetiredChildrenWithIt() throws {
        var scene = try Scene(announced: true)
        try scene.claim(from: scene.home, announced: true)
        let child = try scene.rig.toChild(9, spi: 0x1000_0009)
        #expect(try scene.hangUp().words == ["[deleted-by-peer]"])
        #expect(scene.rig.endpoint.snapshot(of: scene.child.id.ike)?.state == "retired")
        var all: [Endpoint.Effect] = []
        for _ in 0..<20 { all += scene.rig.untilSomethingHappens(within: .seconds(20)) }
        #expect(all.eventNames.contains("dead-with-successor"))
        #expect(all.contains(.closed(scene.child.id.ike)) && all.contains(.closed(child.id.ike)))
        #expect(scene.rig.endpoint.snapshots.isEmpty && scene.rig.endpoint.nextDeadline == nil)
    }

    @Test func aDeletedSALingersForTenSecondsAndEndsAtOnceWhenClosed() throws {
        var scene = try Scene()
        let id = scene.child.id.ike
        #expect(try scene.hangUp().words == ["[deleted-by-peer]", "remove", "deletedByPeer"])
        var closed = scene.rig
        #expect(closed.endpoint.close(id, at: closed.now) == [.closed(id)])
        #expect(closed.endpoint.snapshots.isEmpty)
        #expect(scene.rig.wait(.seconds(9)).isEmpty)
        #expect(scene.rig.wait(.seconds(1)) == [.closed(id)])
        // Whoever comes later is new.
        try scene.claim(from: scene.home)
        #expect(try scene.rig.toChild(9, spi: 0x1000_0009).previousIKE == nil)
    }

    @Test func whoDialsAnewInTimeIsHandedWhatWasThere() throws {
        var scene = try Scene()
        let id = scene.child.id.ike
        _ = try scene.hangUp()
        _ = scene.rig.wait(.seconds(8))
        try scene.claim(from: scene.home)
        _ = scene.rig.wait(.seconds(5))
        let (quick, child, _) = try scene.rig.toQuick2(9, spi: 0x1000_0009)
        #expect(child.previousIKE == id)
        #expect(scene.rig.send(try scene.rig.peer.quick3(quick)).contains(.closed(id)))
    }

    @Test func someoneElseInTimeIsNot() throws {
        var scene = try Scene()
        _ = try scene.hangUp()
        try scene.claim(from: Self.neighbour)
        #expect(try scene.rig.toChild(9, spi: 0x1000_0009).previousIKE == nil)
        #expect(scene.rig.wait(.seconds(10)).contains(.closed(scene.child.id.ike)))
    }

    /// Somebody moves an IKE SA of his own to where the victim is: ESP from a spoofed address is enough for that.
    @Test func whoMovesToTheVictimsPlaceEndsNothingThere() throws {
        var scene = try Scene()
        try scene.claim(from: Self.neighbour)
        let forged = try scene.rig.toChild(9, spi: 0x1000_0009)
        #expect(scene.rig.endpoint.peerHasMoved(forged.id, to: scene.home, at: scene.rig.now).words.contains("moved"))
        scene.rig.source = scene.home
        let notice = InformationalTests.notify(.initialContact, scene.rig)
        #expect(scene.rig.send(try scene.rig.peer.informational(notice)).words == ["[initial-contact]"])
        #expect(scene.rig.endpoint.snapshot(of: scene.child.id.ike)?.children.count == 1)
        #expect(scene.rig.endpoint.snapshot(of: scene.child.id.ike)?.state == "established")
    }

    /// A peer that replaces its IKE SA without a quick mode, and whose Delete is lost.
    @Test func anAnswerShowsWhichIKESAIsTheOneToAsk() throws {
        var scene = try Scene(announced: true)
        try scene.claim(from: scene.home, announced: true)
        var all: [Endpoint.Effect] = []
        for _ in 0..<60 {
            let more = scene.rig.untilSomethingHappens(within: .seconds(20))
            for datagram in more.datagrams {
                guard let number = try? scene.rig.peer.question(Array(datagram.bytes.dropFirst(4))) else { continue }
                all += scene.rig.send(try scene.rig.peer.alive(.areYouThereAck, number))
            }
            all += more
        }
        #expect(!all.contains(.closed(scene.child.id.ike)))
        #expect(scene.rig.endpoint.snapshot(of: scene.child.id.ike)?.children.count == 1)
    }
}
