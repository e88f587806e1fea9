// SPDX-License-Identifier: Apache-2.0
internal import Primitives

extension Event.Kind {
    var connectionDescription: EventDescription {
        switch self {
        case .connectionLimitReached(let hostName, let limit):
            EventDescription(
                .l2tp,
                .warning,
                "tunnel-limit-reached",
                "the tunnel that \(hostName) asks for is refused: there are \(limit) already",
                remedy: "see whether the peer opens tunnels without closing them, or raise the limit",
                facts: [.init("host-name", hostName)]
            )
        case .tooManyRequests(let hostName):
            EventDescription(
                .l2tp,
                .warning,
                "tunnel-rate-limited",
                "\(hostName) asks for tunnels faster than they are opened",
                remedy: "see why the peer opens and closes tunnels in a loop",
                facts: [.init("host-name", hostName)]
            )
        case .noSecret(let hostName):
            EventDescription(
                .l2tp,
                .warning,
                "tunnel-secret-missing",
                "\(hostName) demands tunnel authentication, and no tunnel secret is configured",
                remedy: "configure the secret here, or take it out of the client",
                facts: [.init("host-name", hostName)]
            )
        case .authenticationFailed(let tunnel, let hostName):
            EventDescription(
                .l2tp,
                .warning,
                "tunnel-authentication-failed",
                "\(hostName) does not know the tunnel secret",
                remedy: "compare the tunnel secrets of both ends",
                fields: [.init("tunnel", tunnel)],
                facts: [.init("host-name", hostName)]
            )
        case .connectionFailed(let tunnel, let failure):
            EventDescription(
                .l2tp,
                .warning,
                "malformed-message",
                "tunnel \(tunnel) ends because of \(failure.type?.description ?? "a message"): \(failure.error)",
                fields: [.init("tunnel", tunnel)]
            )
        case .connectionTimedOut(let tunnel, let type):
            EventDescription(
                .l2tp,
                .notice,
                "tunnel-establishment-timeout",
                "tunnel \(tunnel) ends: its \(type) did not come",
                fields: [.init("tunnel", tunnel)]
            )
        case .peerSilent(let tunnel, let silence):
            EventDescription(
                .l2tp,
                .notice,
                "tunnel-peer-silent",
                "tunnel \(tunnel) ends: its peer acknowledges nothing any more, and was last heard "
                    + "\(silence.components.seconds) s ago",
                remedy: "see whether the peer's network is gone; if it only sleeps, raise the silence limit",
                fields: [.init("tunnel", tunnel), .init("silence", silence.components.seconds)]
            )
        case .peerRestarted(let tunnel):
            EventDescription(
                .l2tp,
                .notice,
                "tunnel-peer-restarted",
                "tunnel \(tunnel) ends: its peer opens it anew",
                fields: [.init("tunnel", tunnel)]
            )
        case .connectionStopped(let tunnel, let party, let result):
            EventDescription(
                .l2tp,
                .info,
                "tunnel-stopped",
                "tunnel \(tunnel) is closed by \(party == .local ? "us" : "the peer"): "
                    + (result?.description ?? "no readable reason"),
                fields: [.init("tunnel", tunnel), .init("by", party.rawValue)],
                facts: (result?.message).map { [.init("peer-text", $0)] } ?? []
            )
        case .unexpectedMessage(let tunnel, let type, let state):
            EventDescription(
                .l2tp,
                .notice,
                "unexpected-message",
                "\(type) makes no sense in state \(state) of tunnel \(tunnel)",
                fields: [.init("tunnel", tunnel)]
            )
        case .unknownMessage(let tunnel, let type):
            EventDescription(
                .l2tp,
                .debug,
                "unknown-message",
                "\(type) is unknown and need not be understood",
                fields: [.init("tunnel", tunnel)]
            )
        case .ignoredAVP(let tunnel, let error):
            EventDescription(
                .l2tp,
                .debug,
                "ignored-avp",
                "an AVP that need not be understood is ignored: \(error)",
                fields: [.init("tunnel", tunnel)]
            )
        case .messageOutsideWindow(let tunnel, let ns):
            EventDescription(
                .l2tp,
                .debug,
                "message-outside-window",
                "message \(ns.rawValue) of tunnel \(tunnel) lies outside of our receive window",
                fields: [.init("tunnel", tunnel)]
            )
        case .malformedDatagram, .malformedRequest, .unknownTunnel, .foreignTunnel, .unexpectedSource,
            .dataForUnknownSession, .sessionRefused, .sessionLimitReached, .outgoingCallRefused, .sessionFailed,
            .sessionTimedOut, .unknownSession, .callErrors:
            description
        }
    }

    var sessionDescription: EventDescription {
        switch self {
        case .sessionRefused(let tunnel, let failure):
            EventDescription(
                .l2tp,
                .warning,
                "malformed-message",
                "\(failure.type?.description ?? "a message") in tunnel \(tunnel) is not acceptable: \(failure.error)",
                fields: [.init("tunnel", tunnel)]
            )
        case .sessionLimitReached(let tunnel, let limit):
            EventDescription(
                .l2tp,
                .warning,
                "session-limit-reached",
                "a call in tunnel \(tunnel) is refused: there are \(limit) already",
                fields: [.init("tunnel", tunnel)]
            )
        case .outgoingCallRefused(let tunnel):
            EventDescription(
                .l2tp,
                .notice,
                "outgoing-call-refused",
                "the peer of tunnel \(tunnel) asks for an outgoing call, and we place none",
                fields: [.init("tunnel", tunnel)]
            )
        case .sessionFailed(let key, let reason):
            EventDescription(
                .l2tp,
                .warning,
                "session-failed",
                "session \(key) ends: \(reason)",
                fields: [.init("tunnel", key.tunnel), .init("session", key.session)]
            )
        case .sessionTimedOut(let key):
            EventDescription(
                .l2tp,
                .notice,
                "session-establishment-timeout",
                "session \(key) ends: its ICCN did not come",
                fields: [.init("tunnel", key.tunnel), .init("session", key.session)]
            )
        case .unknownSession(let tunnel, let type):
            EventDescription(
                .l2tp,
                .debug,
                "unknown-session",
                "\(type) in tunnel \(tunnel) is for a session that does not exist",
                fields: [.init("tunnel", tunnel)]
            )
        case .callErrors(let key, let errors):
            EventDescription(
                .l2tp,
                .info,
                "wan-errors",
                "the LAC counts errors on the line of session \(key)",
                fields: [
                    .init("session", key), .init("crc", errors.crcErrors), .init("framing", errors.framingErrors),
                    .init("hardware-overruns", errors.hardwareOverruns),
                    .init("buffer-overruns", errors.bufferOverruns), .init("timeouts", errors.timeoutErrors),
                    .init("alignment", errors.alignmentErrors),
                ]
            )
        case .malformedDatagram, .malformedRequest, .unknownTunnel, .foreignTunnel, .unexpectedSource,
            .dataForUnknownSession, .connectionLimitReached, .tooManyRequests, .noSecret, .authenticationFailed,
            .connectionFailed, .connectionTimedOut, .peerSilent, .peerRestarted, .connectionStopped,
            .unexpectedMessage, .unknownMessage, .ignoredAVP, .messageOutsideWindow:
            description
        }
    }
}
