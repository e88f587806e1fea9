// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import ConfigFile
import Glibc
import Primitives
import Runtime
import Simulation

/// `culvertctl client`: what one user needs to dial in, for the system that user has.
struct HandOut: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "client",
        abstract: "Write what a user needs to dial in: a script, a profile or steps.",
        discussion: """
            Reads the configuration that culvertd runs with, and warns if culvertd has not read it since it was \
            changed. The result has the pre-shared key in it, and with --with-password the password of the user: pass \
            it on as you would pass on these.

            windows         a PowerShell script
            macos, ios      a configuration profile (.mobileconfig)
            networkmanager  a keyfile for NetworkManager-l2tp
            routeros        commands for its terminal
            android         the steps, in words

            If the configuration would refuse such a client, a warning says why, with the remedy. \
            Exit codes: 0 written, 1 not, 2 wrong usage.
            """
    )

    @Argument(help: "Whose connection: a name from the file of users.")
    var user: String

    @Option(name: .customLong("for"), help: ArgumentHelp("The system of the client.", valueName: "system"))
    var system: ClientSystem

    @Option(help: "The configuration file.")
    var config = "/etc/culvert/culvert.yaml"

    @Option(help: "What the client dials: a name or an address. (default: gateway.name, if it has a dot)")
    var server: String?

    @Option(help: "The profile whose key is written. (default: the first that is for any address)")
    var profile: String?

    @Option(
        help: "A group name, for a profile with aggressive-mode: the client announces it (macos, ios, android)."
    )
    var group: String?

    @Option(help: "How the connection is called on the client. (default: what it dials)")
    var name: String?

    @Option(help: ArgumentHelp("Only this network goes through the call; several are possible.", valueName: "prefix"))
    var route: [String] = []

    @Flag(help: "Write the password of the user, too.")
    var withPassword = false

    @Flag(help: "Show a QR code of --url, or of the essentials as text (ios, android).")
    var qr = false

    @Option(help: "Where the user can fetch the written profile; it goes into the QR code.")
    var url: String?

    @Option(help: "The file to write, which must not exist; its mode is 0600. (default: standard output)")
    var output: String?

    @OptionGroup var place: SocketOption

    func validate() throws {
        if qr, system != .ios, system != .android {
            throw ValidationError("\(system.title) reads no QR code: --qr is for ios and android.")
        }
        if url != nil, !qr { throw ValidationError("--url goes into a QR code: give --qr, too.") }
        if group != nil, ![.macos, .ios, .android].contains(system) {
            throw ValidationError("--group is for macos, ios and android.")
        }
        if system == .android || system == .ios || system == .macos || system == .routeros, !route.isEmpty {
            throw ValidationError(
                "--route is for windows and networkmanager; others choose networks in their settings."
            )
        }
        for text in route where IPPrefix(text)?.address.isV4 != true {
            throw ValidationError("\(text.visible) is no IPv4 network such as 10.0.0.0/8.")
        }
    }

    func run() throws {
        let sheet = try sheet(load: SettingsFile.load)
        if let output {
            try PrivateFile.create(output, sheet.text)
        } else if !qr || url == nil {
            Main.write(sheet.text, to: STDOUT_FILENO)
        }
        if let code = sheet.code { Main.write(code, to: STDOUT_FILENO) }
        // Without a daemon that answers us the file is all there is.
        let plan: ReloadReport? = try? place.client.post(
            "/v1/reload",
            ReloadOrder(isDryRun: true),
            alsoAt: .unprocessableEntity
        )
        for warning in sheet.warnings + [plan.flatMap(Self.difference)].compactMap(\.self) {
            Main.write("warning: \(warning)\n", to: STDERR_FILENO)
        }
    }

    /// Why what is written may not be what culvertd takes now.
    static func difference(_ plan: ReloadReport) -> String? {
        switch plan.outcome {
        case .unchanged, .applied: nil
        case .planned: "culvertd has not read its files since they were changed: culvertctl reload"
        case .refused: "culvertd would refuse to read its files as they are now: culvertctl reload --dry-run says why"
        }
    }

    struct Sheet {
        var text: String
        /// For the terminal.
        var code: String?
        var warnings: [String]
    }

    func sheet(load: @escaping ConfigFile.Load) throws -> Sheet {
        let terms = try DialInTerms(self, load: load)
        let text =
            switch system {
            case .windows: try terms.powerShellScript()
            case .macos, .ios: try terms.configurationProfile(isForMac: system == .macos)
            case .networkmanager: try terms.keyfile()
            case .routeros: try terms.routerOSCommands()
            case .android: try terms.androidSteps()
            }
        let code = qr ? try QRCode(url ?? terms.essentials()).terminalText : nil
        return Sheet(text: text, code: code, warnings: terms.warnings)
    }
}

/// Whose built-in client it is.
enum ClientSystem: String, CaseIterable, ExpressibleByArgument {
    case windows
    case macos
    case ios
    case android
    case networkmanager
    case routeros

    var title: String {
        switch self {
        case .windows: "Windows"
        case .macos: "macOS"
        case .ios: "iOS"
        case .android: "Android"
        case .networkmanager: "NetworkManager"
        case .routeros: "RouterOS"
        }
    }

    /// The simulated client that stands for it.
    var vector: ClientVector? {
        switch self {
        case .windows: .named("windows10")
        case .macos: .named("macos")
        case .ios: .named("ios")
        case .android: .named("android7")
        case .networkmanager: .named("networkmanager")
        case .routeros: .named("routeros")
        }
    }
}
