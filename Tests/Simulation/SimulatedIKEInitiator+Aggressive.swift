// SPDX-License-Identifier: Apache-2.0
internal import Cryptography
internal import DataPlane
internal import IKE
package import Primitives

/// Aggressive mode, as clients with a group name speak it.
extension SimulatedIKEInitiator {
    /// Message 1, with ``Settings/groupName`` in clear. The key exchange is for the group of the first transform.
    package mutating func startAggressive(at now: MonotonicTime) -> [Outgoing] {
        let sa = phase1Offer
        guard let group = sa.proposals.first?.transforms.first.flatMap(AnsweredTransform.ike)?.group,
            let agreement = try? KeyAgreement(group)
        else { return [] }
        cookieI = Cookie(rawValue: entropy.integer())
        cookieR = .zero
        port = .ike
        keyAgreement = agreement
        quickModeIDs = []
        nonceI = entropy.bytes(nonceLength)
        let offer = Payload(.securityAssociation, sa)
        saBody = Array(offer.body)
        state = .waitAggressive
        let message = Message(
            header: header(.aggressive),
            payloads: [offer, Payload(.keyExchange, agreement.publicValue), Payload(.nonce, nonceI), groupIdentity]
                + settings.vendorIDs.map { Payload(.vendorID, $0) }
        )
        return ask(message.encode(), at: now)
    }

    /// As the vector has it; or ID_KEY_ID of UDP port 500, as Apple's and Android's clients say it.
    private var groupIdentity: Payload {
        guard settings.phase1 == nil else { return Payload(.identification, identity) }
        let name = settings.groupName ?? []
        return Payload(.identification, IKEv1.IDPayload(type: .keyID, protocolNumber: 17, port: 500, data: name))
    }

    /// Message 2; again if message 3 was lost.
    mutating func receiveAggressive(_ bytes: [UInt8], at now: MonotonicTime) -> [Outgoing] {
        guard state == .waitAggressive else {
            return aggressive3.isEmpty ? [] : [Outgoing(bytes: withMarker(aggressive3), port: port)]
        }
        guard let message = decode(bytes), let agreement = keyAgreement,
            let sa = try? message.chain.only(.securityAssociation),
            let transform = (try? IKEv1.SAPayload(sa)).flatMap(ikeTransform(answeredWith:)),
            let publicR = try? message.chain.only(.keyExchange), let nonceR = try? message.chain.only(.nonce),
            let identityR = try? message.chain.only(.identification), let hashR = try? message.chain.only(.hash),
            let shared = try? agreement.sharedSecret(peerPublicValue: Array(publicR))
        else { return [] }
        ikeTransform = transform
        cookieR = message.header.responderCookie
        self.publicR = Array(publicR)
        gatewayVendorIDs = message.chain.all(.vendorID).map { Array($0) }
        natTraversal = NATTraversalNumbers(announced: settings.vendorIDs, answered: gatewayVendorIDs)
        var keys = Phase1Keys(
            transform: transform,
            preSharedKey: settings.preSharedKey,
            nonces: nonceI + Array(nonceR),
            shared: shared,
            cookies: cookieI.bytes + cookieR.bytes,
            publicI: agreement.publicValue,
            publicR: self.publicR
        )
        let expected = keys.skeyid.authenticate(
            self.publicR,
            agreement.publicValue,
            cookieR.bytes,
            cookieI.bytes,
            saBody,
            Array(identityR)
        )
        guard expected == Array(hashR) else {
            state = .failed("the gateway does not know the pre-shared key")
            nextDeadline = nil
            return []
        }
        let found = natTraversal.map { message.chain.all($0.discovery).map { Array($0) } } ?? []
        if found.count >= 2 {
            let isOwnSeen = found[0] == natHash(settings.ownAddress, transform.hash)
            let isGatewaySeen = found.dropFirst().contains(natHash(settings.gateway, transform.hash))
            isNATFound = !isOwnSeen || !isGatewaySeen
            if isNATFound { port = .natTraversal }
        }
        let hashI = keys.skeyid.authenticate(
            agreement.publicValue,
            self.publicR,
            cookieI.bytes,
            cookieR.bytes,
            saBody,
            Array(groupIdentity.body)
        )
        var payloads = [Payload(.hash, hashI)]
        if let type = natTraversal?.discovery, found.count >= 2 {
            payloads =
                [floated(settings.gateway), floated(settings.ownAddress)].map {
                    Payload(type, natHash($0, transform.hash))
                } + payloads
        }
        if settings.sendsInitialContact { payloads.append(initialContact) }
        var message3 = Message(header: header(.aggressive), payloads: payloads)
        if settings.encryptsMessage3 {
            message3.header.flags = .encryption
            aggressive3 = keys.encrypt(message3, iv: &keys.iv)
        } else {
            aggressive3 = message3.encode()
        }
        self.keys = keys
        return [Outgoing(bytes: withMarker(aggressive3), port: port)] + finishPhaseOne(at: now)
    }

    /// After the float both ports are 4500, and NAT-D of message 3 says so.
    private func floated(_ address: SocketAddress) -> SocketAddress {
        SocketAddress(address.address, port: port == .natTraversal ? 4500 : address.port)
    }
}
