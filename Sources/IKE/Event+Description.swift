// SPDX-License-Identifier: Apache-2.0
package import Primitives

extension Event.Phase {
    fileprivate var nameOfChoice: String { self == .one ? "phase1-chosen" : "phase2-chosen" }
}

extension Event {
    /// The name of an event that only somebody who asks why is interested in, and whose words are long; `nil` of others.
    package var nameOfExplanation: String? {
        if case .proposalChosen(let phase, _, _) = kind { phase.nameOfChoice } else { nil }
    }

    package var description: EventDescription {
        switch kind {
        case .started(let profile):
            return EventDescription(
                .ike,
                .debug,
                "started",
                "main mode begins",
                fields: [.init("profile", profile)]
            )
        case .phase1Established(let profile, let identity, let transform, let nat, let client, let key):
            return EventDescription(
                .ike,
                .info,
                "phase1-established",
                "the peer \(identity) is authenticated",
                fields: [
                    .init("profile", profile), .init("identity", identity), .init("transform", transform),
                    .init("nat", nat.name), .init("client", client.rawValue),
                ] + (key.map { [.init("key", $0)] } ?? [])
            )
        case .childEstablished(let id, let outboundSPI, let transform, let isEncapsulated):
            return EventDescription(
                .ike,
                .info,
                "child-established",
                "the ESP security associations stand",
                fields: [
                    .init("inbound", id.inboundSPI), .init("outbound", outboundSPI),
                    .init("transform", transform), .init("encapsulated", isEncapsulated),
                ]
            )
        case .legacyAlgorithm(let algorithms, let transform):
            return EventDescription(
                .ike,
                .notice,
                "legacy-algorithm",
                "\(transform) was agreed on, which allow-legacy lets in: \(algorithms.list)",
                remedy: "update or reconfigure the client, then take the name out of allow-legacy",
                fields: [.init("transform", transform)]
            )
        case .initialContact:
            return EventDescription(
                .ike,
                .debug,
                "initial-contact",
                "the peer says that it has no other security association with us"
            )
        case .proposalChosen(let phase, let offered, let chosen):
            return EventDescription(
                .ike,
                .debug,
                phase.nameOfChoice,
                "\(chosen) was chosen",
                fields: [
                    .init("chosen", chosen), .init("offered", IKEv1.names(of: offered, phase).joined(separator: ",")),
                ]
            )
        case .aggressiveMode(let event): return event.description
        case .identity(let event): return event.description
        case .preSharedKeys(let event): return event.description
        case .natTraversal(let event): return event.description
        case .fragmentation(let event): return event.description
        case .legacyGrant(let event): return event.description
        case .noProfile:
            return EventDescription(
                .ike,
                .notice,
                "no-profile",
                "no profile is for the peer's address",
                remedy: "add the address to `remote` of a profile under ike.profiles, if the peer may come"
            )
        case .firstMessageRate(let limit):
            return EventDescription(
                .ike,
                .warning,
                "first-message-rate",
                "this address begins more than \(limit) key exchanges a second, the rest is not answered",
                remedy: "if it is no NAT with very many clients behind it, filter the source upstream"
            )
        case .halfOpenLimit(let limit):
            return EventDescription(
                .ike,
                .warning,
                "half-open-limit",
                "\(limit) key exchanges are under way, further peers are not answered until some are done",
                remedy: "if these are real clients raise the limit, else filter the source upstream"
            )
        case .halfOpenSourceLimit(let limit):
            return EventDescription(
                .ike,
                .warning,
                "half-open-source-limit",
                "\(limit) key exchanges of this address are under way, more are not answered until some are done",
                remedy: "if it is no NAT with very many clients behind it, filter the source upstream"
            )
        case .ikeSALimit(let limit):
            return EventDescription(
                .ike,
                .warning,
                "ike-sa-limit",
                "there are \(limit) IKE SAs, further peers are not answered until some have ended",
                remedy: "look for clients that dial again and again without saying goodbye: culvertctl sessions"
            )
        case .noProposalChosen(let phase, let mismatch):
            return mismatch.description(phase)
        case .authenticationFailed(.preSharedKeyDiffers, let profile):
            return EventDescription(
                .ike,
                .warning,
                "authentication-failed",
                "the pre-shared key differs: the peer's proof is not readable with ours",
                remedy: "compare the peer's pre-shared key with `secret` of profile \(profile),"
                    + " and check that this is the profile meant for its address",
                fields: [.init("profile", profile)]
            )
        case .authenticationFailed(.addressOutsideProfile, let profile):
            return EventDescription(
                .ike,
                .warning,
                "authentication-failed",
                "the peer went on from an address that its profile is not for",
                remedy: "add the address to `remote` of profile \(profile), if the peer's NAT has several",
                fields: [.init("profile", profile)]
            )
        case .authenticationDelay(let delay):
            return EventDescription(
                .ike,
                .warning,
                "authentication-delay",
                "this address has failed to authenticate too often and waits \(delay.components.seconds) s before it may"
                    + " begin again, longer with every further failure",
                remedy: "if a client there has the wrong pre-shared key mend it, else filter the source upstream"
            )
        case .invalidIdentity(let reason):
            return EventDescription(
                .ike,
                .warning,
                "invalid-identity",
                "the traffic asked for in quick mode is refused: \(reason)",
                remedy: "what is accepted: UDP between any port of the one address of the peer and port 1701 of the one"
                    + " address it dials, in transport mode; behind a NAT the peer needs NAT traversal (RFC 3947)",
                // The peer's identity, a name or a network, in whatever form.
                facts: [.init("peer-text", reason)]
            )
        case .invalidKeyExchange(let reason):
            return EventDescription(
                .ike,
                .warning,
                "invalid-key-exchange",
                "the peer's key exchange is unusable: \(reason)",
                remedy: "the peer's implementation is faulty; try another Diffie-Hellman group"
            )
        case .unsupportedExchange(let exchange):
            return EventDescription(
                .ike,
                .notice,
                "unsupported-exchange",
                "the peer asks for \(exchange), which is not supported"
            )
        case .unsupportedVersion(let major, let minor):
            return EventDescription(
                .ike,
                .notice,
                "unsupported-version",
                "the peer speaks IKE version \(major).\(minor)",
                remedy: "set the client to L2TP over IPsec with IKEv1"
            )
        case .malformedMessage(let exchange, let error):
            return EventDescription(
                .ike,
                .notice,
                "malformed-message",
                "a message of \(exchange) cannot be read: \(error)",
                remedy: "if a real client sends this, report it with a packet capture"
            )
        case .unexpectedMessage(let exchange, let reason):
            return EventDescription(
                .ike,
                .debug,
                "unexpected-message",
                "a message of \(exchange) is ignored: \(reason)"
            )
        case .hashMismatch(let exchange):
            return EventDescription(
                .ike,
                .notice,
                "hash-mismatch",
                "a message of \(exchange) fails its integrity check and is ignored"
            )
        case .severalNegotiations(let count):
            return EventDescription(
                .ike,
                .warning,
                "several-negotiations",
                "the peer negotiates \(count) SAs in one quick mode",
                remedy: "set the client to one L2TP connection per quick mode"
            )
        case .tooManyExchanges(let limit):
            return EventDescription(
                .ike,
                .warning,
                "too-many-exchanges",
                "the peer has \(limit) quick modes under way, another one is ignored"
            )
        case .tooManyChildren(let limit):
            return EventDescription(
                .ike,
                .warning,
                "too-many-children",
                "the peer has \(limit) pairs of ESP security associations and gets no more",
                remedy: "the peer does not delete what it has replaced; reconnect it"
            )
        case .exchangeTimeout(let stage):
            return EventDescription(
                .ike,
                .notice,
                "exchange-timeout",
                "the peer fell silent in \(stage)",
                remedy: "check that UDP 500 and 4500 pass in both directions between here and the peer",
                fields: [.init("stage", stage)]
            )
        case .installFailed(let error):
            return EventDescription(
                .ike,
                .error,
                "install-failed",
                "the kernel refused the security association: \(error)",
                remedy: "see the kernel's event next to this one"
            )
        case .spiExhausted:
            return EventDescription(
                .ike,
                .error,
                "spi-exhausted",
                "no free SPI was found",
                remedy: "look for another program that installs ESP security associations on this machine"
            )
        case .cryptographyFailed(let reason):
            return EventDescription(
                .ike,
                .error,
                "cryptography-failed",
                "a cryptographic operation failed: \(reason)",
                remedy: "check the OpenSSL configuration of this machine, FIPS mode included"
            )
        case .peerNotification(let type):
            return EventDescription(
                .ike,
                type.isError ? .notice : .debug,
                "peer-notification",
                "the peer says \(type)",
                fields: [.init("type", type)]
            )
        case .deletedByPeer(_, let children):
            return EventDescription(
                .ike,
                .info,
                "deleted-by-peer",
                "the peer closed the IKE SA",
                fields: [.init("children", children)]
            )
        case .childDeletedByPeer(let id):
            return EventDescription(
                .ike,
                .info,
                "child-deleted-by-peer",
                "the peer closed a pair of ESP security associations",
                fields: [.init("inbound", id.inboundSPI)]
            )
        case .childExpired(let id):
            return EventDescription(
                .ike,
                .notice,
                "child-expired",
                "ESP security associations reached the end of their lifetime",
                remedy: "the peer should have replaced them before; reconnect it if it is not there any more",
                fields: [.init("inbound", id.inboundSPI)]
            )
        case .rekeyingFailed(let reason):
            return EventDescription(
                .ike,
                .warning,
                "rekeying-failed",
                "the IKE SA could not be replaced before its end: \(reason)",
                remedy: "let the client rekey first: give its phase 1 a shorter lifetime than ours"
            )
        case .expired(let children):
            return EventDescription(
                .ike,
                .info,
                "expired",
                "the IKE SA reached the end of its lifetime",
                fields: [.init("children", children)]
            )
        case .childReplaced(let id):
            return EventDescription(
                .ike,
                .debug,
                "child-replaced",
                "ESP security associations are gone, others have taken their place",
                fields: [.init("inbound", id.inboundSPI)]
            )
        case .childExhausted(let id):
            return EventDescription(
                .ike,
                .notice,
                "child-exhausted",
                "ESP security associations carried as much as was agreed on before others took their place",
                remedy: "raise the traffic limit of the client, or that of its profile, and look for rekey-failed",
                fields: [.init("inbound", id.inboundSPI)]
            )
        case .childVanished(let id):
            return EventDescription(
                .ike,
                .warning,
                "child-vanished",
                "somebody else removed ESP security associations from the kernel, others are negotiated",
                remedy: "let no other program (ip xfrm flush, another IKE daemon) touch the security associations",
                fields: [.init("inbound", id.inboundSPI)]
            )
        case .rekeyFailed(let id, let reason):
            return EventDescription(
                .ike,
                .warning,
                "rekey-failed",
                "ESP security associations could not be replaced: \(reason)",
                remedy: "the call ends with their lifetime unless the client replaces them: compare the lifetimes and"
                    + " ESP proposals of both sides",
                fields: [.init("inbound", id.inboundSPI)]
            )
        case .deadPeer(let silence, let children):
            return EventDescription(
                .ike,
                .notice,
                "dead-peer",
                "the peer was not heard for \(silence.components.seconds) s and is taken for gone",
                remedy: "if clients sleep for longer raise liveness.grace; else look at the path to the client",
                fields: [.init("children", children)]
            )
        case .deadWithSuccessor:
            return EventDescription(
                .ike,
                .info,
                "dead-with-successor",
                "the peer is gone, and with it what it had left of a former IKE SA"
            )
        case .replacedByPeer:
            return EventDescription(
                .ike,
                .info,
                "replaced-by-peer",
                "the peer began anew and does not know this IKE SA any more"
            )
        case .peerMoved(let former):
            return EventDescription(
                .ike,
                .info,
                "peer-moved",
                "the peer is elsewhere now, its NAT has given it another address or port",
                fields: [.init("from", former)]
            )
        case .closed:
            return EventDescription(.ike, .info, "closed", "the IKE SA was closed from this side")
        }
    }
}

