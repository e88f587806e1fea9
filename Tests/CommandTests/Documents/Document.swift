// SPDX-License-Identifier: Apache-2.0
import FoundationEssentials

/// A page of the repository, and the fenced blocks in it.
struct Document {
    struct Block: CustomStringConvertible, Sendable {
        /// From the top of the repository.
        var file: String
        /// Of its first line, counted from one.
        var line: Int
        var language: String
        /// Without the indentation of the fence.
        var lines: [String]

        var text: String { lines.map { $0 + "\n" }.joined() }
        var description: String { "\(file):\(line)" }
    }

    static let repository = String(
        #filePath.prefix(#filePath.count - "/Tests/CommandTests/Documents/Document.swift".count)
    )

    /// README and everything under `Docs` that is Markdown.
    static let blocks: [Block] = pages.flatMap { blocks(of: $0) }

    static func text(of file: String) -> String {
        (try? String(contentsOfFile: "\(repository)/\(file)", encoding: .utf8)) ?? ""
    }

    private static var pages: [String] {
        let docs = (try? FileManager.default.subpathsOfDirectory(atPath: repository + "/Docs")) ?? []
        return ["README.md", "SECURITY.md"] + docs.filter { $0.hasSuffix(".md") }.sorted().map { "Docs/" + $0 }
    }

    private static func blocks(of file: String) -> [Block] {
        var blocks: [Block] = []
        var open: (block: Block, indent: Int)?
        for (index, line) in text(of: file).split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            let indent = line.prefix { $0 == " " }.count
            let rest = line.dropFirst(indent)
            if let (block, fence) = open {
                if rest.hasPrefix("```") {
                    blocks.append(block)
                    open = nil
                } else {
                    open?.block.lines.append(String(line.dropFirst(min(indent, fence))))
                }
            } else if rest.hasPrefix("```") {
                let language = String(rest.dropFirst(3))
                open = (Block(file: file, line: index + 2, language: language, lines: []), indent)
            }
        }
        return blocks
    }
}
