// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import culvertctl

/// Programs of the machine's, run and heard.
struct ProgramTests {
    @Test func hearsWhatAProgramSays() throws {
        let result = try #require(Program.run("/bin/sh", ["-c", "cat; echo no >&2; exit 3"], input: "yes"))
        #expect(result.status == 3)
        #expect(String(decoding: result.output, as: UTF8.self) == "yes")
        #expect(String(decoding: result.errors, as: UTF8.self) == "no\n")
    }

    /// More than a pipe holds, in both directions at once.
    @Test func aLongTextPassesThrough() throws {
        let text = String(repeating: "0123456789abcdef", count: 1 << 16)
        let result = try #require(Program.run("/bin/cat", [], input: text))
        #expect(result.status == 0)
        #expect(result.output.count == text.utf8.count)
    }

    @Test func aProgramThatReadsNothingKeepsNobodyWaiting() throws {
        let text = String(repeating: "x", count: 1 << 20)
        let result = try #require(Program.run("/bin/sh", ["-c", "exit 5"], input: text))
        #expect(result.status == 5)
    }

    @Test func whatIsNotThereIsNotRun() {
        #expect(Program.run("/nowhere/program", []) == nil)
        #expect(Program.find("no-such-program-anywhere") == nil)
    }
}
