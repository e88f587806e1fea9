// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import ControlPlane

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
