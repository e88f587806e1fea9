// SPDX-License-Identifier: Apache-2.0
internal import Cryptography
internal import DataPlane
package import Primitives

extension IKEv1.ResponderSA {
    /// What the kernel said to the inbound half of a child.
    package mutating func inboundInstalled(
        _ child: ChildSA.ID,
        outcome: Endpoint.InstallOutcome,
        at now: MonotonicTime,
        _ surroundings: inout Surroundings
    ) -> [IKEv1.Effect] {
        guard case .established(var phase) = state,
            let index = phase.quickModes.firstIndex(where: { $0.pendingInboundSPI == child.inboundSPI }),
            case .installing(let installing) = phase.quickModes[index].stage
        else {
            // The exchange ended while the kernel was at work; or it is over and this is said twice.
            return outcome == .installed && !holds(child.inboundSPI) ? [.remove(child)] : []
        }
        let effects: [IKEv1.Effect]
        switch outcome {
        case .installed where installing.former != nil:
            effects = prove(installing, at: index, in: &phase, now, &surroundings)
        case .installed:
            effects = answer(installing, at: index, in: &phase, now, surroundings)
        case .spiInUse:
            effects = tryAnotherSPI(installing, at: index, in: &phase, now, &surroundings)
        case .failed(let error):
            effects = giveUp(installing, at: index, in: &phase, now, &surroundings, .installFailed(error))
        case .refused(let reason):
            effects = giveUp(installing, at: index, in: &phase, now, &surroundings, .invalidIdentity(reason))
        }
        state = .established(phase)
        return effects
    }

    private func holds(_ inboundSPI: ESPSPI) -> Bool {
        if children.contains(where: { $0.inboundSPI == inboundSPI }) { return true }
        guard case .established(let phase) = state else { return false }
        return phase.quickModes.contains { $0.pendingInboundSPI == inboundSPI }
    }

    private func tryAnotherSPI(
        _ tried: Installing,
        at index: Int,
        in phase: inout Established,
        _ now: MonotonicTime,
        _ surroundings: inout Surroundings
    ) -> [IKEv1.Effect] {
        // What stands in our message 1 cannot be changed any more.
        guard tried.former == nil, tried.attempts < Installing.mostAttempts, let spi = surroundings.takeSPI(for: id)
        else {
            return giveUp(tried, at: index, in: &phase, now, &surroundings, .spiExhausted)
        }
        surroundings.release(tried.child.id.inboundSPI)
        var installing = tried
        installing.attempts += 1
        installing.child.id = childID(spi)
        installing.deriveKeys(phase.keys)
        phase.quickModes[index].stage = .installing(installing)
        return [.installInbound(installing.child)]
    }

    private func giveUp(
        _ installing: Installing,
        at index: Int,
        in phase: inout Established,
        _ now: MonotonicTime,
        _ surroundings: inout Surroundings,
        _ kind: Event.Kind
    ) -> [IKEv1.Effect] {
        surroundings.release(installing.child.id.inboundSPI)
        let notice = IKEv1.NotificationPayload(
            protocolID: .esp,
            spi: installing.child.outboundSPI.rawValue.bytes,
            type: .noProposalChosen
        )
        let message = protected([Payload(.notification, notice)], in: &phase, surroundings)
        phase.quickModes[index].stage = .over(
            IKEv1.Answer(fingerprint: phase.quickModes[index].fingerprint ?? 0, message: message ?? [], sent: now)
        )
        return [.remove(installing.child.id)] + (message.map { [.transmit(installing.path.datagram($0))] } ?? [])
            + [report(kind)]
    }

