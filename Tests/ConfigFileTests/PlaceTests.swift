// SPDX-License-Identifier: Apache-2.0
import ConfigFile
import Testing

/// Where something stands in the file.
struct PlaceTests {
    private let text = Fixture().text

    @Test func findsKeysAndElements() {
        #expect(ConfigFile.line(of: [], in: text) == 1)
        #expect(ConfigFile.line(of: ["ike"], in: text) == 4)
        #expect(ConfigFile.line(of: ["ike", "profiles"], in: text) == 5)
        #expect(ConfigFile.line(of: ["ike", "profiles", 0], in: text) == 6)
        #expect(ConfigFile.line(of: ["ike", "profiles", 0, "secret", "file"], in: text) == 7)
        #expect(ConfigFile.line(of: ["addresses", "pools", 0, "gateway"], in: text) == 10)
    }

    @Test func findsNothingWhereNothingIs() {
        let absent: [[ConfigFile.Step]] = [
            ["ikes"], ["ike", "profiles", 1], ["ike", "profiles", "name"], ["ike", 0], ["gateway", "name", "x"],
            ["gateway", "name", 0], ["ike", "profiles", .element(-1)],
        ]
        for path in absent { #expect(ConfigFile.line(of: path, in: text) == nil) }
        #expect(ConfigFile.line(of: ["ike"], in: "") == nil)
        #expect(ConfigFile.line(of: ["ike"], in: "ike: [") == nil)
    }
}
