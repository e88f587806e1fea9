// SPDX-License-Identifier: Apache-2.0
import Cryptography
import DataPlane
import IKE
import Primitives
import Testing

/// Every byte of every message, changed and cut. Nothing traps, and nothing is installed that was not asked for.
struct MutationTests {
    static let masks: [UInt8] = [0x01, 0x80, 0xFF]

    /// - Parameter apply: Sends a message into a copy of the endpoint and returns what must not grow.
    private static func everyChange(of bytes: [UInt8], _ apply: ([UInt8]) throws -> Void) rethrows {
        for index in bytes.indices {
            for mask in masks {
                var changed = bytes
                changed[index] ^= mask
                try apply(changed)
            }
        }
        for length in 0..<bytes.count { try apply(Array(bytes.prefix(length))) }
    }

    /// The same, with the length in the header put right, so that cutting reaches the payloads.
    private static func withLength(_ bytes: [UInt8]) -> [UInt8] {
        guard bytes.count >= 28 else { return bytes }
        var bytes = bytes
        bytes.replaceSubrange(24..<28, with: RawInitiator.bytes(UInt32(bytes.count)))
        return bytes
    }

    @Test func message1() {
        var rig = Rig()
        rig.peer.ikeOffer = ClientOffer.windows10
        let bytes = rig.peer.message1()
        Self.everyChange(of: bytes) { changed in
            for message in [changed, Self.withLength(changed)] {
                var copy = rig
                let effects = copy.send(message)
                #expect(copy.endpoint.snapshots.count <= 1)
                #expect(effects.datagrams.allSatisfy { $0.bytes.count <= max(message.count, 40) })
                _ = copy.wait(.seconds(30))
                #expect(copy.endpoint.snapshots.isEmpty)
            }
        }
    }

    @Test func message3() throws {
        var rig = Rig()
        try rig.toMessage2()
        let bytes = try rig.peer.message3()
        Self.everyChange(of: bytes) { changed in
            for message in [changed, Self.withLength(changed)] {
                var copy = rig
                _ = copy.send(message)
                #expect(copy.endpoint.snapshots.count <= 2)
                _ = copy.wait(.seconds(30))
                #expect(copy.endpoint.snapshots.isEmpty)
            }
        }
    }

