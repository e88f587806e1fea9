// SPDX-License-Identifier: Apache-2.0
internal import ArgumentParser
internal import Glibc
internal import Primitives
internal import Runtime

struct Culvertd: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "culvertd",
        abstract: "An L2TP/IPsec gateway: IKE, L2TP and PPP here, packets in the kernel.",
        version: Daemon.version
    )

    @Option(help: ArgumentHelp("The configuration.", valueName: "file"))
    var config = "/etc/culvert/culvert.yaml"

    @Flag(help: "Say what is wrong with the configuration, and end: 0 if nothing is, 1 otherwise.")
    var check = false

    @Option(help: "Who carries the packets: the kernel, or nobody (null) for benchmarks and dry runs.")
    var dataPlane = Invocation.DataPlaneKind.kernel

    @Option(help: "How log lines look, whatever the configuration says.")
    var logFormat: LogFormat?

    @Option(help: "The least severe events that are written, whatever the configuration says.")
    var logLevel: EventDescription.Severity?

    @Option(help: ArgumentHelp("Who to be instead of root once everything is open.", valueName: "name[:group]"))
    var user: String?

    @Flag(help: .hidden)
    var allowImpair = false

    func run() throws {
        var invocation = Invocation(configuration: config)
        invocation.dataPlane = dataPlane
        invocation.logFormat = logFormat
        invocation.logLevel = logLevel
        invocation.user = user
        invocation.allowsImpairments = allowImpair
        throw ExitCode(check ? invocation.check() : invocation.run())
    }

    /// Exit codes: 0 done, 1 refused or failed, 2 wrong usage.
    static func start() -> Never {
        do {
            var command = try parseAsRoot()
            try command.run()
            exit()
        } catch {
            guard exitCode(for: error) == .validationFailure else { exit(withError: error) }
            let message = Array("\(fullMessage(for: error))\n".utf8)
            _ = write(STDERR_FILENO, message, message.count)
            exit(withError: ExitCode(2))
        }
    }
}

extension Invocation.DataPlaneKind: ExpressibleByArgument {}
extension LogFormat: ExpressibleByArgument {}
extension EventDescription.Severity: ExpressibleByArgument {}
