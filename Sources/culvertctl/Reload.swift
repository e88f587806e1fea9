// SPDX-License-Identifier: Apache-2.0
import ArgumentParser

struct Reload: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Read the configuration again, without dropping a call.")

    func run() throws {
        throw Problem("not there yet")
    }
}
