// SPDX-License-Identifier: Apache-2.0
internal import ControlPlane
internal import PPP
internal import Primitives

struct PlacedUser {
    var user: User
    /// In the users file.
    var position: Position
    var addressPosition: Position
}

extension Lowering {
    mutating func users(_ section: Section) -> [PlacedUser] {
        var section = section
        let isCredential = section.has("credential")
        let what = isCredential ? "users.credential" : "users.file"
        let place = secretPlace(&section, what)
        section.finish(&diagnostics)
        guard let place, let bytes = secretFile(place.path, what, at: place.position) else { return [] }

        var found = Diagnostics(file: place.path.relative(toFolderOf: diagnostics.file))
        let users = users(in: bytes, &found)
        userDiagnostics = found
        return users
    }

    private func users(in bytes: [UInt8], _ diagnostics: inout Diagnostics) -> [PlacedUser] {
        guard let text = String(validating: bytes, as: UTF8.self) else {
            diagnostics.error(bytes.firstInvalidPosition, "the file is not UTF-8 text here")
            return []
        }
        guard let document = Document(text, limits: .users, diagnostics: &diagnostics) else { return [] }
        guard let node = document.root, !node.isEmpty else {
            diagnostics.error(.start, "the file is empty", remedy: "write users: [] for none")
            return []
        }
        guard var file = Section(node, name: "", diagnostics: &diagnostics) else { return [] }
        let list = file.require("users", &diagnostics)
        file.finish(&diagnostics)
        guard let list else { return [] }
        guard case .list(let elements) = list.content else {
            diagnostics.error(list.position, "users is a list, not \(list.kind)")
            return []
        }

        var users: [PlacedUser] = []
        var names: [String: Position] = [:]
        var addresses: [IPAddress: String] = [:]
        for element in elements {
            guard let placed = user(element, &diagnostics) else { continue }
            if let first = names.updateValue(placed.position, forKey: placed.user.name) {
                diagnostics.error(
                    placed.position,
                    "the user \(placed.user.name.quoted) is listed twice, first in line \(first.line)"
                )
            }
            if let address = placed.user.address, let other = addresses.updateValue(placed.user.name, forKey: address) {
                diagnostics.error(placed.addressPosition, "the address \(address) belongs to \(other.quoted) already")
            }
            users.append(placed)
        }
        return users
    }

    private func user(_ node: Document.Node, _ diagnostics: inout Diagnostics) -> PlacedUser? {
        guard var section = Section(node, name: "a user", diagnostics: &diagnostics) else { return nil }
        let nameNode = section.require("name", &diagnostics)
        let name = nameNode.flatMap { $0.text("the name of a user", &diagnostics) }
        if let nameNode, let name, name.isEmpty || name.utf8.count > 255 {
            diagnostics.error(nameNode.position, "the name of a user has 1 to 255 bytes")
        }
        let secret = userSecret(&section, &diagnostics)
        let addressNode = section.take("address")
        let address = addressNode.flatMap { self.userAddress($0, &diagnostics) }
        let isDisabled = section.take("disabled").flatMap { $0.boolean("disabled", &diagnostics) } ?? false
        section.finish(&diagnostics)
        guard let nameNode, let name, let secret else { return nil }
        return PlacedUser(
            user: User(name: name, secret: secret, address: address, isDisabled: isDisabled),
            position: nameNode.position,
            addressPosition: addressNode?.position ?? nameNode.position
        )
    }

    /// No message shows what stands there.
    private func userSecret(_ section: inout Section, _ diagnostics: inout Diagnostics) -> UserSecret? {
        let password = section.take("secret")
        let hash = section.take("nt-hash")
        switch (password, hash) {
        case (nil, nil):
            diagnostics.error(section.position, "a user needs the key 'secret' or 'nt-hash'")
            return nil
        case (.some, let hash?):
            diagnostics.error(hash.position, "a user has 'secret' or 'nt-hash', not both")
            return nil
        case (let password?, nil):
            guard case .scalar(let text, _) = password.content, !password.isEmpty, !text.isEmpty else {
                diagnostics.error(password.position, "the secret of a user is text, not \(password.kind)")
                return nil
            }
            // RFC 2759 §4: a password of MS-CHAPv2 has up to 256 characters.
            guard text.utf16.count <= 256 else {
                diagnostics.error(password.position, "the secret of a user has more than 256 characters")
                return nil
            }
            return .password(SecretBytes(copying: text.utf8))
        case (nil, let hash?):
            guard case .scalar(let text, _) = hash.content, text.utf8.count == 32,
                let bytes = [UInt8](hexadecimal: text.utf8)
            else {
                diagnostics.error(hash.position, "nt-hash is 32 hexadecimal digits: the MD4 of the password in UTF-16")
                return nil
            }
            return .ntHash(SecretBytes(copying: bytes))
        }
    }

    private func userAddress(_ node: Document.Node, _ diagnostics: inout Diagnostics) -> IPAddress? {
        guard let address = node.address("the address of a user", &diagnostics) else { return nil }
        guard address.isV4 else {
            diagnostics.error(node.position, "IPv6 addresses for users are not supported yet")
            return nil
        }
        guard address.isOrdinary else {
            diagnostics.error(node.position, "\(address) is no address of a machine")
            return nil
        }
        return address
    }

    mutating func relate(
        users: [PlacedUser],
        pools: [AddressPoolConfiguration],
        gateway: GatewaySection,
        link: PPPSection
    ) {
        guard var found = userDiagnostics else { return }
        let methods = link.configuration.authentication
        for placed in users {
            if case .ntHash = placed.user.secret, !methods.isEmpty, !methods.contains(.mschapv2) {
                found.warning(
                    placed.position,
                    "\(placed.user.name.quoted) can never log in: an NT hash serves mschapv2 alone, "
                        + "which ppp.authentication does not list"
                )
            }
            guard let address = placed.user.address else { continue }
            if let pool = pools.first(where: { $0.gateway == address }) {
                found.error(placed.addressPosition, "\(address) is the gateway of the pool \(pool.name.quoted)")
            } else if gateway.listen.contains(address) {
                found.error(placed.addressPosition, "\(address) is an address the gateway listens on")
            } else if let pool = pools.first(where: { $0.range.address == address || $0.range.last == address }) {
                found.error(placed.addressPosition, "\(address) is the first or last of the range \(pool.range)")
            }
        }
        userDiagnostics = found
    }
}
