// SPDX-License-Identifier: Apache-2.0
package import Primitives

/// What PPP has to tell an operator. Who the peer is, the owner knows.
package struct Event: Hashable, Sendable {
    package var trace: TraceID
    package var peer: SocketAddress
    package var kind: Kind

    package enum Kind: Hashable, Sendable {
        case lcpOpened(method: AuthenticationMethod, peerMRU: UInt16)
        case authenticated(userName: String, method: AuthenticationMethod)
        /// Reported with every refused attempt; `isFinal` unless the peer may try again.
        case userRefused(
            userName: String,
            method: AuthenticationMethod,
            AuthenticationVerdict.Refusal,
            isFinal: Bool
        )
        case networkUp(NetworkParameters, userName: String)
        case networkDown(userName: String)
        case negotiationFailed(ProtocolNumber, NegotiationError)
        case loopDetected
        case echoTimeout(unanswered: Int, silence: Duration)
        case setUpTimeout(phase: String, after: Duration)
        /// The peer has failed to prove itself so often, and began to negotiate anew.
        case triesExhausted(Int)
        /// Nothing came back to any of `count` requests.
        case peerSilent(ProtocolNumber, count: Int)
        case terminatedByPeer(message: String)
        /// Our Protocol-Reject: not a fault, clients try everything they know.
        case protocolRejected(ProtocolNumber)
        case malformedPacket(ProtocolNumber?, DecodeError)
        /// A packet that does not fit in here: a late duplicate, mostly. It was discarded.
        case unexpectedPacket(ProtocolNumber, ControlPacket.Code)
        /// A packet that deserved an answer got none, because there were too many of them.
        case answersLimited(ProtocolNumber)
        /// What the peer says it is.
        case identification(String)
        /// Re-authentication as somebody else.
        case userChanged(from: String, to: String)
    }

    package init(trace: TraceID, peer: SocketAddress, kind: Kind) {
        self.trace = trace
        self.peer = peer
        self.kind = kind
    }

    package var description: EventDescription { kind.description }
}
