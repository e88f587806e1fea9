// SPDX-License-Identifier: Apache-2.0
internal import Cryptography
internal import DataPlane
internal import Primitives

extension IKEv1.ResponderSA {
    /// Our cookie came back, but no key exchange that is of use yet.
    package struct WaitKeyExchange: Sendable {
        var offer: IKEv1.Offer
        var deadline: MonotonicTime
        /// The one complaint that an exchange may cause has been made.
        var hasComplained = false
    }

    /// Message 4 is on its way.
    package struct WaitIdentity: Sendable {
        var offer: IKEv1.Offer
        var transform: IKETransform { offer.transform }
        var lifetime: Duration { offer.lifetime }
        /// `nil` if the peer announced it and did not speak it.
        var natTraversal: NATTraversal?
        var nat: NATFinding
        var isAnsweringProbes: Bool
        /// Those of the peer's key, or of the likeliest while ``search`` goes on.
        var keys: IKEv1.PhaseOneKeys
        var cipher: CBCContext
        /// Of that key in ``Profile/preSharedKeys``.
        var keyIndex: Int
        /// Whether the peer may have another key.
        var search: IKEv1.KeySearch
        var initiatorPublic: [UInt8]
        var responderPublic: [UInt8]
        var deadline: MonotonicTime
    }

    static let nonceLengths = 8...256
    /// Bytes of our nonces.
    static let nonceLength = 32

    /// - Parameters:
    ///   - arrival: Message 3 with a cookie of ours.
    ///   - offer: What message 1 was about.
    init(
        id: IKESAID,
        trace: TraceID,
        cookies: IKEv1.CookiePair,
        offer: IKEv1.Offer,
        _ arrival: IKEv1.Arrival,
        deadline: MonotonicTime
    ) {
        self.id = id
        self.trace = trace
        self.cookies = cookies
        profile = offer.key.profile
        path = arrival.path
        origin = arrival.path.peer
        isFragmenting = offer.key.isFragmenting
        state = .waitKeyExchange(WaitKeyExchange(offer: offer, deadline: deadline))
    }

    mutating func receiveKeyExchange(
        _ arrival: IKEv1.Arrival,
        in phase: WaitKeyExchange,
        _ surroundings: inout Surroundings
    ) -> (State, [IKEv1.Effect]) {
        let offer = phase.offer
        guard !arrival.header.flags.contains(.encryption), !arrival.header.responderCookie.isZero,
            arrival.path.peer.address == path.peer.address
        else { return (state, []) }
        let publicValue: [UInt8]
        let nonce: [UInt8]
        let discovery: [ArraySlice<UInt8>]
        let vendorIDs: [ArraySlice<UInt8>]
        do throws(DecodeError) {
            let chain = try arrival.chain()
            publicValue = Array(try chain.only(.keyExchange))
            nonce = Array(try chain.only(.nonce))
            guard Self.nonceLengths.contains(nonce.count) else { throw .invalidLength(nonce.count) }
            discovery = offer.key.natTraversal.map { chain.all($0.discoveryPayload) } ?? []
            vendorIDs = chain.all(.vendorID)
        } catch {
            return complain(
                .malformedMessage(.identityProtection, error),
                .payloadMalformed,
                arrival,
                in: phase,
                surroundings
            )
        }
        let profile = acceptance(surroundings).profile
        let candidates = surroundings.candidates(in: self.profile, for: path.peer.address, at: arrival.now)
        guard let likeliest = candidates.first else {
            return refuse(
                .preSharedKeys(.noneIsCurrent(profile: profile.name)),
                answering: .authenticationFailed,
                arrival,
                surroundings
            )
        }
        let ours: KeyAgreement
        let shared: SecretBytes
        let cipher: CBCContext
        let keys: IKEv1.PhaseOneKeys
        let ourNonce = surroundings.entropy.bytes(Self.nonceLength)
        do throws(CryptographyError) {
            // The cheap check first: a key pair costs as much as the agreement.
            try KeyAgreement.check(publicValue, of: offer.transform.group)
            guard surroundings.admission.takeKeyAgreement(for: path.peer.address, at: arrival.now) else {
                surroundings.counters.keyAgreementsOverRate += 1
                return (state, [])
            }
            surroundings.counters.keyAgreements += 1
            ours = try KeyAgreement(offer.transform.group)
            shared = try ours.sharedSecret(peerPublicValue: publicValue)
            keys = IKEv1.PhaseOneKeys(
                transform: offer.transform,
                preSharedKey: profile.preSharedKeys[likeliest].secret,
                initiatorNonce: nonce,
                responderNonce: ourNonce,
                sharedSecret: shared,
                cookies: cookies
            )
            cipher = try CBCContext(offer.transform.blockCipher, key: keys.encryptionKey)
        } catch .invalidLength, .invalidPublicValue {
            return complain(
                .invalidKeyExchange("it is no public value of \(offer.transform.group.operatorName)"),
                .invalidKeyInformation,
                arrival,
                in: phase,
                surroundings
            )
        } catch {
            return (state, [report(.cryptographyFailed("\(error)"))])
        }
        let hash = offer.transform.hash
        let finding = NATFinding(
            payloads: discovery,
            hash: hash,
            cookies: cookies,
            local: arrival.path.local,
            peer: arrival.path.peer
        )
        var payloads = [Payload(.keyExchange, ours.publicValue), Payload(.nonce, ourNonce)]
        var events: [IKEv1.Effect] = []
        if let natTraversal = offer.key.natTraversal, let finding {
            let answer = NATDiscoveryAnswer(
                to: discovery,
                finding,
                from: offer.client,
                profile,
                hash: hash,
                cookies: cookies,
                local: arrival.path.local,
                peer: arrival.path.peer,
                entropy: surroundings.entropy
            )
            payloads += answer.hashes.map { Payload(natTraversal.discoveryPayload, $0) }
            if let event = answer.event { events.append(report(.natTraversal(event))) }
        }
        let reply = reply(payloads, to: arrival)
        let next = WaitIdentity(
            offer: offer,
            natTraversal: finding == nil ? nil : offer.key.natTraversal,
            nat: finding ?? NATFinding(),
            isAnsweringProbes: offer.key.isAnsweringProbes
                || vendorIDs.contains { $0.elementsEqual(VendorID.deadPeerDetection) },
            keys: keys,
            cipher: cipher,
            keyIndex: likeliest,
            search: candidates.count == 1
                ? .none
                : .among(IKEv1.KeyTrial(initiatorNonce: nonce, responderNonce: ourNonce, sharedSecret: shared)),
            initiatorPublic: publicValue,
            responderPublic: ours.publicValue,
            deadline: phase.deadline
        )
        return (.waitIdentity(next), [.transmit(arrival.path.datagram(reply))] + events)
    }

