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
    package var preSharedKey: SecretBytes
    /// In order of our preference.
    package var ikeProposals: [IKETransform]
    /// In order of our preference.
    package var espProposals: [ESPTransform]
    /// Groups accepted for PFS in quick mode; none is always accepted too.
    package var pfsGroups: [DiffieHellmanGroup]
    package var allowLegacy: Set<LegacyAlgorithm>
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
        self.preSharedKey = preSharedKey
        self.ikeProposals = ikeProposals
        self.espProposals = espProposals
        self.pfsGroups = pfsGroups
        self.allowLegacy = allowLegacy
    }
}

/// Refused unless named in the configuration.
package enum LegacyAlgorithm: String, Hashable, Sendable, CaseIterable {
    case modp1024
    case tripleDES = "3des"
    case md5
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
