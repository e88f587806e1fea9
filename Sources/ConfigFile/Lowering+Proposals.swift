// SPDX-License-Identifier: Apache-2.0
internal import Cryptography
internal import DataPlane
internal import IKE

/// Lists of algorithms, each a preset's name or entries best first.
extension Lowering {
    private static var preset: String { "l2tp-clients" }

    mutating func ikeProposals(_ node: Document.Node, legacy: Set<LegacyAlgorithm>) -> [IKETransform] {
        list(node, "proposals", legacy, preset: Profile.l2tpClientsIKE, example: "aes256-sha256-modp2048") {
            IKETransform($0)
        } legacyOf: {
            $0.legacyAlgorithms
        }
    }

    mutating func espProposals(_ node: Document.Node, legacy: Set<LegacyAlgorithm>) -> [ESPTransform] {
        refuseTruncations(in: node)
        return list(
            node,
            "esp-proposals",
            legacy,
            preset: Profile.l2tpClientsESP,
            example: "aes256-sha256 or aes128gcm16"
        ) {
            ESPTransform(parsing: $0)
        } legacyOf: {
            $0.legacyAlgorithms
        }
    }

    /// An empty list is allowed: no perfect forward secrecy then.
    mutating func pfsGroups(_ node: Document.Node, legacy: Set<LegacyAlgorithm>) -> [DiffieHellmanGroup] {
        list(
            node,
            "pfs-groups",
            legacy,
            preset: Profile.l2tpClientsPFS,
            example: DiffieHellmanGroup.allCases.map(\.operatorName).joined(separator: ", "),
            mayBeEmpty: true
        ) {
            DiffieHellmanGroup(operatorName: $0)
        } legacyOf: {
            $0 == .modp1024 ? [.modp1024] : []
        }
    }

    private mutating func list<Choice: Hashable>(
        _ node: Document.Node,
        _ what: String,
        _ legacy: Set<LegacyAlgorithm>,
        preset: [Choice],
        example: String,
        mayBeEmpty: Bool = false,
        parse: (String) -> Choice?,
        legacyOf: (Choice) -> Set<LegacyAlgorithm>
    ) -> [Choice] {
        if case .scalar(Self.preset, _) = node.content { return preset }
        guard let elements = node.elements(what, &diagnostics) else { return [] }
        if elements.isEmpty, !mayBeEmpty { diagnostics.error(node.position, "\(what) lists nothing") }
        var choices: [Choice] = []
        for element in elements {
            guard let text = element.text("an entry of \(what)", &diagnostics) else { continue }
            guard let choice = parse(text) else {
                diagnostics.error(
                    element.position,
                    "unknown entry \(text.quoted) in \(what)",
                    remedy: text.suggestion(among: [Self.preset])
                        ?? "write \(example), or \(Self.preset) in place of the list"
                )
                continue
            }
            let missing = legacyOf(choice).subtracting(legacy).map(\.rawValue).sorted()
            if !missing.isEmpty {
                diagnostics.error(
                    element.position,
                    "\(text) in \(what) needs \(missing.joined(separator: " and ")), which is not allowed",
                    remedy: "take it out, or name \(missing.joined(separator: ", ")) in allow-legacy"
                )
            }
            if choices.contains(choice) {
                diagnostics.error(element.position, "\(what) lists \(text.quoted) twice")
            } else {
                choices.append(choice)
            }
        }
        return choices
    }
}
