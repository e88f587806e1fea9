// SPDX-License-Identifier: Apache-2.0
import Cryptography
import DataPlane
import IKE
import Primitives

/// The initiator's end of an exchange message by message, so that each can be spoilt. What is right about
/// the key schedule is for `SimulatedIKEInitiator` to say, which has its own.
struct RawInitiator {
    var preSharedKey = "correct horse"
    var ikeOffer: [IKETransform] = ClientOffer.ike("aes256-sha256-ecp256")
    var espOffer: [ESPTransform] = ClientOffer.esp("aes256-sha256")
    /// One of them is unknown, as everywhere; dead peer detection has to be asked for.
    var vendorIDs: [[UInt8]] = [VendorID.rfc3947, [UInt8](repeating: 0x42, count: 16)]
    var identity: IKEv1.IDPayload = IKEv1.IDPayload(.v4(0xC0A8_0105), protocolNumber: 17, port: 500)
    /// Where the peer believes to be, and whom it believes to talk to.
    var ownAddress = client
    var gatewayAddress = gateway
    var ikeLifetime: UInt32 = 3600
    var espLifetime: UInt32 = 3600
    var encapsulation: UInt16 = 2
    var pfs: DiffieHellmanGroup?
    /// The last three of ``ikeOffer`` stand for DES with SHA2-256, SHA1 and MD5, as Android offers them.
    var offersDES = false
    var entropy: any EntropySource = SeededEntropy(seed: 77)

    var cookieI = Cookie(rawValue: 0x0102_0304_0506_0708)
    var cookieR = Cookie.zero
    var saBody: [UInt8] = []
    var nonceI: [UInt8] = []
    var agreement: KeyAgreement?
    var publicR: [UInt8] = []
    var keys: IKEv1.PhaseOneKeys?
    var iv: [UInt8] = []
    var transform: IKETransform?

    var cookies: IKEv1.CookiePair { IKEv1.CookiePair(initiator: cookieI, responder: cookieR) }
    var cipher: CBCContext? {
        guard let keys, let transform else { return nil }
        return try? CBCContext(Self.blockCipher(transform), key: keys.encryptionKey)
    }

    static func blockCipher(_ transform: IKETransform) -> BlockCipher {
        switch transform.cipher {
        case .aesCBC(let bits): bits == 256 ? .aes256CBC : bits == 192 ? .aes192CBC : .aes128CBC
        case .tripleDESCBC: .tripleDESCBC
        }
    }

    func header(_ exchange: ExchangeType, _ messageID: UInt32 = 0) -> ISAKMPHeader {
        ISAKMPHeader(
            initiatorCookie: cookieI,
            responderCookie: cookieR,
            exchange: exchange,
            messageID: messageID
        )
    }

    // Main mode.

    static func wire(_ transform: IKETransform, number: Int, lifetime: UInt32) -> IKEv1.Transform {
        var attributes: [IKEv1.Attribute] = []
        switch transform.cipher {
        case .aesCBC(let bits):
            attributes += [IKEv1.Attribute(1, 7), IKEv1.Attribute(14, UInt16(bits))]
        case .tripleDESCBC:
            attributes.append(IKEv1.Attribute(1, 5))
        }
        let hash: UInt16 =
            switch transform.hash {
            case .md5: 1
            case .sha1: 2
            case .sha256: 4
            case .sha384: 5
            case .sha512: 6
            }
        attributes += [
            IKEv1.Attribute(2, hash), IKEv1.Attribute(4, transform.group.rawValue), IKEv1.Attribute(3, 1),
            IKEv1.Attribute(11, 1),
            IKEv1.Attribute(
                type: 12,
                value: .variable([0, 0] + [UInt8(lifetime >> 8 & 0xFF), UInt8(lifetime & 0xFF)])
            ),
        ]
        if lifetime > 0xFFFF {
            attributes[attributes.count - 1] = IKEv1.Attribute(
                type: 12,
                value: .variable([24, 16, 8, 0].map { UInt8(lifetime >> $0 & 0xFF) })
            )
        }
        return IKEv1.Transform(number: UInt8(number), id: 1, attributes: attributes)
    }

    var phaseOneOffer: IKEv1.SAPayload {
        var transforms = ikeOffer.enumerated().map { Self.wire($1, number: $0 + 1, lifetime: ikeLifetime) }
        if offersDES {
            let last = FirstMessage.offer("des-sha256-modp1024", "des-sha1-modp1024", "des-md5-modp1024").proposals[0]
            for (index, transform) in zip(transforms.indices.suffix(3), last.transforms) {
                transforms[index].attributes = transform.attributes
            }
        }
        return IKEv1.SAPayload(
            proposals: [IKEv1.Proposal(number: 1, protocolID: .isakmp, spi: [], transforms: transforms)])
    }

