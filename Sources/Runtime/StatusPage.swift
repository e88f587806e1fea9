// SPDX-License-Identifier: Apache-2.0
internal import ControlPlane
internal import Cryptography
internal import DataPlane
internal import FoundationEssentials
package import Primitives

/// The gateway at a glance, as one HTML document that needs nothing else and works without a script.
///
/// Whatever peers contributed goes through ``escaped(_:)``.
package struct StatusPage {
    private let snapshot: PageSnapshot
    private let time: WallClockTime

    package init(_ snapshot: PageSnapshot, at time: WallClockTime) {
        self.snapshot = snapshot
        self.time = time
    }

    /// Only the style and the script of this page, and only what comes from here.
    package static let contentSecurityPolicy =
        "default-src 'none'; style-src '\(hash(of: style))'; script-src '\(hash(of: script))'; connect-src 'self'; "
        + "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

    private static func hash(of text: String) -> String {
        "sha256-\(Data(Hash.digest(.sha256, Array(text.utf8))).base64EncodedString())"
    }

    package var html: String {
        """
        <!DOCTYPE html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta name="color-scheme" content="light dark">
        <title>\(Self.escaped(snapshot.metrics.name)): \(upCount) \(upCount == 1 ? "call" : "calls") up</title>
        <link rel="icon" href="data:,">
        <noscript><meta http-equiv="refresh" content="30"></noscript>
        <style>\(Self.style)</style>
        </head>
        <body>
        <p class="stale" role="status">The gateway does not answer. This is what it said last.</p>
        <main>
        <h1><bdi>\(Self.escaped(snapshot.metrics.name))</bdi></h1>
        \(statusLine)
        \(throughput)
        \(refusals)
        \(pools)
        \(sessions)
        </main>
        <script>\(Self.script)</script>
        </body>
        </html>

        """
    }

    private var upCount: Int { snapshot.metrics.gauges.callsByState["up"] ?? 0 }

    private var statusLine: String {
        let gauges = snapshot.metrics.gauges
        let coming = ["keyed", "tunnel", "negotiating"].reduce(0) { $0 + (gauges.callsByState[$1] ?? 0) }
        let halfOpen = gauges.callsByState["keying"] ?? 0
        return """
            <p id="status"><strong>\(upCount)</strong> \(upCount == 1 ? "call" : "calls") up, <strong>\(coming)</strong> \
            coming up, <strong>\(halfOpen)</strong> not yet known. Culvert \(Self.escaped(snapshot.metrics.version)) \
            has run for \(Self.span(snapshot.metrics.uptime)); this is of \
            <time>\(Self.escaped(Self.minute(of: time)))</time>.</p>
            """
    }

    private var refusals: String {
        let all = snapshot.metrics.measurements.refusals.sorted {
            ($1.value, $0.key.layer.rawValue, $0.key.name) < ($0.value, $1.key.layer.rawValue, $1.key.name)
        }
        guard !all.isEmpty else {
            return "<h2 id=\"refusals\">Refusals</h2>\n<p>Nothing was refused since the start.</p>"
        }
        let rows = all.map { refusal, count in
            "<tr><th scope=\"row\">\(Self.escaped(refusal.name))</th><td>\(refusal.layer.rawValue)</td>"
                + "<td class=\"number\">\(count)</td></tr>"
        }
        return Self.table(
            "refusals",
            "Refusals",
            caption: "Since the start, by reason. culvertctl explain tells of one caller.",
            [("Reason", false), ("Layer", false), ("Count", true)],
            rows
        )
    }

    private var pools: String {
        let rows = snapshot.metrics.gauges.pools.map { pool in
            "<tr><th scope=\"row\"><bdi>\(Self.escaped(pool.name))</bdi></th><td>\(Self.escaped(pool.range))</td>"
                + "<td class=\"number\">\(pool.used)</td><td class=\"number\">\(pool.size)</td></tr>"
        }
        return Self.table(
            "pools",
            "Address pools",
            caption: "Addresses that callers have, and that there are.",
            [("Pool", false), ("Range", false), ("Used", true), ("Of", true)],
            rows
        )
    }

    private var sessions: String {
        let total = snapshot.metrics.gauges.sessionCount
        guard total > 0 else { return "<h2 id=\"sessions\">Sessions</h2>\n<p>Nobody is connected.</p>" }
        let rows = snapshot.calls.map { call in
            let traffic = snapshot.callTraffic[call.session]
            return "<tr><th scope=\"row\"><bdi>\(Self.escaped(call.user ?? "–"))</bdi></th>"
                + "<td>\(Self.escaped(call.state))</td><td>\(Self.escaped(call.innerAddress?.description ?? "–"))</td>"
                + "<td>\(Self.escaped(call.peer.description))</td><td>\(Self.escaped(call.interface ?? "–"))</td>"
                + "<td class=\"number\">\(Self.span(call.age))</td>"
                + "<td class=\"number\">\(Self.bytes(traffic?.receivedBytes))</td>"
                + "<td class=\"number\">\(Self.bytes(traffic?.sentBytes))</td></tr>"
        }
        let shown = rows.count
        return Self.table(
            "sessions",
            "Sessions",
            caption: shown < total
                ? "The \(shown) newest of \(total); culvertctl sessions lists all." : "All \(total), newest first.",
            [
                ("User", false), ("State", false), ("Address", false), ("From", false), ("Interface", false),
                ("Age", true), ("Received", true), ("Sent", true),
            ],
            rows
        )
    }

    /// - Parameter columns: Their names, and whether they hold numbers.
    private static func table(
        _ id: String,
        _ title: String,
        caption: String,
        _ columns: [(String, Bool)],
        _ rows: [String]
    ) -> String {
        let head = columns.map { "<th scope=\"col\"\($0.1 ? " class=\"number\"" : "")>\($0.0)</th>" }.joined()
        return """
            <h2 id="\(id)">\(title)</h2>
            <div class="wide" role="region" aria-labelledby="\(id)" tabindex="0"><table>
            <caption>\(caption)</caption>
            <thead><tr>\(head)</tr></thead>
            <tbody>
            \(rows.joined(separator: "\n"))
            </tbody>
            </table></div>
            """
    }
}