extension ProposalMismatch {
    /// Longer lists are cut: the line has to stay readable, and a peer chose what stands in it.
    private static let mostNames = 40

    fileprivate func description(_ phase: Event.Phase) -> EventDescription {
        let what = phase == .one ? "IKE" : "ESP"
        let reason = missing.map { $0.description(for: client) }.joined(separator: " and ")
        let nearest = closest.map { "closest: \($0), which \(reason)" } ?? "the offer is empty"
        return EventDescription(
            .ike,
            .warning,
            "no-proposal-chosen",
            "no common \(what) proposal; offered: \(Self.list(offered)); accepted: \(Self.summary(of: accepted)); \(nearest)",
            remedy: remedy(phase),
            fields: [.init("phase", phase == .one ? 1 : 2)]
        )
    }

    private func remedy(_ phase: Event.Phase) -> String {
        let legacy = missing.compactMap { objection in
            if case .needsLegacy(let algorithm) = objection { algorithm } else { nil }
        }
        if !legacy.isEmpty, legacy.count == missing.count {
            let entries = legacy.map { $0.entry(for: client) }.joined(separator: ", ")
            return "update the client; where that cannot be, put \(entries) into allow-legacy of the profile"
        }
        if missing.count == 1, case .notListed? = missing.first, let closest {
            return phase == .one ? "add \(closest) to `proposals`" : "add \(closest) to `esp-proposals`"
        }
        if missing.contains(where: { if case .encapsulationMode = $0 { true } else { false } }) {
            return "set the client to transport mode, as L2TP needs it"
        }
        return "configure the client for one of the accepted proposals"
    }