    mutating func message1(_ offer: IKEv1.SAPayload? = nil) -> [UInt8] {
        let payload = Payload(.securityAssociation, offer ?? phaseOneOffer)
        saBody = Array(payload.body)
        return Message(
            header: header(.identityProtection),
            payloads: [payload] + vendorIDs.map { Payload(.vendorID, $0) }
        ).encode()
    }

    mutating func receive2(_ bytes: [UInt8]) throws {
        let message = try Self.decode(bytes)
        cookieR = message.header.responderCookie
        let chosen = try IKEv1.SAPayload(message.chain.only(.securityAssociation))
        transform = ikeOffer[Int(chosen.proposals[0].transforms[0].number) - 1]
    }

    mutating func message3(
        publicValue: [UInt8]? = nil,
        nonce: [UInt8]? = nil,
        discovery: PayloadType = .natDiscovery
    ) throws -> [UInt8] {
        guard let transform else { return [] }
        let agreement = try KeyAgreement(transform.group)
        self.agreement = agreement
        nonceI = nonce ?? entropy.bytes(16)
        return Message(
            header: header(.identityProtection),
            payloads: [Payload(.keyExchange, publicValue ?? agreement.publicValue), Payload(.nonce, nonceI)]
                + [gatewayAddress, ownAddress].map {
                    Payload(
                        discovery,
                        NATTraversal.discoveryHash(transform.hash, cookies: cookies, address: $0)
                    )
                }
        ).encode()
    }

    mutating func receive4(_ bytes: [UInt8]) throws {
        let message = try Self.decode(bytes)
        guard let transform, let agreement else { return }
        publicR = Array(try message.chain.only(.keyExchange))
        keys = IKEv1.PhaseOneKeys(
            transform: transform,
            preSharedKey: secret(preSharedKey),
            initiatorNonce: nonceI,
            responderNonce: Array(try message.chain.only(.nonce)),
            sharedSecret: try agreement.sharedSecret(peerPublicValue: publicR),
            cookies: cookies
        )
        iv = IKEv1.phaseOneIV(
            transform: transform,
            initiatorPublic: agreement.publicValue,
            responderPublic: publicR
        )
    }

    var message5Payloads: [Payload] {
        guard let keys, let agreement else { return [] }
        let body = Payload(.identification, identity)
        let hash = keys.hashI(
            initiatorPublic: agreement.publicValue,
            responderPublic: publicR,
            cookies: cookies,
            saBody: saBody,
            identityBody: Array(body.body)
        )
        return [body, Payload(.hash, hash)]
    }

    mutating func message5(_ payloads: [Payload]? = nil) throws -> [UInt8] {
        guard let cipher else { return [] }
        let sealed = try IKEv1.seal(
            header(.identityProtection),
            PayloadChain(payloads ?? message5Payloads),
            with: cipher,
            iv: iv
        )
        iv = sealed.nextIV
        return sealed.bytes
    }

    /// - Returns: The payloads of message 6.
    @discardableResult
    mutating func receive6(_ bytes: [UInt8]) throws -> PayloadChain {
        guard let cipher else { return PayloadChain([]) }
        let (header, body) = try Self.split(bytes)
        let opened = try IKEv1.open(header, body, with: cipher, iv: iv)
        iv = opened.nextIV
        return opened.chain
    }

    // Phase 2.

    func phaseTwoIV(_ messageID: UInt32) -> [UInt8] {
        IKEv1.phaseTwoIV(hash: transform?.hash ?? .sha1, lastBlock: iv, messageID: messageID)
    }

    func hmacA() -> HMAC { HMAC(transform?.hash ?? .sha1, key: keys?.skeyidA ?? secret("")) }

    static func wire(
        _ transform: ESPTransform,
        number: Int,
        lifetime: UInt32,
        encapsulation: UInt16,
        pfs: DiffieHellmanGroup?
    ) -> IKEv1.Transform {
        var attributes: [IKEv1.Attribute] = [
            IKEv1.Attribute(1, 1),
            IKEv1.Attribute(
                type: 2,
                value: .variable([24, 16, 8, 0].map { UInt8(lifetime >> $0 & 0xFF) })
            ),
            IKEv1.Attribute(4, encapsulation),
        ]
        let id: UInt8
        switch transform.cipher {
        case .aesCBC(let bits):
            id = 12
            attributes.append(IKEv1.Attribute(6, UInt16(bits)))
        case .aesGCM16(let bits):
            id = 20
            attributes.append(IKEv1.Attribute(6, UInt16(bits)))
        case .tripleDESCBC:
            id = 3
        }
        switch transform.integrity {
        case nil: break
        case .hmacMD5_96: attributes.append(IKEv1.Attribute(5, 1))
        case .hmacSHA1_96: attributes.append(IKEv1.Attribute(5, 2))
        case .hmacSHA256_128, .hmacSHA256_96: attributes.append(IKEv1.Attribute(5, 5))
        case .hmacSHA384_192: attributes.append(IKEv1.Attribute(5, 6))
        case .hmacSHA512_256: attributes.append(IKEv1.Attribute(5, 7))
        }
        if let pfs { attributes.append(IKEv1.Attribute(3, pfs.rawValue)) }
        return IKEv1.Transform(number: UInt8(number), id: id, attributes: attributes)
    }

