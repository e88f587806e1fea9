// SPDX-License-Identifier: Apache-2.0
internal import Cryptography
internal import DataPlane
internal import Primitives

extension IKEv1 {
    /// When a message of ours is repeated: after the first wait, after twice that, and so on.
    struct Schedule: Sendable {
        private(set) var next: MonotonicTime?
        private var wait: Duration
        private var left: Int

        init(from now: MonotonicTime, _ configuration: Configuration) {
            wait = configuration.retransmissionWait
            left = configuration.retransmissionLimit
            next = left > 0 ? now.advanced(by: wait) : nil
        }

        /// If so it is time for the next wait.
        mutating func isDue(at now: MonotonicTime) -> Bool {
            guard let due = next, due <= now else { return false }
            left -= 1
            wait = wait * 2
            next = left > 0 ? now.advanced(by: wait) : nil
            return true
        }
    }
}

/// Quick mode with us as its initiator: a child is about to end, and the peer has not replaced it.
extension IKEv1.ResponderSA {
    /// Message 1 is on its way.
    struct Offering: Sendable {
        /// Those of the former child, with our proposal.
        var terms: IKEv1.Terms
        var former: ChildSA.ID
        var spi: ESPSPI
        /// Ni_b.
        var nonce: [UInt8]
        var agreement: KeyAgreement?
        var iv: [UInt8]
        var path: IKEv1.Path
        /// Message 1.
        var message: [UInt8]
        var schedule: IKEv1.Schedule
    }

    /// Asks for a child in the place of `former`, if nothing else is about to take it.
    ///
    /// - Parameter former: May be of an IKE SA that this one took over from.
    mutating func replace(
        _ former: Handover,
        at now: MonotonicTime,
        _ surroundings: inout Surroundings
    ) -> [IKEv1.Effect] {
        guard case .established(var phase) = state else { return [] }
        let effects = offer(former, in: &phase, at: now, &surroundings)
        state = .established(phase)
        return effects
    }

    /// A child that is to be replaced, and the IKE SA it was made under.
    struct Handover: Sendable {
        let child: IKEv1.Child
        let id: ChildSA.ID
    }

    func offer(
        _ former: Handover,
        in phase: inout Established,
        at now: MonotonicTime,
        _ surroundings: inout Surroundings
    ) -> [IKEv1.Effect] {
        let child = former.child
        let isInFlight = phase.quickModes.contains { $0.terms?.cover(child.terms) ?? false }
        let isReplaced = phase.children.contains {
            $0.departure == nil && $0.since > child.since && $0.terms.cover(child.terms)
        }
        let pending = phase.quickModes.count { !$0.isOver }
        guard !isInFlight, !isReplaced, pending < Self.mostQuickModes else { return [] }
        guard phase.children.count + pending < Self.mostChildren else {
            return [report(.tooManyChildren(Self.mostChildren))]
        }
        let missing = acceptance(surroundings, for: phase.client).missing(of: child.legacyAlgorithms)
        guard missing.isEmpty else {
            return [report(.rekeyFailed(former.id, missing.refusal))]
        }
        guard let spi = surroundings.takeSPI(for: id) else { return [report(.spiExhausted)] }
        do throws(CryptographyError) {
            return try offer(former, under: spi, in: &phase, at: now, surroundings)
        } catch {
            surroundings.release(spi)
            return [report(.cryptographyFailed("\(error)"))]
        }
    }

