// SPDX-License-Identifier: Apache-2.0
internal import Cryptography
package import IKE
internal import Primitives

/// Puts any bytes at all under the keys of a simulated initiator: properly hashed, properly encrypted. What a peer that
/// knows the pre-shared key can do.
package struct Forger {
    private struct Exchange {
        var iv: [UInt8]
        var nonceI: [UInt8]
        var nonceR: [UInt8]?
    }

    private let initiator: SimulatedIKEInitiator
    private let keys: Phase1Keys
    private var quickModes: [UInt32: Exchange] = [:]

    /// - Returns: `nil` before the initiator has seen main mode's fourth message.
    package init?(_ initiator: SimulatedIKEInitiator) {
        guard let keys = initiator.keys else { return nil }
        self.initiator = initiator
        self.keys = keys
    }

    /// Main mode's fifth message with this identity, and `payloads` after the right HASH_I.
    package func identity(_ identity: [UInt8], followedBy payloads: [UInt8], first: UInt8) -> [UInt8] {
        guard let agreement = initiator.keyAgreement else { return [] }
        let hash = keys.skeyid.authenticate(
            agreement.publicValue,
            initiator.publicR,
            initiator.cookieI.bytes,
            initiator.cookieR.bytes,
            initiator.saBody,
            identity
        )
        let body =
            Self.payload(next: 8, identity) + Self.payload(next: first, hash) + payloads
        var iv = Array(Hash.digest(keys.hash, agreement.publicValue, initiator.publicR).prefix(keys.cipher.blockLength))
        return seal(body, first: 5, exchange: .identityProtection, messageID: 0, iv: &iv)
    }

    /// A first message of any exchange after main mode: HASH(1), then `payloads`.
    package mutating func first(
        of exchange: ExchangeType,
        messageID: UInt32,
        payloads: [UInt8],
        first: UInt8
    ) -> [UInt8] {
        let hash = keys.skeyidA.authenticate(SimulatedIKEInitiator.bytes(messageID), payloads)
        var iv = keys.initialVector(messageID: messageID)
        let body = Self.payload(next: first, hash) + payloads
        let sealed = seal(body, first: 8, exchange: exchange, messageID: messageID, iv: &iv)
        var reader = ByteReader(payloads)
        let chain = try? PayloadChain(first: PayloadType(rawValue: first), from: &reader)
        let nonce = chain.flatMap { try? $0.only(.nonce) }.map { Array($0) } ?? []
        if exchange == .quickMode { quickModes[messageID] = Exchange(iv: iv, nonceI: nonce) }
        return sealed
    }

    /// Reads quick mode's second message.
    package mutating func receive(_ bytes: [UInt8]) {
        var reader = ByteReader(bytes)
        guard let header = try? ISAKMPHeader(from: &reader), header.exchange == .quickMode,
            var exchange = quickModes[header.messageID], let message = keys.decrypt(bytes, iv: &exchange.iv)
        else { return }
        exchange.nonceR = (try? message.chain.only(.nonce)).map { Array($0) }
        quickModes[header.messageID] = exchange
    }

    /// Quick mode's third message: HASH(3), then `payloads`. Empty if there was no second one.
    package mutating func third(messageID: UInt32, payloads: [UInt8], first: UInt8) -> [UInt8] {
        guard var exchange = quickModes[messageID], let nonceR = exchange.nonceR else { return [] }
        let hash = keys.skeyidA.authenticate(
            [0],
            SimulatedIKEInitiator.bytes(messageID),
            exchange.nonceI,
            nonceR
        )
        let body = Self.payload(next: first, hash) + payloads
        let sealed = seal(body, first: 8, exchange: .quickMode, messageID: messageID, iv: &exchange.iv)
        quickModes[messageID] = exchange
        return sealed
    }

    private static func payload(next: UInt8, _ body: [UInt8]) -> [UInt8] {
        var writer = ByteWriter()
        writer.integer(next)
        writer.integer(UInt8(0))
        writer.integer(UInt16(truncatingIfNeeded: body.count + 4))
        writer.append(body)
        return writer.bytes
    }

    private func seal(
        _ body: [UInt8],
        first: UInt8,
        exchange: ExchangeType,
        messageID: UInt32,
        iv: inout [UInt8]
    ) -> [UInt8] {
        var padded = body
        while padded.count % keys.cipher.blockLength != 0 { padded.append(0) }
        guard let sealed = try? keys.cipher.encrypt(padded, key: keys.key, iv: iv) else { return [] }
        iv = Array(sealed.suffix(keys.cipher.blockLength))
        let header = ISAKMPHeader(
            initiatorCookie: initiator.cookieI,
            responderCookie: initiator.cookieR,
            nextPayload: PayloadType(rawValue: first),
            exchange: exchange,
            flags: .encryption,
            messageID: messageID,
            length: UInt32(ISAKMPHeader.encodedLength + sealed.count)
        )
        var writer = ByteWriter()
        header.encode(into: &writer)
        writer.append(sealed)
        return writer.bytes
    }
}
