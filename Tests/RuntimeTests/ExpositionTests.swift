// SPDX-License-Identifier: Apache-2.0
import Primitives
import Runtime
import Testing

struct ExpositionTests {
    @Test func valuesOfLabelsAndHelpAreEscaped() {
        var page = Exposition()
        page.metric("culvert_x", .gauge, "a \\ b\nc \"d\"")
        page.sample([("pool", "a\"b\\c\nd {x=\"y\"} 7")], 1)
        #expect(
            page.text == """
                # HELP culvert_x a \\\\ b\\nc "d"
                # TYPE culvert_x gauge
                culvert_x{pool="a\\"b\\\\c\\nd {x=\\"y\\"} 7"} 1

                """
        )
        #expect(ExpositionLint(page.text).complaints == [])
    }

    @Test func numbersAreWholeWhereTheyAre() {
        var page = Exposition()
        page.metric("culvert_x", .gauge, "x")
        for (place, value) in [0, 3, 0.25, -1.5, 1e21, .infinity, -.infinity, .nan].enumerated() {
            page.sample([("place", "\(place)")], value)
        }
        let values = page.text.split(separator: "\n").dropFirst(2).map { $0.split(separator: " ")[1] }
        #expect(values == ["0", "3", "0.25", "-1.5", "1e+21", "+Inf", "-Inf", "NaN"])
        #expect(ExpositionLint(page.text).complaints == [])
    }

    @Test func aHistogramIsCumulativeAndEndsWithItsCount() {
        var histogram = Histogram([0.1, 1])
        for milliseconds in [1, 100, 101, 1000, 1001, 60_000] { histogram.observe(.milliseconds(milliseconds)) }
        histogram.observe(.seconds(-1))
        var page = Exposition()
        page.metric("culvert_x_seconds", .histogram, "x")
        page.samples([("phase", "a")], histogram)
        #expect(
            page.text.split(separator: "\n").dropFirst(2) == [
                #"culvert_x_seconds_bucket{phase="a",le="0.1"} 3"#, #"culvert_x_seconds_bucket{phase="a",le="1"} 5"#,
                #"culvert_x_seconds_bucket{phase="a",le="+Inf"} 7"#, #"culvert_x_seconds_sum{phase="a"} 62.203"#,
                #"culvert_x_seconds_count{phase="a"} 7"#,
            ]
        )
        #expect(ExpositionLint(page.text).complaints == [])
    }

    @Test(arguments: [
        "culvert_x 1\n", "# HELP culvert_x x\n# TYPE culvert_x gauge\nculvert_x 1",
        "# TYPE culvert_x gauge\nculvert_x 1\n", "# HELP culvert_x x\n# TYPE culvert_x gauge\nculvert_y 1\n",
        "# HELP culvert_x x\n# TYPE culvert_x gauge\nculvert_x{a=\"1\"} 1\nculvert_x{a=\"1\"} 2\n",
        "# HELP culvert_x x\n# TYPE culvert_x gauge\nculvert_x{a=\"1\",a=\"2\"} 1\n",
        "# HELP culvert_x x\n# TYPE culvert_x gauge\nculvert_x{a=\"\"\"} 1\n",
        "# HELP culvert_x x\n# TYPE culvert_x gauge\nculvert_x one\n", "# HELP culvert_x x\n# TYPE culvert_x counter\n",
        "# HELP culvert_x_total x\n# TYPE culvert_x_total counter\nculvert_x_total -1\n",
        "# HELP culvert_x_total x\n# TYPE culvert_x_total gauge\nculvert_x_total 1\n",
        "# HELP culvert_x x\n# HELP culvert_x x\n# TYPE culvert_x gauge\n",
        "# HELP culvert_milliseconds x\n# TYPE culvert_milliseconds gauge\n",
        "# HELP x x\n# TYPE x histogram\nx_bucket{le=\"1\"} 1\nx_sum 1\nx_count 1\n",
        "# HELP x x\n# TYPE x histogram\nx_bucket{le=\"1\"} 2\nx_bucket{le=\"+Inf\"} 1\nx_sum 1\nx_count 1\n",
        "# HELP x x\n# TYPE x histogram\nx_bucket{le=\"1\"} 1\nx_bucket{le=\"+Inf\"} 2\nx_sum 1\nx_count 1\n",
    ])
    func theLintSeesWhatIsWrong(_ text: String) {
        #expect(ExpositionLint(text).complaints != [])
    }
}