    private func offer(
        _ former: Handover,
        under spi: ESPSPI,
        in phase: inout Established,
        at now: MonotonicTime,
        _ surroundings: Surroundings
    ) throws(CryptographyError) -> [IKEv1.Effect] {
        var terms = former.child.terms
        let profile = acceptance(surroundings).profile
        terms.lifetime = min(terms.lifetime, profile.childLifetime)
        terms.lifetimeKilobytes = IKEv1.kilobytes(terms.lifetimeKilobytes, atMost: profile.longestChildKilobytes)
        terms.offer = IKEv1.offer(of: terms, spi: spi)
        let nonce = surroundings.entropy.bytes(Self.nonceLength)
        var agreement: KeyAgreement?
        if let group = terms.group { agreement = try KeyAgreement(group) }
        var payloads = [
            Payload(.securityAssociation, terms.offer), Payload(.nonce, nonce),
        ]
        if let agreement { payloads.append(Payload(.keyExchange, agreement.publicValue)) }
        // IDci is ours now.
        payloads += terms.identities.reversed()
        if terms.isEncapsulated, let natTraversal = phase.natTraversal {
            for address in [path.local.address, path.peer.address] {
                payloads.append(Payload(natTraversal.originalAddressPayload, IKEv1.NATOAPayload(address: address)))
            }
        }
        var messageID = surroundings.messageID()
        while phase.messageIDs.contains(messageID) { messageID = surroundings.messageID() }
        let contexts = try phase.contexts()
        let chain = IKEv1.hashed(payloads, by: contexts.authentication, prefix: messageID.bytes)
        let sealed = try IKEv1.seal(
            header(.quickMode, messageID),
            chain,
            with: contexts.cipher,
            iv: phase.keys.iv(for: messageID)
        )
        if phase.messageIDs.count == Self.mostMessageIDs { phase.messageIDs.removeFirst() }
        phase.messageIDs.append(messageID)
        phase.quickModes.append(
            QuickMode(
                messageID: messageID,
                fingerprint: nil,
                began: now,
                ends: now.advanced(by: surroundings.configuration.exchangeTimeout),
                stage: .offering(
                    Offering(
                        terms: terms,
                        former: former.id,
                        spi: spi,
                        nonce: nonce,
                        agreement: agreement,
                        iv: sealed.nextIV,
                        path: path,
                        message: sealed.bytes,
                        schedule: IKEv1.Schedule(from: now, surroundings.configuration)
                    )
                )
            )
        )
        return [.transmit(path.datagram(sealed.bytes))]
    }

    /// Message 2.
    func receiveAnswer(
        _ arrival: IKEv1.Arrival,
        to offering: Offering,
        at index: Int,
        in phase: inout Established,
        _ surroundings: inout Surroundings
    ) -> [IKEv1.Effect] {
        let messageID = arrival.header.messageID
        let opened: IKEv1.OpenedMessage
        do throws(CryptographyError) {
            let contexts = try phase.contexts()
            do throws(DecodeError) {
                opened = try IKEv1.open(arrival.header, arrival.body, with: contexts.cipher, iv: offering.iv)
                let (hash, covered) = try opened.afterHash()
                let expected = contexts.authentication.authenticate(messageID.bytes, offering.nonce, Array(covered))
                guard expected.equalsInConstantTime(hash) else { return [report(.hashMismatch(.quickMode))] }
            } catch {
                return [report(.malformedMessage(.quickMode, error))]
            }
        } catch {
            return [report(.cryptographyFailed("\(error)"))]
        }
        phase.liveness.heard(at: arrival.now)
        phase.quickModes[index].fingerprint = arrival.fingerprint
        do throws(Refusal) {
            let installing = try accept(opened, to: offering, in: phase, surroundings)
            phase.quickModes[index].ends = arrival.now.advanced(by: surroundings.configuration.exchangeTimeout)
            phase.quickModes[index].stage = .installing(installing)
            return [.installInbound(installing.child)] + askElsewhere(arrival, in: &phase, surroundings)
        } catch {
            return fail(offering, at: index, in: &phase, &surroundings, "\(error)")
        }
    }

