// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import ConfigFile
import Glibc
import Primitives
import Runtime
import Simulation

/// Asks a configuration file, without a network and without a daemon, which clients it would let in.
struct Check: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Rehearse a client's call against a configuration, without a network.",
        discussion: """
            The client says what its make says, against the real protocol code. It knows the pre-shared key of the \
            profile that its address comes to, and its user's password.

            Exit codes: 0 the client would connect, directly and behind a NAT, or the table is printed; 1 it would \
            not, or the configuration is not usable; 2 wrong usage.
            """
    )

    @Option(help: "Whose client: windows11, android4 and so on; list names all.")
    var client: String?

    @Flag(help: "A table of every client.")
    var all = false

    @Option(help: "The configuration file.")
    var config = "/etc/culvert/culvert.yaml"

    @Option(help: "The address that the client comes from. (default: one that the profile is for)")
    var peer: String?

    @Option(help: "The profile that is tried. (default: the one for --peer, or the first)")
    var profile: String?

    @Option(help: "Who dials. (default: the first user of the file that is not disabled)")
    var user: String?

    @Flag(help: "Print JSON.")
    var json = false

    func validate() throws {
        guard all != (client != nil) else { throw ValidationError("Give one of --client and --all.") }
        guard peer == nil || profile == nil else { throw ValidationError("Give one of --peer and --profile.") }
        if let peer, IPAddress(peer) == nil { throw ValidationError("\(peer.visible) is no IP address.") }
    }

    func run() throws {
        guard try play(load: SettingsFile.load, print: { Main.write($0, to: STDOUT_FILENO) }) else {
            throw ExitCode(1)
        }
    }

    /// - Returns: Whether the client would connect, or the table was printed.
    func play(load: @escaping ConfigFile.Load, print: (String) -> Void) throws -> Bool {
        if client == "list" {
            print(json ? try JSON.text(of: ClientVector.all.map(CheckedClient.init)) : Self.list())
            return true
        }
        let stage = try CheckStage(check: self, load: load)
        guard let client else {
            let reports = try ClientVector.all.map(stage.report)
            print(json ? try JSON.text(of: reports) : render(reports))
            return true
        }
        guard let vector = ClientVector.named(client) else {
            throw ValidationError("There is no client \(client.visible).\n\n\(Self.list())")
        }
        let report = try stage.report(vector)
        print(json ? try JSON.text(of: report) : render(report))
        return report.wouldConnect
    }

    private static func list() -> String {
        var table = Table([.init("CLIENT"), .init("WHAT IT IS", minimum: 20)])
        for vector in ClientVector.all { table.add([vector.name, vector.title]) }
        return table.text()
    }
}
