// SPDX-License-Identifier: Apache-2.0
import Cryptography
import DataPlane
import IKE
import Primitives
import Testing

/// A gateway that replaces an IKE SA itself. Its peer answers with the responder's half of main mode, which
/// initiators written apart from it have tried.
struct MainModeInitiationTests {
    /// The gateway with an IKE SA that has a child, and the responder that the peer is too.
    struct Pair {
        var rig: Rig
        var peer: Endpoint
        let old: IKESAID
        let child: ChildSA
        /// Both ways, in the order sent.
        var messages: [Datagram] = []
        var effects: [Endpoint.Effect] = []

        init(
            natted: Bool = false,
            peerKey: String = "correct horse",
            offer: [IKETransform]? = nil,
            profile: Profile = .test(),
            key: String = "correct horse"
        ) throws {
            rig = natted ? .natted(.test(profile)) : Rig(.test(profile))
            rig.peer.preSharedKey = key
            if let offer { rig.peer.ikeOffer = offer }
            rig.peer.identity = IKEv1.IDPayload(client.address, protocolNumber: 17, port: 500)
            try rig.toEstablished()
            child = try rig.toChild()
            old = child.id.ike
            peer = .test(.test(key: peerKey, allowLegacy: profile.allowLegacy), seed: 77)
        }

        /// Carries datagrams to and fro until there are none left; `keep` says which arrive.
        mutating func run(_ first: [Endpoint.Effect], keep: (Int) -> Bool = { _ in true }) {
            effects += first
            var queue = first.datagrams
            for _ in 0..<64 where !queue.isEmpty {
                var next: [Datagram] = []
                for datagram in queue {
                    messages.append(datagram)
                    guard keep(messages.count) else { continue }
                    let isFromGateway = datagram.peer == rig.source
                    let turned = Datagram(
                        bytes: datagram.bytes,
                        port: datagram.port,
                        local: datagram.peer,
                        peer: datagram.local
                    )
                    if isFromGateway {
                        next += peer.receive(turned, at: rig.now).datagrams
                    } else {
                        let more = rig.endpoint.receive(turned, at: rig.now)
                        effects += more
                        next += more.datagrams
                    }
                }
                queue = next
            }
        }

        mutating func rekey(keep: (Int) -> Bool = { _ in true }) {
            run(rig.endpoint.startRekeying(old, at: rig.now), keep: keep)
        }

        var established: [Snapshot] { rig.endpoint.snapshots.filter { $0.state == "established" } }
    }

    @Test(arguments: [false, true])
    func replacesAnSAInSixMessages(natted: Bool) throws {
        var pair = try Pair(natted: natted)
        pair.rekey()
        #expect(pair.messages.count == 6)
        #expect(pair.rig.endpoint.counters.replacedByUs == 1)
        #expect(pair.rig.endpoint.counters.replacedByPeer == 0)
        #expect(pair.rig.endpoint.counters.retransmissions == 0)
        #expect(pair.effects.eventNames == ["phase1-established"])
        #expect(pair.established.count == 2)
        #expect(pair.peer.snapshots.map(\.state) == ["established"])
        #expect(pair.messages.allSatisfy { $0.port == (natted ? .natTraversal : .ike) })
    }

    @Test
    func legacyAlgorithmsAreCountedAgain() throws {
        var pair = try Pair(offer: ClientOffer.ike("aes256-sha1-modp1024"), profile: .test(allowLegacy: [.modp1024]))
        #expect(pair.rig.endpoint.counters.legacyAlgorithms == [.modp1024: 1])
        pair.rekey()
        #expect(pair.effects.eventNames == ["phase1-established", "legacy-algorithm"])
        #expect(pair.rig.endpoint.counters.legacyAlgorithms == [.modp1024: 2])
    }

    @Test
    func theOldSAEndsAfterAMomentAndItsChildStays() throws {
        var pair = try Pair()
        pair.rekey()
        let effects = pair.rig.wait(.seconds(5))
        #expect(effects.words == ["transmit", "[expired]"])
        #expect(pair.rig.endpoint.snapshots.map(\.state).sorted() == ["established", "retired"])
    }