    /// The answer has to be what we asked for: only the lifetime may be another.
    private func accept(
        _ opened: IKEv1.OpenedMessage,
        to offering: Offering,
        in phase: Established,
        _ surroundings: Surroundings
    ) throws(Refusal) -> Installing {
        let sa: IKEv1.SAPayload
        let nonce: [UInt8]
        let publicValue: [UInt8]?
        do throws(DecodeError) {
            sa = try IKEv1.SAPayload(opened.chain.only(.securityAssociation))
            nonce = Array(try opened.chain.only(.nonce))
            guard Self.nonceLengths.contains(nonce.count) else { throw .invalidLength(nonce.count) }
            publicValue = try opened.chain.atMostOne(.keyExchange).map { Array($0) }
        } catch {
            throw .malformed(error)
        }
        guard sa.proposals.count == 1, sa.proposals[0].transforms.count == 1 else {
            throw .identity("the answer has several proposals")
        }
        let circumstances = IKEv1.PhaseTwoCircumstances(
            isNATPresent: phase.nat.isAny,
            isOnNATTraversalPort: path.port == .natTraversal
        )
        var choice: IKEv1.PhaseTwoChoice
        let asked: IKEv1.PhaseTwoChoice
        do throws(ProposalMismatch) {
            let acceptance = acceptance(surroundings, for: phase.client)
            choice = try IKEv1.choose(from: sa, acceptance, circumstances)
            asked = try IKEv1.choose(from: offering.terms.offer, acceptance, circumstances)
        } catch {
            throw .proposal(error)
        }
        guard choice.transform == asked.transform, choice.group == asked.group,
            choice.isEncapsulated == asked.isEncapsulated
        else { throw .identity("the answer is not what was asked for") }
        // As the former child has it, whatever the IKE SA of today was taken for.
        choice.transform = choice.transform.truncatingSHA256(to96: offering.terms.truncatesSHA256To96)
        let identities = opened.chain.payloads.filter { $0.type == .identification }.map(\.body)
        guard identities == offering.terms.identities.reversed().map(\.body) else {
            throw .identity("the answer is for other traffic")
        }
        let agreement = try agreement(of: offering, with: publicValue)
        var terms = offering.terms
        let limits = IKEv1.lifetimes(in: opened.chain)
        terms.lifetime = max(
            IKEv1.shortestLifetime,
            [terms.lifetime, choice.lifetime, limits.time].compactMap { $0 }.min() ?? terms.lifetime
        )
        terms.lifetimeKilobytes = IKEv1.kilobytes(
            [terms.lifetimeKilobytes, choice.lifetimeKilobytes, limits.kilobytes].compactMap { $0 }.min(),
            atMost: acceptance(surroundings).profile.longestChildKilobytes
        )
        let empty = SecretBytes(copying: [])
        var installing = Installing(
            choice: choice,
            initiatorNonce: offering.nonce,
            responderNonce: nonce,
            agreement: agreement,
            terms: terms,
            iv: opened.nextIV,
            path: offering.path,
            child: ChildSA(
                id: childID(offering.spi),
                trace: trace,
                outboundSPI: choice.peerSPI,
                transform: choice.transform,
                inboundEncryptionKey: empty,
                inboundIntegrityKey: nil,
                outboundEncryptionKey: empty,
                outboundIntegrityKey: nil,
                local: path.local,
                peer: path.peer,
                isEncapsulated: terms.isEncapsulated,
                peerTrafficPort: terms.peerTrafficPort,
                lifetime: terms.lifetime,
                lifetimeKilobytes: terms.lifetimeKilobytes
            ),
            former: offering.former
        )
        installing.child.previousIKE = offering.former.ike == id ? phase.heritage : offering.former.ike
        installing.child.isInitiatedByPeer = false
        installing.deriveKeys(phase.keys)
        return installing
    }

    private func agreement(
        of offering: Offering,
        with publicValue: [UInt8]?
    ) throws(Refusal) -> (shared: SecretBytes, publicValue: [UInt8])? {
        switch (offering.agreement, publicValue) {
        case (nil, nil):
            return nil
        case (let ours?, let theirs?):
            do throws(CryptographyError) {
                return (try ours.sharedSecret(peerPublicValue: theirs), ours.publicValue)
            } catch {
                throw .keyExchange("the peer's public value is of no use")
            }
        case (nil, _?), (_?, nil):
            throw .keyExchange("only one side has a public value")
        }
    }

