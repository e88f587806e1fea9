// SPDX-License-Identifier: Apache-2.0
internal import Cryptography
internal import DataPlane
internal import Primitives

extension IKEv1.ResponderSA {
    /// One quick mode, from its first message until nobody repeats that any more.
    package struct QuickMode: Sendable {
        let messageID: UInt32
        /// Of the peer's first message in it, once that has come.
        var fingerprint: Int?
        let began: MonotonicTime
        var ends: MonotonicTime
        var stage: Stage

        indirect enum Stage: Sendable {
            /// We began: message 1 is on its way.
            case offering(Offering)
            /// The kernel has been asked for the inbound half.
            case installing(Installing)
            /// Message 2 is on its way.
            case waitProof(WaitProof)
            /// Done or refused: here only to answer repetitions.
            case over(IKEv1.Answer)
        }

        var deadline: MonotonicTime {
            switch stage {
            case .offering(let offering): offering.schedule.next.map { min(ends, $0) } ?? ends
            case .waitProof(let waiting): waiting.schedule.next.map { min(ends, $0) } ?? ends
            case .installing, .over: ends
            }
        }

        var isOver: Bool { if case .over = stage { true } else { false } }

        var pendingInboundSPI: ESPSPI? {
            switch stage {
            case .installing(let installing): installing.child.id.inboundSPI
            case .waitProof(let waiting): waiting.child.inboundSPI
            case .offering, .over: nil
            }
        }

        /// Taken, whether the kernel knows it or not.
        var inboundSPI: ESPSPI? {
            if case .offering(let offering) = stage { offering.spi } else { pendingInboundSPI }
        }

        var terms: IKEv1.Terms? {
            switch stage {
            case .offering(let offering): offering.terms
            case .installing(let installing): installing.terms
            case .waitProof(let waiting): waiting.child.terms
            case .over: nil
            }
        }

        var pendingOutboundSPI: ESPSPI? {
            switch stage {
            case .installing(let installing): installing.child.outboundSPI
            case .waitProof(let waiting): waiting.child.outboundSPI
            case .offering, .over: nil
            }
        }

        /// Keeps the answer, if there was one, and forgets the rest.
        mutating func finish() {
            switch stage {
            case .offering, .installing:
                stage = .over(
                    IKEv1.Answer(fingerprint: fingerprint ?? 0, message: [], sent: MonotonicTime(nanoseconds: 0))
                )
            case .waitProof(let waiting):
                stage = .over(waiting.answer)
            case .over:
                break
            }
        }
    }

    struct Installing: Sendable {
        var choice: IKEv1.PhaseTwoChoice
        /// Ni_b.
        var initiatorNonce: [UInt8]
        /// Nr_b.
        var responderNonce: [UInt8]
        /// g(qm)^xy and our half of it.
        var agreement: (shared: SecretBytes, publicValue: [UInt8])?
        /// What it is for; the identities are the peer's and ours.
        var terms: IKEv1.Terms
        var iv: [UInt8]
        var path: IKEv1.Path
        var child: ChildSA
        /// What the peer offered; empty if we did.
        var offered = IKEv1.SAPayload(proposals: [])
        var attempts = 1
        /// We began: the child that this one is to replace.
        var former: ChildSA.ID?

        /// SPIs that the kernel may refuse before we give up.
        static let mostAttempts = 4
    }

    struct WaitProof: Sendable {
        var child: IKEv1.Child
        var initiatorNonce: [UInt8]
        var responderNonce: [UInt8]
        var iv: [UInt8]
        var path: IKEv1.Path
        /// Message 2.
        var answer: IKEv1.Answer
        var schedule: IKEv1.Schedule
    }

    mutating func receiveQuickMode(
        _ arrival: IKEv1.Arrival,
        in phase: inout Established,
        _ surroundings: inout Surroundings
    ) -> [IKEv1.Effect] {
        let messageID = arrival.header.messageID
        guard arrival.header.flags.contains(.encryption), messageID != 0 else {
            return [report(.unexpectedMessage(.quickMode, "it is not encrypted or has no message id"))]
        }
        guard let index = phase.quickModes.firstIndex(where: { $0.messageID == messageID }) else {
            guard !phase.messageIDs.contains(messageID) else {
                surroundings.counters.duplicates += 1
                return []
            }
            return receiveFirst(arrival, in: &phase, &surroundings)
        }
        guard phase.quickModes[index].fingerprint != arrival.fingerprint else {
            surroundings.counters.duplicates += 1
            return repeatAnswer(of: &phase.quickModes[index], arrival)
        }
        switch phase.quickModes[index].stage {
        case .offering(let offering):
            return receiveAnswer(arrival, to: offering, at: index, in: &phase, &surroundings)
        case .installing, .over:
            surroundings.counters.duplicates += 1
            return []
        case .waitProof(let waiting):
            return receiveProof(arrival, waiting, at: index, in: &phase, &surroundings)
        }
    }