extension StatusPage {
    private static let width = 720.0
    private static let height = 160.0

    /// Two lines over the last hour, each point one minute.
    private var throughput: String {
        var rates = snapshot.minutes.map { minute in
            let seconds = max(0.001, Double(minute.length.wholeNanoseconds) / 1e9)
            let age = Double(minute.end.duration(to: snapshot.now).wholeNanoseconds) / 1e9
            return (
                age: max(0, age), received: 8 * Double(minute.received) / seconds,
                sent: 8 * Double(minute.sent) / seconds
            )
        }
        // A line begins where its first minute began.
        if let first = rates.first, let length = snapshot.minutes.first?.length {
            rates.insert(
                (age: first.age + Double(length.wholeNanoseconds) / 1e9, received: first.received, sent: first.sent),
                at: 0
            )
        }
        let highest = rates.map { max($0.received, $0.sent) }.max() ?? 0
        let top = Self.roundedUp(highest)
        func points(_ value: (Int) -> Double) -> String {
            rates.indices.map { index in
                let x = Self.width * (1 - min(rates[index].age, 3600) / 3600)
                let y = Self.height * (1 - min(1, value(index) / top))
                return "\(Self.tenths(x)),\(Self.tenths(y))"
            }.joined(separator: " ")
        }
        let words =
            rates.last.map {
                "In the last minute \(Self.rate($0.received)) came from callers and \(Self.rate($0.sent)) went to them; "
                    + "the most in a minute was \(Self.rate(highest))."
            } ?? "The first minute is not over yet."
        return """
            <h2 id="throughput">Throughput</h2>
            <figure>
            <p class="scale"><span>\(Self.rate(top))</span></p>
            <svg viewBox="0 -2 \(Self.tenths(Self.width)) \(Self.tenths(Self.height + 4))" preserveAspectRatio="none" \
            role="img" aria-label="Throughput of the last hour. \(words)">
            <path class="axis" d="M0 0H720M0 80H720M0 160H720"/>
            <polyline class="received" points="\(points { rates[$0].received })"/>
            <polyline class="sent" points="\(points { rates[$0].sent })"/>
            </svg>
            <p class="scale"><span>an hour ago</span><span>now</span></p>
            <figcaption><span class="key received">received</span> <span class="key sent">sent</span> \
            \(words)</figcaption>
            </figure>
            """
    }

    /// The next of 1, 2, 5, 10, …; at least a kilobit.
    private static func roundedUp(_ value: Double) -> Double {
        var step = 1000.0
        while step < value {
            for factor in [2.0, 5, 10] where step * factor >= value { return step * factor }
            step *= 10
        }
        return step
    }

    private static func tenths(_ value: Double) -> String {
        let tenths = Int((value * 10).rounded())
        return tenths % 10 == 0 ? "\(tenths / 10)" : "\(Double(tenths) / 10)"
    }

    /// Bits per second.
    private static func rate(_ bits: Double) -> String {
        let (value, unit) = scaled(bits)
        return "\(value) \(unit)bit/s"
    }

    private static func bytes(_ count: UInt64?) -> String {
        guard let count else { return "–" }
        let (value, unit) = scaled(Double(count))
        return "\(value) \(unit)B"
    }

    private static func scaled(_ number: Double) -> (String, String) {
        var value = number
        var units = ["", "k", "M", "G", "T"][...]
        while value >= 999.5, units.count > 1 {
            value /= 1000
            units.removeFirst()
        }
        let isSmall = value < 9.95 && units.first != ""
        return (isSmall ? tenths(value) : "\(Int(value.rounded()))", units.first ?? "")
    }

    /// `2 d 3 h`, `4 h 12 min`, `35 s`.
    private static func span(_ duration: Duration) -> String {
        let seconds = max(0, duration.wholeNanoseconds / 1_000_000_000)
        switch seconds {
        case ..<60: return "\(seconds) s"
        case ..<3600: return "\(seconds / 60) min"
        case ..<86_400: return "\(seconds / 3600) h \(seconds / 60 % 60) min"
        case _: return "\(seconds / 86_400) d \(seconds / 3600 % 24) h"
        }
    }

    /// `2026-11-21 12:34:56 UTC`.
    private static func minute(of time: WallClockTime) -> String {
        let text = time.description
        guard let dot = text.firstIndex(of: ".") else { return text }
        return text[..<dot].replacing("T", with: " ") + " UTC"
    }

    /// As text or as the value of an attribute in double quotes. What shows nothing, or turns the direction of what
    /// stands beside it, is replaced; what is long is cut.
    package static func escaped(_ text: String) -> String {
        var escaped = ""
        for (place, scalar) in text.unicodeScalars.enumerated() {
            guard place < 80 else { return escaped + "…" }
            switch scalar {
            case "&": escaped += "&amp;"
            case "<": escaped += "&lt;"
            case ">": escaped += "&gt;"
            case "\"": escaped += "&quot;"
            case "'": escaped += "&#39;"
            case _ where scalar.isUnseen: escaped += "\u{FFFD}"
            case _: escaped.unicodeScalars.append(scalar)
            }
        }
        return escaped
    }
}

extension Unicode.Scalar {
    fileprivate var isUnseen: Bool {
        switch properties.generalCategory {
        case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator: true
        case _: false
        }
    }
}