    /// The kernel has the inbound half: message 3 tells the peer that it may use it. Ours may be used at once: the
    /// peer had its inbound half before it sent message 2.
    func prove(
        _ installing: Installing,
        at index: Int,
        in phase: inout Established,
        _ now: MonotonicTime,
        _ surroundings: inout Surroundings
    ) -> [IKEv1.Effect] {
        let quickMode = phase.quickModes[index]
        let message: [UInt8]
        do throws(CryptographyError) {
            let contexts = try phase.contexts()
            let hash = contexts.authentication.authenticate(
                [0],
                quickMode.messageID.bytes,
                installing.initiatorNonce,
                installing.responderNonce
            )
            message = try IKEv1.seal(
                header(.quickMode, quickMode.messageID),
                PayloadChain([Payload(.hash, hash)]),
                with: contexts.cipher,
                iv: installing.iv
            ).bytes
        } catch {
            surroundings.release(installing.child.id.inboundSPI)
            phase.quickModes[index].finish()
            return [.remove(installing.child.id), report(.cryptographyFailed("\(error)"))]
        }
        phase.quickModes[index].stage = .over(
            IKEv1.Answer(fingerprint: quickMode.fingerprint ?? 0, message: message, sent: now)
        )
        let child = IKEv1.Child(
            inboundSPI: installing.child.id.inboundSPI,
            outboundSPI: installing.child.outboundSPI,
            transform: installing.child.transform,
            terms: installing.terms,
            isOurs: true,
            asked: quickMode.began,
            since: now,
            lowerNonce: IKEv1.lowerNonce(installing.initiatorNonce, installing.responderNonce),
            entropy: surroundings.entropy
        )
        notePath(installing.path, in: &phase, &surroundings)
        add(child, to: &phase)
        if let former = installing.former, former.ike != id { surroundings.errands.append(.replaced(former, at: now)) }
        if phase.quickModes.allSatisfy(\.isOver) { phase.dropContexts() }
        return [.installOutbound(childID(child.inboundSPI)), .transmit(installing.path.datagram(message))]
            + announcement(of: child, &surroundings)
    }

    /// Our quick mode came to nothing. The former child goes on, and has further attempts.
    func fail(
        _ offering: Offering,
        at index: Int,
        in phase: inout Established,
        _ surroundings: inout Surroundings,
        _ reason: String
    ) -> [IKEv1.Effect] {
        surroundings.release(offering.spi)
        phase.quickModes[index].finish()
        return [report(.rekeyFailed(offering.former, reason))]
    }

    /// The peer refuses what it was asked.
    ///
    /// - Parameter spi: Ours, if the peer is kind enough to name it.
    func fail(
        refusedAs type: NotifyType,
        spi: [UInt8],
        in phase: inout Established,
        _ surroundings: inout Surroundings
    ) -> [IKEv1.Effect] {
        let isNamed = spi.count == 4 && spi != [0, 0, 0, 0]
        for index in phase.quickModes.indices {
            guard case .offering(let offering) = phase.quickModes[index].stage,
                !isNamed || spi == offering.spi.rawValue.bytes
            else { continue }
            return fail(offering, at: index, in: &phase, &surroundings, "the peer answers \(type)")
        }
        return []
    }

    /// A new child: what it replaces goes, once nothing can be on its way any more.
    ///
    /// Whoever asked for the new one deletes the old ones. If both ends asked at the same time, the child with the
    /// lowest nonce is one too many, and whoever asked for it deletes it; a peer without this rule leaves it to its
    /// end, which does no harm.
    func add(_ child: IKEv1.Child, to phase: inout Established) {
        var child = child
        let departs = IKEv1.Child.Departure(at: child.since.advanced(by: IKEv1.Child.grace), isAnnounced: true)
        for index in phase.children.indices {
            let other = phase.children[index]
            guard other.departure == nil, child.terms.cover(other.terms) else { continue }
            if other.isOurs != child.isOurs, child.wasMade(with: other) {
                let isOtherOver = other.lowerNonce.lexicographicallyPrecedes(child.lowerNonce)
                if isOtherOver, other.isOurs { phase.children[index].departure = departs }
                if !isOtherOver, child.isOurs { child.departure = departs }
            } else if child.isOurs, other.since <= child.asked {
                phase.children[index].departure = departs
            }
        }
        phase.children.append(child)
    }
}

