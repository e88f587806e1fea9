// SPDX-License-Identifier: Apache-2.0
package import Cryptography
package import DataPlane
package import Primitives

/// What all SAs of an endpoint share: lent to the one that works.
package struct Surroundings: Sendable {
    package let configuration: Configuration
    /// One for each profile, in the same order.
    package let acceptances: [Acceptance]
    package let entropy: any EntropySource
    /// The SPIs we gave out and who has them.
    package var inboundSPIs: [ESPSPI: IKESAID] = [:]
    package var counters = Counters()
    /// SPIs in an authenticated Delete that are not those of the SA it came in: perhaps of the one before.
    package var unclaimedDeletes: [ESPSPI] = []
    package var admission: Admission
    package var offers = IKEv1.Offers()

    package init(configuration: Configuration, entropy: any EntropySource) {
        self.configuration = configuration
        acceptances = configuration.profiles.map(Acceptance.init)
        self.entropy = entropy
        admission = Admission(configuration)
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
        configuration.profiles.firstIndex { $0.applies(to: address) }
    }

    /// A message id for an exchange of ours: never zero.
    package func messageID() -> UInt32 {
        max(1, entropy.integer(UInt32.self))
    }
}

extension Profile {
    package func applies(to address: IPAddress) -> Bool {
        guard let remote else { return true }
        return remote.contains { $0.contains(address) }
    }
}
