// SPDX-License-Identifier: Apache-2.0
import ArgumentParser

struct HandOut: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "client",
        abstract: "Write what a user needs to dial in."
    )

    func run() throws {
        throw Problem("not there yet")
    }
}
