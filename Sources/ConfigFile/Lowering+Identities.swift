// SPDX-License-Identifier: Apache-2.0
internal import IKE

/// Who may come, by name, and whether the name may be said in clear.
extension Lowering {
    mutating func identities(_ section: inout Section) -> [IdentityPattern] {
        guard let node = section.take("identities") else { return [] }
        var patterns: [IdentityPattern] = []
        if case .list(let elements) = node.content, elements.isEmpty {
            diagnostics.error(
                node.position,
                "identities names nobody",
                remedy: "name who may come, or leave the key out if everybody may who has the secret"
            )
        }
        for element in node.elements("identities", &diagnostics) ?? [] {
            guard let text = nonEmpty(element, "an entry of identities") else { continue }
            let pattern = IdentityPattern(text)
            if !text.utf8.allSatisfy({ (0x20...0x7E).contains($0) }) {
                diagnostics.error(
                    element.position,
                    "\(text.quoted) in identities has characters that are not printable ASCII",
                    remedy: "write a group name with such characters as \(Self.hexadecimal(text))"
                )
            } else if text.utf8.count > IKEv1.IDPayload.longestName {
                diagnostics.error(
                    element.position,
                    "\(text.quoted) in identities is longer than \(IKEv1.IDPayload.longestName) characters, as no name is"
                )
            } else if patterns.contains(pattern) {
                diagnostics.error(element.position, "identities lists \(text.quoted) twice")
            } else {
                patterns.append(pattern)
            }
        }
        return patterns
    }

    /// - Parameter identities: Those of the profile.
    mutating func aggressiveMode(_ section: inout Section, _ identities: [IdentityPattern]) -> Bool {
        guard let node = section.take("aggressive-mode"), node.boolean("aggressive-mode", &diagnostics) ?? false else {
            return false
        }
        if identities.isEmpty {
            diagnostics.error(
                node.position,
                "aggressive-mode without identities: whoever asks would be shown a hash of the pre-shared key",
                remedy: "list the group names of the clients under identities"
            )
        } else if let universal = identities.first(where: \.isUniversal) {
            diagnostics.error(
                node.position,
                "aggressive-mode with the identity '\(universal.text)': whoever asks would be shown a hash of the "
                    + "pre-shared key",
                remedy: "list the group names of the clients under identities"
            )
        } else {
            diagnostics.warning(
                node.position,
                "aggressive-mode shows a hash of the pre-shared key to whoever asks in one of the names under identities,"
                    + " and he can try keys at home until one fits",
                remedy: "let the secret be 32 random characters or more, and clear the group name on clients that"
                    + " can do without"
            )
        }
        return true
    }

    /// As ``IKEv1/IDPayload/plainName`` has it; cut as messages are.
    private static func hexadecimal(_ text: String) -> String {
        let bytes = Array(text.utf8)
        let digits = bytes.prefix(60).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        return "0x\(digits)\(bytes.count > 60 ? "…" : "")"
    }
}
