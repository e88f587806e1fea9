// SPDX-License-Identifier: Apache-2.0
internal import Cryptography
internal import DataPlane
internal import Primitives

/// How an exchange begins, the cheapest question first: nothing is kept of a peer, and nothing computed for it, before
/// it has returned a cookie.
extension Endpoint {
    /// A message without responder cookie: the first of an exchange, or that again.
    mutating func receiveFirst(_ arrival: IKEv1.Arrival, _ datagram: Datagram) -> [Effect] {
        let header = arrival.header
        let key = IKEv1.FirstMessages.Key(cookie: header.initiatorCookie, peer: arrival.path.peer)
        if let id = byInitiator[key] { return work(on: id) { $0.receive(arrival, &$1) } }
        if let effects = firstMessages.answerAgain(key, arrival) {
            surroundings.counters.duplicates += 1
            return effects
        }
        if header.exchange == .informational {
            surroundings.counters.unprotectedInformational += 1
            return []
        }
        if let (refusal, isNews) = surroundings.admission.takeFirstMessage(from: key.peer, at: arrival.now) {
            return turnAway(arrival, refusal, isNews)
        }
        if header.exchange == .aggressive { return answerAggressive(arrival, key) }
        guard header.exchange == .identityProtection else {
            return [stray(datagram, .unsupportedExchange(header.exchange))]
        }
        guard header.messageID == 0, !header.flags.contains(.encryption) else {
            return [
                stray(datagram, .unexpectedMessage(.identityProtection, "it begins encrypted or with a message id"))
            ]
        }
        guard let profile = surroundings.profile(for: key.peer.address) else { return [stray(datagram, .noProfile)] }
        return isTurnedAway(arrival) ?? answer(arrival, key, profile)
    }

    /// Answers message 1: with message 2, or with a notification.
    private mutating func answer(
        _ arrival: IKEv1.Arrival,
        _ key: IKEv1.FirstMessages.Key,
        _ profile: Int
    ) -> [Effect] {
        let choice: (place: Int, offer: IKEv1.Offer)
        do throws(FirstMessageRefusal) {
            choice = try findOffer(in: arrival, profile)
        } catch {
            return refuse(arrival, key, error)
        }
        let (cookie, trace) = antiClogging.issue(
            to: key.cookie,
            over: arrival.path,
            place: choice.place,
            serial: choice.offer.serial,
            at: arrival.now
        )
        let message = choice.offer.answer(with: IKEv1.CookiePair(initiator: key.cookie, responder: cookie))
        let answer = IKEv1.Answer(fingerprint: arrival.fingerprint, message: message, sent: arrival.now)
        firstMessages.record(key, answer, trace, at: arrival.now)
        surroundings.counters.firstMessages += 1
        return [.transmit(arrival.path.datagram(message))]
    }

    struct FirstMessageRefusal: Error {
        var event: Event.Kind
        /// `nil` if the peer is not told.
        var answer: NotifyType?
    }

    private mutating func findOffer(
        in arrival: IKEv1.Arrival,
        _ profile: Int
    ) throws(FirstMessageRefusal) -> (place: Int, offer: IKEv1.Offer) {
        let body: ArraySlice<UInt8>
        let key: IKEv1.Offer.Key
        do throws(DecodeError) {
            let chain = try arrival.chain()
            body = try chain.only(.securityAssociation)
            let vendorIDs = chain.all(.vendorID)
            key = IKEv1.Offer.Key(
                profile: profile,
                natTraversal: NATTraversal(announced: vendorIDs),
                isAnsweringProbes: vendorIDs.contains { $0.elementsEqual(VendorID.deadPeerDetection) },
                vendorIDs: VendorIDs(vendorIDs),
                isFragmenting: vendorIDs.contains { $0.starts(with: VendorID.fragmentation) },
                saBody: Array(body)
            )
        } catch {
            throw FirstMessageRefusal(malformed: error)
        }
        if let known = surroundings.offers.find(key) { return known }
        let payload: IKEv1.SAPayload
        do throws(DecodeError) {
            payload = try IKEv1.SAPayload(body)
        } catch {
            throw FirstMessageRefusal(malformed: error)
        }
        let client = Client(vendorIDs: key.vendorIDs, offer: payload)
        let choice: IKEv1.PhaseOneChoice
        do throws(ProposalMismatch) {
            choice = try IKEv1.choose(from: payload, surroundings.acceptance(of: profile, for: client))
        } catch {
            throw FirstMessageRefusal(event: .noProposalChosen(.one, error), answer: .noProposalChosen)
        }
        var payloads = [Payload(.securityAssociation, choice.answer)]
        if let natTraversal = key.natTraversal { payloads.append(Payload(.vendorID, natTraversal.vendorID)) }
        payloads.append(Payload(.vendorID, VendorID.deadPeerDetection))
        if key.isFragmenting { payloads.append(Payload(.vendorID, VendorID.fragmentationOfMainMode)) }
        let header = ISAKMPHeader(initiatorCookie: .zero, responderCookie: .zero, exchange: .identityProtection)
        return surroundings.offers.add(
            key,
            client: client,
            transform: choice.transform,
            lifetime: choice.lifetime,
            answer: Array(Message(header: header, payloads: payloads).encode().dropFirst(2 * Cookie.encodedLength))
        )
    }

