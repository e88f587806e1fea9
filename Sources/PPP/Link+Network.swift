// SPDX-License-Identifier: Apache-2.0
internal import Primitives

/// The network phase.
struct Network: Sendable {
    /// Says again what it said, if the peer did not hear it.
    var authenticator: Authenticator
    /// `nil` until somebody has chosen an address.
    var ipcp: ControlProtocol<IPCPOptions>?
    /// Until then the peer may not know that it was accepted.
    var peerHasSpoken = false
    var isUp = false

    init(authenticator: Authenticator) {
        self.authenticator = authenticator
    }
}

// RFC 1661 §3.6: which address the peer gets.
extension Link {
    /// A longer Configure-Request is not kept for later: the peer will say it again.
    private static let longestEarlyRequest = 256

    mutating func receiveIPCP(_ packet: ControlPacket, _ effects: inout [Effect], _ now: MonotonicTime) {
        switch phase {
        case .authenticate:
            keep(packet)
        case .network(var network):
            network.peerHasSpoken = true
            guard var ipcp = network.ipcp else {
                phase = .network(network)
                keep(packet)
                return
            }
            let outcome = ipcp.receive(packet, limits: limits, at: now)
            network.ipcp = ipcp
            phase = .network(network)
            apply(outcome, &effects, now)
        case .dead, .establish, .terminate, .finished:
            break
        }
    }

    /// Instead of letting the peer wait for its restart timer.
    private mutating func keep(_ packet: ControlPacket) {
        if packet.code == .configureRequest, packet.data.count <= Link.longestEarlyRequest { early = packet }
    }

    mutating func openIPCP(_ offer: NetworkOffer, _ effects: inout [Effect], _ now: MonotonicTime) {
        guard case .network(var network) = phase else { return }
        var ipcp: ControlProtocol<IPCPOptions>
        do throws(NegotiationError) {
            ipcp = ControlProtocol(try IPCPOptions(offer))
        } catch {
            fail(error, in: .ipcp, &effects, now)
            return
        }
        var outcome = ipcp.handle(.open, limits: limits, at: now)
        outcome += ipcp.handle(.up, limits: limits, at: now)
        if let early { outcome += ipcp.receive(early, limits: limits, at: now) }
        early = nil
        network.ipcp = ipcp
        phase = .network(network)
        apply(outcome, &effects, now)
    }

    mutating func advanceNetwork(_ effects: inout [Effect], _ now: MonotonicTime) {
        guard case .network(var network) = phase, var ipcp = network.ipcp else { return }
        let outcome = ipcp.advance(to: now, limits: limits)
        guard !outcome.isEmpty else { return }
        noteRetransmissions(outcome.count { if case .send = $0 { true } else { false } })
        network.ipcp = ipcp
        phase = .network(network)
        if !network.peerHasSpoken, let reply = network.authenticator.reply {
            // Nobody repeats a CHAP Response without being asked, so a lost Success would end the call.
            effects.append(.send(reply.frame(network.authenticator.protocolNumber)))
        }
        apply(outcome, &effects, now)
    }

    private mutating func apply(
        _ outcome: [ControlProtocol<IPCPOptions>.Effect],
        _ effects: inout [Effect],
        _ now: MonotonicTime
    ) {
        for effect in outcome {
            guard case .network = phase else { return }
            switch effect {
            case .send(let packet):
                effects.append(.send(packet.frame(.ipcp)))
            case .thisLayerUp:
                networkUp(&effects)
            case .thisLayerDown:
                networkDown(&effects)
                renegotiations += 1
                setUpDeadline = setUpDeadline ?? now.advanced(by: configuration.setUpTimeout)
            case .thisLayerFinished:
                close(.byPeer, &effects, now)
            case .failed(let error):
                fail(error, in: .ipcp, &effects, now)
            case .unanswered:
                effects.append(.report(.peerSilent(.ipcp, count: configuration.maxConfigure)))
                close(.silence, &effects, now)
            case .unexpected(let code):
                effects.append(.report(.unexpectedPacket(.ipcp, code)))
            case .answerEcho:
                // Asked for by LCP alone.
                break
            case .malformed(let error):
                effects.append(.report(.malformedPacket(.ipcp, error)))
            }
        }
        limitRenegotiations(of: .ipcp, &effects, now)
    }

    private mutating func networkUp(_ effects: inout [Effect]) {
        guard case .network(var network) = phase, let offer, !network.isUp else { return }
        network.isUp = true
        phase = .network(network)
        setUpDeadline = nil
        let parameters = NetworkParameters(
            localAddress: offer.localAddress,
            peerAddress: offer.peerAddress,
            peerMRU: lcp.options.peerMRU
        )
        effects.append(.networkUp(parameters))
        effects.append(.report(.networkUp(parameters, userName: userName ?? "")))
    }

    mutating func networkDown(_ effects: inout [Effect]) {
        guard case .network(var network) = phase, network.isUp else { return }
        network.isUp = false
        phase = .network(network)
        effects.append(.networkDown)
        effects.append(.report(.networkDown(userName: userName ?? "")))
    }
}
