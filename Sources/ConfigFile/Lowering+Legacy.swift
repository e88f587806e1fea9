// SPDX-License-Identifier: Apache-2.0
internal import DataPlane
internal import IKE
internal import Primitives

/// Algorithms that are refused unless somebody asks for them, and how long HMAC-SHA2-256 is.
extension Lowering {
    /// What everybody may use, and what some may, or for some time.
    mutating func legacyAlgorithms(_ section: inout Section) -> (allowed: Set<LegacyAlgorithm>, grants: [LegacyGrant]) {
        var grants: [LegacyGrant] = []
        guard let node = section.take("allow-legacy") else { return ([], []) }
        for element in node.elements("allow-legacy", &diagnostics) ?? [] {
            guard let grant = legacyGrant(element) else { continue }
            if let other = grants.first(where: { $0.overlaps(grant) }) {
                let name = grant.algorithm.rawValue
                let isWhole = grant.clients == nil || other.clients == nil
                diagnostics.error(
                    element.position,
                    "allow-legacy lists \(name) twice" + (isWhole ? "" : " for the same client"),
                    remedy: other == grant || !isWhole
                        ? nil : "without clients an entry is for all of them; take one of the two out"
                )
            } else {
                grants.append(grant)
            }
        }
        let isEverybodys = { (grant: LegacyGrant) in grant.clients == nil && grant.until == nil }
        return (Set(grants.filter(isEverybodys).map(\.algorithm)), grants.filter { !isEverybodys($0) })
    }

    /// A name, or `{ name:, clients:, until: }`.
    private mutating func legacyGrant(_ node: Document.Node) -> LegacyGrant? {
        guard case .mapping = node.content else {
            let algorithm: LegacyAlgorithm? = node.choice("an entry of allow-legacy", &diagnostics)
            return algorithm.map { LegacyGrant($0) }
        }
        guard var section = Section(node, name: "an entry of allow-legacy", diagnostics: &diagnostics) else {
            return nil
        }
        let name = section.require("name", &diagnostics)
        let algorithm: LegacyAlgorithm? = name?.choice("the name of an entry of allow-legacy", &diagnostics)
        let clients = section.take("clients").map { self.clients($0) }
        let until = section.take("until").map { $0.endOfDay("until", &diagnostics) }
        section.finish(&diagnostics)
        // What cannot be read must not let more in than was meant.
        guard let algorithm, clients?.isEmpty != true, until != .some(nil) else { return nil }
        return LegacyGrant(algorithm, clients: clients, until: until ?? nil)
    }

    /// Empty if none of it can be used.
    private mutating func clients(_ node: Document.Node) -> Set<Client> {
        guard let elements = node.elements("clients", &diagnostics) else { return [] }
        if elements.isEmpty {
            diagnostics.error(node.position, "clients names nobody", remedy: "leave it out for every client")
        }
        var clients: Set<Client> = []
        for element in elements {
            guard let client: Client = element.choice("an entry of clients", &diagnostics) else { continue }
            if !clients.insert(client).inserted {
                diagnostics.error(element.position, "clients lists \(client.rawValue) twice")
            }
        }
        return clients
    }

    mutating func sha256Truncation(_ section: inout Section) -> SHA256Truncation {
        section.take("sha256-truncation").flatMap { $0.choice("sha256-truncation", &diagnostics) } ?? .byClient
    }

    /// Proposals have one name for HMAC-SHA2-256; how long it is they cannot say.
    mutating func refuseTruncations(in node: Document.Node) {
        let elements = if case .list(let elements) = node.content { elements } else { [node] }
        for element in elements {
            guard case .scalar(let text, _) = element.content, let transform = ESPTransform(parsing: text),
                transform.integrity == .hmacSHA256_96
            else { continue }
            diagnostics.error(
                element.position,
                "\(text) in esp-proposals says how long HMAC-SHA2-256 is, which is not negotiated",
                remedy: "write \(transform.truncatingSHA256(to96: false)), and sha256-truncation: 96 if clients need it"
            )
        }
    }
}

extension LegacyGrant {
    /// Some client has both.
    fileprivate func overlaps(_ other: LegacyGrant) -> Bool {
        guard algorithm == other.algorithm else { return false }
        guard let clients, let others = other.clients else { return true }
        return !clients.isDisjoint(with: others)
    }
}

extension Document.Node {
    /// A day such as `2027-03-31`, which still belongs to it: the first moment of the next one, in UTC.
    func endOfDay(_ what: String, _ diagnostics: inout Diagnostics) -> WallClockTime? {
        guard let text = text(what, &diagnostics) else { return nil }
        if let end = WallClockTime(endOf: text) { return end }
        diagnostics.error(
            position,
            "\(what) is a day, not \(text.quoted)",
            remedy: "write year, month and day, as in 2027-03-31; it ends with that day, in UTC"
        )
        return nil
    }
}
