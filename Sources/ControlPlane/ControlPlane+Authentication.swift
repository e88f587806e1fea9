// SPDX-License-Identifier: Apache-2.0
internal import DataPlane
internal import L2TP
internal import PPP
internal import Primitives

/// Proofs of PPP: who looks at them, and when the answer comes.
extension ControlPlane {
    mutating func verify(
        _ attempt: AuthenticationAttempt,
        of key: SessionKey,
        at now: MonotonicTime,
        into effects: inout [Effect]
    ) {
        guard let (id, peer) = calls.withValue(of: key, { ($0.association, $0.peer) }) else { return }
        let userName = attempt.userName
        let source = associations.withValue(of: id) { $0.peer.address } ?? peer.address
        var verdict = AuthenticationVerdict.refused(.throttled)
        switch throttle.ruling(on: userName, from: source, at: now) {
        case .look:
            verdict = self.verdict(on: attempt)
            switch verdict {
            case .accepted:
                throttle.record(isAccepted: true, userName: userName, from: source, at: now)
            case .refused(.wrongPassword), .refused(.unknownUser):
                throttle.record(isAccepted: false, userName: userName, from: source, at: now)
            case .refused(.disabled), .refused(.methodUnsuitable), .refused(.throttled):
                // No proof was compared: nothing was learnt by it.
                break
            }
        case .refuse(let reason, let until):
            let kind = CallEvent.Kind.authenticationThrottled(
                userName: userName,
                reason,
                retryAfter: now.duration(to: until)
            )
            report(kind, of: id, into: &effects)
        }
        if case .accepted = verdict {
            verdictDeadlines.set(key, to: nil)
            withLink(key, at: now, into: &effects) { $0.authenticated(verdict, at: now) }
        } else {
            calls[key]?.pendingVerdict = verdict
            verdictDeadlines.set(key, to: now.advanced(by: throttle.delay(of: userName, at: now)))
        }
    }

    /// The refusal has waited long enough.
    mutating func giveVerdict(to key: SessionKey, at now: MonotonicTime, into effects: inout [Effect]) {
        let verdict = calls.withValue(of: key) { call in
            defer { call.pendingVerdict = nil }
            return call.pendingVerdict
        }
        guard let verdict = verdict ?? nil else { return }
        withLink(key, at: now, into: &effects) { $0.authenticated(verdict, at: now) }
    }

    private func verdict(on attempt: AuthenticationAttempt) -> AuthenticationVerdict {
        guard let user = users[attempt.userName] else { return .refused(.unknownUser) }
        guard !user.isDisabled else { return .refused(.disabled) }
        return attempt.verdict(against: user.secret)
    }
}
