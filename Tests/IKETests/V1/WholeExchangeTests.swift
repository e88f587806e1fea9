// SPDX-License-Identifier: Apache-2.0
import Cryptography
import DataPlane
import IKE
import Primitives
import Simulation
import Testing

/// Against an initiator that was written apart from the responder, key schedule included.
struct WholeExchangeTests {
    /// Carries messages until neither side has any left.
    struct Conversation {
        var endpoint: Endpoint
        var client: SimulatedIKEInitiator
        var now = start
        /// What the NAT makes of the client's two ports; the client's own without a NAT.
        var outer: [Datagram.Port: SocketAddress]
        var effects: [Endpoint.Effect] = []
        /// The child that the gateway installed last.
        var newest: ChildSA?
        /// Numbers of datagrams to lose, in both directions together.
        var lost: (Int) -> Bool = { _ in false }
        var carried = 0

        mutating func run(_ first: [SimulatedIKEInitiator.Outgoing]) {
            var queue = first
            while !queue.isEmpty {
                var next: [SimulatedIKEInitiator.Outgoing] = []
                for outgoing in queue {
                    carried += 1
                    guard !lost(carried), let from = outer[outgoing.port] else { continue }
                    let datagram = Datagram(
                        bytes: outgoing.bytes,
                        port: outgoing.port,
                        local: SocketAddress(gateway.address, port: outgoing.port == .ike ? 500 : 4500),
                        peer: from
                    )
                    next += perform(endpoint.receive(datagram, at: now))
                }
                queue = next
            }
        }

        mutating func perform(_ new: [Endpoint.Effect]) -> [SimulatedIKEInitiator.Outgoing] {
            effects += new
            newest = new.installs.last ?? newest
            var answers: [SimulatedIKEInitiator.Outgoing] = []
            for effect in new {
                switch effect {
                case .transmit(let datagram):
                    carried += 1
                    guard !lost(carried) else { continue }
                    answers += client.receive(datagram.bytes, on: datagram.port, at: now)
                case .installInbound(let child):
                    answers += perform(endpoint.inboundInstalled(child.id, outcome: .installed, at: now))
                case .installOutbound, .remove, .closed, .unanswered, .deletedByPeer, .moved, .report:
                    break
                }
            }
            return answers
        }

        /// The clock jumps to whoever waits least, until the client is up or nobody waits.
        mutating func settle(until end: MonotonicTime) {
            while client.state != .established,
                let next = [client.nextDeadline, endpoint.nextDeadline].compactMap({ $0 }).min(), next <= end
            {
                now = max(now, next)
                let out = client.advance(to: now)
                let more = perform(endpoint.advance(to: now))
                run(out + more)
            }
        }
    }

    static func conversation(
        ike: [IKETransform],
        esp: [ESPTransform],
        pfs: DiffieHellmanGroup? = nil,
        isNATted: Bool = false,
        key: String = "correct horse",
        allowLegacy: Set<LegacyAlgorithm> = []
    ) -> Conversation {
        let own = isNATted ? SocketAddress(.v4(0xC0A8_0105), port: 500) : client
        var settings = SimulatedIKEInitiator.Settings(
            preSharedKey: Array(key.utf8),
            ikeOffer: ike,
            espOffer: esp,
            ownAddress: own,
            gateway: gateway
        )
        settings.pfsGroup = pfs
        let outer: [Datagram.Port: SocketAddress] =
            isNATted
            ? [
                .ike: SocketAddress(client.address, port: 1024),
                .natTraversal: SocketAddress(client.address, port: 40_500),
            ] : [.ike: client, .natTraversal: SocketAddress(client.address, port: 4500)]
        return Conversation(
            endpoint: .test(.test(allowLegacy: allowLegacy)),
            client: SimulatedIKEInitiator(settings, entropy: SeededEntropy(seed: 9)),
            outer: outer
        )
    }

    @Test(arguments: [
        "aes256-sha256-modp2048", "aes192-sha384-modp1536", "aes128-sha512-ecp384", "aes256-sha1-ecp256",
        "aes256-sha1-ecp521", "aes256-sha256-modp3072", "3des-sha1-modp2048", "aes256-md5-modp1024",
    ])
    func everyPhaseOneTransformWorks(_ name: String) throws {
        let transform = try #require(IKETransform(name))
        var talk = Self.conversation(
            ike: [transform],
            esp: ClientOffer.esp("aes128-sha1"),
            allowLegacy: Set(LegacyAlgorithm.allCases)
        )
        talk.run(talk.client.start(at: start))
        #expect(talk.client.state == .established)
        #expect(talk.effects.eventNames.contains("legacy-algorithm") == !transform.legacyAlgorithms.isEmpty)
    }

