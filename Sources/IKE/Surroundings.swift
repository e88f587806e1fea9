// SPDX-License-Identifier: Apache-2.0
package import Cryptography
package import DataPlane
package import Primitives

/// What all SAs of an endpoint share: lent to the one that works.
package struct Surroundings: Sendable {
    package private(set) var configuration: Configuration
    /// Of its profiles, the first so many are configured; behind them stand those that a reload took away and some SA
    /// still stands under until it has said goodbye.
    package private(set) var configuredProfiles: Int
    /// One for each profile, in the same order.
    package private(set) var acceptances: [Acceptance]
    package let entropy: any EntropySource
    /// For what ends on a date.
    package var calendar = Calendar()
    /// The SPIs we gave out and who has them.
    package var inboundSPIs: [ESPSPI: IKESAID] = [:]
    package var counters = Counters()
    /// What the SA at work leaves to be done among the others of its peer.
    var errands: [Errand] = []
    /// There is a newer IKE SA for the peer of the one at work, proved or not.
    package var hasHeir = false
    package var admission: Admission
    package var offers = IKEv1.Offers()
    package var keyUse = PreSharedKeyUse()

    /// When the next of the grants in force ends; `nil` for never.
    package private(set) var nextGrantEnd: MonotonicTime?

    package init(configuration: Configuration, entropy: any EntropySource) {
        self.configuration = configuration
        configuredProfiles = configuration.profiles.count
        acceptances = configuration.profiles.map { Acceptance($0) }
        self.entropy = entropy
        admission = Admission(configuration)
    }

    /// - Parameter configured: How many of the profiles are; the others are leaving.
    mutating func reconfigure(_ configuration: Configuration, configured: Int, at now: MonotonicTime) {
        let hasOtherProfiles = configuration.profiles != self.configuration.profiles
        self.configuration = configuration
        configuredProfiles = configured
        admission.reconfigure(configuration)
        guard hasOtherProfiles else { return }
        let calendar = calendar
        acceptances = configuration.profiles.map { profile in
            Acceptance(profile) { calendar.isBefore($0.until, at: now) }
        }
        // What was answered to an offer by the former profiles is not what it would be answered by these.
        offers.removeAll()
    }

    /// What a profile accepts of a client today.
    package func acceptance(of profile: Int, for client: Client) -> Acceptance {
        acceptances[profile].applied(to: client)
    }

    /// Makes anew what depends on the grants in force, should those be others than before.
    mutating func reviewGrants(at now: MonotonicTime) {
        let calendar = calendar
        let reviewed = configuration.profiles.map { profile in
            Acceptance(profile) { calendar.isBefore($0.until, at: now) }
        }
        if reviewed.map(\.grants) != acceptances.map(\.grants) {
            acceptances = reviewed
            // What was answered to an offer yesterday is not what it would be answered today.
            offers.removeAll()
        }
        nextGrantEnd = acceptances.flatMap(\.grants).compactMap { calendar.time(of: $0.until) }.min()
    }

    /// Counts legacy algorithms that were agreed on.
    ///
    /// - Returns: What to report of it.
    mutating func noteLegacy(_ algorithms: Set<LegacyAlgorithm>, in transform: String) -> Event.Kind? {
        guard !algorithms.isEmpty else { return nil }
        for algorithm in algorithms { counters.legacyAlgorithms[algorithm, default: 0] += 1 }
        return .legacyAlgorithm(LegacyAlgorithm.allCases.filter(algorithms.contains), transform: transform)
    }

    /// Random, not reserved, and given to nobody else; `nil` if chance does not find one.
    package mutating func takeSPI(for id: IKESAID) -> ESPSPI? {
        for _ in 0..<16 {
            guard let spi = ESPSPI(rawValue: entropy.integer()), inboundSPIs[spi] == nil else { continue }
            inboundSPIs[spi] = id
            return spi
        }
        return nil
    }

    package mutating func release(_ spi: ESPSPI) {
        inboundSPIs[spi] = nil
    }

    /// The profile for a peer's address, by its place in the configuration.
    package func profile(for address: IPAddress) -> Int? {
        configuration.profiles.prefix(configuredProfiles).firstIndex { $0.applies(to: address) }
    }

    /// A message id for an exchange of ours: never zero.
    package func messageID() -> UInt32 {
        max(1, entropy.integer(UInt32.self))
    }
}

/// What an SA cannot do alone, because it concerns others of the same peer.
enum Errand: Sendable {
    /// An authenticated Delete has an outbound SPI that this SA does not have: perhaps one before it has.
    case remove(ESPSPI, at: MonotonicTime)
    /// A quick mode came to its end over the path of this SA.
    case proved
    /// The peer has answered from where this SA has been from its beginning.
    case present
    /// It has left its children to the SAs after it.
    case left(at: MonotonicTime)
    /// The peer has moved, and this SA with it.
    case moved
    /// The peer was not heard for too long.
    case died
    /// This child needs a successor, under an SA that can negotiate.
    case replace(IKEv1.ResponderSA.Handover, at: MonotonicTime)
    /// It has been replaced under this SA.
    case replaced(ChildSA.ID, at: MonotonicTime)
    /// It nears its end, and the peer has not replaced it.
    case renew(at: MonotonicTime)
    /// It is gone, and this SA has no keys left to tell the peer.
    case announce(IKEv1.ResponderSA.Handover)
}

extension Profile {
    package func applies(to address: IPAddress) -> Bool {
        guard let remote else { return true }
        return remote.contains { $0.contains(address) }
    }
}
