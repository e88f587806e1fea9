// SPDX-License-Identifier: Apache-2.0
import ArgumentParser

struct Events: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Follow what happens, as it happens.")

    func run() throws {
        throw Problem("not there yet")
    }
}
