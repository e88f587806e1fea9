// SPDX-License-Identifier: Apache-2.0
internal import DataPlane
internal import IKE
internal import Primitives

/// Steps and verdicts as people read them.
extension ControlPlane.Event {
    /// Quick mode is about ESP.
    var explainedLayer: EventDescription.Layer {
        guard case .ike(let event) = self else { return description.layer }
        return switch event.kind {
        case .childEstablished, .proposalChosen(.two, _, _), .noProposalChosen(.two, _), .invalidIdentity,
            .severalNegotiations, .childDeletedByPeer, .childExpired, .childReplaced, .childExhausted, .childVanished,
            .rekeyFailed:
            .esp
        case _: .ike
        }
    }

    /// `nil` if the event's own words say it all; those leave to fields what a log has in columns.
    var words: String? {
        guard case .ike(let event) = self else { return nil }
        switch event.kind {
        case .started(let profile):
            return "the peer is where it says, key exchange begins with profile \(profile)"
        case .proposalChosen(let phase, let offered, let chosen):
            let names = IKEv1.names(of: offered, phase)
            guard !names.isEmpty else { return "chosen \(chosen)" }
            let why = names.first == chosen ? "the peer's first" : "what the profile prefers among them"
            return "offered \(names.unique.joined(separator: ", ")); chosen \(chosen) (\(why))"
        case .phase1Established(_, let identity, let transform, let nat, let client, let key):
            var parts = [
                "the peer \(identity) has proved to know the key\(key.map { " \($0)" } ?? "")", "\(transform)",
            ]
            switch (nat.isPeerBehindNAT, nat.isLocalBehindNAT) {
            case (false, false): parts.append("no NAT between")
            case (true, false): parts.append("peer behind NAT")
            case (false, true): parts.append("gateway behind NAT")
            case (true, true): parts.append("both ends behind NAT")
            }
            if client != .unknown { parts.append("client \(client.rawValue)") }
            return parts.joined(separator: "; ")
        case .childEstablished(_, _, let transform, let isEncapsulated):
            return "ESP stands: \(transform), \(isEncapsulated ? "in UDP" : "without UDP")"
        case _:
            return nil
        }
    }
}

extension Trace {
    /// Of a failure: exactly one.
    var verdict: TraceSnapshot.Verdict? {
        switch cause {
        case .event(let place):
            let event = entries[place].event
            let description = event.description
            return TraceSnapshot.Verdict(
                layer: event.explainedLayer.rawValue,
                event: description.name,
                text: description.message,
                remedy: description.remedy
            )
        case .goodbye(let place, let reached):
            let event = entries[place].event
            return TraceSnapshot.Verdict(
                layer: event.explainedLayer.rawValue,
                event: event.description.name,
                text: "the peer gave up \(Self.words(for: reached)): \(event.description.message)",
                remedy: "see the log of the client: nothing was refused here"
            )
        case .noL2TP(let since, let until):
            return noL2TP(entries[since], entries[until])
        case nil:
            return nil
        }
    }

    private func noL2TP(_ child: Entry, _ end: Entry) -> TraceSnapshot.Verdict {
        var remedies: [String] = []
        if case .ike(let event) = child.event,
            case .childEstablished(_, _, let transform, let isEncapsulated) = event.kind
        {
            remedies.append(
                isEncapsulated
                    ? "let UDP 4500 pass every firewall and NAT on the way, packets of full size included"
                    : "let ESP (IP protocol 50) pass every firewall on the way; a NAT on it needs UDP 4500"
            )
            if transform.integrity == .hmacSHA256_128 || transform.integrity == .hmacSHA256_96 {
                remedies.append(
                    "if XfrmInStateProtoError in /proc/net/xfrm_stat grows, the client cuts HMAC-SHA2-256 otherwise:"
                        + " set sha256-truncation of the profile, or take sha256 out of esp-proposals"
                )
            }
        }
        remedies.append("see that the client's own firewall lets UDP 1701 out")
        let seconds = child.at.duration(to: end.lastAt).wholeMilliseconds / 1000
        return TraceSnapshot.Verdict(
            layer: EventDescription.Layer.l2tp.rawValue,
            event: "l2tp-never-came",
            text:
                "IPsec is up, but in \(seconds) s nothing of L2TP arrived through it; then \(end.event.description.message)",
            remedy: remedies.joined(separator: "; ")
        )
    }

    private static func words(for stage: Stage?) -> String {
        switch stage {
        case nil: "before it had proved to know the key"
        case .identity?: "after IKE, before ESP stood"
        case .protection?: "while the L2TP tunnel was set up"
        case .tunnel?: "with an L2TP tunnel, before its call stood"
        case .session?: "before LCP was agreed on"
        case .link?: "before its user was authenticated"
        case .user?, .network?: "after its user was authenticated, before it had its network"
        }
    }
}

extension [String] {
    /// Each once, in order.
    fileprivate var unique: [String] {
        var seen: Set<String> = []
        return filter { seen.insert($0).inserted }
    }
}
