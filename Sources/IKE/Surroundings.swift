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

    package init(configuration: Configuration, entropy: any EntropySource) {
        self.configuration = configuration
        acceptances = configuration.profiles.map(Acceptance.init)
        self.entropy = entropy
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

/// What is worth counting but not an event each time.
package struct Counters: Hashable, Sendable {
    /// One-byte NAT keepalives.
    package var keepalives: UInt64 = 0
    /// Informational messages in clear, which are never acted on.
    package var unprotectedInformational: UInt64 = 0
    /// Messages whose cookies name no SA.
    package var unknownSA: UInt64 = 0
    /// Repeated requests, answered again or not.
    package var duplicates: UInt64 = 0
    /// First messages dropped for one of the limits on IKE SAs.
    package var halfOpenDropped: UInt64 = 0
    /// ESP in UDP that the kernel had no SA for.
    package var strayESP: UInt64 = 0
    /// R-U-THERE answered.
    package var aliveAnswers: UInt64 = 0

    package init() {}
}