    mutating func receiveIdentity(
        _ arrival: IKEv1.Arrival,
        in phase: WaitIdentity,
        _ surroundings: inout Surroundings
    ) -> (State, [IKEv1.Effect]) {
        guard arrival.header.flags.contains(.encryption) else {
            // Message 1 or 3, long on its way or spoilt; only an identity in clear is worth a word.
            let isIdentity = arrival.header.nextPayload == .identification
            return (
                state,
                isIdentity ? [report(.unexpectedMessage(.identityProtection, "message 5 is not encrypted"))] : []
            )
        }
        let profile = acceptance(surroundings).profile
        var phase = phase
        let opened: IKEv1.OpenedMessage
        let identity: IKEv1.IDPayload
        switch examine(arrival, in: &phase, &surroundings) {
        case .right(let message, let name):
            opened = message
            identity = name
        case .unfinished(let effects):
            return (.waitIdentity(phase), effects)
        case .wrong(let kind):
            // A message that cannot be read and one with the wrong hash look the same to the peer: what is wrong
            // is nobody's business who does not know the key.
            return refuseProof(kind, arrival, &surroundings)
        }
        guard profile.applies(to: arrival.path.peer.address) else {
            return refuse(
                .authenticationFailed(.addressOutsideProfile, profile: profile.name),
                answering: .authenticationFailed,
                arrival,
                surroundings
            )
        }
        guard profile.admits(identity) else {
            return refuseProof(
                .identity(.refused(identity: identity.shownName, profile: profile.name)),
                arrival,
                &surroundings
            )
        }
        surroundings.recordUse(of: phase.keyIndex, in: self.profile, from: path.peer.address)
        return answer(arrival, opened, identity, in: phase, &surroundings)
    }

