// SPDX-License-Identifier: Apache-2.0
internal import IKE
internal import Primitives

/// Whose key is which.
extension Lowering {
    private enum Authentication: String, CaseIterable {
        case psk
        case certificate
    }

    /// A key and where it stands.
    private struct PlacedKey {
        var key: PreSharedKey
        var position: Position
        var name: String { key.name ?? "" }
    }

    /// More are refused: each may have to be tried for each peer.
    private static var mostKeys: Int { 1_000 }

    /// - Returns: Never an empty list.
    mutating func preSharedKeys(_ section: inout Section) -> [PreSharedKey]? {
        let authentication = section.take("authentication")
        let secret = section.take("secret")
        let secrets = section.take("secrets")
        if let authentication {
            guard let choice: Authentication = authentication.choice("authentication", &diagnostics) else { return nil }
            if choice == .certificate {
                diagnostics.error(
                    authentication.position,
                    "authentication by certificate is not supported yet",
                    remedy: "use psk"
                )
                return nil
            }
        }
        switch (secret, secrets) {
        case (nil, nil):
            diagnostics.error(
                section.position,
                "a profile with a pre-shared key needs the key 'secret' or 'secrets'"
            )
            return nil
        case (.some, let secrets?):
            diagnostics.error(secrets.position, "a profile has 'secret' or 'secrets', not both")
            return nil
        case (let secret?, nil):
            return preSharedKey(secret, "the pre-shared key").map { [PreSharedKey(secret: $0)] }
        case (nil, let secrets?):
            return namedKeys(secrets)
        }
    }

    private mutating func preSharedKey(_ node: Document.Node, _ what: String) -> SecretBytes? {
        guard let key = self.secret(node, what) else { return nil }
        let (isText, hasOuterBlank) = key.withBytes { bytes in
            var isText = true
            for index in 0..<bytes.count where !(0x20...0x7E).contains(bytes[index]) { isText = false }
            let isBlank = { (byte: UInt8) in byte == 0x20 || byte == 0x09 }
            return (isText, bytes.count > 0 && (isBlank(bytes[0]) || isBlank(bytes[bytes.count - 1])))
        }
        if hasOuterBlank {
            diagnostics.warning(
                node.position,
                "\(what) begins or ends with a blank, which is part of it",
                remedy: "take the blank out unless peers have it too"
            )
        }
        // Who writes bytes instead of text has hardly thought them up.
        if key.count < (isText ? 20 : 16) {
            diagnostics.warning(
                node.position,
                "\(what) has \(key.count) bytes: who records one handshake can find it by trying",
                remedy: "take 20 random characters or more"
            )
        }
        return key
    }

    /// A list, or `{ file: path }` of a file with the list under `secrets`.
    private mutating func namedKeys(_ node: Document.Node) -> [PreSharedKey]? {
        guard case .mapping = node.content else { return keys(in: node, orElse: " or { file: path }") }
        guard var section = Section(node, name: "secrets", diagnostics: &diagnostics) else { return nil }
        let place = secretPlace(&section, "secrets")
        section.finish(&diagnostics)
        guard let place, let bytes = secretFile(place.path, "secrets", at: place.position) else { return nil }
        // It is a file of its own: mistakes in it, and paths, are its.
        var other = Lowering(file: place.path.relative(toFolderOf: diagnostics.file), permissions: nil, load: load)
        let keys = other.keys(inFile: bytes)
        keyDiagnostics.append(other.diagnostics)
        return keys
    }

    private mutating func keys(inFile bytes: [UInt8]) -> [PreSharedKey]? {
        guard let text = String(validating: bytes, as: UTF8.self) else {
            diagnostics.error(bytes.firstInvalidPosition, "the file is not UTF-8 text here")
            return nil
        }
        guard let document = Document(text, limits: .configuration, diagnostics: &diagnostics) else { return nil }
        guard let node = document.root, !node.isEmpty else {
            diagnostics.error(.start, "the file is empty")
            return nil
        }
        guard var file = Section(node, name: "", diagnostics: &diagnostics) else { return nil }
        let list = file.require("secrets", &diagnostics)
        file.finish(&diagnostics)
        return list.flatMap { keys(in: $0) }
    }

    private mutating func keys(in node: Document.Node, orElse: String = "") -> [PreSharedKey]? {
        guard case .list(let elements) = node.content else {
            diagnostics.error(node.position, "secrets is a list of keys\(orElse), not \(node.kind)")
            return nil
        }
        guard !elements.isEmpty else {
            diagnostics.error(node.position, "secrets lists no key: nobody could dial in")
            return nil
        }
        guard elements.count <= Self.mostKeys else {
            diagnostics.error(
                node.position,
                "secrets lists \(elements.count) keys; at most \(Self.mostKeys) can be tried for a peer",
                remedy: "give groups of users profiles of their own, or let them share keys"
            )
            return nil
        }
        var placed: [PlacedKey] = []
        for element in elements {
            guard let key = key(element) else { continue }
            // No message shows more than where they stand.
            if let first = placed.first(where: { $0.key.secret == key.key.secret }) {
                diagnostics.error(
                    key.position,
                    "the key of \(key.name.quoted) is the one in line \(first.position.line): nobody could tell the two apart"
                )
            }
            if key.key.until == nil, let first = placed.first(where: { $0.key.until == nil && $0.name == key.name }) {
                diagnostics.warning(
                    key.position,
                    "\(key.name.quoted) has two keys that never end, the other one in line \(first.position.line)",
                    remedy: "give the older one an 'until'"
                )
            }
            placed.append(key)
        }
        return placed.isEmpty ? nil : placed.map(\.key)
    }

    private mutating func key(_ node: Document.Node) -> PlacedKey? {
        guard var section = Section(node, name: "an entry of secrets", diagnostics: &diagnostics) else { return nil }
        let name = section.require("name", &diagnostics).flatMap { nonEmpty($0, "the name of a key") }
        let secret = section.require("secret", &diagnostics)
        let until = section.take("until")
        section.finish(&diagnostics)
        guard let name, let secret, let bytes = preSharedKey(secret, "the pre-shared key of \(name.quoted)") else {
            return nil
        }
        var key = PreSharedKey(name: name, secret: bytes)
        if let until, let text = until.text("until", &diagnostics) {
            key.until = WallClockTime(endOf: text)
            if key.until == nil {
                diagnostics.error(
                    until.position,
                    "until is the last day of the key, not \(text.quoted)",
                    remedy: "write it as 2027-01-31"
                )
            }
        }
        return PlacedKey(key: key, position: secret.position)
    }
}
