// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import culvertctl

struct QRCodeTests {
    @Test func hasItsFinderPatterns() throws {
        let code = try QRCode("https://files.example.net/alice.mobileconfig")
        // ISO/IEC 18004: 21 modules for version 1, four more for each further one.
        #expect(code.width == 33)
        for (top, left) in [(0, 0), (0, code.width - 7), (code.width - 7, 0)] {
            for row in 0..<7 {
                for column in 0..<7 {
                    let ring = max(abs(row - 3), abs(column - 3))
                    #expect(code.isDark(row: top + row, column: left + column) == (ring != 2))
                }
            }
        }
    }

    @Test func isSurroundedByLight() throws {
        let code = try QRCode("text")
        let lines = code.terminalText.split(separator: "\n")
        #expect(lines.count == (code.width + 8 + 1) / 2)
        #expect(lines.allSatisfy { $0.count == code.width + 8 && $0.hasPrefix("████") && $0.hasSuffix("████") })
        #expect(lines.first?.allSatisfy { $0 == "█" } == true)
    }

    @Test func refusesWhatIsTooLong() {
        #expect(throws: Problem.self) { try QRCode(String(repeating: "x", count: 3_000)) }
    }
}