    /// Answers message 5 with message 6.
    private mutating func answer(
        _ arrival: IKEv1.Arrival,
        _ opened: IKEv1.OpenedMessage,
        _ identity: IKEv1.IDPayload,
        in phase: WaitIdentity,
        _ surroundings: inout Surroundings
    ) -> (State, [IKEv1.Effect]) {
        let profile = acceptance(surroundings).profile
        path = arrival.path
        surroundings.offers.trust(phase.offer)
        let lifetime = IKEv1.lifetime(phase.lifetime, atMost: profile.longestIKELifetime)
        let ourIdentity = Payload(
            .identification,
            IKEv1.IDPayload(path.local.address, protocolNumber: 0, port: 0)
        )
        let proof = phase.keys.hashR(
            initiatorPublic: phase.initiatorPublic,
            responderPublic: phase.responderPublic,
            cookies: cookies,
            saBody: phase.offer.key.saBody,
            identityBody: Array(ourIdentity.body)
        )
        var payloads = [ourIdentity, Payload(.hash, proof)]
        if lifetime < phase.lifetime {
            payloads.append(IKEv1.responderLifetime(lifetime, protocolID: .isakmp, spi: cookies.bytes))
        }
        let header = ISAKMPHeader(
            initiatorCookie: cookies.initiator,
            responderCookie: cookies.responder,
            exchange: .identityProtection
        )
        let sealed: (bytes: [UInt8], nextIV: [UInt8])
        do throws(CryptographyError) {
            sealed = try IKEv1.seal(header, PayloadChain(payloads), with: phase.cipher, iv: opened.nextIV)
        } catch {
            return (.closed, [report(.cryptographyFailed("\(error)"))])
        }
        answer = IKEv1.Answer(fingerprint: arrival.fingerprint, message: sealed.bytes, sent: arrival.now)
        let agreed = Agreed(
            keys: phase.keys,
            offered: phase.offer.payload,
            transform: phase.transform,
            natTraversal: phase.natTraversal,
            nat: phase.nat,
            identity: identity,
            client: phase.offer.client,
            keyIndex: phase.keyIndex,
            isAnsweringProbes: phase.isAnsweringProbes,
            lifetime: lifetime
        )
        var (next, events) = establish(agreed, lastBlock: sealed.nextIV, at: arrival.now, &surroundings)
        next.isInitialContact = IKEv1.isInitialContact(opened.chain)
        return (
            .established(next),
            [.transmit(path.datagram(sealed.bytes))] + events + notifications(in: opened.chain)
        )
    }

    /// A message of main mode in clear; remembered as the answer to what arrived.
    private mutating func reply(_ payloads: [Payload], to arrival: IKEv1.Arrival) -> [UInt8] {
        let header = ISAKMPHeader(
            initiatorCookie: cookies.initiator,
            responderCookie: cookies.responder,
            exchange: .identityProtection
        )
        let message = Message(header: header, payloads: payloads).encode()
        answer = IKEv1.Answer(fingerprint: arrival.fingerprint, message: message, sent: arrival.now)
        return message
    }

    /// The peer has not proved to be one of ours: its source will have to wait if that happens too often. That is the
    /// address that returned our cookie, as anybody can write another one into the message that does not prove it.
    mutating func refuseProof(
        _ kind: Event.Kind,
        _ arrival: IKEv1.Arrival,
        _ surroundings: inout Surroundings
    ) -> (State, [IKEv1.Effect]) {
        let delay = surroundings.admission.recordFailure(of: path.peer.address, at: arrival.now)
        let (next, effects) = refuse(kind, answering: .authenticationFailed, arrival, surroundings)
        return (next, effects + (delay.map { [report(.authenticationDelay($0))] } ?? []))
    }

    /// Ends the exchange: one event, at most one notification, then silence.
    private mutating func refuse(
        _ kind: Event.Kind,
        answering type: NotifyType,
        _ arrival: IKEv1.Arrival,
        _ surroundings: Surroundings
    ) -> (State, [IKEv1.Effect]) {
        answer = IKEv1.Answer(fingerprint: arrival.fingerprint, message: [], sent: arrival.now)
        let until = arrival.now.advanced(by: surroundings.configuration.exchangeTimeout)
        return (.refused(until: until), notify(type, arrival, surroundings) + [report(kind)])
    }

    /// Ignores the message, and says so once.
    private func complain(
        _ kind: Event.Kind,
        _ type: NotifyType,
        _ arrival: IKEv1.Arrival,
        in phase: WaitKeyExchange,
        _ surroundings: Surroundings
    ) -> (State, [IKEv1.Effect]) {
        guard !phase.hasComplained else { return (state, []) }
        var phase = phase
        phase.hasComplained = true
        return (.waitKeyExchange(phase), notify(type, arrival, surroundings) + [report(kind)])
    }

    /// A notification in clear, unless it were longer than what it answers.
    private func notify(
        _ type: NotifyType,
        _ arrival: IKEv1.Arrival,
        _ surroundings: Surroundings
    ) -> [IKEv1.Effect] {
        IKEv1.notification(type, cookies, messageID: surroundings.messageID(), answering: arrival)
    }
}

extension IKEv1 {
    /// A notification in clear, unless it were longer than what it answers.
    static func notification(
        _ type: NotifyType,
        _ cookies: CookiePair,
        messageID: UInt32,
        answering arrival: Arrival
    ) -> [Effect] {
        let header = ISAKMPHeader(
            initiatorCookie: cookies.initiator,
            responderCookie: cookies.responder,
            exchange: .informational,
            messageID: messageID
        )
        let payload = NotificationPayload(protocolID: .isakmp, spi: [], type: type)
        let message = Message(header: header, payloads: [Payload(.notification, payload)]).encode()
        return message.count <= arrival.length ? [.transmit(arrival.path.datagram(message))] : []
    }
}

extension IKEv1.Arrival {
    /// The payloads of a message in clear.
    func chain() throws(DecodeError) -> PayloadChain {
        var reader = ByteReader(body)
        let chain = try PayloadChain(first: header.nextPayload, from: &reader)
        try reader.finish()
        return chain
    }
}
