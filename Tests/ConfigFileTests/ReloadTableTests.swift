// SPDX-License-Identifier: Apache-2.0
import Glibc
import Testing

/// `Docs/Reload.md` says of every key when a change of it takes effect.
struct ReloadTableTests {
    private static let repository =
        #filePath.split(separator: "/").dropLast(3).reduce("") { "\($0)/\($1)" }

    private static func text(_ path: String) throws -> String {
        let file = try #require(fopen("\(repository)/\(path)", "r"))
        defer { fclose(file) }
        var text: [UInt8] = []
        var bytes = [UInt8](repeating: 0, count: 65_536)
        while case let count = fread(&bytes, 1, bytes.count, file), count > 0 { text += bytes[..<count] }
        return String(decoding: text, as: UTF8.self)
    }

    private static func files(in folder: String) throws -> [String] {
        let directory = try #require(opendir("\(repository)/\(folder)"))
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            names.append(
                withUnsafeBytes(of: entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
            )
        }
        return names.filter { $0.hasSuffix(".swift") }.sorted()
    }

    /// The first cell of each row: one key, or several.
    private static func keys() throws -> Set<String> {
        var keys: Set<String> = []
        for line in try text("Docs/Reload.md").split(separator: "\n") where line.hasPrefix("| `") {
            let cell = line.dropFirst(2).prefix { $0 != "|" }
            keys.formUnion(cell.split(separator: "`").map(String.init).filter { $0.contains { $0.isLetter } })
        }
        return keys
    }

    /// The section that a file of ConfigFile reads, where it is one of the file's own.
    private static let sections = [
        "Lowering+Control.swift": "control.", "Lowering+Gateway.swift": "gateway.", "Lowering+L2TP.swift": "l2tp.",
        "Lowering+Limits.swift": "limits.", "Lowering+Liveness.swift": "liveness.", "Lowering+Log.swift": "log.",
        "Lowering+Metrics.swift": "metrics.", "Lowering+PPP.swift": "ppp.", "Lowering+Addresses.swift": "addresses.",
        "Lowering+Users.swift": "users.",
    ]

    @Test func everyKeyThatIsReadIsInTheTable() throws {
        let table = try Self.keys()
        let call = /\w+\(\s*"([a-z][a-z0-9-]*)"\s*(?:\)|,\s*(?:of: &|&diagnostics))/
        var count = 0
        for file in try Self.files(in: "Sources/ConfigFile") where file.hasPrefix("Lowering+") {
            for match in try Self.text("Sources/ConfigFile/\(file)").matches(of: call) {
                let key = String(match.1)
                let section = Self.sections[file] ?? ""
                count += 1
                #expect(
                    table.contains { row in row.hasPrefix(section) && (row == key || row.hasSuffix(".\(key)")) },
                    "\(key), which \(file) reads, is missing in Docs/Reload.md"
                )
            }
        }
        // The search finds what it is to find.
        #expect(count > 60)
        #expect(table.count > 55)
    }
}
