// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import ControlPlane
import Glibc

/// The tool that a person types.
struct Culvertctl: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "culvertctl",
        abstract: "Look into a running culvertd, end calls, and ask who could call.",
        discussion: "Exit codes: 0 done, 1 refused or failed, 2 wrong usage.",
        subcommands: [
            Status.self, Sessions.self, Show.self, Explain.self, Rules.self, Terminate.self, Impair.self, Check.self,
        ]
    )
}

@main
enum Main {
    static func main() {
        do {
            var command = try Culvertctl.parseAsRoot()
            try command.run()
        } catch let problem as Problem {
            write(problem.text, to: STDERR_FILENO)
            exit(1)
        } catch let code as ExitCode {
            exit(code.rawValue)
        } catch {
            let text = Culvertctl.fullMessage(for: error)
            // Asking for help is no mistake.
            let isMistake = Culvertctl.exitCode(for: error) != .success
            if !text.isEmpty { write(text + "\n", to: isMistake ? STDERR_FILENO : STDOUT_FILENO) }
            exit(isMistake ? 2 : 0)
        }
    }

    static func write(_ text: String, to descriptor: Int32) {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { exit(1) }
            rest = rest.dropFirst(count)
        }
    }
}

/// What every command takes.
struct CommonOptions: ParsableArguments {
    @Flag(help: "Print JSON.")
    var json = false

    @Option(help: "The control socket of culvertd. (default: $CULVERT_SOCKET, or \(Self.defaultSocket))")
    var socket: String?

    static let defaultSocket = "/run/culvert/control.sock"

    var client: ControlClient {
        let environment = getenv("CULVERT_SOCKET").map { String(cString: $0) }
        return ControlClient(path: socket ?? environment ?? Self.defaultSocket)
    }

    /// `value` as it came, or as `text` tells it.
    func print<T: Encodable>(_ value: T, _ text: (T) -> String) throws(Problem) {
        Main.write(json ? try JSON.text(of: value) : text(value), to: STDOUT_FILENO)
    }
}

struct Status: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Show the gateway at a glance.")

    @OptionGroup var options: CommonOptions

    func run() throws {
        let status: StatusSnapshot = try options.client.get("/v1/status")
        try options.print(status, render)
    }
}

struct Sessions: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "List the calls.")

    @OptionGroup var options: CommonOptions

    @Flag(help: "Peers that have not proved who they are, too.")
    var all = false

    func run() throws {
        let list: SessionList = try options.client.get(all ? "/v1/sessions?all" : "/v1/sessions")
        try options.print(list) { render($0.sessions) }
    }
}

struct Show: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Show one call, layer by layer.")

    @OptionGroup var options: CommonOptions

    @Argument(help: "The trace id of the call, as sessions lists it.")
    var id: String

    func validate() throws {
        guard id.isTraceID else { throw ValidationError("A trace id has sixteen hexadecimal digits.") }
    }

    func run() throws {
        let call: CallSnapshot = try options.client.get("/v1/sessions/\(id.lowercased())")
        try options.print(call, render)
    }
}

struct Terminate: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "End calls, and say goodbye to their peers.",
        discussion: "Exactly one of the ways to choose calls must be given. If no call matches, the exit code is 1."
    )

    @OptionGroup var options: CommonOptions

    @Argument(help: "The trace id of a call.")
    var id: String?

    @Option(help: "The calls of this user.")
    var user: String?

    @Option(help: "The calls from this outer address.")
    var peer: String?

    @Option(help: "The call that was given this inner address.")
    var address: String?

    @Option(help: "The call on this network interface.")
    var interface: String?

    @Flag(help: "Every call.")
    var all = false

    func validate() throws {
        let given = [id, user, peer, address, interface].count { $0 != nil } + (all ? 1 : 0)
        guard given == 1 else {
            throw ValidationError("Choose calls by one of ID, --user, --peer, --address, --interface and --all.")
        }
        if let id, !id.isTraceID { throw ValidationError("A trace id has sixteen hexadecimal digits.") }
    }

    var selector: TerminateRequest {
        TerminateRequest(
            trace: id?.lowercased(),
            user: user,
            peer: peer,
            address: address,
            interface: interface,
            all: all ? true : nil
        )
    }

    func run() throws {
        let answer: TerminateAnswer = try options.client.post("/v1/terminate", selector)
        if options.json || answer.terminated > 0 { try options.print(answer, render) }
        guard answer.terminated > 0 else { throw Problem("no call matches") }
    }
}

extension String {
    var isTraceID: Bool {
        utf8.count == 16 && utf8.allSatisfy { Character(Unicode.Scalar($0)).isHexDigit }
    }
}
