// SPDX-License-Identifier: Apache-2.0

/// Who may dial in, by the name given in authentication.
package struct UserDirectory: Sendable {
    private let users: [String: User]

    package init(_ users: [User]) {
        self.users = Dictionary(users.map { ($0.name, $0) }) { first, _ in first }
    }

    /// Finds `alice`, and for `OFFICE\alice` (which Windows sends when told to) the full name first, then the bare one.
    package subscript(name: String) -> User? {
        if let user = users[name] { return user }
        guard let separator = name.lastIndex(of: "\\") else { return nil }
        return users[String(name[name.index(after: separator)...])]
    }
}