    /// Message 2.
    private func answer(
        _ installing: Installing,
        at index: Int,
        in phase: inout Established,
        _ now: MonotonicTime,
        _ surroundings: Surroundings
    ) -> [IKEv1.Effect] {
        let quickMode = phase.quickModes[index]
        let child = installing.child
        var proposal = installing.choice.answer
        proposal.spi = child.id.inboundSPI.rawValue.bytes
        var payloads = [
            Payload(.securityAssociation, IKEv1.SAPayload(proposals: [proposal])),
            Payload(.nonce, installing.responderNonce),
        ]
        if let agreement = installing.agreement { payloads.append(Payload(.keyExchange, agreement.publicValue)) }
        payloads += installing.terms.identities
        if child.isEncapsulated, let natTraversal = phase.natTraversal {
            for address in [child.peer.address, child.local.address] {
                payloads.append(
                    Payload(natTraversal.originalAddressPayload, IKEv1.NATOAPayload(address: address))
                )
            }
        }
        let isShorter = child.lifetime < installing.choice.lifetime
        let isLess =
            child.lifetimeKilobytes.map { $0 < installing.choice.lifetimeKilobytes ?? UInt64.max } ?? false
        if isShorter || isLess {
            payloads.append(
                IKEv1.responderLifetime(
                    child.lifetime,
                    kilobytes: isLess ? child.lifetimeKilobytes : nil,
                    protocolID: .esp,
                    spi: child.id.inboundSPI.rawValue.bytes
                )
            )
        }
        let sealed: (bytes: [UInt8], nextIV: [UInt8])
        do throws(CryptographyError) {
            let contexts = try phase.contexts()
            let chain = IKEv1.hashed(
                payloads,
                by: contexts.authentication,
                prefix: quickMode.messageID.bytes + installing.initiatorNonce
            )
            sealed = try IKEv1.seal(
                header(.quickMode, quickMode.messageID),
                chain,
                with: contexts.cipher,
                iv: installing.iv
            )
        } catch {
            phase.quickModes[index].finish()
            return [.remove(child.id), report(.cryptographyFailed("\(error)"))]
        }
        phase.quickModes[index].stage = .waitProof(
            WaitProof(
                child: IKEv1.Child(
                    inboundSPI: child.id.inboundSPI,
                    outboundSPI: child.outboundSPI,
                    transform: child.transform,
                    terms: installing.terms,
                    isOurs: false,
                    asked: quickMode.began,
                    since: now,
                    lowerNonce: IKEv1.lowerNonce(installing.initiatorNonce, installing.responderNonce),
                    entropy: surroundings.entropy
                ),
                initiatorNonce: installing.initiatorNonce,
                responderNonce: installing.responderNonce,
                iv: sealed.nextIV,
                path: installing.path,
                answer: IKEv1.Answer(fingerprint: quickMode.fingerprint ?? 0, message: sealed.bytes, sent: now),
                schedule: IKEv1.Schedule(from: now, surroundings.configuration)
            )
        )
        return [.transmit(installing.path.datagram(sealed.bytes))]
    }

    /// Message 3: the proof that the peer has our nonce, so that nothing in this exchange was a playback.
    mutating func receiveProof(
        _ arrival: IKEv1.Arrival,
        _ waiting: WaitProof,
        at index: Int,
        in phase: inout Established,
        _ surroundings: inout Surroundings
    ) -> [IKEv1.Effect] {
        let quickMode = phase.quickModes[index]
        do throws(CryptographyError) {
            let contexts = try phase.contexts()
            do throws(DecodeError) {
                let opened = try IKEv1.open(arrival.header, arrival.body, with: contexts.cipher, iv: waiting.iv)
                let (hash, _) = try opened.afterHash()
                let expected = contexts.authentication.authenticate(
                    [0],
                    quickMode.messageID.bytes,
                    waiting.initiatorNonce,
                    waiting.responderNonce
                )
                guard expected.equalsInConstantTime(hash) else { return [report(.hashMismatch(.quickMode))] }
            } catch {
                return [report(.malformedMessage(.quickMode, error))]
            }
        } catch {
            return [report(.cryptographyFailed("\(error)"))]
        }
        phase.liveness.heard(at: arrival.now)
        // Whoever sends this has read message 2 where that was sent, and is there, or was a moment ago.
        var effects: [IKEv1.Effect] = []
        if arrival.path == waiting.path, mayMove(to: waiting.path, phase.nat, surroundings) {
            effects = move(to: waiting.path, in: &phase, &surroundings)
        }
        return effects + complete(waiting, at: index, in: &phase, &surroundings)
            + askElsewhere(arrival, in: &phase, surroundings)
    }

    /// ESP under the child's keys has come, which only the peer of this exchange can send: as good a proof as
    /// message 3, should that be lost.
    package mutating func peerHasSpoken(
        under child: ChildSA.ID,
        _ surroundings: inout Surroundings
    ) -> [IKEv1.Effect] {
        guard case .established(var phase) = state,
            let index = phase.quickModes.firstIndex(where: { $0.pendingInboundSPI == child.inboundSPI }),
            case .waitProof(let waiting) = phase.quickModes[index].stage
        else { return [] }
        let effects = complete(waiting, at: index, in: &phase, &surroundings)
        state = .established(phase)
        return effects
    }

