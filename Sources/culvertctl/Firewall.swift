// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import ConfigFile
import Runtime

struct Firewall: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Print or install the packet filter rules a gateway needs.",
        discussion: """
            It reads the configuration, not the daemon. Printed is a script for nft -f, with the lines that a chain \
            of your own needs as comments. The rules make a table of their own, \(FirewallScript.table), which is \
            not that of culvertd and stays when it ends. Docs/Rules.md explains them.

            Exit codes: 0 done, 1 the configuration is not usable or nft refused, 2 wrong usage.
            """
    )

    @Option(help: "The configuration file.")
    var config = "/etc/culvert/culvert.yaml"

    @Option(help: ArgumentHelp("Peers' packets that leave here get the gateway's address.", valueName: "interface"))
    var masquerade: [String] = []

    @Flag(help: "Ask the kernel whether it would take the rules; install nothing.")
    var check = false

    @Flag(help: "Install the rules. What stands in their table is replaced in one step, nothing else is touched.")
    var apply = false

    @Flag(help: "Take the table away.")
    var remove = false

    func validate() throws {
        guard [check, apply, remove].count(where: { $0 }) <= 1 else {
            throw ValidationError("Give one of --check, --apply and --remove.")
        }
        guard !remove || masquerade.isEmpty else { throw ValidationError("--remove takes no --masquerade.") }
        for name in masquerade where FirewallScript.InterfaceName(name) == nil {
            throw ValidationError("\(name.visible) is no name of an interface.")
        }
    }

    func run() throws {
        Main.write(try play(load: SettingsFile.load, nft: Nft()), to: 1)
    }

    /// - Returns: What is to be printed.
    func play(load: @escaping ConfigFile.Load, nft: some PacketFilter) throws -> String {
        let table = FirewallScript.table
        if remove {
            guard try nft.has(table: table) else { return "there is no table \(table): nothing is to be done\n" }
            try nft.load("delete table \(table)\n", isTrial: false)
            return "the table \(table) is gone\n"
        }
        let script = try script(load: load)
        if check {
            try nft.load(script.text, isTrial: true)
            return "the kernel would take these rules; nothing was changed\n"
        }
        guard apply else { return script.text }
        let wasThere = try nft.has(table: table)
        try nft.load(script.text, isTrial: false)
        return """
            the table \(table) is \(wasThere ? "replaced" : "installed"); no other table was touched
            it is gone after the next start, and after nft flush ruleset: Docs/Rules.md says how to keep it

            """
    }

    private func script(load: @escaping ConfigFile.Load) throws -> FirewallScript {
        let outcome = ConfigFile.read(config, load: load)
        guard let settings = outcome.settings else {
            throw Problem("the configuration is not usable", remedy: "culvertd --config \(config) --check says why")
        }
        return FirewallScript(
            settings,
            file: config,
            masquerade: masquerade.compactMap(FirewallScript.InterfaceName.init)
        )
    }
}