    /// Plaintext of an encrypted message with everything that a peer who knows the keys can do to it.
    private func seal(_ rig: Rig, _ header: ISAKMPHeader, _ plaintext: [UInt8], iv: [UInt8]) throws -> [UInt8] {
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

    @Test func message5AfterDecryption() throws {
        var rig = Rig()
        try rig.toMessage4()
        let plaintext = IKEv1.encoded(PayloadChain(rig.peer.message5Payloads))
        var header = rig.peer.header(.identityProtection)
        header.nextPayload = .identification
        var established = 0
        try Self.everyChange(of: plaintext) { changed in
            var copy = rig
            let effects = copy.send(try seal(rig, header, changed, iv: rig.peer.iv))
            #expect(effects.installs.isEmpty)
            if copy.state == "established" { established += 1 } else { #expect(copy.state == "refused") }
        }
        // RESERVED of two generic headers, in three ways each; everything else is covered by HASH_I.
        #expect(established == 6)
    }

    @Test func aggressive1() throws {
        var rig = Rig.aggressive()
        let bytes = try rig.peer.aggressive1()
        try Self.everyChange(of: bytes) { changed in
            for message in [changed, Self.withLength(changed)] {
                var copy = rig
                let effects = copy.send(message)
                #expect(copy.endpoint.snapshots.count <= 1)
                #expect(effects.datagrams.count <= 1)
                #expect(effects.datagrams.allSatisfy { $0.bytes.count <= 3 * message.count })
                // Whoever is let into a key agreement has a name that is known.
                if !effects.datagrams.isEmpty, message.count == bytes.count, message[0..<16] == bytes[0..<16] {
                    let chain = try RawInitiator.decode(message).chain
                    #expect(try IKEv1.IDPayload(chain.only(.identification)).data == Array("sales".utf8))
                }
                _ = copy.wait(.seconds(30))
                #expect(copy.endpoint.snapshots.isEmpty)
            }
        }
    }

    @Test func aggressive3InClear() throws {
        var rig = Rig.aggressive()
        try rig.toAggressive2()
        let bytes = try rig.peer.aggressive3(isEncrypted: false)
        let hash = bytes.suffix(32)
        Self.everyChange(of: bytes) { changed in
            for message in [changed, Self.withLength(changed)] {
                var copy = rig
                let effects = copy.send(message)
                #expect(effects.installs.isEmpty && copy.endpoint.snapshots.count <= 1)
                if copy.state == "established" { #expect(message.suffix(32) == hash) }
            }
        }
    }

    @Test func aggressive3AfterDecryption() throws {
        var rig = Rig.aggressive()
        try rig.toAggressive2()
        let plaintext = IKEv1.encoded(PayloadChain([rig.peer.aggressive3Hash]))
        var header = rig.peer.header(.aggressive)
        header.nextPayload = .hash
        var established = 0
        try Self.everyChange(of: plaintext) { changed in
            var copy = rig
            let effects = copy.send(try seal(rig, header, changed, iv: rig.peer.iv))
            #expect(effects.installs.isEmpty)
            if copy.state == "established" { established += 1 } else { #expect(copy.state == "refused") }
        }
        // RESERVED of the generic header, in three ways.
        #expect(established == 3)
    }

    @Test func message5BeforeDecryption() throws {
        var rig = Rig()
        try rig.toMessage4()
        let bytes = try rig.peer.message5()
        Self.everyChange(of: Array(bytes.dropFirst(28))) { changed in
            var copy = rig
            let message = Self.withLength(Array(bytes.prefix(28)) + changed)
            let effects = copy.send(message)
            #expect(effects.eventNames.allSatisfy { $0 == "authentication-failed" })
            #expect(copy.state == "refused")
        }
    }

    @Test func quickMode1AfterDecryption() throws {
        let rig = try QuickModeTests.established()
        let quick = rig.peer.newQuick()
        let body = IKEv1.encoded(PayloadChain(rig.peer.quickPayloads(quick)))
        var header = rig.peer.header(.quickMode, 1)
        header.nextPayload = .hash
        try Self.everyChange(of: body) { changed in
            // The peer knows the keys: the hash is right whatever it covers.
            let hash = rig.peer.hmacA().authenticate(RawInitiator.bytes(1), changed)
            let plaintext: [UInt8] = [1, 0, 0, UInt8(4 + hash.count)] + hash + changed
            var copy = rig
            let effects = copy.send(try seal(rig, header, plaintext, iv: rig.peer.phaseTwoIV(1)))
            #expect(effects.installs.count <= 1)
            for child in effects.installs {
                #expect(child.transform.description == "aes256-sha256")
                _ = copy.endpoint.inboundInstalled(child.id, outcome: .installed, at: copy.now)
            }
            let after = copy.wait(.seconds(30))
            #expect(after.words.count { $0 == "remove" } == effects.installs.count)
            #expect(copy.endpoint.snapshots.first?.children.isEmpty == true)
        }
    }

    @Test func quickMode3() throws {
        var rig = try QuickModeTests.established()
        let (quick, child, _) = try rig.toQuick2()
        let bytes = try rig.peer.quick3(quick)
        Self.everyChange(of: Array(bytes.dropFirst(28))) { changed in
            var copy = rig
            let effects = copy.send(Self.withLength(Array(bytes.prefix(28)) + changed))
            // A changed last block may be padding; whatever is not, the hash covers.
            if effects.contains(.installOutbound(child.id)) { #expect(changed.count == bytes.count - 28) }
        }
    }

    @Test func informationalAfterDecryption() throws {
        var rig = try QuickModeTests.established()
        try rig.toChild()
        let body = IKEv1.encoded(
            PayloadChain([
                InformationalTests.notify(.areYouThere, rig),
                InformationalTests.delete(.esp, [RawInitiator.bytes(0x1000_0001)]),
            ])
        )
        var header = rig.peer.header(.informational, 9)
        header.nextPayload = .hash
        try Self.everyChange(of: body) { changed in
            let hash = rig.peer.hmacA().authenticate(RawInitiator.bytes(9), changed)
            let plaintext: [UInt8] = [11, 0, 0, UInt8(4 + hash.count)] + hash + changed
            var copy = rig
            let effects = copy.send(try seal(rig, header, plaintext, iv: rig.peer.phaseTwoIV(9)))
            #expect(copy.endpoint.snapshots.count == 1)
            #expect(effects.datagrams.count <= 1)
        }
    }

    /// Random bytes behind a good header, in every state that has keys.
    @Test func noiseMakesNothing() throws {
        let noise = SeededEntropy(seed: 99)
        var rig = try QuickModeTests.established()
        try rig.toChild()
        let before = rig.endpoint.snapshots
        for exchange in [ExchangeType.identityProtection, .quickMode, .informational] {
            for count in 0..<200 {
                var header = rig.peer.header(exchange, noise.integer())
                header.flags = .encryption
                header.nextPayload = PayloadType(rawValue: noise.integer())
                header.length = UInt32(28 + count)
                var writer = ByteWriter()
                header.encode(into: &writer)
                _ = rig.send(writer.bytes + noise.bytes(count))
            }
        }
        #expect(rig.endpoint.snapshots == before)
    }
}