    private func complete(
        _ waiting: WaitProof,
        at index: Int,
        in phase: inout Established,
        _ surroundings: inout Surroundings
    ) -> [IKEv1.Effect] {
        phase.quickModes[index].finish()
        notePath(waiting.path, in: &phase, &surroundings)
        add(waiting.child, to: &phase)
        if phase.quickModes.allSatisfy(\.isOver) { phase.dropContexts() }
        return [.installOutbound(childID(waiting.child.inboundSPI))] + announcement(of: waiting.child, &surroundings)
    }

    func announcement(of child: IKEv1.Child, _ surroundings: inout Surroundings) -> [IKEv1.Effect] {
        var effects = [
            report(
                .childEstablished(
                    childID(child.inboundSPI),
                    outboundSPI: child.outboundSPI,
                    transform: child.transform,
                    isEncapsulated: child.terms.isEncapsulated
                )
            )
        ]
        let name = IKEv1.name(of: child.transform, child.terms.group)
        if let kind = surroundings.noteLegacy(child.legacyAlgorithms, in: name) { effects.append(report(kind)) }
        return effects
    }

    /// A quick mode came to its end over `path`: whoever is there has the keys.
    func notePath(_ path: IKEv1.Path, in phase: inout Established, _ surroundings: inout Surroundings) {
        guard path == self.path, !phase.isProved else { return }
        phase.isProved = true
        surroundings.errands.append(.proved)
    }

    /// Message 2 again, or the end of an exchange.
    func advanceQuickModes(
        of phase: inout Established,
        to now: MonotonicTime,
        _ surroundings: inout Surroundings
    ) -> [IKEv1.Effect] {
        var effects: [IKEv1.Effect] = []
        for index in phase.quickModes.indices {
            let isOver = phase.quickModes[index].ends <= now
            switch phase.quickModes[index].stage {
            case .offering(let offering) where isOver:
                effects += fail(offering, at: index, in: &phase, &surroundings, "the peer does not answer")
            case .offering(var offering):
                guard offering.schedule.isDue(at: now) else { continue }
                phase.quickModes[index].stage = .offering(offering)
                surroundings.counters.retransmissions += 1
                effects.append(.transmit(offering.path.datagram(offering.message)))
            case .installing where isOver, .waitProof where isOver:
                guard let spi = phase.quickModes[index].pendingInboundSPI else { continue }
                surroundings.release(spi)
                phase.quickModes[index].finish()
                effects += [.remove(childID(spi)), report(.exchangeTimeout("quick mode before message 3"))]
            case .waitProof(var waiting):
                guard waiting.schedule.isDue(at: now) else { continue }
                waiting.answer.sent = now
                phase.quickModes[index].stage = .waitProof(waiting)
                surroundings.counters.retransmissions += 1
                effects.append(.transmit(waiting.path.datagram(waiting.answer.message)))
            case .installing, .over:
                continue
            }
        }
        phase.quickModes.removeAll { $0.ends <= now }
        if phase.quickModes.allSatisfy(\.isOver) { phase.dropContexts() }
        return effects
    }

    func header(_ exchange: ExchangeType, _ messageID: UInt32) -> ISAKMPHeader {
        ISAKMPHeader(
            initiatorCookie: cookies.initiator,
            responderCookie: cookies.responder,
            exchange: exchange,
            messageID: messageID
        )
    }
}

extension IKEv1.ResponderSA.Installing {
    /// The keys of both directions: each depends on the SPI of its receiver, ours on the one we try.
    mutating func deriveKeys(_ keys: IKEv1.SessionKeys) {
        let skeyidD = HMAC(keys.hash, key: keys.skeyidD)
        let transform = choice.transform
        let cipherLength = transform.encryptionKeyLength
        let integrityLength = transform.integrityKeyLength
        func material(_ spi: ESPSPI) -> (SecretBytes, SecretBytes?) {
            let all = IKEv1.keyMaterial(
                hash: keys.hash,
                skeyidD: skeyidD,
                sharedSecret: agreement?.shared,
                protocolID: .esp,
                spi: spi.rawValue,
                initiatorNonce: initiatorNonce,
                responderNonce: responderNonce,
                length: cipherLength + integrityLength
            )
            return (
                all.slice(from: 0, count: cipherLength),
                integrityLength > 0 ? all.slice(from: cipherLength, count: integrityLength) : nil
            )
        }
        (child.inboundEncryptionKey, child.inboundIntegrityKey) = material(child.id.inboundSPI)
        (child.outboundEncryptionKey, child.outboundIntegrityKey) = material(child.outboundSPI)
    }
}
