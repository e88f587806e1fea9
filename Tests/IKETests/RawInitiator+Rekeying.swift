// SPDX-License-Identifier: Apache-2.0
import Cryptography
import DataPlane
import IKE
import Primitives

/// The peer's side of a quick mode that the gateway began, message by message.
extension RawInitiator {
    struct Answered {
        let messageID: UInt32
        let spi: UInt32
        let chain: PayloadChain
        let nonceI: [UInt8]
        let nonceR: [UInt8]
        var iv: [UInt8]
        var bytes: [UInt8] = []

        /// SPI of the gateway.
        var gatewaySPI: [UInt8] {
            (try? IKEv1.SAPayload(chain.only(.securityAssociation)))?.proposals.first?.spi ?? []
        }
    }

    /// Reads message 1 of the gateway and answers it.
    ///
    /// - Parameter change: Spoils the payloads of the answer, hash not included.
    func answer(
        _ bytes: [UInt8],
        spi: UInt32 = 0x2000_0001,
        nonce: [UInt8]? = nil,
        _ change: (inout [Payload]) -> Void = { _ in }
    ) throws -> Answered {
        guard let cipher else { throw Rig.Unexpected(effects: []) }
        let (header, body) = try Self.split(bytes)
        guard header.exchange == .quickMode else { throw Rig.Unexpected(effects: ["no quick mode"]) }
        let opened = try IKEv1.open(header, body, with: cipher, iv: phaseTwoIV(header.messageID))
        let (hash, covered) = try opened.afterHash()
        guard hmacA().authenticate(Self.bytes(header.messageID), Array(covered)) == Array(hash) else {
            throw Rig.Unexpected(effects: ["wrong HASH(1)"])
        }
        let nonceI = Array(try opened.chain.only(.nonce))
        let nonceR = nonce ?? entropy.bytes(32)
        var sa = try IKEv1.SAPayload(opened.chain.only(.securityAssociation))
        sa.proposals[0].spi = Self.bytes(spi)
        var payloads = [Payload(.securityAssociation, sa), Payload(.nonce, nonceR)]
        if let group = pfs, let agreement = try? KeyAgreement(group) {
            payloads.append(Payload(.keyExchange, agreement.publicValue))
        }
        payloads += opened.chain.payloads.filter { $0.type == .identification }
        change(&payloads)
        let sealed = try IKEv1.seal(
            self.header(.quickMode, header.messageID),
            IKEv1.hashed(payloads, by: hmacA(), prefix: Self.bytes(header.messageID) + nonceI),
            with: cipher,
            iv: opened.nextIV
        )
        return Answered(
            messageID: header.messageID,
            spi: spi,
            chain: opened.chain,
            nonceI: nonceI,
            nonceR: nonceR,
            iv: sealed.nextIV,
            bytes: sealed.bytes
        )
    }

    /// Whether message 3 proves what it has to.
    func isProof(_ bytes: [UInt8], of answered: Answered) throws -> Bool {
        guard let cipher else { return false }
        let (header, body) = try Self.split(bytes)
        let opened = try IKEv1.open(header, body, with: cipher, iv: answered.iv)
        let expected = hmacA().authenticate(
            [0],
            Self.bytes(answered.messageID),
            answered.nonceI,
            answered.nonceR
        )
        return try Array(opened.chain.only(.hash)) == expected
    }

    /// The number in an R-U-THERE of the gateway; `nil` if it is something else.
    func question(_ bytes: [UInt8]) throws -> [UInt8]? {
        let chain = try openInformational(bytes)
        guard let body = try chain.atMostOne(.notification) else { return nil }
        let notification = try IKEv1.NotificationPayload(body)
        return notification.type == .areYouThere && notification.spi == cookies.bytes ? notification.data : nil
    }

    func alive(_ type: NotifyType, _ number: [UInt8], messageID: UInt32 = 0xA11E) throws -> [UInt8] {
        let notification = IKEv1.NotificationPayload(
            protocolID: .isakmp,
            spi: cookies.bytes,
            type: type,
            data: number
        )
        return try informational(Payload(.notification, notification), messageID: messageID)
    }
}

extension Rig {
    /// A peer that announces RFC 3706.
    static func probed(_ rig: Rig = Rig()) -> Rig {
        var rig = rig
        rig.peer.vendorIDs = [VendorID.rfc3947, VendorID.deadPeerDetection]
        rig.peer.ikeLifetime = 86_400
        return rig
    }

    /// To the next deadline that has effects.
    mutating func untilSomethingHappens(within limit: Duration = .seconds(86_400)) -> [Endpoint.Effect] {
        let end = now.advanced(by: limit)
        while let next = endpoint.nextDeadline, next <= end {
            now = max(now, next)
            let effects = endpoint.advance(to: now)
            if !effects.isEmpty { return effects }
        }
        now = end
        return []
    }

    /// Lets the gateway replace a child of its own accord.
    @discardableResult
    mutating func finishRekeying(
        _ effects: [Endpoint.Effect],
        spi: UInt32 = 0x2000_0001
    ) throws -> (child: ChildSA, proof: [Endpoint.Effect], answered: RawInitiator.Answered) {
        let answered = try peer.answer(Rig.reply(effects), spi: spi)
        let more = send(answered.bytes)
        guard let child = more.installs.first else { throw Unexpected(effects: more.words) }
        let proof = endpoint.inboundInstalled(child.id, outcome: .installed, at: now)
        guard try peer.isProof(Rig.reply(proof), of: answered) else { throw Unexpected(effects: proof.words) }
        return (child, proof, answered)
    }
}
