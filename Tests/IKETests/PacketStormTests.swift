// SPDX-License-Identifier: Apache-2.0
import Cryptography
import DataPlane
import IKE
import Primitives
import Testing

/// Random and mutated packets in every state, `CULVERT_PACKETS` of them.
struct PacketStormTests {
    /// One packet after the other, the same for the same seed.
    struct Storm {
        let entropy: SeededEntropy
        /// What was sent in earnest once, header and all.
        var samples: [[UInt8]]

        func number(below limit: Int) -> Int { Int(entropy.integer(UInt32.self)) % max(1, limit) }

        /// - Parameter cookies: Of an SA that exists, so that some packets reach it.
        func packet(_ cookies: [[UInt8]]) -> [UInt8] {
            var bytes: [UInt8]
            switch number(below: 8) {
            case 0: return entropy.bytes(number(below: 200))
            case 1: bytes = header() + entropy.bytes(number(below: 400))
            default: bytes = samples[number(below: samples.count)]
            }
            for _ in 0..<number(below: 4) { mutate(&bytes) }
            if bytes.count >= 28 {
                if number(below: 4) > 0, !cookies.isEmpty {
                    bytes.replaceSubrange(0..<16, with: cookies[number(below: cookies.count)])
                }
                if number(below: 16) > 0 {
                    bytes.replaceSubrange(24..<28, with: RawInitiator.bytes(UInt32(bytes.count)))
                }
            }
            return bytes
        }

        private func header() -> [UInt8] {
            let exchanges: [UInt8] = [2, 2, 4, 5, 6, 32, 33]
            return entropy.bytes(8) + (number(below: 2) == 0 ? entropy.bytes(8) : Array(repeating: 0, count: 8))
                + [UInt8(number(below: 22)), 0x10, exchanges[number(below: exchanges.count)], entropy.integer()]
                + (number(below: 2) == 0 ? [0, 0, 0, 0] : entropy.bytes(4)) + [0, 0, 0, 0]
        }

        private func mutate(_ bytes: inout [UInt8]) {
            guard !bytes.isEmpty else { return }
            let place = number(below: bytes.count)
            switch number(below: 7) {
            case 0: bytes[place] ^= 1 << UInt8(number(below: 8))
            case 1: bytes[place] = [0, 1, 3, 4, 0x7F, 0x80, 0xFF][number(below: 7)]
            case 2: bytes.removeLast(bytes.count - place)
            case 3: bytes += entropy.bytes(number(below: 40))
            case 4: bytes.removeSubrange(place..<min(bytes.count, place + 1 + number(below: 8)))
            case 5: bytes.insert(contentsOf: entropy.bytes(1 + number(below: 8)), at: place)
            default:
                let other = samples[number(below: samples.count)]
                bytes = Array(bytes.prefix(place)) + other.dropFirst(min(place, other.count))
            }
        }
    }