    private func repeatAnswer(of quickMode: inout QuickMode, _ arrival: IKEv1.Arrival) -> [IKEv1.Effect] {
        switch quickMode.stage {
        case .offering, .installing:
            return []
        case .waitProof(var waiting):
            let effects = waiting.answer.again(at: arrival.now, over: waiting.path, unlimited: true)
            quickMode.stage = .waitProof(waiting)
            return effects
        case .over(var answer):
            let effects = answer.again(at: arrival.now, over: path, unlimited: true)
            quickMode.stage = .over(answer)
            return effects
        }
    }

    /// The payloads of message 1.
    private struct Offer {
        var sa: IKEv1.SAPayload
        var nonce: [UInt8]
        var publicValue: [UInt8]?
        var identities: [Payload]
        var peerTrafficPort: UInt16?
    }

    enum Refusal: Error {
        case severalNegotiations(Int)
        case malformed(DecodeError)
        case identity(String)
        case proposal(ProposalMismatch)
        case keyExchange(String)
        case children
        case cryptography(CryptographyError)
        case spi
    }

    private func receiveFirst(
        _ arrival: IKEv1.Arrival,
        in phase: inout Established,
        _ surroundings: inout Surroundings
    ) -> [IKEv1.Effect] {
        let messageID = arrival.header.messageID
        guard phase.quickModes.count(where: { !$0.isOver }) < Self.mostQuickModes else {
            return [report(.tooManyExchanges(Self.mostQuickModes))]
        }
        let opened: IKEv1.OpenedMessage
        do throws(CryptographyError) {
            let contexts = try phase.contexts()
            do throws(DecodeError) {
                opened = try IKEv1.open(
                    arrival.header,
                    arrival.body,
                    with: contexts.cipher,
                    iv: phase.keys.iv(for: messageID)
                )
                let (hash, covered) = try opened.afterHash()
                let expected = contexts.authentication.authenticate(messageID.bytes, Array(covered))
                guard expected.equalsInConstantTime(hash) else { return [report(.hashMismatch(.quickMode))] }
            } catch {
                return [report(.malformedMessage(.quickMode, error))]
            }
        } catch {
            return [report(.cryptographyFailed("\(error)"))]
        }
        // From here on the peer is known: whatever happens, this message id is used up.
        if phase.messageIDs.count == Self.mostMessageIDs { phase.messageIDs.removeFirst() }
        phase.messageIDs.append(messageID)
        phase.liveness.heard(at: arrival.now)
        phase.isInitialContact = phase.isInitialContact || IKEv1.isInitialContact(opened.chain)
        let room = makeRoom(in: &phase, &surroundings)
        let ends = arrival.now.advanced(by: surroundings.configuration.exchangeTimeout)
        do throws(Refusal) {
            let installing = try accept(arrival, opened, in: phase, &surroundings)
            phase.quickModes.append(
                QuickMode(
                    messageID: messageID,
                    fingerprint: arrival.fingerprint,
                    began: arrival.now,
                    ends: ends,
                    stage: .installing(installing)
                )
            )
            let name = IKEv1.name(of: installing.choice)
            let chosen = report(.proposalChosen(.two, offered: installing.offered, chosen: name))
            return room + [chosen, .installInbound(installing.child)] + notifications(in: opened.chain)
        } catch {
            let (kind, type) = verdict(on: error)
            let spi = (try? IKEv1.SAPayload(opened.chain.only(.securityAssociation)))?.proposals.first?.spi ?? []
            let notice = IKEv1.NotificationPayload(protocolID: .esp, spi: spi, type: type)
            let message = protected([Payload(.notification, notice)], in: &phase, surroundings)
            let answer = IKEv1.Answer(fingerprint: arrival.fingerprint, message: message ?? [], sent: arrival.now)
            phase.quickModes.append(
                QuickMode(
                    messageID: messageID,
                    fingerprint: arrival.fingerprint,
                    began: arrival.now,
                    ends: ends,
                    stage: .over(answer)
                )
            )
            return room + (message.map { [.transmit(arrival.path.datagram($0))] } ?? []) + [report(kind)]
        }
    }

