// SPDX-License-Identifier: Apache-2.0
import ArgumentParser

struct Doctor: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Say what is wrong with this machine as a gateway.")

    func run() throws {
        throw Problem("not there yet")
    }
}
