// SPDX-License-Identifier: Apache-2.0
package import Cryptography
package import Primitives

/// One PPP link, from LCP to IPCP, as the authenticating end.
///
/// A value: frames and the time go in, effects come out. It does not know how frames travel.
///
/// - SeeAlso: RFC 1661 §3.2
package struct Link: Sendable {
    package enum Effect: Hashable, Sendable {
        /// Two bytes of protocol, then the packet: never compressed, without address and control fields.
        case send([UInt8])
        /// Compare this with what is stored about the user and come back with ``Link/authenticated(_:at:)``.
        case verify(AuthenticationAttempt)
        /// The peer is who it claims to be: it wants an address. Answered with ``Link/openNetwork(_:at:)`` or ``Link/close(_:at:)``.
        case networkWanted(userName: String)
        /// IP may flow.
        case networkUp(NetworkParameters)
        case networkDown
        /// The link is over. Nothing follows.
        case finished(LinkEnd)
        case report(Event.Kind)
    }

    package init(configuration: Configuration, entropy: any EntropySource) {
    }

    /// When ``advance(to:)`` next has something to do.
    package var nextDeadline: MonotonicTime? { nil }

    /// The session stands, or its first frame has come. A second call changes nothing.
    package mutating func lowerLayerUp(at now: MonotonicTime) -> [Effect] { [] }

    /// The session is gone: no goodbye is possible.
    package mutating func lowerLayerDown(at now: MonotonicTime) -> [Effect] { [] }

    /// - Parameter frame: As received: address and control fields may stand before it, and the
    ///   protocol may be compressed to one byte.
    package mutating func receive(_ frame: ArraySlice<UInt8>, at now: MonotonicTime) -> [Effect] { [] }

    package mutating func advance(to now: MonotonicTime) -> [Effect] { [] }

    /// The answer to ``Effect/verify(_:)``.
    package mutating func authenticated(_ verdict: AuthenticationVerdict, at now: MonotonicTime) -> [Effect] { [] }

    /// The answer to ``Effect/networkWanted(userName:)``.
    package mutating func openNetwork(_ offer: NetworkOffer, at now: MonotonicTime) -> [Effect] { [] }

    /// Says goodbye (Terminate-Request, repeated as the standard says) and finishes.
    package mutating func close(_ end: LinkEnd, at now: MonotonicTime) -> [Effect] { [] }

    package var snapshot: Snapshot { Snapshot(phase: "dead", userName: nil, authentication: nil, peerMRU: 1500) }
}

/// What the operator decided about PPP.
package struct Configuration: Hashable, Sendable {
    /// Our name in challenges.
    package var name: String
    /// In order of our preference; never empty.
    package var authentication: [AuthenticationMethod]
    /// The largest packet the outer encapsulation carries in one piece; offered as our MRU.
    package var mru: UInt16
    package var echoInterval: Duration = .seconds(30)
    /// Echo-Requests in a row without an answer after which the link is dead.
    package var echoFailures = 4
    package var restartTimer: Duration = .seconds(3)
    package var maxConfigure = 10
    package var maxTerminate = 2
    package var maxFailure = 5
    /// From the lower layer's coming up to the network's.
    package var setUpTimeout: Duration = .seconds(60)
    package var authenticationTries = 3

    package init(name: String, authentication: [AuthenticationMethod], mru: UInt16) {
        self.name = name
        self.authentication = authentication
        self.mru = mru
    }
}

package enum AuthenticationMethod: String, Hashable, Sendable, CaseIterable {
    case mschapv2
    case chapMD5 = "chap-md5"
    case pap
}

/// What the peer offers as proof, and what it is checked against.
package enum AuthenticationAttempt: Hashable, Sendable {
    case pap(userName: String, password: SecretBytes)
    case chapMD5(userName: String, identifier: UInt8, challenge: [UInt8], response: [UInt8])
    /// `peerChallenge` and `authenticatorChallenge` are 16 bytes, `ntResponse` 24.
    case mschapv2(
        userName: String,
        authenticatorChallenge: [UInt8],
        peerChallenge: [UInt8],
        ntResponse: [UInt8]
    )
}

/// What is stored about a user: a password, or the MD4 of its UTF-16 (16 bytes), which serves MS-CHAPv2 alone.
package enum UserSecret: Hashable, Sendable {
    case password(SecretBytes)
    case ntHash(SecretBytes)
}

/// What came of an attempt.
package enum AuthenticationVerdict: Hashable, Sendable {
    /// With MS-CHAPv2 the 20-byte authenticator response that proves us to the peer (RFC 2759 §8.7).
    case accepted(authenticatorResponse: [UInt8]?)
    case refused(Refusal)

    package enum Refusal: Hashable, Sendable {
        case unknownUser
        case wrongPassword
        /// What is stored about the user does not serve this method: an NT hash and CHAP, say.
        case methodUnsuitable
        case disabled
    }
}

/// What the peer is given.
package struct NetworkOffer: Hashable, Sendable {
    package var localAddress: IPAddress
    package var peerAddress: IPAddress
    /// At most two are used.
    package var dns: [IPAddress]
    /// At most two are used.
    package var wins: [IPAddress]

    package init(localAddress: IPAddress, peerAddress: IPAddress, dns: [IPAddress], wins: [IPAddress]) {
        self.localAddress = localAddress
        self.peerAddress = peerAddress
        self.dns = dns
        self.wins = wins
    }
}

/// What was agreed on.
package struct NetworkParameters: Hashable, Sendable {
    package var localAddress: IPAddress
    package var peerAddress: IPAddress
    /// The largest packet the peer takes: its MRU, or 1500.
    package var peerMRU: UInt16

    package init(localAddress: IPAddress, peerAddress: IPAddress, peerMRU: UInt16) {
        self.localAddress = localAddress
        self.peerAddress = peerAddress
        self.peerMRU = peerMRU
    }
}

/// Why a link ended.
package enum LinkEnd: Hashable, Sendable {
    case byPeer
    case administrative
    case authenticationFailed
    case noAddress
    /// Options nobody could agree on; the protocol's name and what failed.
    case negotiationFailed(String)
    /// No answer: to Echo-Requests, or during set-up.
    case silence
    case lowerLayerDown
    /// The kernel refused to carry it.
    case dataPlaneFailed
}

package struct Snapshot: Hashable, Sendable {
    /// `dead`, `establish`, `authenticate`, `network`, `terminate`.
    package var phase: String
    package var userName: String?
    package var authentication: AuthenticationMethod?
    package var peerMRU: UInt16

    package init(phase: String, userName: String?, authentication: AuthenticationMethod?, peerMRU: UInt16) {
        self.phase = phase
        self.userName = userName
        self.authentication = authentication
        self.peerMRU = peerMRU
    }
}
