// SPDX-License-Identifier: Apache-2.0
internal import IKE

/// Algorithms that are refused unless somebody asks for them, and how long HMAC-SHA2-256 is.
extension Lowering {
    /// What everybody may use, and what some may, or for some time.
    mutating func legacyAlgorithms(_ section: inout Section) -> (allowed: Set<LegacyAlgorithm>, grants: [LegacyGrant]) {
        var legacy: Set<LegacyAlgorithm> = []
        guard let node = section.take("allow-legacy") else { return (legacy, []) }
        for element in node.elements("allow-legacy", &diagnostics) ?? [] {
            if case .mapping = element.content {
                diagnostics.error(
                    element.position,
                    "an end date for a legacy algorithm is not supported yet",
                    remedy: "write its name alone"
                )
                continue
            }
            guard let algorithm: LegacyAlgorithm = element.choice("an entry of allow-legacy", &diagnostics) else {
                continue
            }
            if !legacy.insert(algorithm).inserted {
                diagnostics.error(element.position, "allow-legacy lists \(algorithm.rawValue) twice")
            }
        }
        return (legacy, [])
    }

    mutating func sha256Truncation(_ section: inout Section) -> SHA256Truncation { .byClient }
}
