// SPDX-License-Identifier: Apache-2.0
package import Cryptography
package import DataPlane

/// A profile, prepared for comparing offers with it.
package struct Acceptance: Sendable {
    package let profile: Profile
    /// Lower is better; holds only what ``Profile/allowLegacy`` lets through.
    private let ikeRanks: [IKETransform: Int]
    private let espRanks: [ESPTransform: Int]

    package init(_ profile: Profile) {
        self.profile = profile
        let ike = profile.ikeProposals.enumerated().filter { $1.legacyAlgorithms.isSubset(of: profile.allowLegacy) }
        let esp = profile.espProposals.enumerated().filter { $1.legacyAlgorithms.isSubset(of: profile.allowLegacy) }
        ikeRanks = Dictionary(ike.map { ($1, $0) }) { first, _ in first }
        espRanks = Dictionary(esp.map { ($1, $0) }) { first, _ in first }
    }

    package func rank(of transform: IKETransform) -> Int? { ikeRanks[transform] }
    package func rank(of transform: ESPTransform) -> Int? { espRanks[transform] }

    package func acceptsPFS(with group: DiffieHellmanGroup) -> Bool {
        guard group != .modp1024 || profile.allowLegacy.contains(.modp1024) else { return false }
        return profile.pfsGroups.contains(group)
    }

    /// Best first.
    package var acceptedIKE: [IKETransform] { ikeRanks.sorted { $0.value < $1.value }.map(\.key) }
    package var acceptedESP: [ESPTransform] { espRanks.sorted { $0.value < $1.value }.map(\.key) }
}

/// Why no transform of an offer would do, for the one line that an operator reads.
package struct ProposalMismatch: Error, Hashable, Sendable {
    /// Everything the peer offered, in its order.
    package var offered: [String]
    /// Everything we accept, best first.
    package var accepted: [String]
    /// The offered transform with the fewest things against it.
    package var closest: String?
    /// What is against that one.
    package var missing: [Objection]

    package init(offered: [String], accepted: [String], closest: String?, missing: [Objection]) {
        self.offered = offered
        self.accepted = accepted
        self.closest = closest
        self.missing = missing
    }

    /// Looks at an offer transform by transform and remembers the one that came closest.
    struct Review {
        private var offered: [String] = []
        private var closest: (name: String, objections: [Objection])?

        /// Of two with as much against them the first one counts.
        mutating func add(_ name: String, _ objections: [Objection]) {
            offered.append(name)
            if let closest, closest.objections.count <= objections.count { return }
            closest = (name, objections)
        }

        func mismatch(accepted: [String]) -> ProposalMismatch {
            ProposalMismatch(
                offered: offered,
                accepted: accepted,
                closest: closest?.name,
                missing: closest?.objections ?? []
            )
        }
    }
}

/// One thing against a transform.
package enum Objection: Hashable, Sendable {
    case needsLegacy(LegacyAlgorithm)
    /// An algorithm or number that we do not have at all.
    case unknown(String)
    /// Known, but the profile does not list it; `nearest` is what it does list.
    case notListed(nearest: String?)
    case authenticationMethod(UInt64?)
    case encapsulationMode(UInt64)
    /// UDP encapsulation was offered without the float to port 4500.
    case encapsulationWithoutNATTraversal
    case pfsGroup(String)
    case protocolID(IKEv1.ProtocolID)
    /// ESP together with another protocol, AH or IPComp.
    case bundle
    case unusableSPI(size: Int)
}

extension Objection: CustomStringConvertible {
    /// Continues "…, which".
    package var description: String {
        switch self {
        case .needsLegacy(let algorithm): "needs allow-legacy: [\(algorithm.rawValue)]"
        case .unknown(let name): "has \(name), which is not implemented"
        case .notListed(let nearest?): "is not in proposals, where the nearest is \(nearest)"
        case .notListed(nil): "is not in proposals, which are empty"
        case .authenticationMethod(let method):
            "wants authentication by \(IKEv1.authenticationName(method)), where the profile has a pre-shared key"
        case .encapsulationMode(let mode): "wants \(IKEv1.encapsulationName(mode)) mode instead of transport mode"
        case .encapsulationWithoutNATTraversal: "wants UDP encapsulation without having moved to port 4500"
        case .pfsGroup(let name): "wants perfect forward secrecy with \(name)"
        case .protocolID(let protocolID): "is for \(protocolID)"
        case .bundle: "comes together with a second protocol"
        case .unusableSPI(let size): "has an unusable SPI of \(size) bytes"
        }
    }
}
