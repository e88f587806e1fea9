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
            Status.self, Sessions.self, Show.self, Explain.self, Events.self, Terminate.self, Reload.self,
            Check.self, Doctor.self, Rules.self, Firewall.self, HandOut.self, Reveal.self, Impair.self,
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
        if writeAll(text, to: descriptor) != nil { exit(1) }
    }

    /// - Returns: The errno value of what went wrong; `nil` if all of it was written.
    static func writeAll(_ text: String, to descriptor: Int32) -> Int32? {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return errno }
            rest = rest.dropFirst(count)
        }
        return nil
    }
}

/// Where culvertd listens.
struct SocketOption: ParsableArguments {
    @Option(help: "The control socket of culvertd. (default: $CULVERT_SOCKET, or \(Self.defaultSocket))")
    var socket: String?

    static let defaultSocket = "/run/culvert/control.sock"
    static let defaultReadOnlySocket = "/run/culvert/status.sock"

    var client: ControlClient {
        let environment = getenv("CULVERT_SOCKET").map { String(cString: $0) }
        guard let chosen = socket ?? environment else {
            return ControlClient(path: Self.defaultSocket, readOnlyPath: Self.defaultReadOnlySocket)
        }
        return ControlClient(path: chosen)
    }
}

/// What every command takes that shows something of the daemon's.
struct CommonOptions: ParsableArguments {
    @Flag(help: "Print JSON.")
    var json = false

    @OptionGroup var place: SocketOption

    var client: ControlClient { place.client }

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

extension String {
    var isTraceID: Bool {
        utf8.count == 16 && utf8.allSatisfy { Character(Unicode.Scalar($0)).isHexDigit }
    }
}