extension IKEv1 {
    /// The proposal of the former child once more: what the peer took then it takes again.
    fileprivate static func offer(of terms: Terms, spi: ESPSPI) -> SAPayload {
        let lifetimes = lifetimeAttributes(
            terms.lifetime,
            kilobytes: terms.lifetimeKilobytes,
            ESPAttribute.lifeType
        )
        var offer = terms.offer
        for place in offer.proposals.indices {
            offer.proposals[place].number = 1
            offer.proposals[place].spi = spi.rawValue.bytes
            for index in offer.proposals[place].transforms.indices {
                let others = offer.proposals[place].transforms[index].attributes.filter {
                    $0.type != ESPAttribute.lifeType && $0.type != ESPAttribute.lifeDuration
                }
                offer.proposals[place].transforms[index].number = UInt8(clamping: index + 1)
                offer.proposals[place].transforms[index].attributes = lifetimes + others
            }
        }
        return offer
    }

    /// - Parameter lifeType: The number of the life type; that of the duration is the next.
    static func lifetimeAttributes(_ lifetime: Duration, kilobytes: UInt64?, _ lifeType: UInt16) -> [Attribute] {
        let seconds = UInt32(clamping: lifetime.components.seconds)
        var attributes = [
            Attribute(lifeType, UInt16(lifeSeconds)),
            Attribute(type: lifeType + 1, value: .variable(seconds.bytes)),
        ]
        if let kilobytes {
            let low = UInt32(truncatingIfNeeded: kilobytes).bytes
            let high = UInt32(truncatingIfNeeded: kilobytes >> 32)
            attributes += [
                Attribute(lifeType, UInt16(lifeKilobytes)),
                Attribute(type: lifeType + 1, value: .variable(high == 0 ? low : high.bytes + low)),
            ]
        }
        return attributes
    }

    /// What RESPONDER-LIFETIME says in a message; zero says nothing.
    ///
    /// - SeeAlso: RFC 2407 §4.6.3.1
    static func lifetimes(in chain: PayloadChain) -> (time: Duration?, kilobytes: UInt64?) {
        var time: Duration?
        var kilobytes: UInt64?
        for body in chain.all(.notification) {
            guard let notification = try? NotificationPayload(body), notification.type == .responderLifetime else {
                continue
            }
            let limits = lifetimes(in: notification)
            time = limits.time ?? time
            kilobytes = limits.kilobytes ?? kilobytes
        }
        return (time, kilobytes)
    }

    static func lifetimes(in notification: NotificationPayload) -> (time: Duration?, kilobytes: UInt64?) {
        let lifeType = notification.protocolID == .isakmp ? IKEAttribute.lifeType : ESPAttribute.lifeType
        var time: Duration?
        var kilobytes: UInt64?
        var reader = ByteReader(notification.data)
        var unit: UInt64?
        while reader.remaining > 0, let attribute = try? Attribute(from: &reader), let number = attribute.number {
            if attribute.type == lifeType { unit = number }
            guard attribute.type == lifeType + 1, number > 0 else { continue }
            if unit == lifeSeconds { time = .seconds(Int64(clamping: min(number, 1 << 31))) }
            if unit == lifeKilobytes { kilobytes = number }
        }
        return (time, kilobytes)
    }
}

extension IKEv1.ResponderSA.Refusal: CustomStringConvertible {
    /// Continues "the pair could not be replaced:".
    var description: String {
        switch self {
        case .severalNegotiations(let count): "the answer is about \(count) negotiations"
        case .malformed(let error): "the answer cannot be read: \(error)"
        case .identity(let reason): reason
        case .proposal: "the answer is not what was asked for"
        case .keyExchange(let reason): "the answer's key exchange is unusable: \(reason)"
        case .children: "there are too many already"
        case .cryptography(let error): "a cryptographic operation failed: \(error)"
        case .spi: "no free SPI was found"
        }
    }
}