    /// Every refusal has its event and its notification.
    private func verdict(on refusal: Refusal) -> (Event.Kind, NotifyType) {
        switch refusal {
        case .severalNegotiations(let count): (.severalNegotiations(count), .noProposalChosen)
        case .malformed(let error): (.malformedMessage(.quickMode, error), .payloadMalformed)
        case .identity(let reason): (.invalidIdentity(reason), .invalidIDInformation)
        case .proposal(let mismatch): (.noProposalChosen(.two, mismatch), .noProposalChosen)
        case .keyExchange(let reason): (.invalidKeyExchange(reason), .invalidKeyInformation)
        case .children: (.tooManyChildren(Self.mostChildren), .noProposalChosen)
        case .cryptography(let error): (.cryptographyFailed("\(error)"), .noProposalChosen)
        case .spi: (.spiExhausted, .noProposalChosen)
        }
    }

    private func accept(
        _ arrival: IKEv1.Arrival,
        _ opened: IKEv1.OpenedMessage,
        in phase: Established,
        _ surroundings: inout Surroundings
    ) throws(Refusal) -> Installing {
        let offer = try readOffer(opened.chain, arrival.path, nat: phase.nat)
        let pending = phase.quickModes.count { !$0.isOver }
        guard phase.children.count + pending < Self.mostChildren else { throw .children }
        let profile = acceptance(surroundings).profile
        let choice: IKEv1.PhaseTwoChoice
        do throws(ProposalMismatch) {
            choice = try IKEv1.choose(
                from: offer.sa,
                acceptance(surroundings, for: phase.client),
                IKEv1.PhaseTwoCircumstances(
                    isNATPresent: phase.nat.isAny,
                    isOnNATTraversalPort: arrival.path.port == .natTraversal
                )
            )
        } catch {
            throw .proposal(error)
        }
        let agreement = try agree(on: choice.group, with: offer.publicValue)
        guard let spi = surroundings.takeSPI(for: id) else { throw .spi }
        let empty = SecretBytes(copying: [])
        let terms = IKEv1.Terms(
            proposal: choice.answer,
            group: choice.group,
            identities: offer.identities,
            isEncapsulated: choice.isEncapsulated,
            truncatesSHA256To96: choice.transform.integrity == .hmacSHA256_96,
            peerTrafficPort: offer.peerTrafficPort,
            lifetime: IKEv1.lifetime(choice.lifetime, atMost: profile.longestChildLifetime),
            lifetimeKilobytes: IKEv1.kilobytes(choice.lifetimeKilobytes, atMost: profile.longestChildKilobytes)
        )
        var installing = Installing(
            choice: choice,
            initiatorNonce: offer.nonce,
            responderNonce: surroundings.entropy.bytes(Self.nonceLength),
            agreement: agreement,
            terms: terms,
            iv: opened.nextIV,
            path: arrival.path,
            child: ChildSA(
                id: childID(spi),
                trace: trace,
                outboundSPI: choice.peerSPI,
                transform: choice.transform,
                inboundEncryptionKey: empty,
                inboundIntegrityKey: nil,
                outboundEncryptionKey: empty,
                outboundIntegrityKey: nil,
                local: arrival.path.local,
                peer: arrival.path.peer,
                isEncapsulated: choice.isEncapsulated,
                peerTrafficPort: offer.peerTrafficPort,
                lifetime: terms.lifetime,
                lifetimeKilobytes: terms.lifetimeKilobytes
            )
        )
        installing.child.previousIKE = phase.heritage
        installing.offered = offer.sa
        installing.deriveKeys(phase.keys)
        return installing
    }

    /// A child that is about to leave does not keep another one out.
    private func makeRoom(
        in phase: inout Established,
        _ surroundings: inout Surroundings
    ) -> [IKEv1.Effect] {
        let pending = phase.quickModes.count { !$0.isOver }
        guard phase.children.count + pending >= Self.mostChildren,
            let index = phase.children.firstIndex(where: { $0.departure != nil })
        else { return [] }
        return depart(phase.children.remove(at: index), in: &phase, &surroundings)
    }

