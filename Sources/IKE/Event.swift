// SPDX-License-Identifier: Apache-2.0
package import DataPlane
package import Primitives

/// What IKE has to tell an operator.
package struct Event: Hashable, Sendable {
    package var trace: TraceID?
    /// `nil` for what concerns no peer.
    package var peer: SocketAddress?
    package var kind: Kind

    package enum Kind: Hashable, Sendable {
        /// The peer has returned our cookie: it is where it says.
        case started(profile: String)
        case phase1Established(
            profile: String,
            identity: String,
            transform: IKETransform,
            nat: NATFinding,
            client: Client,
            key: String?
        )
        case childEstablished(ChildSA.ID, outboundSPI: ESPSPI, transform: ESPTransform, isEncapsulated: Bool)
        /// An accepted transform has algorithms that only ``Profile/allowLegacy`` lets in.
        case legacyAlgorithm([LegacyAlgorithm], transform: String)
        case initialContact

        /// What there was to choose from, for who wants to know why.
        case proposalChosen(Phase, offered: IKEv1.SAPayload, chosen: String)
        case aggressiveMode(AggressiveModeEvent)
        case identity(IdentityEvent)
        case preSharedKeys(PreSharedKeyEvent)
        case natTraversal(NATTraversalEvent)
        case fragmentation(FragmentationEvent)
        case legacyGrant(LegacyGrantEvent)

        case noProfile
        /// New exchanges per second.
        case firstMessageRate(Int)
        case halfOpenLimit(Int)
        case halfOpenSourceLimit(Int)
        case ikeSALimit(Int)
        case noProposalChosen(Phase, ProposalMismatch)
        case authenticationFailed(AuthenticationFailure, profile: String)
        /// How long the source has to wait now; it grows with every further failure.
        case authenticationDelay(Duration)
        case invalidIdentity(String)
        case invalidKeyExchange(String)
        case malformedMessage(ExchangeType, DecodeError)
        case unexpectedMessage(ExchangeType, String)
        case unsupportedExchange(ExchangeType)
        case unsupportedVersion(major: UInt8, minor: UInt8)
        /// HASH(1), HASH(3) or that of an informational message is not what it should be.
        case hashMismatch(ExchangeType)
        /// Several SA payloads in one quick mode.
        case severalNegotiations(Int)
        case tooManyExchanges(Int)
        case tooManyChildren(Int)
        case exchangeTimeout(String)
        case installFailed(DataPlaneError)
        case spiExhausted
        case cryptographyFailed(String)
        case peerNotification(NotifyType)

        case deletedByPeer(ikeSA: Bool, children: Int)
        case childDeletedByPeer(ChildSA.ID)
        case childExpired(ChildSA.ID)
        /// Another child carries its traffic.
        case childReplaced(ChildSA.ID)
        case childExhausted(ChildSA.ID)
        case childVanished(ChildSA.ID)
        case rekeyFailed(ChildSA.ID, String)
        case expired(children: Int)
        case deadPeer(silence: Duration, children: Int)
        /// The IKE SA after it died of silence.
        case deadWithSuccessor
        /// The peer said in a newer IKE SA that it has no other.
        case replacedByPeer
        case peerMoved(from: SocketAddress)
        /// Our attempt to replace an IKE SA in time came to nothing.
        case rekeyingFailed(String)
        case closed
    }

    package enum Phase: Hashable, Sendable {
        case one
        case two
    }

    package enum AuthenticationFailure: Hashable, Sendable {
        /// Message 5 is garbage after decryption, or HASH_I does not match.
        case preSharedKeyDiffers
        /// Message 5 comes from an address to which the profile of message 1 does not apply.
        case addressOutsideProfile
    }

    package init(trace: TraceID?, peer: SocketAddress?, kind: Kind) {
        self.trace = trace
        self.peer = peer
        self.kind = kind
    }
}