    @Test(arguments: [
        "aes256gcm16", "aes192gcm16", "aes128gcm16", "aes256-sha256", "aes192-sha384", "aes128-sha512", "aes256-sha1",
        "3des-sha1", "3des-md5", "aes256-md5",
    ])
    func bothEndsHaveTheSameKeys(_ name: String) throws {
        let transform = try #require(ESPTransform(parsing: name))
        for pfs in [nil, DiffieHellmanGroup.ecp256, .modp2048] {
            var talk = Self.conversation(
                ike: ClientOffer.ike("aes256-sha256-ecp256"),
                esp: [transform],
                pfs: pfs,
                allowLegacy: Set(LegacyAlgorithm.allCases)
            )
            talk.run(talk.client.start(at: start))
            let theirs = try #require(talk.client.children.first)
            let ours = try #require(talk.effects.installs.first)
            #expect(ours.transform == transform)
            #expect(ours.id.inboundSPI == theirs.outboundSPI)
            #expect(ours.outboundSPI == theirs.inboundSPI)
            #expect(bytes(ours.inboundEncryptionKey) + bytes(ours.inboundIntegrityKey) == theirs.outboundKey)
            #expect(bytes(ours.outboundEncryptionKey) + bytes(ours.outboundIntegrityKey) == theirs.inboundKey)
        }
    }

    private func bytes(_ secret: SecretBytes?) -> [UInt8] {
        guard let secret else { return [] }
        var writer = ByteWriter()
        writer.append(secret)
        return writer.bytes
    }

    @Test func aClientBehindANATIsFollowedToPort4500() throws {
        var talk = Self.conversation(
            ike: ClientOffer.macOS,
            esp: ClientOffer.esp("aes256-sha256", "aes256-sha1"),
            isNATted: true
        )
        talk.run(talk.client.start(at: start))
        #expect(talk.client.state == .established)
        let child = try #require(talk.effects.installs.first)
        #expect(child.isEncapsulated)
        #expect(child.peer == SocketAddress(client.address, port: 40_500))
        #expect(child.local.port == 4500)
        #expect(child.peerTrafficPort == 1701)
        let snapshot = try #require(talk.endpoint.snapshots.first)
        #expect(snapshot.isPeerBehindNAT && !snapshot.isLocalBehindNAT)
        #expect(snapshot.peer.port == 40_500)
    }

    @Test func aDifferentKeyIsNamedOnce() {
        var talk = Self.conversation(
            ike: ClientOffer.ike("aes256-sha256-modp2048"),
            esp: ClientOffer.esp("aes256-sha256"),
            key: "another horse"
        )
        talk.run(talk.client.start(at: start))
        talk.settle(until: start.advanced(by: .seconds(60)))
        #expect(talk.client.state == .failed("AUTHENTICATION-FAILED"))
        #expect(talk.effects.eventNames.count { $0 == "authentication-failed" } == 1)
        #expect(talk.effects.installs.isEmpty)
        _ = talk.endpoint.advance(to: start.advanced(by: .seconds(60)))
        #expect(talk.endpoint.snapshots.isEmpty)
    }

    @Test(arguments: 1...12)
    func losingOneDatagramOnlyDelays(_ number: Int) {
        var talk = Self.conversation(
            ike: ClientOffer.ike("aes256-sha256-ecp256"),
            esp: ClientOffer.esp("aes256-sha256")
        )
        talk.lost = { $0 == number }
        talk.run(talk.client.start(at: start))
        talk.settle(until: start.advanced(by: .seconds(30)))
        // Message 3 of quick mode is the last: losing it shows at our end only, and our repetition mends it.
        let end = start.advanced(by: .seconds(30))
        while let next = talk.endpoint.nextDeadline, next <= end {
            talk.now = max(talk.now, next)
            let out = talk.perform(talk.endpoint.advance(to: talk.now))
            talk.run(out)
        }
        #expect(talk.client.state == .established)
        #expect(talk.effects.eventNames.count { $0 == "child-established" } == 1)
        #expect(talk.effects.installs.count == 1)
    }