    private func agree(
        on group: DiffieHellmanGroup?,
        with publicValue: [UInt8]?
    ) throws(Refusal) -> (shared: SecretBytes, publicValue: [UInt8])? {
        switch (group, publicValue) {
        case (nil, nil):
            return nil
        case (nil, _?):
            throw .keyExchange("the proposal has no group for it")
        case (_?, nil):
            throw .keyExchange("the proposal has a group and the message no public value")
        case (let group?, let publicValue?):
            do throws(CryptographyError) {
                try KeyAgreement.check(publicValue, of: group)
                let ours = try KeyAgreement(group)
                return (try ours.sharedSecret(peerPublicValue: publicValue), ours.publicValue)
            } catch .invalidLength, .invalidPublicValue {
                throw .keyExchange("it is no public value of \(group.operatorName)")
            } catch {
                throw .cryptography(error)
            }
        }
    }

    private func readOffer(
        _ chain: PayloadChain,
        _ path: IKEv1.Path,
        nat: NATFinding
    ) throws(Refusal) -> Offer {
        let negotiations = chain.payloads.count { $0.type == .securityAssociation }
        guard negotiations <= 1 else { throw .severalNegotiations(negotiations) }
        let identities = chain.payloads.filter { $0.type == .identification }
        var offer: Offer
        let parsed: [IKEv1.IDPayload]
        do throws(DecodeError) {
            let nonce = Array(try chain.only(.nonce))
            guard Self.nonceLengths.contains(nonce.count) else { throw .invalidLength(nonce.count) }
            guard identities.isEmpty || identities.count == 2 else {
                throw .invalidValue(field: "number of ID payloads", value: UInt64(identities.count))
            }
            parsed = try identities.map { (payload) throws(DecodeError) in try IKEv1.IDPayload(payload.body) }
            offer = Offer(
                sa: try IKEv1.SAPayload(chain.only(.securityAssociation)),
                nonce: nonce,
                publicValue: try chain.atMostOne(.keyExchange).map { Array($0) },
                identities: identities.map { Payload(.identification, Array($0.body)) }
            )
        } catch {
            throw .malformed(error)
        }
        guard parsed.count == 2 else { throw .identity("without identities it would be for all traffic") }
        offer.peerTrafficPort = try trafficPort(peer: parsed[0], local: parsed[1], path, nat)
        return offer
    }

    /// The port of the peer's traffic; `nil` for any.
    ///
    /// An SA is for what the kernel will let it carry, and for nothing else: UDP between any port of the peer's and
    /// port 1701 of ours. The answer cannot narrow an offer in IKEv1, so a wider one is refused.
    ///
    /// Behind a NAT the addresses are what the client believes them to be: its own private one, and whichever
    /// it dialled. Without a NAT they have to be those of the packet.
    ///
    /// - SeeAlso: RFC 3193 §4.2, RFC 3947 §5.2
    private func trafficPort(
        peer: IKEv1.IDPayload,
        local: IKEv1.IDPayload,
        _ path: IKEv1.Path,
        _ nat: NATFinding
    ) throws(Refusal) -> UInt16? {
        guard let peerAddress = peer.hostAddress else { throw .identity("\(peer) is no single address") }
        guard let localAddress = local.hostAddress else { throw .identity("\(local) is no single address") }
        if !nat.isAny {
            guard peerAddress == path.peer.address else {
                throw .identity("it is for \(peerAddress), which is not the peer's address")
            }
            guard localAddress == path.local.address else {
                throw .identity("it is for \(localAddress), which is not our address")
            }
        }
        for identity in [peer, local] where identity.protocolNumber != Self.udp {
            let number = identity.protocolNumber
            throw .identity(number == 0 ? "it is for every IP protocol" : "it is for IP protocol \(number)")
        }
        guard local.port == Self.l2tp else {
            throw .identity(local.port == 0 ? "it is for every port on our side" : "it is for our port \(local.port)")
        }
        return peer.port == 0 ? nil : peer.port
    }

    private static let udp: UInt8 = 17
    private static let l2tp: UInt16 = 1701
}
