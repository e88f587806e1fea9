// SPDX-License-Identifier: Apache-2.0
internal import Primitives

/// A question to the owner. It is asked for one verdict at a time: a verdict does not say which attempt it is about,
/// and one that comes late must not be taken for an answer to another attempt.
struct Verification: Sendable {
    let since: MonotonicTime
    /// LCP went down meanwhile: the verdict comes, and concerns nobody.
    var isAbandoned = false
    /// Asked as soon as the owner has answered the last question.
    var next: AuthenticationAttempt?
}

// RFC 1661 §3.5: who the peer is.
extension Link {
    mutating func startAuthentication(
        with method: AuthenticationMethod,
        _ effects: inout [Effect],
        _ now: MonotonicTime
    ) {
        guard failedAttempts < max(configuration.authenticationTries, 1) else {
            effects.append(.report(.triesExhausted(failedAttempts)))
            close(.authenticationFailed, &effects, now)
            return
        }
        authenticationDeadline = authenticationDeadline ?? now.advanced(by: configuration.authenticationLimit)
        var authenticator = Authenticator(method: method, failedAttempts: failedAttempts)
        let outcome = authenticator.start(configuration, entropy, at: now)
        phase = .authenticate(authenticator)
        apply(outcome, &effects, now)
    }

    mutating func takeVerdict(
        _ verdict: AuthenticationVerdict,
        _ effects: inout [Effect],
        _ now: MonotonicTime
    ) {
        guard let answered = verification else { return }
        verification = nil
        authenticationDeadline = authenticationDeadline?.advanced(by: answered.since.duration(to: now))
        guard case .authenticate(var authenticator) = phase else { return }
        guard !answered.isAbandoned else {
            if let next = answered.next { ask(next, &effects, now) }
            return
        }
        let outcome = authenticator.decide(verdict, configuration, entropy)
        phase = .authenticate(authenticator)
        apply(outcome, &effects, now)
    }

    private mutating func ask(_ attempt: AuthenticationAttempt, _ effects: inout [Effect], _ now: MonotonicTime) {
        guard verification == nil else {
            verification?.next = attempt
            return
        }
        verification = Verification(since: now)
        effects.append(.verify(attempt))
    }

    mutating func receiveAuthentication(
        _ packet: ControlPacket,
        _ number: ProtocolNumber,
        _ effects: inout [Effect],
        _ now: MonotonicTime
    ) {
        switch phase {
        case .authenticate(var authenticator) where authenticator.protocolNumber == number:
            let outcome = authenticator.receive(packet, configuration, entropy)
            phase = .authenticate(authenticator)
            apply(outcome, &effects, now)
        case .network(var network) where network.authenticator.protocolNumber == number:
            // The peer did not hear that it was accepted.
            let outcome = network.authenticator.receive(packet, configuration, entropy)
            phase = .network(network)
            apply(outcome, &effects, now)
        case .dead, .establish, .authenticate, .network, .terminate, .finished:
            effects.append(.report(.unexpectedPacket(number, packet.code)))
        }
    }

    mutating func advanceAuthentication(_ effects: inout [Effect], _ now: MonotonicTime) {
        guard case .authenticate(var authenticator) = phase else { return }
        if verification == nil, let deadline = authenticationDeadline, deadline <= now {
            effects.append(.report(.setUpTimeout(phase: "authenticate", after: configuration.authenticationLimit)))
            close(.silence, &effects, now)
            return
        }
        let outcome = authenticator.advance(to: now, configuration, entropy)
        noteRetransmissions(outcome.count { if case .send = $0 { true } else { false } })
        phase = .authenticate(authenticator)
        apply(outcome, &effects, now)
    }

    mutating func apply(_ outcome: [Authenticator.Effect], _ effects: inout [Effect], _ now: MonotonicTime) {
        let method = lcp.options.method
        let number = AuthenticationProposal(method).protocolNumber
        for effect in outcome {
            switch effect {
            case .send(let packet):
                effects.append(.send(packet.frame(number)))
            case .verify(let attempt):
                ask(attempt, &effects, now)
            case .accepted(let userName):
                accept(userName, method, &effects, now)
            case .refused(let userName, let refusal, let isFinal):
                effects.append(.report(.userRefused(userName: userName, method: method, refusal, isFinal: isFinal)))
                if isFinal { close(.authenticationFailed, &effects, now) }
            case .unanswered:
                effects.append(.report(.peerSilent(number, count: configuration.maxConfigure)))
                close(.silence, &effects, now)
            case .unexpected(let code):
                effects.append(.report(.unexpectedPacket(number, code)))
            case .malformed(let error):
                effects.append(.report(.malformedPacket(number, error)))
            }
        }
    }

    private mutating func accept(
        _ userName: String,
        _ method: AuthenticationMethod,
        _ effects: inout [Effect],
        _ now: MonotonicTime
    ) {
        guard case .authenticate(let authenticator) = phase else { return }
        authenticationDeadline = nil
        effects.append(.report(.authenticated(userName: userName, method: method)))
        if let known = self.userName, known != userName {
            effects.append(.report(.userChanged(from: known, to: userName)))
            close(.authenticationFailed, &effects, now)
            return
        }
        phase = .network(Network(authenticator: authenticator))
        if let offer {
            openIPCP(offer, &effects, now)
        } else if self.userName == nil {
            effects.append(.networkWanted(userName: userName))
        }
        self.userName = userName
    }
}
