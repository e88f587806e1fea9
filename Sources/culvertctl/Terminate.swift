// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import ControlPlane
import Glibc

struct Terminate: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "End calls, and say goodbye to their peers.",
        discussion: """
            Exactly one of the ways to choose calls must be given. If no call matches, the exit code is 1. On a terminal, \
            more than one call is ended only after a question.
            """
    )

    @OptionGroup var options: CommonOptions

    @Argument(help: "The trace id of a call.")
    var id: String?

    @Option(help: "The calls of this user.")
    var user: String?

    @Option(help: "The calls from this outer address, or block of addresses.")
    var peer: String?

    @Option(help: "The call that was given this inner address.")
    var address: String?

    @Option(help: "The call on this network interface.")
    var interface: String?

    @Flag(help: "Every call.")
    var all = false

    @Flag(help: "List what would end, and end nothing.")
    var dryRun = false

    @Flag(name: .shortAndLong, help: "Do not ask, however many they are.")
    var yes = false

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
        if dryRun {
            let list: SessionList = try options.client.get(selector.resource)
            try options.print(list) { render($0.sessions, SessionsLayout(width: Terminal.current().width)) }
            guard !list.sessions.isEmpty else {
                throw Problem("no call matches", remedy: "culvertctl sessions lists the calls that there are")
            }
            return
        }
        if !yes, !options.json, isatty(STDIN_FILENO) == 1, isatty(STDOUT_FILENO) == 1 {
            let list: SessionList = try options.client.get(selector.resource)
            guard list.sessions.count < 2 || confirm(list.sessions.count) else { throw Problem("nothing was ended") }
        }
        let answer: TerminateAnswer = try options.client.post("/v1/terminate", selector)
        if options.json || answer.terminated > 0 { try options.print(answer, render) }
        guard answer.terminated > 0 else {
            throw Problem("no call matches", remedy: "culvertctl sessions lists the calls that there are")
        }
    }

    private func confirm(_ count: Int) -> Bool {
        Main.write("\(grouped(count)) calls would end. End them? [y/N] ", to: STDOUT_FILENO)
        let answer = readLine()?.lowercased()
        return answer == "y" || answer == "yes"
    }
}

extension TerminateRequest {
    /// Where the calls are listed that this would end.
    var resource: String {
        let choices = [
            ("trace", trace), ("user", user), ("peer", peer), ("address", address), ("interface", interface),
        ]
        for case (let name, let value?) in choices { return "/v1/sessions?\(name)=\(value.percentEncoded)" }
        return "/v1/sessions"
    }
}
