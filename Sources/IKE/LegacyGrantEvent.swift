// SPDX-License-Identifier: Apache-2.0
package import Primitives

/// What leave for legacy algorithms has to tell.
package enum LegacyGrantEvent: Hashable, Sendable {
    case ended(LegacyAlgorithm, profile: String)

    package var description: EventDescription {
        switch self {
        case .ended(let algorithm, let profile):
            EventDescription(
                .ike,
                .warning,
                "legacy-grant-ended",
                "\(algorithm.rawValue) is refused from now on in profile \(profile), as its end date has come",
                remedy: "update the clients that still need it, or give it another date in allow-legacy"
            )
        }
    }
}