    /// Names with every combination of their parts are written by parts: `aes256|aes128-sha256|sha1`.
    package static func summary(of names: [String]) -> String {
        var texts: [String] = []
        for count in Set(names.map { $0.split(separator: "-").count }).sorted() {
            let group = names.map { $0.split(separator: "-") }.filter { $0.count == count }
            let parts = (0..<count).map { place in
                var unique: [Substring] = []
                for name in group where !unique.contains(name[place]) { unique.append(name[place]) }
                return unique
            }
            let isProduct = parts.reduce(1) { $0 * $1.count } == group.count
            texts.append(
                isProduct
                    ? parts.map { $0.joined(separator: "|") }.joined(separator: "-")
                    : list(group.map { $0.joined(separator: "-") })
            )
        }
        return texts.isEmpty ? "nothing" : texts.joined(separator: ", ")
    }

    private static func list(_ names: [String]) -> String {
        guard !names.isEmpty else { return "nothing" }
        var unique: [String] = []
        var seen: Set<String> = []
        for name in names where seen.insert(name).inserted { unique.append(name) }
        let shown = unique.prefix(mostNames).joined(separator: ", ")
        return unique.count > mostNames ? "\(shown) and \(unique.count - mostNames) more" : shown
    }
}

extension [LegacyAlgorithm] {
    fileprivate var list: String { map(\.rawValue).joined(separator: ", ") }
}

extension NATFinding {
    fileprivate var name: String {
        switch (isLocalBehindNAT, isPeerBehindNAT) {
        case (false, false): "none"
        case (false, true): "peer"
        case (true, false): "local"
        case (true, true): "both"
        }
    }
}
