// SPDX-License-Identifier: Apache-2.0
import Cryptography
import DataPlane
import IKE
import Primitives

/// Aggressive mode message by message.
extension RawInitiator {
    /// A client with a group name.
    static func group(_ name: String = "sales") -> RawInitiator {
        var peer = RawInitiator()
        peer.identity = .keyID(name)
        return peer
    }

    mutating func aggressive1(publicValue: [UInt8]? = nil, nonce: [UInt8]? = nil) throws -> [UInt8] {
        guard let group = ikeOffer.first?.group else { return [] }
        let agreement = try KeyAgreement(group)
        self.agreement = agreement
        nonceI = nonce ?? entropy.bytes(16)
        let offer = Payload(.securityAssociation, phaseOneOffer)
        saBody = Array(offer.body)
        cookieR = .zero
        return Message(
            header: header(.aggressive),
            payloads: [
                offer, Payload(.keyExchange, publicValue ?? agreement.publicValue), Payload(.nonce, nonceI),
                Payload(.identification, identity),
            ] + vendorIDs.map { Payload(.vendorID, $0) }
        ).encode()
    }

    /// - Returns: Whether HASH_R is right under our key.
    @discardableResult
    mutating func receiveAggressive2(_ bytes: [UInt8]) throws -> Bool {
        let message = try Self.decode(bytes)
        guard let agreement else { return false }
        cookieR = message.header.responderCookie
        let chosen = try IKEv1.SAPayload(message.chain.only(.securityAssociation))
        let transform = ikeOffer[Int(chosen.proposals[0].transforms[0].number) - 1]
        self.transform = transform
        publicR = Array(try message.chain.only(.keyExchange))
        let keys = IKEv1.PhaseOneKeys(
            transform: transform,
            preSharedKey: secret(preSharedKey),
            initiatorNonce: nonceI,
            responderNonce: Array(try message.chain.only(.nonce)),
            sharedSecret: try agreement.sharedSecret(peerPublicValue: publicR),
            cookies: cookies
        )
        self.keys = keys
        iv = IKEv1.phaseOneIV(
            transform: transform,
            initiatorPublic: agreement.publicValue,
            responderPublic: publicR
        )
        let expected = keys.hashR(
            initiatorPublic: agreement.publicValue,
            responderPublic: publicR,
            cookies: cookies,
            saBody: saBody,
            identityBody: Array(try message.chain.only(.identification))
        )
        return expected == Array(try message.chain.only(.hash))
    }

    var aggressive3Hash: Payload {
        guard let keys, let agreement else { return Payload(.hash, []) }
        let hash = keys.hashI(
            initiatorPublic: agreement.publicValue,
            responderPublic: publicR,
            cookies: cookies,
            saBody: saBody,
            identityBody: Array(Payload(.identification, identity).body)
        )
        return Payload(.hash, hash)
    }

    func aggressiveDiscovery(_ type: PayloadType = .natDiscovery, port: UInt16? = nil) -> [Payload] {
        [gatewayAddress, ownAddress].map {
            let address = SocketAddress($0.address, port: port ?? $0.port)
            let hash = NATTraversal.discoveryHash(transform?.hash ?? .sha1, cookies: cookies, address: address)
            return Payload(type, hash)
        }
    }

    mutating func aggressive3(_ payloads: [Payload]? = nil, isEncrypted: Bool = true) throws -> [UInt8] {
        let payloads = payloads ?? aggressiveDiscovery() + [aggressive3Hash]
        guard isEncrypted, let cipher else {
            return Message(header: header(.aggressive), payloads: payloads).encode()
        }
        let sealed = try IKEv1.seal(header(.aggressive), PayloadChain(payloads), with: cipher, iv: iv)
        iv = sealed.nextIV
        return sealed.bytes
    }
}

extension IKEv1.IDPayload {
    static func keyID(_ name: String) -> IKEv1.IDPayload {
        IKEv1.IDPayload(type: .keyID, protocolNumber: 17, port: 500, data: Array(name.utf8))
    }
}

extension Profile {
    /// One that allows aggressive mode to these names.
    static func aggressive(
        _ names: String...,
        name: String = "groups",
        remote: [IPPrefix]? = nil,
        key: String = "correct horse"
    ) -> Profile {
        var profile = Profile.test(remote: remote, key: key)
        profile.name = name
        profile.identities = (names.isEmpty ? ["sales"] : names).map { IdentityPattern($0) }
        profile.allowsAggressiveMode = true
        return profile
    }
}

extension Rig {
    /// A gateway that lets "sales" in, and a client of that name.
    static func aggressive(_ profile: Profile = .aggressive()) -> Rig {
        var rig = Rig(.test(profile))
        rig.peer = .group()
        return rig
    }

    mutating func toAggressive2() throws {
        try peer.receiveAggressive2(Rig.reply(send(try peer.aggressive1())))
    }

    @discardableResult
    mutating func toAggressive(isEncrypted: Bool = true) throws -> [Endpoint.Effect] {
        try toAggressive2()
        return send(try peer.aggressive3(isEncrypted: isEncrypted))
    }
}

extension [Endpoint.Effect] {
    private static let explanations = ["phase1-chosen", "phase2-chosen"]

    /// The names of events, but for what only shows how something was chosen.
    var verdicts: [String] { eventNames.filter { !Self.explanations.contains($0) } }
}