    @Test("A11: random and mutated packets stop nothing, grow nothing and are not multiplied")
    func storm() throws {
        var count = 0
        var events = 0
        let wanted = packetCount(4_000)
        let conversation = try StateTableTests.Conversation()
        for (index, state) in conversation.states.enumerated() {
            var rig = state.rig
            let storm = Storm(entropy: SeededEntropy(seed: UInt64(index)), samples: try Self.samples())
            let cookies = [rig.peer.cookies.bytes, rig.peer.cookieI.bytes + [UInt8](repeating: 0, count: 8)]
            for _ in 0..<wanted / conversation.states.count + 1 {
                count += 1
                let bytes = storm.packet(cookies)
                rig.isOnNATTraversalPort = storm.number(below: 4) == 0
                if storm.number(below: 2) == 0 {
                    rig.source = SocketAddress(.v4(storm.entropy.integer()), port: storm.entropy.integer())
                } else {
                    rig.source = client
                }
                rig.now = rig.now.advanced(by: .microseconds(storm.number(below: 20_000)))
                let effects = rig.send(bytes) + rig.endpoint.advance(to: rig.now)
                events += effects.events.count
                for event in effects.events { #expect(event.description.message.utf8.count < 8_000) }
                let datagrams = effects.datagrams.filter { $0.peer == rig.source }
                #expect(datagrams.reduce(0) { $0 + $1.bytes.count } <= max(3 * bytes.count, 400))
                #expect(effects.installs.isEmpty)
            }
            let occupancy = rig.endpoint.occupancy
            #expect(occupancy.aggressive <= AggressiveAdmission.most)
            #expect(occupancy.halfOpen - occupancy.aggressive <= 100)
            #expect(occupancy.associations - occupancy.aggressive <= 100)
            #expect(occupancy.firstMessages <= IKEv1.FirstMessages.most)
            #expect(occupancy.untriedOffers <= IKEv1.Offers.mostUntried)
            var other = Rig(rig.endpoint)
            other.now = rig.now
            other.source = SocketAddress(.v4(0x0A01_0101), port: 500)
            other.peer.ownAddress = other.source
            other.peer.cookieI = Cookie(rawValue: 0xABCD)
            try other.toEstablished()
            try other.toChild()
        }
        print("\(count) packets, \(events) events")
    }

    /// What only somebody who knows the keys can send: a client gone mad.
    @Test("A11: random and mutated payloads under good keys stop nothing and grow nothing")
    func stormUnderKeys() throws {
        var count = 0
        let wanted = packetCount(2_000)
        for (index, exchange) in [ExchangeType.quickMode, .informational, .identityProtection].enumerated() {
            var rig = Rig()
            if exchange == .identityProtection {
                try rig.toMessage4()
            } else {
                rig.peer.ikeLifetime = 86_400
                try rig.toEstablished()
                try rig.toChild()
            }
            let quick = rig.peer.newQuick(9)
            let plain = [
                IKEv1.encoded(PayloadChain(rig.peer.quickPayloads(quick))),
                IKEv1.encoded(PayloadChain([InformationalTests.notify(.areYouThere, rig)])),
                IKEv1.encoded(PayloadChain([InformationalTests.delete(.esp, [RawInitiator.bytes(0x2000_0001)])])),
                IKEv1.encoded(PayloadChain(rig.peer.message5Payloads)),
            ]
            let first: [UInt8] = [1, 11, 12, 5]
            let storm = Storm(entropy: SeededEntropy(seed: UInt64(100 + index)), samples: plain)
            let fresh = rig
            for number in 0..<wanted / 3 + 1 {
                count += 1
                if rig.endpoint.snapshots.isEmpty || rig.state == "refused" { rig = fresh }
                let choice = exchange == .identityProtection ? 3 : storm.number(below: 3)
                var body = plain[choice]
                for _ in 0..<1 + storm.number(below: 3) {
                    let place = storm.number(below: body.count)
                    switch storm.number(below: 5) {
                    case 0: body[place] ^= 1 << UInt8(storm.number(below: 8))
                    case 1: body[place] = [0, 1, 3, 4, 0x7F, 0x80, 0xFF][storm.number(below: 7)]
                    case 2: body.removeLast(body.count - max(1, place))
                    case 3: body += storm.entropy.bytes(storm.number(below: 40))
                    default: body.insert(contentsOf: storm.entropy.bytes(4), at: place)
                    }
                }
                let messageID = UInt32(number + 10)
                var header = rig.peer.header(exchange, exchange == .identityProtection ? 0 : messageID)
                header.nextPayload = exchange == .identityProtection ? .identification : .hash
                var iv = rig.peer.iv
                var plaintext = body
                if exchange != .identityProtection {
                    let hash = rig.peer.hmacA().authenticate(RawInitiator.bytes(messageID), body)
                    plaintext = [first[choice], 0, 0, UInt8(4 + hash.count)] + hash + body
                    iv = rig.peer.phaseTwoIV(messageID)
                }
                let bytes = try Self.seal(rig, header, plaintext, iv)
                rig.now = rig.now.advanced(by: .milliseconds(50))
                let effects = rig.send(bytes)
                for child in effects.installs {
                    _ = rig.endpoint.inboundInstalled(child.id, outcome: .installed, at: rig.now)
                }
                _ = rig.endpoint.advance(to: rig.now)
                #expect(rig.endpoint.snapshots.count <= 1)
                #expect((rig.endpoint.snapshots.first?.children.count ?? 0) <= 8)
            }
        }
        print("\(count) packets under good keys")
    }

    private static func seal(_ rig: Rig, _ header: ISAKMPHeader, _ plaintext: [UInt8], _ iv: [UInt8]) throws -> [UInt8]
    {
        guard let cipher = rig.peer.cipher else { return [] }
        let padded = plaintext + Array(repeating: 0, count: (16 - plaintext.count % 16) % 16)
        let ciphertext = try cipher.encrypt(padded, iv: iv)
        var header = header
        header.flags = .encryption
        header.length = UInt32(28 + ciphertext.count)
        var writer = ByteWriter()
        header.encode(into: &writer)
        return writer.bytes + ciphertext
    }

    /// Every message of a whole conversation.
    private static func samples() throws -> [[UInt8]] {
        var rig = Rig.natted()
        rig.peer.ikeOffer = ClientOffer.macOS
        var samples = [rig.peer.message1()]
        try rig.toMessage2()
        samples.append(try rig.peer.message3())
        try rig.peer.receive4(Rig.reply(rig.send(samples[1])))
        samples.append(try rig.peer.message5())
        try rig.peer.receive6(Rig.reply(rig.send(samples[2])))
        var quick = rig.peer.newQuick()
        samples.append(try rig.peer.quick1(&quick))
        samples.append(try rig.peer.informational(InformationalTests.notify(.areYouThere, rig)))
        rig.peer = .group()
        samples.append(try rig.peer.aggressive1())
        var group = Rig.aggressive()
        try group.toAggressive2()
        samples.append(try group.peer.aggressive3(isEncrypted: false))
        samples.append(try group.peer.aggressive3())
        samples.append(
            Message(
                header: rig.peer.header(.informational, 3),
                payloads: [InformationalTests.notify(.initialContact, rig)]
            ).encode()
        )
        return samples
    }
}
