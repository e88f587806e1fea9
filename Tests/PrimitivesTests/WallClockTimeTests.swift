// SPDX-License-Identifier: Apache-2.0
import Primitives
import Testing

struct WallClockTimeTests {
    @Test(
        arguments: [
            (0, "1970-01-01T00:00:00.000Z"),
            (-1, "1969-12-31T23:59:59.999Z"),
            (951_782_399_999, "2000-02-28T23:59:59.999Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (951_868_800_000, "2000-03-01T00:00:00.000Z"),
            (1_709_164_800_000, "2024-02-29T00:00:00.000Z"),
            (1_795_222_923_456, "2026-11-21T01:02:03.456Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
        ] as [(Int64, String)]
    )
    func writesTheTimeOfRFC3339(milliseconds: Int64, text: String) {
        #expect(WallClockTime(milliseconds: milliseconds).description == text)
    }
}