    @Test(arguments: 1...6)
    func aLostMessageCostsARepetition(_ lost: Int) throws {
        var pair = try Pair()
        pair.rekey { $0 != lost }
        pair.run(pair.rig.wait(.seconds(2)))
        #expect(pair.established.count == 2)
        #expect(pair.effects.eventNames.contains("phase1-established"))
    }

    @Test
    func silenceEndsTheAttemptAndNotTheSA() throws {
        var pair = try Pair()
        pair.rekey { _ in false }
        for _ in 0..<15 { pair.run(pair.rig.wait(.seconds(2))) { _ in false } }
        #expect(pair.effects.eventNames == ["rekeying-failed"])
        #expect(pair.messages.count == 4)
        #expect(pair.rig.endpoint.counters.retransmissions == 3)
        #expect(pair.rig.endpoint.counters.replacedByUs == 0)
        #expect(pair.established.map(\.id) == [pair.old])
        #expect(pair.rig.endpoint.startRekeying(pair.old, at: pair.rig.now).datagrams.count == 1)
    }

    @Test
    func whoDoesNotKnowTheKeyTakesNothingOver() throws {
        var pair = try Pair(peerKey: "wrong horse")
        pair.rekey()
        for _ in 0..<15 { pair.run(pair.rig.wait(.seconds(2))) }
        #expect(pair.effects.eventNames == ["rekeying-failed"])
        #expect(pair.established.map(\.id) == [pair.old])
    }

    @Test
    func oneAttemptAtATime() throws {
        var pair = try Pair()
        #expect(pair.rig.endpoint.startRekeying(pair.old, at: pair.rig.now).datagrams.count == 1)
        #expect(pair.rig.endpoint.startRekeying(pair.old, at: pair.rig.now).isEmpty)
    }

    @Test
    func anSAThatHasASuccessorIsNotReplacedAgain() throws {
        var pair = try Pair()
        pair.rekey()
        #expect(pair.rig.endpoint.startRekeying(pair.old, at: pair.rig.now).isEmpty)
    }

    /// Whoever is struck from a profile stays until the IKE SA has ended, and no longer.
    @Test
    func whomTheProfileDoesNotNameAnyMoreIsNotRenewed() throws {
        for (identities, isRenewed) in [
            ([], true), (["198.51.100.7"], true), (["staff", "198.51.100.0/24"], true), (["staff"], false),
        ] as [([String], Bool)] {
            var pair = try Pair()
            var profile = Profile.test()
            profile.identities = identities.map { IdentityPattern($0) }
            #expect(pair.rig.endpoint.reconfigure(Configuration(profiles: [profile]), at: pair.rig.now).isEmpty)
            let effects = pair.rig.endpoint.startRekeying(pair.old, at: pair.rig.now)
            #expect(effects.words == [isRenewed ? "transmit" : "[rekeying-failed]"], "\(identities)")
            if !isRenewed {
                let message = try #require(effects.events.first).description.message
                #expect(message.hasSuffix(": its profile does not name the peer any more"))
            }
            #expect(pair.established.map(\.id) == [pair.old])
        }
    }

    @Test
    func brokenAnswersChangeNothing() throws {
        var pair = try Pair()
        let first = pair.rig.endpoint.startRekeying(pair.old, at: pair.rig.now)
        let request = try #require(first.datagrams.first)
        let turned = Datagram(bytes: request.bytes, port: .ike, local: client, peer: gateway)
        let answer = try #require(pair.peer.receive(turned, at: pair.rig.now).datagrams.first)
        for length in 0..<answer.bytes.count {
            let cut = Datagram(
                bytes: Array(answer.bytes.prefix(length)),
                port: .ike,
                local: gateway,
                peer: client
            )
            #expect(pair.rig.endpoint.receive(cut, at: pair.rig.now).datagrams.isEmpty)
        }
        for index in 28..<answer.bytes.count {
            var bytes = answer.bytes
            bytes[index] ^= 0xFF
            var copy = pair.rig.endpoint
            _ = copy.receive(Datagram(bytes: bytes, port: .ike, local: gateway, peer: client), at: pair.rig.now)
            #expect(copy.snapshots.contains { $0.id == pair.old })
        }
        pair.run(pair.rig.wait(.seconds(2)))
        #expect(pair.established.count == 2)
    }
}
