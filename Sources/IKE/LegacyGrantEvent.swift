// SPDX-License-Identifier: Apache-2.0
package import Primitives

/// What leave for legacy algorithms has to tell.
package enum LegacyGrantEvent: Hashable, Sendable {
    /// At midnight, or at the start if it was over before.
    case ended(LegacyGrant, profile: String)

    package var description: EventDescription {
        switch self {
        case .ended(let grant, let profile):
            EventDescription(
                .ike,
                .warning,
                "legacy-grant-ended",
                "\(grant.algorithm.rawValue) is refused from now on in profile \(profile)\(grant.words),"
                    + " as its end date has come",
                remedy: "update the clients that still need it, or give it another date in allow-legacy",
                fields: [.init("profile", profile), .init("algorithm", grant.algorithm.rawValue)]
            )
        }
    }
}

extension LegacyGrant {
    /// For whom, if not for everybody.
    fileprivate var words: String {
        guard let clients else { return "" }
        return " for \(Client.allCases.filter(clients.contains).map(\.rawValue).joined(separator: ", "))"
    }
}
