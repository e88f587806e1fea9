// SPDX-License-Identifier: Apache-2.0
import ConfigFile
import ControlPlane
import FoundationEssentials
import IKE
import PPP
import Primitives
import Runtime
import Simulation

/// What a client has to know, whatever its system.
struct DialInTerms {
    let server: String
    /// Of the connection, on the client.
    let name: String
    let user: String
    let key: SecretBytes
    /// `nil` if it is not to be written.
    let password: SecretBytes?
    let group: String?
    /// All traffic goes through the call if there are none.
    let routes: [IPPrefix]
    let authentication: [AuthenticationMethod]
    /// The gateway lets clients believe that no NAT stands before it.
    let concealsNAT: Bool
    let warnings: [String]

    init(_ order: HandOut, load: @escaping ConfigFile.Load) throws {
        let outcome = ConfigFile.read(order.config, load: load)
        guard let settings = outcome.settings else {
            throw Problem(
                "\(order.config.visible) is not usable",
                remedy: "culvertd --config \(order.config.visible) --check says why"
            )
        }
        let account = try Self.account(order.user, settings)
        let profile = try Self.profile(order, settings)
        server = try Self.server(order, settings)
        name = order.name ?? server
        user = account.name
        key = try Self.key(of: account.name, profile, settings)
        password = order.withPassword ? try Self.password(of: account) : nil
        group = order.group
        routes = order.route.compactMap { IPPrefix($0) }
        authentication = settings.controlPlane.ppp.authentication
        concealsNAT = profile.concealsNAT
        warnings = try Self.warnings(order, profile, load)
        let texts = [(server, "the server"), (name, "the connection's name"), (user, "the user's name")]
        for (text, what) in texts + (group.map { [($0, "the group")] } ?? []) {
            guard !text.isEmpty, text.unicodeScalars.allSatisfy(\.isVisible) else {
                throw Problem("\(what) has characters that no client takes: \(text.visible)")
            }
        }
    }

    private static func account(_ name: String, _ settings: Settings) throws(Problem) -> User {
        guard let user = settings.controlPlane.users.first(where: { $0.name == name }) else {
            throw Problem("no user \(name.visible) is in the file of users")
        }
        guard !user.isDisabled else { throw Problem("the user \(name.visible) is disabled") }
        return user
    }

    private static func profile(_ order: HandOut, _ settings: Settings) throws(Problem) -> Profile {
        let profiles = settings.controlPlane.ike.profiles
        if let name = order.profile {
            guard let profile = profiles.first(where: { $0.name == name }) else {
                throw Problem(
                    "there is no profile \(name.visible)",
                    remedy: "the file has \(profiles.map(\.name.visible).joined(separator: ", "))"
                )
            }
            return profile
        }
        if let group = order.group {
            guard let profile = profiles.first(where: { $0.admits(group: group) }) else {
                throw Problem(
                    "no profile takes the group \(group.visible)",
                    remedy: "a profile needs aggressive-mode: true and identities: [\(group.visible)]"
                )
            }
            return profile
        }
        guard let profile = profiles.first(where: { $0.remote == nil }) ?? profiles.first else {
            throw Problem("the configuration has no profile")
        }
        return profile
    }

    private static func server(_ order: HandOut, _ settings: Settings) throws(Problem) -> String {
        if let server = order.server {
            guard server.isHostName || IPAddress(server) != nil else {
                throw Problem("\(server.visible) is neither a host name nor an IP address")
            }
            return server
        }
        if settings.gatewayName.contains("."), settings.gatewayName.isHostName { return settings.gatewayName }
        if let own = settings.listen.first(where: { $0.isV4 && $0 != .v4(0) }) { return own.description }
        throw Problem(
            "what clients dial is not known: gateway.name \(settings.gatewayName.visible) is no full host name",
            remedy: "give --server"
        )
    }

    /// The user's own key where keys have the names of users; else the one that is valid longest, the last of equals: who
    /// changes keys hands out the new one.
    private static func key(of user: String, _ profile: Profile, _ settings: Settings) throws(Problem) -> SecretBytes {
        let now = WallClockTime.current().milliseconds
        let valid = profile.preSharedKeys.filter { key in key.until.map { now < $0.milliseconds } ?? true }
        guard !valid.isEmpty else {
            throw Problem("no pre-shared key of profile \(profile.name.visible) is valid any more")
        }
        let others = Set(settings.controlPlane.users.map(\.name)).subtracting([user])
        let own = valid.filter { $0.name == user }
        let shared = valid.filter { $0.name.map { !others.contains($0) } ?? true }
        var longest: PreSharedKey?
        for key in own.isEmpty ? shared : own where longest.map({ $0.end <= key.end }) ?? true { longest = key }
        guard let longest else {
            throw Problem(
                "profile \(profile.name.visible) has keys for other users only",
                remedy: "add one with the name \(user.visible)"
            )
        }
        return longest.secret
    }

