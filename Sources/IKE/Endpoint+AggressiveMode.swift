// SPDX-License-Identifier: Apache-2.0
internal import Cryptography
internal import Primitives

/// Aggressive mode, for clients with a group name: only in profiles that ask for it, and only for names they name.
///
/// Message 1 wants a key agreement, a place and a hash under the pre-shared key from us before it has proved anything,
/// not even where it comes from. So the questions come by their cost here too, but all of them at once, and the bounds
/// are narrow (``AggressiveAdmission``).
extension Endpoint {
    mutating func answerAggressive(_ arrival: IKEv1.Arrival, _ key: IKEv1.FirstMessages.Key) -> [Effect] {
        guard arrival.header.messageID == 0, !arrival.header.flags.contains(.encryption) else {
            let kind = Event.Kind.unexpectedMessage(.aggressive, "it begins encrypted or with a message id")
            return [.report(Event(trace: nil, peer: key.peer, kind: kind))]
        }
        do throws(FirstMessageRefusal) {
            let request = try read(arrival)
            let profile = try profile(for: request, key.peer)
            let preSharedKey = try preSharedKey(for: request, profile, at: arrival.now)
            if let effects = isTurnedAway(arrival) { return effects }
            let (offer, client, choice) = try choose(for: request, profile)
            if let (reason, isNews) = surroundings.admission.takeAggressive(from: key.peer, at: arrival.now) {
                surroundings.counters.keyAgreementsOverRate += 1
                return isNews ? [.report(Event(trace: nil, peer: key.peer, kind: .aggressiveMode(reason)))] : []
            }
            surroundings.counters.keyAgreements += 1
            // A cookie without a place for an offer begins no main mode.
            let (cookie, trace) = antiClogging.issue(
                to: key.cookie,
                over: arrival.path,
                place: nil,
                serial: 0,
                at: arrival.now
            )
            let cookies = IKEv1.CookiePair(initiator: key.cookie, responder: cookie)
            var message: [UInt8] = []
            let phase: IKEv1.ResponderSA.WaitHash
            do throws(CryptographyError) {
                phase = try IKEv1.ResponderSA.WaitHash(
                    request,
                    offer,
                    client,
                    choice,
                    preSharedKey,
                    cookies,
                    arrival.path,
                    deadline: arrival.now.advanced(by: surroundings.admission.aggressivePatience),
                    entropy: surroundings.entropy,
                    message: &message
                )
            } catch {
                throw FirstMessageRefusal(error, choice.transform)
            }
            surroundings.counters.firstMessages += 1
            _ = enter { id in
                IKEv1.ResponderSA(
                    id: id,
                    trace: trace,
                    cookies: cookies,
                    profile: profile,
                    phase,
                    arrival,
                    message: message
                )
            }
            return [.transmit(arrival.path.datagram(message))]
        } catch {
            return refuse(arrival, key, error)
        }
    }

    /// Nobody is told what is wrong before he has said a name that we know.
    private func read(_ arrival: IKEv1.Arrival) throws(FirstMessageRefusal) -> IKEv1.AggressiveRequest {
        do throws(DecodeError) {
            return try IKEv1.AggressiveRequest(try arrival.chain())
        } catch {
            throw FirstMessageRefusal(event: .malformedMessage(.aggressive, error))
        }
    }

    /// The first profile that allows aggressive mode to somebody of this name at this address. Several may be for the
    /// same address, unlike in main mode, where the first one is taken before the name is known.
    private func profile(
        for request: IKEv1.AggressiveRequest,
        _ peer: SocketAddress
    ) throws(FirstMessageRefusal) -> Int {
        let profile = surroundings.configuration.profiles.prefix(surroundings.configuredProfiles).firstIndex {
            $0.allowsAggressiveMode && $0.applies(to: peer.address) && $0.names(request.identity)
        }
        guard let profile else {
            throw FirstMessageRefusal(event: .aggressiveMode(.refused(identity: request.identity.shownName)))
        }
        return profile
    }

    /// The key of that name, or else the first one: message 2 proves one, there is no trying.
    private func preSharedKey(
        for request: IKEv1.AggressiveRequest,
        _ profile: Int,
        at now: MonotonicTime
    ) throws(FirstMessageRefusal) -> (index: Int, secret: SecretBytes) {
        let profile = surroundings.configuration.profiles[profile]
        let valid = profile.preSharedKeys.enumerated().filter { surroundings.calendar.isBefore($1.until, at: now) }
        let name = request.identity.plainName
        guard let (index, key) = valid.first(where: { $1.name != nil && $1.name == name }) ?? valid.first else {
            throw FirstMessageRefusal(
                event: .aggressiveMode(.noKey(identity: request.identity.shownName, profile: profile.name))
            )
        }
        return (index, key.secret)
    }

    private func choose(
        for request: IKEv1.AggressiveRequest,
        _ profile: Int
    ) throws(FirstMessageRefusal) -> (IKEv1.SAPayload, Client, IKEv1.PhaseOneChoice) {
        let offer: IKEv1.SAPayload
        do throws(DecodeError) {
            offer = try IKEv1.SAPayload(request.saBody[...])
        } catch {
            var refusal = FirstMessageRefusal(malformed: error)
            refusal.event = .malformedMessage(.aggressive, error)
            throw refusal
        }
        let fitting = offer.fitting(publicValueLength: request.publicValue.count)
        guard offer.proposals.isEmpty || !fitting.proposals.isEmpty else {
            throw FirstMessageRefusal(
                event: .invalidKeyExchange("it is of \(request.publicValue.count) bytes, as in no group of the offer"),
                answer: .invalidKeyInformation
            )
        }
        let client = Client(vendorIDs: request.vendorIDs, offer: offer)
        let choice: IKEv1.PhaseOneChoice
        do throws(ProposalMismatch) {
            choice = try IKEv1.choose(from: fitting, surroundings.acceptance(of: profile, for: client))
        } catch {
            throw FirstMessageRefusal(event: .noProposalChosen(.one, error), answer: .noProposalChosen)
        }
        do throws(CryptographyError) {
            try KeyAgreement.check(request.publicValue, of: choice.transform.group)
        } catch {
            throw FirstMessageRefusal(error, choice.transform)
        }
        return (offer, client, choice)
    }
}

extension Endpoint.FirstMessageRefusal {
    fileprivate init(_ error: CryptographyError, _ transform: IKETransform) {
        switch error {
        case .invalidLength, .invalidPublicValue:
            self.init(
                event: .invalidKeyExchange("it is no public value of \(transform.group.operatorName)"),
                answer: .invalidKeyInformation
            )
        default:
            self.init(event: .cryptographyFailed("\(error)"))
        }
    }
}
