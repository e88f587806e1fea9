// SPDX-License-Identifier: Apache-2.0
internal import Primitives

// RFC 1661 §5: what LCP says and hears.
extension Link {
    mutating func receiveLCP(_ packet: ControlPacket, _ effects: inout [Effect], _ now: MonotonicTime) {
        switch packet.code {
        case .protocolReject:
            receiveProtocolReject(packet, &effects, now)
        case .echoRequest:
            apply(lcp.receiveEcho(packet, limits: limits, at: now), to: &effects, at: now)
        case .echoReply:
            receiveEchoReply(packet, &effects, now)
        case .discardRequest, .timeRemaining:
            break
        case .identification:
            effects.append(
                .report(.identification(String(decoding: packet.data.dropFirst(4).prefix(255), as: UTF8.self)))
            )
        case .terminateRequest:
            receiveTerminateRequest(packet, &effects, now)
        case .codeReject where packet.data.first == ControlPacket.Code.echoRequest.rawValue:
            // A peer that knows no echo is alive nevertheless, as was heard.
            echo.awaitsReply = false
        default:
            apply(lcp.receive(packet, limits: limits, at: now), to: &effects, at: now)
        }
    }

    mutating func apply(
        _ outcome: [ControlProtocol<LCPOptions>.Effect],
        to effects: inout [Effect],
        at now: MonotonicTime
    ) {
        for effect in outcome {
            if case .finished = phase { return }
            switch effect {
            case .send(let packet):
                effects.append(.send(packet.frame(.lcp)))
            case .thisLayerUp:
                lcpUp(&effects, now)
            case .thisLayerDown:
                lcpDown(&effects, now)
            case .thisLayerFinished:
                finish(end ?? .silence, &effects)
            case .failed(let error):
                fail(error, in: .lcp, &effects, now)
            case .unanswered:
                effects.append(.report(.peerSilent(.lcp, count: configuration.maxConfigure)))
            case .unexpected(let code):
                effects.append(.report(.unexpectedPacket(.lcp, code)))
            case .malformed(let error):
                effects.append(.report(.malformedPacket(.lcp, error)))
            case .answerEcho(let packet):
                answerEcho(packet, &effects, now)
            }
        }
        limitRenegotiations(of: .lcp, &effects, now)
    }

    /// Why the link is being terminated.
    private var end: LinkEnd? {
        guard case .terminate(let end) = phase else { return nil }
        return end
    }

    private mutating func lcpUp(_ effects: inout [Effect], _ now: MonotonicTime) {
        guard case .establish = phase else { return }
        let method = lcp.options.method
        effects.append(.report(.lcpOpened(method: method, peerMRU: lcp.options.peerMRU)))
        if configuration.echoInterval > .zero {
            echo.nextDeadline = now.advanced(by: configuration.effectiveEchoInterval)
        }
        startAuthentication(with: method, &effects, now)
    }

    private mutating func lcpDown(_ effects: inout [Effect], _ now: MonotonicTime) {
        echo = Echo()
        early = nil
        switch phase {
        case .authenticate(let authenticator): failedAttempts = authenticator.failedAttempts
        case .network(let network): failedAttempts = network.authenticator.failedAttempts
        case .dead, .establish, .terminate, .finished: break
        }
        switch phase {
        case .authenticate, .network:
            networkDown(&effects)
            renegotiations += 1
            verification?.isAbandoned = true
            verification?.next = nil
            phase = .establish
            setUpDeadline = setUpDeadline ?? now.advanced(by: configuration.setUpTimeout)
        case .dead, .establish, .terminate, .finished:
            break
        }
    }

    /// In an open link the automaton waits a while for lost acknowledgements. Before that, there is nothing to
    /// wait for: the peer has given up, and the automaton alone would go on asking.
    private mutating func receiveTerminateRequest(
        _ packet: ControlPacket,
        _ effects: inout [Effect],
        _ now: MonotonicTime
    ) {
        let wasOpened = lcp.isOpened
        let outcome = lcp.receive(packet, limits: limits, at: now)
        switch phase {
        case .establish, .authenticate, .network:
            let message = String(decoding: packet.data.prefix(255), as: UTF8.self)
            effects.append(.report(.terminatedByPeer(message: message)))
            networkDown(&effects)
            phase = .terminate(.byPeer)
            setUpDeadline = nil
        case .dead, .terminate, .finished:
            break
        }
        apply(outcome, to: &effects, at: now)
        if !wasOpened, case .terminate(.byPeer) = phase, lcp.state == .requestSent { finish(.byPeer, &effects) }
    }

