// SPDX-License-Identifier: Apache-2.0
import FoundationEssentials
import Testing

/// Every JSON block of the documents is JSON: one document, or one for each line.
struct DocumentedJSONTests {
    private struct Anything: Decodable {
        init(from decoder: any Decoder) throws {}
    }

    @Test(arguments: Document.blocks.filter { ["json", "jsonl", "ndjson"].contains($0.language) })
    func isJSON(block: Document.Block) {
        let parts = block.language == "json" ? [block.text] : block.lines.filter { !$0.isEmpty }
        for part in parts {
            #expect(throws: Never.self, "\(block): \(part)") {
                try JSONDecoder().decode(Anything.self, from: Data(part.utf8))
            }
        }
    }
}
