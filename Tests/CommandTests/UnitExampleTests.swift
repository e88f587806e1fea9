// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

@testable import culvertctl

@Suite("The units in the documents")
struct UnitExampleTests {
    private static let examples =
        #filePath.split(separator: "/").dropLast(3).reduce("") { "\($0)/\($1)" } + "/Docs/Examples"

    @Test(.enabled(if: Program.find("systemd-analyze") != nil))
    func `systemd-analyze finds nothing wrong with them`() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "culvert-units-\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        var files: [String] = []
        for name in ["culvertd.service", "culvertd.socket"] {
            let text = try String(contentsOfFile: "\(Self.examples)/\(name)", encoding: .utf8)
                // What it starts need not be installed here.
                .replacingOccurrences(of: "/usr/local/sbin/culvertd", with: "/bin/true")
                .replacingOccurrences(of: "/usr/local/bin/culvertctl", with: "/bin/true")
            let file = folder.appending(path: name)
            try text.write(to: file, atomically: true, encoding: .utf8)
            files.append(file.path)
        }
        let program = try #require(Program.find("systemd-analyze"))
        let result = try #require(Program.run(program, ["--man=no", "verify"] + files))
        let words = String(decoding: result.errors + result.output, as: UTF8.self)
        #expect(result.status == 0, "\(words)")
        #expect(!words.contains("culvertd."), "\(words)")
    }

    @Test
    func `A program that fails, is missing or says much is heard`() throws {
        let result = try #require(Program.run("/bin/sh", ["-c", "echo out; echo err >&2; exit 3"]))
        #expect(result.status == 3)
        #expect(result.output == Array("out\n".utf8))
        #expect(result.errors == Array("err\n".utf8))
        #expect(Program.run("/nowhere/x", [])?.status != 0)
        let much = try #require(Program.run("/bin/sh", ["-c", "yes | head -c 300000; yes x | head -c 300000 >&2"]))
        #expect(much.status == 0)
        #expect(much.output.count == 300_000)
        #expect(try #require(Program.run("/bin/sh", ["-c", "kill -9 $$"])).status == -1)
    }
}
