// SPDX-License-Identifier: Apache-2.0
import ArgumentParser

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
