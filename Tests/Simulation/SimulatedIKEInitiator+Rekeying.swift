// SPDX-License-Identifier: Apache-2.0
internal import Cryptography
internal import DataPlane
internal import IKE
package import Primitives

extension SimulatedIKEInitiator {
    /// An IKE SA that was replaced: as much of it as saying goodbye and reading one takes.
    struct Former {
        var cookieI: Cookie
        var cookieR: Cookie
        var keys: Phase1Keys
    }

    /// A quick mode that the gateway began.
    struct AnsweredQuickMode {
        var request: [UInt8]
        var answer: [UInt8]
        var iv: [UInt8]
        var nonceI: [UInt8]
        var nonceR: [UInt8]
        var child: Child
        var isDone = false
    }

    struct Afterwards {
        var withoutChild = false
        var deletesFormerChildren: [ESPSPI] = []
        var deletesFormerIKE = false
    }

    /// A new child, and a Delete for the ones before it once it stands.
    package mutating func rekeyChild(at now: MonotonicTime) -> [Outgoing] {
        if settings.phase2?.deletesBeforeRekeying == true { return deleteChildren() + startQuickMode(at: now) }
        afterwards.deletesFormerChildren = settings.phase2?.keepsFormerPair == true ? [] : children.map(\.inboundSPI)
        return startQuickMode(at: now)
    }

    /// A Delete for every child, and none for the IKE SA.
    package mutating func deleteChildren() -> [Outgoing] {
        guard let keys else { return [] }
        let goodbye = children.map { child in
            let delete = IKEv1.DeletePayload(protocolID: .esp, spis: [Self.bytes(child.inboundSPI.rawValue)])
            return informational(Payload(.delete, delete), keys: keys)
        }
        children = []
        return goodbye
    }

    /// Main mode once more, then a Delete for the IKE SA before it.
    ///
    /// - Parameter withChild: A new child is made under the new IKE SA, and the former ones are deleted under it;
    ///   without it the children go on (as strongSwan has it).
    package mutating func rekeyIKE(withChild: Bool = true, at now: MonotonicTime) -> [Outgoing] {
        guard let keys else { return [] }
        formers.append(Former(cookieI: cookieI, cookieR: cookieR, keys: keys))
        afterwards = Afterwards(
            withoutChild: !withChild,
            deletesFormerChildren: withChild ? children.map(\.inboundSPI) : [],
            deletesFormerIKE: true
        )
        self.keys = nil
        cookieR = .zero
        port = .ike
        return start(at: now)
    }

    /// Deletes everything first and dials anew at once, as clients do that cannot do it better.
    package mutating func deleteAndRekeyIKE(at now: MonotonicTime) -> [Outgoing] {
        let goodbye = close(at: now)
        keys = nil
        cookieR = .zero
        port = .ike
        return goodbye + start(at: now)
    }

    /// R-U-THERE.
    package mutating func probe(at now: MonotonicTime) -> [Outgoing] {
        guard let keys else { return [] }
        lastProbe = lastProbe == 0 ? entropy.integer(in: 1...0x7FFF_FFFF) : lastProbe + 1
        return [informational(alive(.areYouThere, Self.bytes(lastProbe)), keys: keys)]
    }

    private func alive(_ type: NotifyType, _ number: [UInt8]) -> Payload {
        Payload(
            .notification,
            IKEv1.NotificationPayload(
                protocolID: .isakmp,
                spi: cookieI.bytes + cookieR.bytes,
                type: type,
                data: number
            )
        )
    }

    mutating func receiveProbes(in message: Message) -> [Outgoing] {
        guard let keys else { return [] }
        var answers: [Outgoing] = []
        for body in message.chain.all(.notification) {
            guard let notification = try? IKEv1.NotificationPayload(body),
                notification.spi == cookieI.bytes + cookieR.bytes
            else { continue }
            if notification.type == .areYouThereAck, notification.data == Self.bytes(lastProbe) { answersHeard += 1 }
            guard notification.type == .areYouThere, settings.answersProbes else { continue }
            probesAnswered += 1
            answers.append(informational(alive(.areYouThereAck, notification.data), keys: keys))
        }
        return answers
    }

    /// What was put off until the new SA stands.
    mutating func finishRekeying() -> [Outgoing] {
        guard let keys else { return [] }
        var goodbye: [Outgoing] = []
        for spi in afterwards.deletesFormerChildren where children.contains(where: { $0.inboundSPI == spi }) {
            let delete = IKEv1.DeletePayload(protocolID: .esp, spis: [Self.bytes(spi.rawValue)])
            goodbye.append(informational(Payload(.delete, delete), keys: keys))
            children.removeAll { $0.inboundSPI == spi }
        }
        if afterwards.deletesFormerIKE {
            let current = (cookieI, cookieR)
            for former in formers {
                (cookieI, cookieR) = (former.cookieI, former.cookieR)
                let delete = IKEv1.DeletePayload(protocolID: .isakmp, spis: [cookieI.bytes + cookieR.bytes])
                goodbye.append(informational(Payload(.delete, delete), keys: former.keys))
            }
            (cookieI, cookieR) = current
            formers = []
        }
        afterwards = Afterwards()
        return goodbye
    }

