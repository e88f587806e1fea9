// SPDX-License-Identifier: Apache-2.0
import ConfigFile
import ControlPlane
import Glibc
import Kernel
import Primitives
import Runtime

/// All that the doctor judges by.
struct DoctorFacts: Hashable, Sendable {
    /// What came of asking the daemon.
    enum Daemon: Hashable, Sendable {
        case answers(version: String?)
        case silent(Problem)
    }

    /// What the packet filter says.
    enum Filter: Hashable, Sendable {
        case rules(FirewallRules)
        /// There is no nft(8); so many chains of others see packets that come in.
        case chains(Int)
        /// In words.
        case unseen(String)
    }

    /// The part of a configuration that matters here.
    struct Gateway: Hashable, Sendable {
        var listen: [IPAddress] = [.v4(0)]
        var outerMTU = 1500
        var calls = 16_000
        var pools: [Pool] = []
        /// Those that are not disabled.
        var users = 1
    }

    struct Pool: Hashable, Sendable {
        var name: String
        var range: IPPrefix
        var gateway: IPAddress
    }

    enum Hiding: Hashable {
        case fromThisUser
        /// The service manager hands secrets to the daemon alone.
        case credentials
    }

    var machine = MachineFacts()
    var preflight = PreflightFacts()
    var filter = Filter.rules(FirewallRules())
    /// The words of `iptables-legacy -S INPUT`; `nil` if there are no such rules.
    var legacyInput: String?
    var configuration = "/etc/culvert/culvert.yaml"
    /// `nil` if the configuration is not usable.
    var gateway: Gateway?
    /// What is wrong with the configuration, in words.
    var mistakes: [String] = []
    var warnings: [String] = []
    /// Why the configuration, or a file it names, could not be seen; `nil` if it could.
    var hiding: Hiding?
    var daemon = Daemon.answers(version: Runtime.Daemon.version)

    var isDaemonRunning: Bool {
        if case .answers = daemon { true } else { false }
    }
}

extension DoctorFacts.Gateway {
    init(_ settings: Settings) {
        listen = settings.listen
        outerMTU = settings.controlPlane.outerMTU
        calls = settings.controlPlane.callLimit
        pools = settings.controlPlane.pools.map { .init(name: $0.name, range: $0.range, gateway: $0.gateway) }
        users = settings.controlPlane.users.count { !$0.isDisabled }
    }
}

extension DoctorFacts {
    /// Looks at the machine; changes nothing that stays.
    static func gather(configuration: String, client: ControlClient) -> DoctorFacts {
        var facts = DoctorFacts()
        facts.machine = .gather()
        facts.preflight = .gather()
        facts.filter = filter()
        facts.legacyInput = legacyInput()
        facts.read(configuration)
        do throws(Problem) {
            let status: StatusSnapshot = try client.get("/v1/status")
            facts.daemon = .answers(version: status.version)
        } catch {
            facts.daemon = .silent(error)
        }
        return facts
    }

    private mutating func read(_ path: String) {
        configuration = path
        let seen = Seen()
        let outcome = ConfigFile.read(path) { file throws(FileProblem) in
            do throws(FileProblem) {
                return try SettingsFile.load(file)
            } catch {
                if error == .noCredentials { seen.hiding = .credentials }
                if error == .permissionDenied { seen.hiding = .fromThisUser }
                throw error
            }
        }
        gateway = outcome.settings.map(Gateway.init)
        mistakes = outcome.diagnostics.filter { $0.severity == .error }.map(\.description)
        warnings = outcome.diagnostics.filter { $0.severity != .error }.map(\.description)
        hiding = seen.hiding
    }

    private final class Seen {
        var hiding: Hiding?
    }

    private static func filter() -> Filter {
        guard let nft = Program.find("nft") else {
            return NetfilterChains.foreignInputs().map { .chains($0) } ?? .unseen("nft(8) is not installed")
        }
        guard let result = Program.run(nft, ["-j", "list", "ruleset"]) else { return .unseen("nft cannot be run") }
        guard result.status == 0 else {
            let words = String(decoding: result.errors, as: UTF8.self).split(separator: "\n").first.map(String.init)
            return .unseen(words ?? "nft ends with \(result.status)")
        }
        guard let rules = FirewallRules(json: result.output) else {
            return .unseen("nft speaks other JSON than we know")
        }
        return .rules(rules)
    }

    /// Asking iptables-legacy loads its modules: only where they are in use.
    private static func legacyInput() -> String? {
        guard let tables = try? SettingsFileText.read("/proc/net/ip_tables_names"),
            tables.split(separator: "\n").contains("filter"), let program = Program.find("iptables-legacy"),
            let result = Program.run(program, ["-S", "INPUT"]), result.status == 0
        else { return nil }
        return String(decoding: result.output, as: UTF8.self)
    }
}

/// A file of the kernel's, which says it is empty until it is read.
private enum SettingsFileText {
    static func read(_ path: String) throws(FileProblem) -> String {
        String(decoding: try SettingsFile.load(path).bytes, as: UTF8.self)
    }
}
