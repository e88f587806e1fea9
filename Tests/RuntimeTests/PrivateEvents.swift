// SPDX-License-Identifier: Apache-2.0
import ControlPlane
import DataPlane
import IKE
import L2TP
import PPP
import Primitives

/// Events that carry private text, with words in them that stand nowhere else.
enum PrivateEvents {
    /// What must not be found in a log.
    static let sentinels = [
        "zqalice", "zqbob", "zqlaptop", "zqpsk", "zqtext", "zqvendor", "198.51.100.77", "10.77.0.77", "2001:db8:77::77",
    ]
    static let peer = SocketAddress(.v4(0xC633_644D), port: 50_123)
    static let peerV6 = SocketAddress(.v6(high: 0x2001_0DB8_0077_0000, low: 0x77), port: 4500)
    static let inner = IPAddress.v4(0x0A4D_004D)
    static let user = "zqalice"
    static let other = "zqbob@example.net"
    static let host = "zqlaptop's pc"
    static let text = "zqtext: call zqtext at 198.51.100.77"

    static let calls: [CallEvent.Kind] = [
        .up(userName: user, address: inner, interface: "cv0", mtu: 1400, setUp: .milliseconds(300)),
        .down(userName: user, address: inner, because: "the peer fell silent", after: .seconds(60)),
        .down(userName: nil, address: nil, because: "the peer hung up, result 1: \(text)", after: .seconds(60)),
        .noAddress(userName: user, fixed: nil), .noAddress(userName: user, fixed: inner),
        .authenticationThrottled(userName: user, .pair, retryAfter: .seconds(300)),
        .authenticationThrottled(userName: user, .source, retryAfter: .seconds(10)),
        .tunnelOpening(hostName: host, vendorName: "zqvendor"), .tunnelEstablished(7, hostName: host),
        .addressAssigned(userName: user, inner, isFixed: true),
    ]

    static let links: [PPP.Event.Kind] = [
        .authenticated(userName: user, method: .mschapv2),
        .userRefused(userName: user, method: .mschapv2, .wrongPassword, isFinal: true),
        .networkUp(
            NetworkParameters(localAddress: .v4(0x0A63_0001), peerAddress: inner, peerMRU: 1400),
            userName: user
        ),
        .networkDown(userName: user), .userChanged(from: user, to: other), .terminatedByPeer(message: text),
        .identification(text), .negotiationFailed(.ipcp, .peerAddress(requested: inner, offered: inner)),
    ]

    static func tunnels() -> [L2TP.Event.Kind] {
        guard let tunnel = TunnelID(rawValue: 7) else { return [] }
        return [
            .unexpectedSource(tunnel, peer), .connectionLimitReached(hostName: host, limit: 8),
            .tooManyRequests(hostName: host), .noSecret(hostName: host), .authenticationFailed(tunnel, hostName: host),
            .connectionStopped(tunnel, by: .peer, L2TP.ResultCode(2, message: text)),
        ]
    }

    static func keys() -> [IKE.Event.Kind] {
        guard let transform = IKETransform("aes256-sha256-ecp256") else { return [] }
        return [
            .phase1Established(
                profile: "office",
                identity: other,
                transform: transform,
                nat: NATFinding(),
                client: .unknown,
                key: "zqpsk"
            ),
            .invalidIdentity("\(other) is no single address"),
            .invalidIdentity("it is for 198.51.100.77, which is not the peer's address"),
            .identity(.refused(identity: other, profile: "office")),
            .identity(.refused(identity: "2001:db8:77::77", profile: "office")),
            .aggressiveMode(.refused(identity: other)), .aggressiveMode(.noKey(identity: other, profile: "office")),
            .peerMoved(from: peer), .peerMoved(from: peerV6), .firstMessageRate(10),
        ]
    }

    static func all() -> [ControlPlane.Event] {
        let trace = TraceID(rawValue: 1)
        return [peer, peerV6].flatMap { peer in
            calls.map { ControlPlane.Event.call(CallEvent(trace: trace, peer: peer, kind: $0)) }
                + links.map { .ppp(PPP.Event(trace: trace, peer: peer, kind: $0)) }
                + tunnels().map { .l2tp(L2TP.Event(trace: trace, peer: peer, kind: $0)) }
                + keys().map { .ike(IKE.Event(trace: trace, peer: peer, kind: $0)) }
        }
    }

    // A new kind of event does not compile until somebody has thought about what it says of people; then it goes into
    // the lists above, or to those that say nothing.

    static func isPrivate(_ kind: CallEvent.Kind) -> Bool {
        switch kind {
        case .up, .down, .noAddress, .authenticationThrottled, .tunnelOpening, .tunnelEstablished, .addressAssigned:
            true
        case .kernelRefused, .removalFailed, .callLimit, .securityAssociationExpired, .moveFailed, .sessionVanished,
            .reconciled, .inventoryFailed, .countersUnread, .noTunnel, .sessionEstablished, .kernelSessionCreated,
            .mtuChanged, .mtuRefused, .gatewayAddressRefused:
            false
        }
    }

    static func isPrivate(_ kind: PPP.Event.Kind) -> Bool {
        switch kind {
        case .authenticated, .userRefused, .networkUp, .networkDown, .terminatedByPeer, .identification, .userChanged,
            .negotiationFailed:
            true
        case .lcpOpened, .loopDetected, .echoTimeout, .setUpTimeout, .triesExhausted, .peerSilent,
            .protocolRejected, .malformedPacket, .unexpectedPacket, .answersLimited:
            false
        }
    }

    static func isPrivate(_ kind: L2TP.Event.Kind) -> Bool {
        switch kind {
        case .unexpectedSource, .connectionLimitReached, .tooManyRequests, .noSecret, .authenticationFailed,
            .connectionStopped:
            true
        case .malformedDatagram, .malformedRequest, .unknownTunnel, .foreignTunnel, .dataForUnknownSession,
            .connectionFailed, .connectionTimedOut, .peerSilent, .peerRestarted, .unexpectedMessage, .unknownMessage,
            .ignoredAVP, .messageOutsideWindow, .sessionRefused, .sessionLimitReached, .outgoingCallRefused,
            .sessionFailed, .sessionTimedOut, .unknownSession, .callErrors:
            false
        }
    }

    static func isPrivate(_ kind: IKE.Event.Kind) -> Bool {
        switch kind {
        case .phase1Established, .invalidIdentity, .identity, .peerMoved: true
        case .aggressiveMode(let event):
            switch event {
            case .refused, .noKey: true
            case .overLimit, .overRate: false
            }
        // The peer's address alone.
        case .firstMessageRate: true
        case .started, .childEstablished, .legacyAlgorithm, .initialContact, .proposalChosen, .preSharedKeys,
            .natTraversal, .fragmentation, .legacyGrant, .noProfile, .halfOpenLimit, .halfOpenSourceLimit, .ikeSALimit,
            .noProposalChosen, .authenticationFailed, .authenticationDelay, .invalidKeyExchange, .malformedMessage,
            .unexpectedMessage, .unsupportedExchange, .unsupportedVersion, .hashMismatch, .severalNegotiations,
            .tooManyExchanges, .tooManyChildren, .exchangeTimeout, .installFailed, .spiExhausted, .cryptographyFailed,
            .peerNotification, .deletedByPeer, .childDeletedByPeer, .childExpired, .childReplaced, .childExhausted,
            .childVanished, .rekeyFailed, .expired, .deadPeer, .deadWithSuccessor, .replacedByPeer, .rekeyingFailed,
            .closed:
            false
        }
    }
}