    /// Only a protocol that we cannot do without ends the link.
    private mutating func receiveProtocolReject(
        _ packet: ControlPacket,
        _ effects: inout [Effect],
        _ now: MonotonicTime
    ) {
        var reader = ByteReader(packet.data)
        do throws(DecodeError) {
            let number = ProtocolNumber(rawValue: try reader.integer())
            guard lcp.isOpened else {
                effects.append(.report(.unexpectedPacket(.lcp, packet.code)))
                return
            }
            switch number {
            case .lcp, .ipcp, AuthenticationProposal(lcp.options.method).protocolNumber:
                fail(.protocolRejected(number), in: number, &effects, now)
            default:
                break
            }
        } catch {
            effects.append(.report(.malformedPacket(.lcp, error)))
        }
    }

    private mutating func answerEcho(_ packet: ControlPacket, _ effects: inout [Effect], _ now: MonotonicTime) {
        guard packet.data.count >= 4 else {
            effects.append(.report(.malformedPacket(.lcp, .truncated(needed: 4, available: packet.data.count))))
            return
        }
        if isOurMagic(packet.data) {
            fail(.loop, in: .lcp, &effects, now)
            return
        }
        guard echoReplies.spend(at: now) else {
            effects.append(.report(.answersLimited(.lcp)))
            return
        }
        var writer = ByteWriter(reservingCapacity: packet.data.count)
        writer.integer(lcp.options.localMagic ?? 0)
        writer.append(packet.data.dropFirst(4).prefix(Int(lcp.options.peerMRU) - ControlPacket.headerLength - 4))
        let reply = ControlPacket(.echoReply, identifier: packet.identifier, data: writer.bytes[...])
        effects.append(.send(reply.frame(.lcp)))
    }

    private mutating func receiveEchoReply(
        _ packet: ControlPacket,
        _ effects: inout [Effect],
        _ now: MonotonicTime
    ) {
        guard lcp.isOpened, packet.identifier == echo.identifier, echo.awaitsReply else {
            effects.append(.report(.unexpectedPacket(.lcp, packet.code)))
            return
        }
        if isOurMagic(packet.data) {
            fail(.loop, in: .lcp, &effects, now)
        } else {
            echo.awaitsReply = false
            renegotiations = 0
        }
    }

    private func isOurMagic(_ data: ArraySlice<UInt8>) -> Bool {
        guard let localMagic = lcp.options.localMagic, data.count >= 4 else { return false }
        return data.prefix(4).reduce(0) { $0 << 8 | UInt32($1) } == localMagic
    }

    mutating func advanceEcho(_ effects: inout [Effect], _ now: MonotonicTime) {
        guard let deadline = echo.nextDeadline, deadline <= now else { return }
        guard lcp.isOpened else {
            echo = Echo()
            return
        }
        let silence = lastHeard.duration(to: now)
        if echo.unanswered > 0 {
            guard silence < configuration.silenceLimit else {
                effects.append(.report(.echoTimeout(unanswered: echo.unanswered, silence: silence)))
                close(.silence, &effects, now)
                return
            }
            effects.append(.unanswered)
        }
        echo.unanswered += 1
        echo.awaitsReply = true
        echo.identifier &+= 1
        // Whoever was asleep itself, asks once more before it judges.
        let end = lastHeard.advanced(by: configuration.silenceLimit)
        let next = now.advanced(by: configuration.echoRepetition)
        echo.nextDeadline = end > now ? min(next, end) : next
        let magic = Option(0, integer: lcp.options.localMagic ?? 0).value
        let request = ControlPacket(.echoRequest, identifier: echo.identifier, data: magic)
        effects.append(.send(request.frame(.lcp)))
    }

    /// A frame whose packet has this many bytes, and which the peer must take and forget: for trying what the way
    /// between carries.
    ///
    /// - SeeAlso: RFC 1661 §5.9
    package func discardRequest(length: Int) -> [UInt8] {
        let magic = Option(0, integer: lcp.options.localMagic ?? 0).value
        let padding = [UInt8](
            repeating: 0,
            count: max(0, min(length, 65_535) - ControlPacket.headerLength - magic.count)
        )
        return ControlPacket(.discardRequest, identifier: 0, data: (magic + padding)[...]).frame(.lcp)
    }

    /// Only in the network phase: before that, what is not LCP or authentication is silently discarded
    /// (RFC 1661 §3.5).
    mutating func rejectProtocol(_ frame: Frame, _ effects: inout [Effect], _ now: MonotonicTime) {
        guard case .network = phase else { return }
        guard protocolRejects.spend(at: now) else {
            effects.append(.report(.answersLimited(frame.protocolNumber)))
            return
        }
        rejectIdentifier &+= 1
        var writer = ByteWriter(reservingCapacity: 2 + frame.information.count)
        writer.integer(frame.protocolNumber.rawValue)
        writer.append(frame.information.prefix(Int(lcp.options.peerMRU) - ControlPacket.headerLength - 2))
        let packet = ControlPacket(.protocolReject, identifier: rejectIdentifier, data: writer.bytes[...])
        effects.append(.report(.protocolRejected(frame.protocolNumber)))
        effects.append(.send(packet.frame(.lcp)))
    }
}
