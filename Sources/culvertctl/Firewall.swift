// SPDX-License-Identifier: Apache-2.0
import ArgumentParser

struct Firewall: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Print the packet filter rules a gateway needs.")

    func run() throws {
        throw Problem("not there yet")
    }
}
