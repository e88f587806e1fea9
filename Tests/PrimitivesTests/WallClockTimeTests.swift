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

    @Test(
        arguments: [
            ("1970-01-01", "1970-01-02T00:00:00.000Z"), ("2024-02-28", "2024-02-29T00:00:00.000Z"),
            ("2024-02-29", "2024-03-01T00:00:00.000Z"), ("2026-12-31", "2027-01-01T00:00:00.000Z"),
            ("2027-03-31", "2027-04-01T00:00:00.000Z"), ("2100-02-28", "2100-03-01T00:00:00.000Z"),
            ("2199-12-31", "2200-01-01T00:00:00.000Z"),
        ]
    )
    func aDayEndsWhenTheNextBegins(_ day: String, _ end: String) {
        #expect(WallClockTime(endOf: day)?.description == end)
    }

    /// Each day of a century and its leap years, one after the other.
    @Test func daysFollowOneAnother() throws {
        var time = try #require(WallClockTime(endOf: "1999-12-31"))
        for _ in 0..<36_525 {
            let day = String(time.description.prefix(10))
            time.milliseconds += 86_400_000
            #expect(WallClockTime(endOf: day) == time)
        }
    }

    @Test(
        arguments: [
            "", "2027", "2027-03", "2027-3-31", "27-03-31", "2027-03-31T00:00:00Z", "2027-02-29", "2027-04-31",
            "2027-00-10", "2027-13-01", "2027-01-00", "2027-01-32", "1969-12-31", "2200-01-01", "+027-03-31",
            "2027-03-3a", "2027/03/31", "2027--3-31", " 2027-03-31", "-2027-03-31",
        ]
    )
    func whatIsNoDayIsNone(_ text: String) {
        #expect(WallClockTime(endOf: text) == nil)
    }
}
