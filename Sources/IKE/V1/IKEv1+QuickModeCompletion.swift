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
        guard tried.attempts < Installing.mostAttempts, let spi = surroundings.takeSPI(for: id) else {
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
            IKEv1.Answer(fingerprint: phase.quickModes[index].fingerprint, message: message ?? [], sent: now)
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
        payloads += installing.identities
        if child.isEncapsulated, let natTraversal = phase.natTraversal {
            for address in [child.peer.address, child.local.address] {
                payloads.append(
                    Payload(natTraversal.originalAddressPayload, IKEv1.NATOAPayload(address: address))
                )
            }
        }
        if child.lifetime < installing.choice.lifetime {
            payloads.append(
                IKEv1.responderLifetime(child.lifetime, protocolID: .esp, spi: child.id.inboundSPI.rawValue.bytes)
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
        let wait = surroundings.configuration.retransmissionWait
        phase.quickModes[index].stage = .waitProof(
            WaitProof(
                child: IKEv1.Child(
                    inboundSPI: child.id.inboundSPI,
                    outboundSPI: child.outboundSPI,
                    transform: child.transform,
                    expires: now.advanced(by: child.lifetime)
                ),
                isEncapsulated: child.isEncapsulated,
                initiatorNonce: installing.initiatorNonce,
                responderNonce: installing.responderNonce,
                iv: sealed.nextIV,
                path: installing.path,
                answer: IKEv1.Answer(fingerprint: quickMode.fingerprint, message: sealed.bytes, sent: now),
                nextRetransmission: surroundings.configuration.retransmissionLimit > 0 ? now.advanced(by: wait) : nil,
                wait: wait
            )
        )
        return [.transmit(installing.path.datagram(sealed.bytes))]
    }

    /// Message 3: the proof that the peer has our nonce, so that nothing in this exchange was a playback.
    mutating func receiveProof(
        _ arrival: IKEv1.Arrival,
        _ waiting: WaitProof,
        at index: Int,
        in phase: inout Established
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
        // RFC 3947 §7: an end that is not behind a NAT follows the other one, by what it has authenticated.
        if phase.nat.isPeerBehindNAT, !phase.nat.isLocalBehindNAT, arrival.path.port == .natTraversal {
            path = arrival.path
        }
        return complete(waiting, at: index, in: &phase)
    }

    /// ESP under the child's keys has come, which only the peer of this exchange can send: as good a proof as
    /// message 3, should that be lost.
    package mutating func peerHasSpoken(under child: ChildSA.ID) -> [IKEv1.Effect] {
        guard case .established(var phase) = state,
            let index = phase.quickModes.firstIndex(where: { $0.pendingInboundSPI == child.inboundSPI }),
            case .waitProof(let waiting) = phase.quickModes[index].stage
        else { return [] }
        let effects = complete(waiting, at: index, in: &phase)
        state = .established(phase)
        return effects
    }

    private func complete(
        _ waiting: WaitProof,
        at index: Int,
        in phase: inout Established
    ) -> [IKEv1.Effect] {
        phase.quickModes[index].finish()
        phase.children.append(waiting.child)
        if phase.quickModes.allSatisfy(\.isOver) { phase.dropContexts() }
        let child = childID(waiting.child.inboundSPI)
        var effects: [IKEv1.Effect] = [
            .installOutbound(child),
            report(
                .childEstablished(
                    child,
                    outboundSPI: waiting.child.outboundSPI,
                    transform: waiting.child.transform,
                    isEncapsulated: waiting.isEncapsulated
                )
            ),
        ]
        let legacy = waiting.child.transform.legacyAlgorithms
        if !legacy.isEmpty {
            let names = LegacyAlgorithm.allCases.filter(legacy.contains)
            effects.append(report(.legacyAlgorithm(names, transform: "\(waiting.child.transform)")))
        }
        return effects
    }

    /// Message 2 again, or the end of an exchange.
    func advanceQuickModes(
        of phase: inout Established,
        to now: MonotonicTime,
        _ surroundings: inout Surroundings
    ) -> [IKEv1.Effect] {
        var effects: [IKEv1.Effect] = []
        for index in phase.quickModes.indices {
            if phase.quickModes[index].ends <= now, let spi = phase.quickModes[index].pendingInboundSPI {
                surroundings.release(spi)
                phase.quickModes[index].finish()
                effects += [.remove(childID(spi)), report(.exchangeTimeout("quick mode before message 3"))]
            } else if case .waitProof(var waiting) = phase.quickModes[index].stage,
                let due = waiting.nextRetransmission, due <= now
            {
                waiting.retransmissions += 1
                waiting.wait = waiting.wait * 2
                let isLast = waiting.retransmissions >= surroundings.configuration.retransmissionLimit
                waiting.nextRetransmission = isLast ? nil : now.advanced(by: waiting.wait)
                waiting.answer.sent = now
                phase.quickModes[index].stage = .waitProof(waiting)
                effects.append(.transmit(waiting.path.datagram(waiting.answer.message)))
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