    @Test func theClientsGoodbyeLeavesNothing() {
        var talk = Self.conversation(
            ike: ClientOffer.windows10,
            esp: ClientOffer.esp("aes256-sha1", "aes128-sha1", "3des-sha1")
        )
        talk.run(talk.client.start(at: start))
        talk.run(talk.client.close(at: start))
        #expect(
            talk.effects.words.suffix(4)
                == ["remove", "[child-deleted-by-peer]", "[deleted-by-peer]", "deletedByPeer"]
        )
        #expect(talk.endpoint.advance(to: start.advanced(by: .seconds(10))).words == ["closed"])
        #expect(talk.endpoint.snapshots.isEmpty)
        #expect(talk.endpoint.nextDeadline == nil)
    }

    @Test func ourGoodbyeIsUnderstood() {
        var talk = Self.conversation(
            ike: ClientOffer.strongSwanNM,
            esp: ClientOffer.esp("aes256-sha1", "aes128-sha1", "3des-sha1")
        )
        talk.run(talk.client.start(at: start))
        #expect(talk.client.children.count == 1)
        talk.run(talk.perform(talk.endpoint.closeAll(at: start)))
        #expect(talk.client.state == .closed)
        #expect(talk.endpoint.snapshots.isEmpty)
    }

    /// Until `end`, whatever state the client is in.
    private func play(_ talk: inout Conversation, for duration: Duration) {
        let end = talk.now.advanced(by: duration)
        while let next = [talk.client.nextDeadline, talk.endpoint.nextDeadline].compactMap({ $0 }).min(), next <= end {
            talk.now = max(talk.now, next)
            let out = talk.client.advance(to: talk.now)
            talk.run(out + talk.perform(talk.endpoint.advance(to: talk.now)))
            // Traffic goes under the client's newest child, which proves it should message 3 be lost.
            if let newest = talk.newest, newest.id.inboundSPI == talk.client.children.last?.outboundSPI {
                talk.effects += talk.endpoint.peerHasSpoken(under: newest.id)
            }
        }
        talk.now = end
    }

    private func haveSameKeys(_ talk: Conversation) throws -> Bool {
        let ours = try #require(talk.effects.installs.last)
        guard let theirs = talk.client.children.first(where: { $0.outboundSPI == ours.id.inboundSPI }) else {
            return false
        }
        return bytes(ours.inboundEncryptionKey) + bytes(ours.inboundIntegrityKey) == theirs.outboundKey
            && bytes(ours.outboundEncryptionKey) + bytes(ours.outboundIntegrityKey) == theirs.inboundKey
    }

    @Test(arguments: [nil, DiffieHellmanGroup.ecp256])
    func childrenOfOurOwnQuickModesHaveTheSameKeysAtBothEnds(_ pfs: DiffieHellmanGroup?) throws {
        for isNATted in [false, true] {
            var talk = Self.conversation(
                ike: ClientOffer.ike("aes256-sha256-ecp256"),
                esp: ClientOffer.esp("aes256gcm16", "aes256-sha256"),
                pfs: pfs,
                isNATted: isNATted
            )
            talk.run(talk.client.start(at: start))
            // The client asks for an hour, of the IKE SA for eight: seven times it is replaced in time.
            for number in 2...7 {
                play(&talk, for: .seconds(3590))
                #expect(talk.effects.installs.count == number)
                #expect(talk.client.children.count == 1)
                #expect(try haveSameKeys(talk))
            }
            #expect(!talk.effects.eventNames.contains("child-expired"))
        }
    }

    @Test func aClientThatReplacesItsChildrenKeepsOne() throws {
        var talk = Self.conversation(
            ike: ClientOffer.ike("aes256-sha256-ecp256"),
            esp: ClientOffer.esp("aes256-sha256")
        )
        talk.run(talk.client.start(at: start))
        for _ in 0..<20 {
            play(&talk, for: .seconds(600))
            talk.run(talk.client.rekeyChild(at: talk.now))
            play(&talk, for: .seconds(6))
            #expect(talk.endpoint.snapshots.first?.children.count == 1)
            #expect(try haveSameKeys(talk))
        }
    }

    @Test(arguments: [true, false])
    func aClientThatReplacesItsIKESAKeepsItsCall(_ withChild: Bool) throws {
        for isNATted in [false, true] {
            var talk = Self.conversation(
                ike: ClientOffer.ike("aes256-sha256-ecp256"),
                esp: ClientOffer.esp("aes256-sha256"),
                isNATted: isNATted
            )
            talk.run(talk.client.start(at: start))
            var last = try #require(talk.endpoint.snapshots.first?.id)
            for _ in 0..<5 {
                play(&talk, for: .seconds(60))
                talk.run(talk.client.rekeyIKE(withChild: withChild, at: talk.now))
                #expect(talk.client.state == .established)
                if withChild {
                    #expect(talk.effects.installs.last?.previousIKE == last)
                    last = try #require(talk.effects.installs.last?.id.ike)
                }
                play(&talk, for: .seconds(20))
            }
            #expect(talk.endpoint.snapshots.reduce(0) { $0 + $1.children.count } == 1)
            #expect(talk.endpoint.snapshots.count { $0.state == "established" } == 1)
            // What is left under the first one is replaced under the last.
            play(&talk, for: .seconds(3600))
            #expect(talk.endpoint.snapshots.count == 1)
            #expect(talk.endpoint.snapshots.first?.children.count == 1)
            #expect(try haveSameKeys(talk))
            #expect(!talk.effects.eventNames.contains("child-expired"))
        }
    }

    @Test func aClientThatDeletesBeforeItDialsAnewIsKnownAgain() throws {
        for contact in [false, true] {
            var talk = Self.conversation(
                ike: ClientOffer.ike("aes256-sha256-ecp256"),
                esp: ClientOffer.esp("aes256-sha256")
            )
            talk.client.settings.sendsInitialContact = contact
            talk.run(talk.client.start(at: start))
            let old = try #require(talk.endpoint.snapshots.first?.id)
            play(&talk, for: .seconds(60))
            let before = talk.effects.count
            talk.run(talk.client.deleteAndRekeyIKE(at: talk.now))
            let effects = Array(talk.effects[before...])
            #expect(effects.contains(.deletedByPeer(old)))
            #expect(effects.installs.last?.previousIKE == old)
            #expect(effects.words.last == "closed" || effects.contains(.closed(old)))
            #expect(talk.endpoint.snapshots.count == 1)
        }
    }

    /// Whatever is lost, both ends go on having a child in common, and neither collects any.
    @Test(arguments: [2, 3, 4])
    func aLossyDayLeavesAChildInCommon(_ seed: UInt64) throws {
        let chance = SeededEntropy(seed: seed)
        var talk = Self.conversation(
            ike: ClientOffer.ike("aes256-sha256-ecp256"),
            esp: ClientOffer.esp("aes256-sha256"),
            isNATted: seed.isMultiple(of: 2)
        )
        talk.client.settings.vendorIDs.append(SimulatedIKEInitiator.deadPeerDetection)
        talk.run(talk.client.start(at: start))
        talk.lost = { _ in chance.integer(in: 1...5) == 1 }
        for step in 1...144 {
            play(&talk, for: .seconds(600))
            if step.isMultiple(of: 40) { talk.run(talk.client.rekeyIKE(withChild: seed > 3, at: talk.now)) }
            if step.isMultiple(of: 7), seed.isMultiple(of: 3) { talk.run(talk.client.rekeyChild(at: talk.now)) }
            play(&talk, for: .seconds(40))
            guard talk.client.state == .established else {
                Issue.record("\(talk.client.state) in step \(step): \(talk.effects.words.suffix(20))")
                return
            }
            let ours = talk.endpoint.snapshots.flatMap(\.children)
            let common = ours.filter { child in
                talk.client.children.contains {
                    $0.outboundSPI == child.inboundSPI && $0.inboundSPI == child.outboundSPI
                }
            }
            #expect(!common.isEmpty, "step \(step): \(talk.effects.words.suffix(20))")
            #expect(ours.count <= 4, "step \(step)")
        }
    }

    @Test func bothEndsAskWhetherTheOtherIsThere() {
        var talk = Self.conversation(
            ike: ClientOffer.ike("aes256-sha256-ecp256"),
            esp: ClientOffer.esp("aes256-sha256")
        )
        talk.client.settings.vendorIDs.append(SimulatedIKEInitiator.deadPeerDetection)
        talk.run(talk.client.start(at: start))
        talk.run(talk.client.probe(at: talk.now))
        #expect(talk.client.answersHeard == 1)
        play(&talk, for: .seconds(3000))
        #expect(talk.client.probesAnswered == 50)
        talk.client.settings.answersProbes = false
        play(&talk, for: .seconds(300))
        #expect(talk.effects.eventNames.count { $0 == "dead-peer" } == 1)
        #expect(talk.endpoint.snapshots.isEmpty)
        // The gateway's best-effort goodbye was read.
        #expect(talk.client.state == .closed)
    }

    @Test func aNewQuickModeReplacesAChild() {
        var talk = Self.conversation(
            ike: ClientOffer.ike("aes256-sha256-ecp256"),
            esp: ClientOffer.esp("aes256-sha256")
        )
        talk.run(talk.client.start(at: start))
        talk.run(talk.client.startQuickMode(at: start))
        #expect(talk.client.children.count == 2)
        #expect(talk.endpoint.snapshots.first?.children.count == 2)
    }
}
