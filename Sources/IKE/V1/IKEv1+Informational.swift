// SPDX-License-Identifier: Apache-2.0
internal import Cryptography
internal import DataPlane
internal import Primitives

extension IKEv1.ResponderSA {
    /// Between two answers to R-U-THERE.
    static let aliveInterval: Duration = .milliseconds(500)

    mutating func receiveInformational(
        _ arrival: IKEv1.Arrival,
        in established: Established,
        _ surroundings: inout Surroundings
    ) -> (State, [IKEv1.Effect]) {
        guard arrival.header.flags.contains(.encryption) else {
            surroundings.counters.unprotectedInformational += 1
            return (state, [])
        }
        var phase = established
        let opened: IKEv1.OpenedMessage
        do throws(CryptographyError) {
            let contexts = try phase.contexts()
            do throws(DecodeError) {
                opened = try IKEv1.open(
                    arrival.header,
                    arrival.body,
                    with: contexts.cipher,
                    iv: phase.keys.iv(for: arrival.header.messageID)
                )
                let (hash, covered) = try opened.afterHash()
                let expected = contexts.authentication.authenticate(
                    arrival.header.messageID.bytes,
                    Array(covered)
                )
                guard expected.equalsInConstantTime(hash) else {
                    return (state, [report(.hashMismatch(.informational))])
                }
            } catch {
                return (state, [report(.malformedMessage(.informational, error))])
            }
        } catch {
            return (state, [report(.cryptographyFailed("\(error)"))])
        }
        let result = act(on: opened.chain, arrival, in: &phase, &surroundings)
        if case .established(var phase) = result.0, phase.quickModes.allSatisfy(\.isOver) {
            phase.dropContexts()
            return (.established(phase), result.1)
        }
        return result
    }

    private mutating func act(
        on chain: PayloadChain,
        _ arrival: IKEv1.Arrival,
        in phase: inout Established,
        _ surroundings: inout Surroundings
    ) -> (State, [IKEv1.Effect]) {
        var effects: [IKEv1.Effect] = []
        for payload in chain.payloads.dropFirst() {
            do throws(DecodeError) {
                switch payload.type {
                case .delete:
                    let delete = try IKEv1.DeletePayload(payload.body)
                    if delete.protocolID == .isakmp, delete.spis.contains(cookies.bytes) {
                        // The first one wins: whatever follows it is for an SA that is gone.
                        let (next, more) = deletedByPeer(&phase, at: arrival.now, &surroundings)
                        return (next, effects + more)
                    }
                    effects += receiveDelete(delete, in: &phase, at: arrival.now, &surroundings)
                case .notification:
                    let notification = try IKEv1.NotificationPayload(payload.body)
                    effects += receive(notification, arrival, in: &phase, &surroundings)
                default:
                    break
                }
            } catch {
                effects.append(report(.malformedMessage(.informational, error)))
            }
        }
        effects += askElsewhere(arrival, in: &phase, surroundings)
        return (.established(phase), effects)
    }

    /// With a newer IKE SA for the same peer this is the end of a rekeying, and the children stay. Without one the
    /// peer hangs up, or is about to begin anew: the children go, and what stands on them waits for a moment.
    private func deletedByPeer(
        _ phase: inout Established,
        at now: MonotonicTime,
        _ surroundings: inout Surroundings
    ) -> (State, [IKEv1.Effect]) {
        let count = phase.children.count
        if phase.isSuperseded || surroundings.hasHeir {
            surroundings.errands.append(.left(at: now))
            let (next, effects) = leave(&phase, &surroundings)
            return (next, [report(.deletedByPeer(ikeSA: true, children: 0))] + effects)
        }
        release(&phase, &surroundings)
        let gone = phase.children.map(\.inboundSPI) + phase.quickModes.compactMap(\.pendingInboundSPI)
        let next = Deleted(
            transform: phase.transform,
            nat: phase.nat,
            identity: phase.identity,
            client: phase.client,
            keyIndex: phase.keyIndex,
            since: phase.since,
            until: now.advanced(by: Deleted.patience)
        )
        return (
            .deleted(next),
            [report(.deletedByPeer(ikeSA: true, children: count))] + gone.map { .remove(childID($0)) }
                + [.deletedByPeer(id)]
        )
    }

    private func receiveDelete(
        _ delete: IKEv1.DeletePayload,
        in phase: inout Established,
        at now: MonotonicTime,
        _ surroundings: inout Surroundings
    ) -> [IKEv1.Effect] {
        guard delete.protocolID == .esp, delete.spiSize == 4 else { return [] }
        var effects: [IKEv1.Effect] = []
        for bytes in delete.spis.prefix(Self.mostDeletes) {
            guard let spi = ESPSPI(rawValue: bytes.reduce(0) { $0 << 8 | UInt32($1) }) else { continue }
            if let more = remove(spi, isReplaced: false, from: &phase, at: now, &surroundings) {
                phase.liveness.heard(at: now)
                effects += more
            } else {
                surroundings.errands.append(.remove(spi, at: now))
            }
        }
        return effects
    }

    /// SPIs that one Delete can be about; nobody has more.
    private static let mostDeletes = 64

