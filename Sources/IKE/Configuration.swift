// SPDX-License-Identifier: Apache-2.0
package import Cryptography
package import DataPlane
package import Primitives

/// What the operator decided about IKE.
package struct Configuration: Hashable, Sendable {
    /// Searched in order; the first whose `remote` matches the peer's address counts.
    package var profiles: [Profile]
    /// IKE SAs in the making, all sources together; beyond it first messages are dropped and counted.
    package var halfOpenLimit = 10_000
    /// Of those, from one address (IPv6: one /64), so that one source alone cannot keep the others out.
    package var halfOpenPerSourceLimit = 32
    /// Sources that stand for many peers (offices, carriers' NATs): they have sixteen times as much of every limit
    /// that is per source.
    package var largeSources: [IPPrefix] = []
    /// IKE SAs in all, established ones included; beyond it first messages are dropped and counted.
    package var ikeSALimit = 65_536
    /// How long an exchange may take from its first message.
    package var exchangeTimeout: Duration = .seconds(30)
    /// First wait for an answer; it doubles.
    package var retransmissionWait: Duration = .seconds(2)
    package var retransmissionLimit = 4
    /// Between keepalives, when we are behind a NAT.
    package var keepaliveInterval: Duration = .seconds(20)
    /// Silence after which an established peer is asked whether it is there (RFC 3706).
    package var deadPeerInterval: Duration = .seconds(60)
    /// IP packets of ours that would be longer go out in pieces, to peers that announced that they put them together:
    /// what networks do to fragments of IP is nobody's to say. 1,280 passes everywhere where IPv6 does.
    package var longestPacket = 1280
    /// Silence after which it is gone.
    package var silenceLimit: Duration = .seconds(150)

    package init(profiles: [Profile]) {
        self.profiles = profiles
    }
}

/// Who may come, and with what.
package struct Profile: Hashable, Sendable {
    package var name: String
    /// `nil` is any address.
    package var remote: [IPPrefix]?
    /// Tried in this order on a peer's first encrypted message; never empty.
    package var preSharedKeys: [PreSharedKey]
    /// Whose identity may be what; empty for anybody's.
    package var identities: [IdentityPattern] = []
    /// Peers may come in aggressive mode, with an identity that ``identities`` names. It lets whoever asks try
    /// passwords at home, so it is off unless asked for.
    package var allowsAggressiveMode = false
    /// If a NAT stands before us: peers that would not dial a gateway behind one are not told.
    package var concealsNAT = true
    package var sha256Truncation = SHA256Truncation.byClient
    /// In order of our preference.
    package var ikeProposals: [IKETransform]
    /// In order of our preference.
    package var espProposals: [ESPTransform]
    /// Groups accepted for PFS in quick mode; none is always accepted too.
    package var pfsGroups: [DiffieHellmanGroup]
    package var allowLegacy: Set<LegacyAlgorithm>
    /// What ``allowLegacy`` does not: for some clients, or until some day.
    package var legacyGrants: [LegacyGrant] = []
    /// What we ask for as initiator. As responder we obey, up to the longest.
    package var ikeLifetime: Duration = .seconds(28_800)
    package var childLifetime: Duration = .seconds(3_600)
    /// A peer that asks for more is told so (RESPONDER-LIFETIME) and held to this.
    package var longestIKELifetime: Duration = .seconds(86_400)
    package var longestChildLifetime: Duration = .seconds(28_800)
    /// The same for traffic; `nil` leaves it to the peer.
    package var longestChildKilobytes: UInt64?

    package init(
        name: String,
        remote: [IPPrefix]? = nil,
        preSharedKey: SecretBytes,
        ikeProposals: [IKETransform],
        espProposals: [ESPTransform],
        pfsGroups: [DiffieHellmanGroup],
        allowLegacy: Set<LegacyAlgorithm> = []
    ) {
        self.name = name
        self.remote = remote
        preSharedKeys = [PreSharedKey(secret: preSharedKey)]
        self.ikeProposals = ikeProposals
        self.espProposals = espProposals
        self.pfsGroups = pfsGroups
        self.allowLegacy = allowLegacy
    }
}

extension Profile {
    /// For an index of ``preSharedKeys`` that may be of another day.
    package func name(ofKey index: Int) -> String? {
        preSharedKeys.indices.contains(index) ? preSharedKeys[index].name : nil
    }
}

/// Refused unless named in the configuration.
package enum LegacyAlgorithm: String, Hashable, Sendable, CaseIterable {
    case modp1024
    case tripleDES = "3des"
    case md5
}

/// One of the keys that peers of a profile may have.
package struct PreSharedKey: Hashable, Sendable {
    /// For logs and `culvertctl`, to tell whose it is; `nil` if the profile has one key.
    package var name: String?
    package var secret: SecretBytes
    /// From then on it is no key any more: for changing keys without a day on which nobody can dial in.
    package var until: WallClockTime?

    package init(name: String? = nil, secret: SecretBytes, until: WallClockTime? = nil) {
        self.name = name
        self.secret = secret
        self.until = until
    }
}

/// Who may come, as the peer names itself; `*` stands for any number of any characters.
package struct IdentityPattern: Hashable, Sendable {
    package var text: String

    package init(_ text: String) {
        self.text = text
    }
}

/// How many bits of HMAC-SHA2-256 ESP carries: 128 by RFC 4868, 96 by some old kernels, and it is not negotiated.
package enum SHA256Truncation: String, Hashable, Sendable, CaseIterable {
    /// As the client that the first message shows needs it.
    case byClient = "auto"
    case bits96 = "96"
    case bits128 = "128"
}

/// Leave for a legacy algorithm, narrower than ``Profile/allowLegacy``.
package struct LegacyGrant: Hashable, Sendable {
    package var algorithm: LegacyAlgorithm
    /// `nil` is every client.
    package var clients: Set<Client>?
    /// From then on it is refused.
    package var until: WallClockTime?

    package init(_ algorithm: LegacyAlgorithm, clients: Set<Client>? = nil, until: WallClockTime? = nil) {
        self.algorithm = algorithm
        self.clients = clients
        self.until = until
    }
}

/// One complete choice of algorithms for phase 1.
package struct IKETransform: Hashable, Sendable {
    package enum Cipher: Hashable, Sendable {
        /// `keyBits` is 128, 192 or 256.
        case aesCBC(keyBits: Int)
        case tripleDESCBC
    }

    package var cipher: Cipher
    package var hash: HashAlgorithm
    package var group: DiffieHellmanGroup

    package init(cipher: Cipher, hash: HashAlgorithm, group: DiffieHellmanGroup) {
        self.cipher = cipher
        self.hash = hash
        self.group = group
    }
}
