// SPDX-License-Identifier: Apache-2.0
package import Cryptography
package import DataPlane

/// A profile, prepared for comparing the offers of one client with it, on one day.
package struct Acceptance: Sendable {
    private struct Entry: Sendable {
        /// Lower is better.
        var rank: Int
        var legacy: Set<LegacyAlgorithm>
    }

    package let profile: Profile
    package private(set) var client = Client.unknown
    /// Those of ``Profile/legacyGrants`` whose end is still to come.
    package let grants: [LegacyGrant]
    private let ike: [IKETransform: Entry]
    /// HMAC-SHA2-256 is in it with 128 bits, however long it will be: one algorithm in a proposal.
    private let esp: [ESPTransform: Entry]
    /// What ``client`` may use.
    private var allowed: Set<LegacyAlgorithm>

    /// - Parameter isInForce: Whether the end of a grant is still to come.
    package init(_ profile: Profile, isInForce: (LegacyGrant) -> Bool = { $0.until == nil }) {
        self.profile = profile
        grants = profile.legacyGrants.filter(isInForce)
        ike = Dictionary(
            profile.ikeProposals.enumerated().map { ($1, Entry(rank: $0, legacy: $1.legacyAlgorithms)) }
        ) { first, _ in first }
        esp = Dictionary(
            profile.espProposals.enumerated().map { ($1.asNegotiated, Entry(rank: $0, legacy: $1.legacyAlgorithms)) }
        ) { first, _ in first }
        allowed = []
        allowed = allowed(to: client)
    }

    /// The same for another client.
    package func applied(to client: Client) -> Acceptance {
        guard client != self.client else { return self }
        var acceptance = self
        acceptance.client = client
        acceptance.allowed = allowed(to: client)
        return acceptance
    }

    private func allowed(to client: Client) -> Set<LegacyAlgorithm> {
        guard !grants.isEmpty else { return profile.allowLegacy }
        let granted = grants.filter { $0.clients?.contains(client) ?? true }
        return profile.allowLegacy.union(granted.map(\.algorithm))
    }

    /// What nobody has let in for this client.
    package func missing(of legacy: Set<LegacyAlgorithm>) -> [LegacyAlgorithm] {
        LegacyAlgorithm.allCases.filter { legacy.contains($0) && !allowed.contains($0) }
    }

    package func rank(of transform: IKETransform) -> Int? { rank(ike[transform]) }
    package func rank(of transform: ESPTransform) -> Int? { rank(esp[transform.asNegotiated]) }

    private func rank(_ entry: Entry?) -> Int? {
        guard let entry, entry.legacy.isSubset(of: allowed) else { return nil }
        return entry.rank
    }

    package func acceptsPFS(with group: DiffieHellmanGroup) -> Bool {
        missing(of: group.legacyAlgorithms).isEmpty && profile.pfsGroups.contains(group)
    }

    /// What stands in the kernel after this was agreed on: HMAC-SHA2-256 is as long as the client makes it.
    package func installed(_ transform: ESPTransform) -> ESPTransform {
        transform.truncatingSHA256(to96: profile.sha256Truncation.is96(for: client))
    }

    /// Best first.
    package var acceptedIKE: [IKETransform] { accepted(ike) }
    package var acceptedESP: [ESPTransform] { accepted(esp) }

    private func accepted<T>(_ entries: [T: Entry]) -> [T] {
        entries.compactMap { transform, entry in rank(entry).map { (transform, $0) } }
            .sorted { $0.1 < $1.1 }.map(\.0)
    }
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
    /// Who offered it, if that is known.
    package var client: Client?

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
            if let closest, Self.distance(closest.objections) <= Self.distance(objections) { return }
            closest = (name, objections)
        }

        /// What nobody can configure is farther away than anything that somebody can.
        private static func distance(_ objections: [Objection]) -> (unknown: Int, all: Int) {
            (objections.count { if case .unknown = $0 { true } else { false } }, objections.count)
        }

        func mismatch(accepted: [String], _ client: Client) -> ProposalMismatch {
            var mismatch = ProposalMismatch(
                offered: offered,
                accepted: accepted,
                closest: closest?.name,
                missing: closest?.objections ?? []
            )
            if client != .unknown { mismatch.client = client }
            return mismatch
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
    package var description: String { description(for: nil) }

    /// - Parameter client: Whose offer it is against; a grant need not go further.
    package func description(for client: Client?) -> String {
        switch self {
        case .needsLegacy(let algorithm): "needs allow-legacy: [\(algorithm.entry(for: client))]"
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

extension LegacyAlgorithm {
    /// What stands in `allow-legacy` to let it in.
    func entry(for client: Client?) -> String {
        client.map { "{ name: \(rawValue), clients: [\($0.rawValue)] }" } ?? rawValue
    }
}

extension [LegacyAlgorithm] {
    /// Why what has them is not renewed: the leave for them has ended since.
    var refusal: String { "allow-legacy does not let in \(map(\.rawValue).joined(separator: ", ")) any more" }
}