    private static func password(of user: User) throws(Problem) -> SecretBytes {
        switch user.secret {
        case .password(let password): return password
        case .ntHash:
            throw Problem(
                "the password of \(user.name.visible) is not known: the file has its NT hash only",
                remedy: "leave --with-password out; the client asks for it"
            )
        }
    }

    /// What a client of that system would hear, tried without a network.
    private static func warnings(
        _ order: HandOut,
        _ profile: Profile,
        _ load: @escaping ConfigFile.Load
    ) throws -> [String] {
        // The simulated clients come in a group of another name.
        guard order.group == nil, let vector = order.system.vector else { return [] }
        let report: CheckReport
        do {
            let check = try Check.parse([
                "--client=\(vector.name)", "--config=\(order.config)", "--user=\(order.user)",
                "--profile=\(profile.name)",
            ])
            report = try CheckStage(check: check, load: load).report(vector)
        } catch let problem as Problem {
            return ["whether \(vector.title) would connect could not be tried: \(problem.message)"]
        }
        guard !report.wouldConnect else { return [] }
        return [
            "\(vector.title) would be refused by this configuration; culvertctl check --client \(vector.name) says why"
        ] + report.additions.map { "\($0.place): add \($0.text)" }
    }
}

extension PreSharedKey {
    fileprivate var end: Int64 { until?.milliseconds ?? .max }
}

extension Profile {
    fileprivate func admits(group: String) -> Bool {
        let identity = IKEv1.IDPayload(type: .keyID, protocolNumber: 0, port: 0, data: Array(group.utf8))
        return allowsAggressiveMode && identities.contains { $0.matches(identity) }
    }
}

extension DialInTerms {
    /// The key as text that can be typed.
    ///
    /// - Parameter system: For the message.
    func typedKey(for system: ClientSystem) throws(Problem) -> String {
        guard let text = key.printableASCII else {
            throw Problem(
                "the pre-shared key has bytes that nobody can type on \(system.title)",
                remedy: "use a key of printable ASCII for such clients"
            )
        }
        return text
    }

    /// Server, key and names in a few lines, for a QR code.
    func essentials() throws(Problem) -> String {
        var text = "Type: L2TP/IPsec PSK\nServer: \(server)\n"
        if let group { text += "Group: \(group)\n" }
        text += "Key: \(try typedKey(for: .android))\nUser: \(user)\n"
        if let password = try typedPassword() { text += "Password: \(password)\n" }
        return text
    }

    /// `nil` if it is not to be written.
    func typedPassword() throws(Problem) -> String? {
        guard let password else { return nil }
        guard let text = password.text, text.unicodeScalars.allSatisfy(\.isVisible) else {
            throw Problem(
                "the password of \(user.visible) is not text that can be typed",
                remedy: "leave --with-password out"
            )
        }
        return text
    }

    /// Names of versions 5 are the same for the same connection each time: a new profile takes the place of the old.
    func identifier(_ part: String) -> String {
        NameUUID.string(of: "culvert:\(server):\(name):\(user):\(part)")
    }
}

extension SecretBytes {
    /// `nil` if it is not UTF-8.
    var text: String? { withBytes { span in String(validating: (0..<span.count).map { span[$0] }, as: UTF8.self) } }

    var printableASCII: String? {
        guard let text, text.utf8.allSatisfy({ (0x20...0x7E).contains($0) }) else { return nil }
        return text
    }

    var base64: String {
        withBytes { span in span.withUnsafeBytes { Data($0).base64EncodedString() } }
    }
}

extension String {
    /// Labels of letters, digits and hyphens.
    ///
    /// - SeeAlso: RFC 1123 §2.1
    var isHostName: Bool {
        guard (1...253).contains(utf8.count) else { return false }
        return split(separator: ".", omittingEmptySubsequences: false).allSatisfy { label in
            (1...63).contains(label.utf8.count) && label.first != "-" && label.last != "-"
                && label.utf8.allSatisfy { byte in
                    (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
                        || byte == 0x2D
                }
        }
    }
}
