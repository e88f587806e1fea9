// SPDX-License-Identifier: Apache-2.0
internal import ControlPlane
internal import L2TP
internal import PPP

/// Text to configuration. Nothing here touches a file: whoever calls does the reading, and hands in
/// what it found.
package enum ConfigFile {
    /// Reads a file whose path is relative to nothing but the caller.
    ///
    /// A path that begins with ``credentials`` is a secret's that the service manager hands over: who loads knows where.
    package typealias Load = (_ path: String) throws(FileProblem) -> LoadedFile

    /// What stands for the folder of those secrets, in paths and in messages.
    package static let credentials = "$CREDENTIALS_DIRECTORY/"

    /// The configuration file and the files it names; a path in it is relative to its own folder.
    ///
    /// - Parameter path: Of the configuration file; it stands in every message.
    package static func read(_ path: String, load: @escaping Load) -> Outcome {
        var diagnostics = Diagnostics(file: path)
        let file: LoadedFile
        do throws(FileProblem) {
            file = try load(path)
        } catch {
            diagnostics.error(.start, "the file \(error.words)", remedy: error.remedy)
            return Outcome(path: path, settings: nil, diagnostics: diagnostics.found)
        }
        guard let text = String(validating: file.bytes, as: UTF8.self) else {
            diagnostics.error(file.bytes.firstInvalidPosition, "the file is not UTF-8 text here")
            return Outcome(path: path, settings: nil, diagnostics: diagnostics.found)
        }
        return parse(text, file: path, permissions: file.secretProblem(path: path), load: load)
    }

    /// The text of a configuration file that may hold secrets itself.
    package static func parse(_ text: String, file: String, load: @escaping Load) -> Outcome {
        parse(text, file: file, permissions: nil, load: load)
    }

    /// - Parameter permissions: What is wrong with those of the file, should it turn out to hold a secret.
    private static func parse(
        _ text: String,
        file: String,
        permissions: SecretFileProblem?,
        load: @escaping Load
    ) -> Outcome {
        var lowering = Lowering(file: file, permissions: permissions, load: load)
        let settings = lowering.settings(from: text)
        let diagnostics = lowering.sorted
        let isUsable = !diagnostics.contains { $0.severity == .error }
        return Outcome(path: file, settings: isUsable ? settings : nil, diagnostics: diagnostics)
    }
}

/// The walk over one configuration file. What a section needs of another is checked at the end.
struct Lowering {
    let permissions: SecretFileProblem?
    let load: ConfigFile.Load
    /// Of the configuration file.
    var diagnostics: Diagnostics
    /// Of the users file, once it is read.
    var userDiagnostics: Diagnostics?
    /// Of the files with pre-shared keys.
    var keyDiagnostics: [Diagnostics] = []
    var questions = QuestionPositions()

    init(file: String, permissions: SecretFileProblem?, load: @escaping ConfigFile.Load) {
        self.permissions = permissions
        self.load = load
        diagnostics = Diagnostics(file: file)
    }

    var sorted: [Diagnostic] {
        let inOrder = { (found: [Diagnostic]) in found.sorted { ($0.line, $0.column) < ($1.line, $1.column) } }
        return inOrder(diagnostics.found) + keyDiagnostics.flatMap { inOrder($0.found) }
            + inOrder(userDiagnostics?.found ?? [])
    }

    /// `nil` only after an error; what is returned after an error is not to be used.
    mutating func settings(from text: String) -> Settings? {
        guard let document = Document(text, limits: .configuration, diagnostics: &diagnostics) else { return nil }
        guard let node = document.root, !node.isEmpty else {
            diagnostics.error(.start, "the file is empty")
            return nil
        }
        guard var file = Section(node, name: "", diagnostics: &diagnostics) else { return nil }

        let gateway = gateway(section("gateway", of: &file, isRequired: true))
        let ike = ike(section("ike", of: &file, isRequired: true), listen: gateway.listen)
        let l2tp = l2tp(section("l2tp", of: &file), hostName: gateway.name)
        let link = ppp(section("ppp", of: &file), name: gateway.name)
        let limits = limits(section("limits", of: &file))
        let liveness = liveness(section("liveness", of: &file))
        let pools = addresses(section("addresses", of: &file, isRequired: true))
        let users = users(section("users", of: &file, isRequired: true))
        radius(section("radius", of: &file))
        let controlSocket = control(section("control", of: &file))
        let metrics = metrics(section("metrics", of: &file))
        let log = log(section("log", of: &file))
        file.finish(&diagnostics)

        relate(pools: pools, users: users, gateway: gateway, link: link, limits: limits)

        var controlPlane = ControlPlane.Configuration(
            ike: ike,
            l2tp: l2tp,
            ppp: link.configuration,
            pools: pools.map(\.pool),
            users: users.map(\.user)
        )
        controlPlane.mtu = link.mtu
        controlPlane.outerMTU = gateway.outerMTU
        controlPlane.apply(limits)
        controlPlane.apply(liveness)
        relate(liveness, to: controlPlane)
        controlPlane.dns = link.dns
        controlPlane.wins = link.wins
        var settings = Settings(controlPlane: controlPlane, gatewayName: gateway.name, listen: gateway.listen)
        settings.clampsSegments = link.clampsSegments
        settings.controlSocket = controlSocket
        settings.metrics = metrics
        settings.log = log
        return settings
    }

    /// A section that is absent is read as an empty one, so that its defaults apply.
    private mutating func section(_ name: String, of file: inout Section, isRequired: Bool = false) -> Section {
        let node = isRequired ? file.require(name, &diagnostics) : file.take(name)
        let section = node.flatMap { Section($0, name: name, diagnostics: &diagnostics) }
        return section ?? Section(absent: name)
    }
}