    func phaseTwoOffer(spi: UInt32) -> IKEv1.SAPayload {
        let transforms = espOffer.enumerated().map {
            Self.wire($1, number: $0 + 1, lifetime: espLifetime, encapsulation: encapsulation, pfs: pfs)
        }
        return IKEv1.SAPayload(
            proposals: [IKEv1.Proposal(number: 1, protocolID: .esp, spi: Self.bytes(spi), transforms: transforms)])
    }

    var trafficIdentities: [Payload] {
        [
            Payload(
                .identification,
                IKEv1.IDPayload(ownAddress.address, protocolNumber: 17, port: 1701)
            ),
            Payload(
                .identification,
                IKEv1.IDPayload(gatewayAddress.address, protocolNumber: 17, port: 1701)
            ),
        ]
    }

    struct Quick {
        let messageID: UInt32
        let spi: UInt32
        let nonce: [UInt8]
        var agreement: KeyAgreement?
        var iv: [UInt8] = []
        var nonceR: [UInt8] = []
        var chain = PayloadChain([])
    }

    func quickPayloads(_ quick: Quick) -> [Payload] {
        var payloads = [Payload(.securityAssociation, phaseTwoOffer(spi: quick.spi)), Payload(.nonce, quick.nonce)]
        if let agreement = quick.agreement { payloads.append(Payload(.keyExchange, agreement.publicValue)) }
        return payloads + trafficIdentities
    }

    func newQuick(_ messageID: UInt32 = 1, spi: UInt32 = 0x1000_0001) -> Quick {
        Quick(
            messageID: messageID,
            spi: spi,
            nonce: entropy.bytes(32),
            agreement: pfs.flatMap { try? KeyAgreement($0) }
        )
    }

    func quick1(_ quick: inout Quick, _ payloads: [Payload]? = nil) throws -> [UInt8] {
        let sealed = try seal(.quickMode, quick.messageID, payloads ?? quickPayloads(quick))
        quick.iv = sealed.nextIV
        return sealed.bytes
    }

    func receiveQuick2(_ quick: inout Quick, _ bytes: [UInt8]) throws {
        guard let cipher else { return }
        let (header, body) = try Self.split(bytes)
        let opened = try IKEv1.open(header, body, with: cipher, iv: quick.iv)
        quick.iv = opened.nextIV
        quick.nonceR = Array(try opened.chain.only(.nonce))
        quick.chain = opened.chain
    }

    func quick3(_ quick: Quick, hash: [UInt8]? = nil) throws -> [UInt8] {
        guard let cipher else { return [] }
        let proof = hmacA().authenticate([0], Self.bytes(quick.messageID), quick.nonce, quick.nonceR)
        return try IKEv1.seal(
            header(.quickMode, quick.messageID),
            PayloadChain([Payload(.hash, hash ?? proof)]),
            with: cipher,
            iv: quick.iv
        ).bytes
    }

    func seal(
        _ exchange: ExchangeType,
        _ messageID: UInt32,
        _ payloads: [Payload]
    ) throws -> (bytes: [UInt8], nextIV: [UInt8]) {
        guard let cipher else { return ([], []) }
        return try IKEv1.seal(
            header(exchange, messageID),
            IKEv1.hashed(payloads, by: hmacA(), prefix: Self.bytes(messageID)),
            with: cipher,
            iv: phaseTwoIV(messageID)
        )
    }

    func informational(_ payloads: Payload..., messageID: UInt32 = 0xABCD) throws -> [UInt8] {
        try seal(.informational, messageID, payloads).bytes
    }

    func openInformational(_ bytes: [UInt8]) throws -> PayloadChain {
        guard let cipher else { return PayloadChain([]) }
        let (header, body) = try Self.split(bytes)
        return try IKEv1.open(header, body, with: cipher, iv: phaseTwoIV(header.messageID)).chain
    }

    static func decode(_ bytes: [UInt8]) throws -> Message {
        var reader = ByteReader(bytes)
        return try Message(from: &reader)
    }

    static func split(_ bytes: [UInt8]) throws -> (ISAKMPHeader, [UInt8]) {
        var reader = ByteReader(bytes)
        return (try ISAKMPHeader(from: &reader), Array(reader.rest()))
    }

    static func bytes(_ value: UInt32) -> [UInt8] { [24, 16, 8, 0].map { UInt8(value >> $0 & 0xFF) } }
}
