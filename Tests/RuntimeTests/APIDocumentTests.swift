// SPDX-License-Identifier: Apache-2.0
import Foundation
import Glibc
import Runtime
import Testing

/// `Docs/API.md` says what is so.
struct APIDocumentTests {
    private let text: String

    init() throws {
        text = try String(contentsOf: OpenAPIDocument.root.appendingPathComponent("Docs/API.md"), encoding: .utf8)
    }

    /// The cells of every row of a table.
    private var rows: [[String]] {
        text.split(separator: "\n").filter { $0.hasPrefix("| ") }.map { row in
            row.split(separator: "|", omittingEmptySubsequences: true).map { $0.trimmingCharacters(in: .whitespaces) }
        }
    }

    private func names(in cell: String) -> [String] {
        cell.matches(of: /`([^`]+)`/).map { String($0.1) }
    }

    @Test func listsEveryEndpoint() {
        let listed = rows.filter {
            $0.first?.hasPrefix("`/") == true && ["reading", "administration"].contains($0.last)
        }.map {
            "\($0[1]) \(names(in: $0[0]).first ?? "") \($0[3])"
        }
        let there = ControlEndpoint.allCases.map { "\($0.method) \($0.path) \($0.access.rawValue)" }
        #expect(listed.sorted() == there.sorted())
    }

    @Test func hasTheTableOfKinds() throws {
        for kind in EventKind.allCases {
            let row = try #require(rows.first { $0.first == "`\(kind.rawValue)`" }, "\(kind)")
            let listed = names(in: row[2]).filter { !$0.hasSuffix("…") }
            #expect(listed == (EventKind.table[kind] ?? []).sorted())
        }
    }

    @Test func hasTheLimits() {
        let limits = ControlSocket.Limits()
        for words in [
            "| \(limits.connections);", "| \(limits.streams) of those \(limits.connections) |",
            "| \(limits.requestBytes >> 10) KiB, \(limits.bodyBytes >> 10) KiB of them body, \(limits.headers) headers, "
                + "\(limits.requestTime.components.seconds) s |",
            "| \(limits.connectionTime.components.seconds) s from the connection on |",
            "| \(limits.answerBytes >> 20) MiB together;",
            "| \(limits.streamEvents) events, \(limits.streamBytes >> 20) MiB |",
            "takes nothing | \(limits.stallTime.components.seconds) s |",
            "every \(limits.heartbeat.components.seconds) s there is one more",
        ] { #expect(text.contains(words), "\(words)") }
    }

    /// Against a whole daemon with nobody's kernel.
    @Test(.enabled(if: access("/usr/bin/curl", X_OK) == 0, "curl runs the examples."))
    func itsCommandsWork() async throws {
        let folder = TemporaryFolder()
        let log = Pipe()
        let daemon = try await RunningDaemon(in: folder, log: log.writer)
        let place = "\(folder.path)/run"
        let document = try OpenAPIDocument()
        let commands = text.split(separator: "\n").filter { $0.hasPrefix("$ curl ") }.map { $0.dropFirst(2) }
        #expect(commands.count > 5)
        for command in commands {
            // A stream ends only so.
            let seconds = command.contains("/v1/events") ? 3 : 60
            let line = command.replacing("/run/culvert", with: place)
                .replacing("curl ", with: "curl --max-time \(seconds) ")
            let output = try await onThread { try run("/bin/sh", ["-c", line + " -w '\\n%{http_code}'"]) }
            let path = try #require(command.firstMatch(of: /localhost([^' ?]*)/)).1
            let method = command.contains(" -d ") ? "POST" : "GET"
            let endpoint = try #require(ControlEndpoint.allCases.first { $0.path == path && $0.method == method })
            var lines = output.split(separator: "\n")
            let status = try #require(lines.popLast().flatMap { Int($0) })
            let content = document.content(endpoint, status)
            var check = SchemaCheck(document.json)
            #expect(!lines.isEmpty, "\(command)")
            for line in lines {
                check.check(try JSONValue(String(line)), content.values.first?["schema"], at: String(command))
            }
            #expect(check.problems == [])
        }
        _ = try await daemon.shutDown()
        rmdir(place)
    }
}