    /// One event, one notification unless it were longer than what it answers, and silence after that.
    mutating func refuse(
        _ arrival: IKEv1.Arrival,
        _ key: IKEv1.FirstMessages.Key,
        _ refusal: FirstMessageRefusal
    ) -> [Effect] {
        let (cookie, trace) = antiClogging.issue(
            to: key.cookie,
            over: arrival.path,
            place: nil,
            serial: 0,
            at: arrival.now
        )
        let silence = IKEv1.Answer(fingerprint: arrival.fingerprint, message: [], sent: arrival.now)
        firstMessages.record(key, silence, trace, at: arrival.now)
        let cookies = IKEv1.CookiePair(initiator: key.cookie, responder: cookie)
        let notification = refusal.answer.map {
            IKEv1.notification($0, cookies, messageID: surroundings.messageID(), answering: arrival)
        }
        return (notification ?? []) + [.report(Event(trace: trace, peer: key.peer, kind: refusal.event))]
    }

    /// What message 1 was about, if this is message 3 and the cookie in it one that we gave this peer.
    func returnedCookie(
        _ arrival: IKEv1.Arrival,
        _ cookies: IKEv1.CookiePair
    ) -> (IKEv1.Offer, trace: TraceID)? {
        let header = arrival.header
        guard header.exchange == .identityProtection, header.messageID == 0, !header.flags.contains(.encryption)
        else { return nil }
        return offer(behind: cookies, over: arrival.path, at: arrival.now)
    }

    /// What the responder's cookie was given for, if it is one that we gave this peer.
    func offer(
        behind cookies: IKEv1.CookiePair,
        over path: IKEv1.Path,
        at now: MonotonicTime
    ) -> (IKEv1.Offer, trace: TraceID)? {
        guard let place = IKEv1.AntiClogging.place(in: cookies.responder), let offer = surroundings.offers[place],
            let trace = antiClogging.verify(cookies, over: path, serial: offer.serial, at: now)
        else { return nil }
        return (offer, trace)
    }

    /// Message 3 has come: now the exchange gets its place.
    mutating func begin(
        with arrival: IKEv1.Arrival,
        _ cookies: IKEv1.CookiePair,
        _ offer: IKEv1.Offer,
        trace: TraceID
    ) -> [Effect] {
        if let effects = isTurnedAway(arrival) { return effects }
        firstMessages.settle(IKEv1.FirstMessages.Key(cookie: cookies.initiator, peer: arrival.path.peer))
        let deadline = arrival.now.advanced(by: surroundings.admission.patience)
        return add(for: arrival) { id in
            IKEv1.ResponderSA(
                id: id,
                trace: trace,
                cookies: cookies,
                offer: offer,
                arrival,
                deadline: deadline
            )
        }
    }

    mutating func isTurnedAway(_ arrival: IKEv1.Arrival) -> [Effect]? {
        if let (refusal, isNews) = surroundings.admission.refusal(of: arrival.path.peer, at: arrival.now) {
            return turnAway(arrival, refusal, isNews)
        }
        let limit = surroundings.configuration.ikeSALimit
        guard associations.count >= limit else { return nil }
        surroundings.counters.halfOpenDropped += 1
        return [.report(Event(trace: nil, peer: arrival.path.peer, kind: .ikeSALimit(limit)))]
    }

    private mutating func turnAway(
        _ arrival: IKEv1.Arrival,
        _ refusal: Admission.Refusal,
        _ isNews: Bool
    ) -> [Effect] {
        let kind: Event.Kind
        switch refusal {
        case .rate(let limit):
            surroundings.counters.firstMessagesOverRate += 1
            kind = .firstMessageRate(limit)
        case .delay:
            // Said when the delay began.
            surroundings.counters.delayedAfterFailures += 1
            return []
        case .total(let limit):
            surroundings.counters.halfOpenDropped += 1
            kind = .halfOpenLimit(limit)
        case .source(let limit):
            surroundings.counters.halfOpenDropped += 1
            kind = .halfOpenSourceLimit(limit)
        }
        return isNews ? [.report(Event(trace: nil, peer: arrival.path.peer, kind: kind))] : []
    }

    /// How full the tables are that a stranger can put something into.
    package struct Occupancy: Hashable, Sendable {
        package var claimedSources: Int
        package var provedSources: Int
        package var firstMessages: Int
        package var untriedOffers: Int
        package var trustedOffers: Int
        package var halfOpen: Int
        /// Those of them that aggressive mode made.
        package var aggressive: Int
        package var aggressiveSources: Int
        package var associations: Int
        /// Messages of which not every piece has come, and the bytes that are kept of them.
        package var unfinishedMessages: Int
        package var unfinishedBytes: Int
    }

    package var occupancy: Occupancy {
        Occupancy(
            claimedSources: surroundings.admission.claimedCount,
            provedSources: surroundings.admission.provedCount,
            firstMessages: firstMessages.count,
            untriedOffers: surroundings.offers.untriedCount,
            trustedOffers: surroundings.offers.trustedCount,
            halfOpen: surroundings.admission.halfOpenCount,
            aggressive: surroundings.admission.aggressiveCount,
            aggressiveSources: surroundings.admission.aggressiveSourceCount,
            associations: associations.count,
            unfinishedMessages: fragments.count,
            unfinishedBytes: fragments.bytes
        )
    }
}

extension Endpoint.FirstMessageRefusal {
    init(malformed error: DecodeError) {
        let answer: NotifyType =
            switch error {
            case .invalidValue("DOI", _): .doiNotSupported
            case .invalidValue("Situation", _): .situationNotSupported
            case .truncated, .invalidLength, .trailing, .invalidValue: .payloadMalformed
            }
        self.init(event: .malformedMessage(.identityProtection, error), answer: answer)
    }
}
