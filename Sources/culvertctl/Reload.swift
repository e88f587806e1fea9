// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import NIOHTTP1
import Runtime

struct Reload: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Read the configuration again, without dropping a call.",
        discussion: """
            Everything is read and checked first. What changes is printed: what it is, when it takes effect, and what \
            calls feel. Then all of it is applied, or nothing. Calls end only if their user was removed or disabled, \
            or their profile was removed or is not for their address any more.

            If the files have mistakes, or the reload is refused, nothing changes and the exit code is 1.
            """
    )

    @OptionGroup var options: CommonOptions

    @Flag(help: "Stop after the plan: change nothing.")
    var dryRun = false

    func run() throws {
        let order = ReloadOrder(isDryRun: dryRun)
        let report: ReloadReport = try options.client.post("/v1/reload", order, alsoAt: .unprocessableEntity)
        try options.print(report, render)
        if report.outcome == .refused { throw ExitCode.failure }
    }
}