    /// A message for an IKE SA that is being replaced.
    mutating func receiveUnderFormer(
        _ header: ISAKMPHeader,
        _ bytes: [UInt8],
        on port: Datagram.Port,
        at now: MonotonicTime
    ) -> [Outgoing] {
        guard header.exchange == .informational,
            let former = formers.first(where: { $0.cookieI == header.initiatorCookie })
        else { return [] }
        var old = self
        (old.cookieI, old.cookieR, old.keys) = (former.cookieI, former.cookieR, former.keys)
        old.state = .established
        let payload = port == .natTraversal ? Array(bytes.dropFirst(4)) : bytes
        let outgoing = old.receiveInformational(header, payload, at: now)
        if old.state == .closed {
            formers.removeAll { $0.cookieI == header.initiatorCookie }
        } else {
            children = old.children
            probesAnswered = old.probesAnswered
        }
        return outgoing
    }

    /// Messages 1 and 3 of a quick mode that the gateway began.
    mutating func receiveForeignQuickMode(_ header: ISAKMPHeader, _ bytes: [UInt8]) -> [Outgoing] {
        guard settings.answersQuickModes, let keys, header.flags.contains(.encryption) else { return [] }
        guard var answered = answers[header.messageID] else { return answerQuickMode(header, bytes, keys) }
        if answered.request == bytes { return [Outgoing(bytes: answered.answer, port: port)] }
        var iv = answered.iv
        guard !answered.isDone, let message = keys.decrypt(bytes, iv: &iv),
            let hash = try? message.chain.only(.hash)
        else { return [] }
        let expected = keys.skeyidA.authenticate(
            [0],
            Self.bytes(header.messageID),
            answered.nonceI,
            answered.nonceR
        )
        guard expected == Array(hash) else { return [] }
        answered.isDone = true
        answers[header.messageID] = answered
        // From here on it is the one to send under.
        children.removeAll { $0 == answered.child }
        children.append(answered.child)
        return []
    }

    private mutating func answerQuickMode(
        _ header: ISAKMPHeader,
        _ bytes: [UInt8],
        _ keys: Phase1Keys
    ) -> [Outgoing] {
        var iv = keys.initialVector(messageID: header.messageID)
        guard let message = keys.decrypt(bytes, iv: &iv), let hash = message.chain.payloads.first, hash.type == .hash
        else { return [] }
        let rest = Self.encode(Array(message.chain.payloads.dropFirst()))
        guard keys.skeyidA.authenticate(Self.bytes(header.messageID), rest) == Array(hash.body),
            let nonceI = try? message.chain.only(.nonce), let body = try? message.chain.only(.securityAssociation),
            var sa = try? IKEv1.SAPayload(body), let offered = sa.proposals.first,
            let choice = offered.transforms.first(where: { transform(for: $0) != nil }),
            let transform = transform(for: choice),
            let outbound = ESPSPI(rawValue: offered.spi.reduce(0) { $0 << 8 | UInt32($1) }),
            let inbound = ESPSPI(rawValue: entropy.integer(in: 256...UInt32.max))
        else { return [] }
        let nonceR = entropy.bytes(32)
        sa.proposals = [
            IKEv1.Proposal(
                number: offered.number,
                protocolID: offered.protocolID,
                spi: Self.bytes(inbound.rawValue),
                transforms: [choice]
            )
        ]
        var payloads = [Payload(.securityAssociation, sa), Payload(.nonce, nonceR)]
        var shared: SecretBytes?
        var agreed: DiffieHellmanGroup?
        if let publicI = try? message.chain.only(.keyExchange) {
            guard let group = quickModeGroup, let agreement = try? KeyAgreement(group) else { return [] }
            shared = try? agreement.sharedSecret(peerPublicValue: Array(publicI))
            agreed = group
            payloads.append(Payload(.keyExchange, agreement.publicValue))
        }
        payloads += message.chain.payloads.filter { $0.type == .identification }
        let answer = withMarker(
            seal(
                payloads,
                messageID: header.messageID,
                hashing: Array(nonceI),
                exchange: .quickMode,
                keys: keys,
                iv: &iv
            )
        )
        let length = transform.encryptionKeyLength + transform.integrityKeyLength
        let nonces = Array(nonceI) + nonceR
        let child = Child(
            outboundSPI: outbound,
            inboundSPI: inbound,
            transform: transform,
            outboundKey: keys.keyMaterial(shared, spi: outbound.rawValue, nonces: nonces, count: length),
            inboundKey: keys.keyMaterial(shared, spi: inbound.rawValue, nonces: nonces, count: length),
            isEncapsulated: isNATFound,
            group: agreed,
            encapsulation: AnsweredTransform.encapsulation(choice)
        )
        // The inbound half stands from now on; to send under it takes message 3.
        children.insert(child, at: 0)
        answers[header.messageID] = AnsweredQuickMode(
            request: bytes,
            answer: answer,
            iv: iv,
            nonceI: Array(nonceI),
            nonceR: nonceR,
            child: child
        )
        return [Outgoing(bytes: answer, port: port)]
    }

    /// What we would have offered in the same words.
    private func transform(for offered: IKEv1.Transform) -> ESPTransform? {
        func algorithms(_ transform: IKEv1.Transform) -> [UInt16: UInt64] {
            var numbers: [UInt16: UInt64] = [:]
            for attribute in transform.attributes where attribute.type == 5 || attribute.type == 6 {
                numbers[attribute.type] = attribute.number
            }
            return numbers
        }
        if let offer = settings.phase2?.offer {
            let own = offer.proposals.flatMap(\.transforms)
            return own.first { $0.id == offered.id && algorithms($0) == algorithms(offered) }
                .flatMap { espTransform($0) }
        }
        return settings.espOffer.first { own in
            let wire = Offer.phase2([own], spi: 256, isEncapsulated: false, pfs: nil).transforms[0]
            return wire.id == offered.id && algorithms(wire) == algorithms(offered)
        }
    }
}
