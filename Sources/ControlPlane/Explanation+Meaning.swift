// SPDX-License-Identifier: Apache-2.0
internal import IKE
internal import L2TP
internal import PPP
internal import Primitives

/// How far a call has come. Who reaches a stage has overcome whatever was wrong before it.
enum Stage: Int, Hashable, Sendable, Comparable {
    /// The peer knows the key.
    case identity
    /// ESP stands.
    case protection
    case tunnel
    case session
    /// LCP is open.
    case link
    /// The user is who it says.
    case user
    /// Address and interface.
    case network

    static func < (a: Stage, b: Stage) -> Bool { a.rawValue < b.rawValue }
}

/// How well an event explains why a call came to nothing.
enum Weight: Int, Hashable, Sendable, Comparable {
    /// The peer left and did not say why.
    case goodbye
    /// Something was wrong with a message; others could make up for it.
    case complaint
    /// Something did not come, or is gone.
    case loss
    /// Somebody said no.
    case refusal

    static func < (a: Weight, b: Weight) -> Bool { a.rawValue < b.rawValue }
}

enum Meaning: Hashable, Sendable {
    case milestone(Stage)
    case up
    case down
    case cause(Weight, Stage)
    /// Closed from this side, for whatever reason stands before.
    case over
    case nothing
}

extension ControlPlane.Event {
    var meaning: Meaning {
        switch self {
        case .ike(let event): event.kind.meaning
        case .l2tp(let event): event.kind.meaning
        case .ppp(let event): event.kind.meaning
        case .call(let event): event.kind.meaning
        }
    }
}

extension IKE.Event.Kind {
    fileprivate var meaning: Meaning {
        switch self {
        case .phase1Established: .milestone(.identity)
        case .childEstablished: .milestone(.protection)
        case .closed: .over
        case .noProfile, .firstMessageRate, .halfOpenLimit, .halfOpenSourceLimit, .ikeSALimit,
            .noProposalChosen(.one, _), .authenticationFailed, .authenticationDelay, .unsupportedExchange,
            .unsupportedVersion:
            .cause(.refusal, .identity)
        case .noProposalChosen(.two, _), .invalidIdentity, .invalidKeyExchange, .severalNegotiations,
            .tooManyExchanges, .tooManyChildren, .installFailed, .spiExhausted, .cryptographyFailed:
            .cause(.refusal, .protection)
        case .malformedMessage, .hashMismatch: .cause(.complaint, .protection)
        case .peerNotification(let type): type.isError ? .cause(.complaint, .protection) : .nothing
        case .exchangeTimeout(let stage): .cause(.loss, stage.hasPrefix("quick") ? .protection : .identity)
        case .childExpired, .childExhausted, .childVanished, .rekeyFailed: .cause(.loss, .protection)
        case .rekeyingFailed, .deadPeer: .cause(.loss, .identity)
        case .expired(let children): children > 0 ? .cause(.loss, .identity) : .over
        // Whatever is reached later takes it back: some clients delete before they replace.
        case .deletedByPeer, .childDeletedByPeer, .replacedByPeer: .cause(.goodbye, .identity)
        case .started, .legacyAlgorithm, .initialContact, .proposalChosen, .legacyGrant, .unexpectedMessage,
            .childReplaced, .deadWithSuccessor, .peerMoved, .natTraversal(.concealed):
            .nothing
        case .aggressiveMode, .identity, .preSharedKeys, .natTraversal(.shown): .cause(.refusal, .identity)
        // A piece that is of no use can be one of many.
        case .fragmentation: .cause(.complaint, .identity)
        }
    }

    /// Reported before the peer has shown that it is where it says: anybody can bring it about.
    var isOfFirstMessage: Bool {
        switch self {
        case .noProfile, .firstMessageRate, .halfOpenLimit, .halfOpenSourceLimit, .ikeSALimit,
            .noProposalChosen(.one, _), .authenticationDelay, .unsupportedExchange, .unsupportedVersion,
            .malformedMessage, .exchangeTimeout, .aggressiveMode, .fragmentation:
            true
        case _:
            false
        }
    }

    /// Only of a peer that has proved to know a key.
    var isOfEstablished: Bool {
        switch self {
        case .phase1Established, .childEstablished, .noProposalChosen(.two, _), .invalidIdentity,
            .severalNegotiations, .tooManyExchanges, .tooManyChildren, .installFailed, .spiExhausted, .deletedByPeer,
            .childDeletedByPeer, .childExpired, .childReplaced, .childExhausted, .childVanished, .rekeyFailed,
            .expired, .deadPeer, .deadWithSuccessor, .replacedByPeer, .peerMoved, .rekeyingFailed, .closed:
            true
        case _:
            false
        }
    }
}

extension L2TP.Event.Kind {
    fileprivate var meaning: Meaning {
        switch self {
        case .connectionLimitReached, .tooManyRequests, .noSecret, .authenticationFailed, .connectionFailed:
            .cause(.refusal, .tunnel)
        case .sessionRefused, .sessionLimitReached, .outgoingCallRefused, .sessionFailed: .cause(.refusal, .session)
        case .connectionTimedOut: .cause(.loss, .tunnel)
        // Also of a tunnel that stood long since.
        case .peerSilent: .cause(.loss, .network)
        case .sessionTimedOut: .cause(.loss, .session)
        case .malformedDatagram, .malformedRequest, .foreignTunnel, .unexpectedSource: .cause(.complaint, .tunnel)
        case .peerRestarted, .connectionStopped(_, by: .peer, _): .cause(.goodbye, .tunnel)
        case .unknownTunnel, .dataForUnknownSession, .connectionStopped(_, by: .local, _), .unexpectedMessage,
            .unknownMessage, .ignoredAVP, .messageOutsideWindow, .unknownSession, .callErrors:
            .nothing
        }
    }
}

extension PPP.Event.Kind {
    fileprivate var meaning: Meaning {
        switch self {
        case .lcpOpened: .milestone(.link)
        case .authenticated: .milestone(.user)
        case .userRefused, .triesExhausted: .cause(.refusal, .user)
        case .negotiationFailed(let number, _): .cause(.refusal, number == .lcp ? .link : .network)
        case .loopDetected: .cause(.refusal, .link)
        case .userChanged: .cause(.refusal, .network)
        case .echoTimeout, .setUpTimeout, .peerSilent: .cause(.loss, .network)
        case .malformedPacket: .cause(.complaint, .network)
        case .terminatedByPeer: .cause(.goodbye, .network)
        case .networkUp, .networkDown, .protocolRejected, .unexpectedPacket, .answersLimited, .identification:
            .nothing
        }
    }
}

extension CallEvent.Kind {
    fileprivate var meaning: Meaning {
        switch self {
        case .up: .up
        case .down: .down
        case .tunnelEstablished: .milestone(.tunnel)
        case .sessionEstablished: .milestone(.session)
        case .kernelRefused, .noAddress, .callLimit, .moveFailed, .sessionVanished: .cause(.refusal, .network)
        case .authenticationThrottled: .cause(.refusal, .user)
        case .securityAssociationExpired: .cause(.loss, .protection)
        case .noTunnel: .cause(.loss, .tunnel)
        case .tunnelOpening, .addressAssigned, .kernelSessionCreated, .gatewayAddressRefused, .removalFailed,
            .reconciled, .inventoryFailed, .countersUnread, .mtuChanged, .mtuRefused:
            .nothing
        }
    }
}