    private mutating func receive(
        _ notification: IKEv1.NotificationPayload,
        _ arrival: IKEv1.Arrival,
        in phase: inout Established,
        _ surroundings: inout Surroundings
    ) -> [IKEv1.Effect] {
        switch notification.type {
        case .areYouThere:
            guard let number = sequence(of: notification) else {
                surroundings.counters.unknownSA += 1
                return []
            }
            phase.liveness.takeQuestion(number, at: arrival.now)
            if let last = phase.lastAliveAnswer, last.duration(to: arrival.now) < Self.aliveInterval {
                surroundings.counters.duplicates += 1
                return []
            }
            let ack = IKEv1.NotificationPayload(
                protocolID: .isakmp,
                spi: cookies.bytes,
                type: .areYouThereAck,
                data: notification.data
            )
            guard let message = protected([Payload(.notification, ack)], in: &phase, surroundings) else { return [] }
            phase.lastAliveAnswer = arrival.now
            surroundings.counters.aliveAnswers += 1
            return [.transmit(arrival.path.datagram(message))]
        case .areYouThereAck:
            guard let number = sequence(of: notification) else {
                surroundings.counters.unknownSA += 1
                return []
            }
            let answer = phase.liveness.takeAnswer(number, from: arrival.path, at: arrival.now)
            if !answer.isRight { surroundings.counters.strayAnswers += 1 }
            if answer.moves { return move(to: arrival.path, in: &phase, &surroundings) }
            if answer.isRight, arrival.path == path, phase.liveness.isConclusive {
                surroundings.errands.append(.present)
            }
            return []
        case .connected:
            return []
        case .initialContact:
            phase.isInitialContact = true
            if phase.isProved { surroundings.errands.append(.proved) }
            return [report(.initialContact)]
        case .responderLifetime:
            obey(notification, in: &phase, at: arrival.now)
            return [report(.peerNotification(notification.type))]
        default:
            let refused =
                notification.type.isError
                ? fail(refusedAs: notification.type, spi: notification.spi, in: &phase, &surroundings) : []
            return [report(.peerNotification(notification.type))] + refused
        }
    }

    /// The number in an R-U-THERE or its answer; `nil` if it is not about this SA.
    private func sequence(of notification: IKEv1.NotificationPayload) -> UInt32? {
        guard notification.spi == cookies.bytes, notification.data.count == 4 else { return nil }
        return notification.data.reduce(0) { $0 << 8 | UInt32($1) }
    }

    /// A child that we asked for lives no longer than the peer wants.
    private func obey(
        _ notification: IKEv1.NotificationPayload,
        in phase: inout Established,
        at now: MonotonicTime
    ) {
        guard notification.protocolID == .esp, let time = IKEv1.lifetimes(in: notification).time,
            let index = phase.children.firstIndex(where: {
                $0.isOurs && $0.outboundSPI.rawValue.bytes == notification.spi
            })
        else { return }
        let since = phase.children[index].since
        let expires = since.advanced(by: max(time, IKEv1.shortestLifetime))
        guard expires < phase.children[index].expires else { return }
        phase.children[index].expires = expires
        phase.children[index].replacement.advance(to: since.advanced(by: since.duration(to: expires) * 9 / 10))
    }

    /// Notifications that came along with another exchange: only recorded.
    func notifications(in chain: PayloadChain) -> [IKEv1.Effect] {
        chain.all(.notification).compactMap { body in
            guard let notification = try? IKEv1.NotificationPayload(body) else { return nil }
            return report(
                notification.type == .initialContact ? .initialContact : .peerNotification(notification.type)
            )
        }
    }

    /// An informational message; `nil` if the cryptography fails.
    ///
    /// - Returns: Without marker.
    func protected(
        _ payloads: [Payload],
        in phase: inout Established,
        _ surroundings: Surroundings
    ) -> [UInt8]? {
        let messageID = surroundings.messageID()
        guard let contexts = try? phase.contexts() else { return nil }
        let chain = IKEv1.hashed(payloads, by: contexts.authentication, prefix: messageID.bytes)
        let sealed = try? IKEv1.seal(
            header(.informational, messageID),
            chain,
            with: contexts.cipher,
            iv: phase.keys.iv(for: messageID)
        )
        return sealed?.bytes
    }

    /// Tells the peer that children are gone.
    func delete(
        _ children: [IKEv1.Child],
        in phase: inout Established,
        _ surroundings: Surroundings
    ) -> [IKEv1.Effect] {
        guard !children.isEmpty else { return [] }
        let payload = IKEv1.DeletePayload(protocolID: .esp, spis: children.map(\.inboundSPI.rawValue.bytes))
        return protected([Payload(.delete, payload)], in: &phase, surroundings)
            .map { [.transmit(path.datagram($0))] } ?? []
    }

    /// Tells the peer that this IKE SA is gone.
    func deleteSelf(in phase: inout Established, _ surroundings: Surroundings) -> [IKEv1.Effect] {
        let payload = IKEv1.DeletePayload(protocolID: .isakmp, spis: [cookies.bytes])
        return protected([Payload(.delete, payload)], in: &phase, surroundings)
            .map { [.transmit(path.datagram($0))] } ?? []
    }
}

extension IKEv1 {
    /// What a peer is told that asked for a longer life than it gets.
    ///
    /// - SeeAlso: RFC 2407 §4.6.3.1
    static func responderLifetime(
        _ lifetime: Duration,
        kilobytes: UInt64? = nil,
        protocolID: ProtocolID,
        spi: [UInt8]
    ) -> Payload {
        var writer = ByteWriter()
        let lifeType = protocolID == .isakmp ? IKEAttribute.lifeType : ESPAttribute.lifeType
        for attribute in lifetimeAttributes(lifetime, kilobytes: kilobytes, lifeType) {
            attribute.encode(into: &writer)
        }
        return Payload(
            .notification,
            NotificationPayload(protocolID: protocolID, spi: spi, type: .responderLifetime, data: writer.bytes)
        )
    }

    /// - SeeAlso: RFC 2407 §4.6.3.3
    static func isInitialContact(_ chain: PayloadChain) -> Bool {
        chain.all(.notification).contains { (try? NotificationPayload($0))?.type == .initialContact }
    }
}
