// SPDX-License-Identifier: Apache-2.0
internal import ConfigFile
internal import Primitives

/// What stands behind a path of the server of metrics.
package enum MetricsRoute: Hashable, Sendable {
    case metrics
    case page

    /// - Parameter hosts: Values of the Host field, which a request has exactly once.
    package init(
        method: String,
        uri: String,
        hosts: [String],
        offer: MetricsServer.Offer
    ) throws(MetricsRefusal) {
        guard hosts.count == 1 else { throw MetricsRefusal(400, "a request has one Host") }
        guard !offer.isLoopback || Self.isOfThisMachine(hosts[0]) else {
            throw MetricsRefusal(421, "this server answers to 127.0.0.1, [::1] and localhost only")
        }
        guard method == "GET" || method == "HEAD" else { throw MetricsRefusal(405, "only GET and HEAD are taken here") }
        switch uri.prefix(while: { $0 != "?" }) {
        case "/metrics": self = .metrics
        case "/" where offer.hasPage: self = .page
        case _: throw MetricsRefusal(404, offer.hasPage ? "/ and /metrics are here" : "/metrics is here")
        }
    }

    var request: ControlRequest {
        switch self {
        case .metrics: .metrics
        case .page: .page
        }
    }

    /// Whether a Host is what a browser says that was told to come here, and not to a name somebody else controls.
    static func isOfThisMachine(_ host: String) -> Bool {
        var name = Substring(host)
        if name.hasPrefix("[") {
            guard let end = name.firstIndex(of: "]") else { return false }
            let rest = name[name.index(after: end)...]
            guard rest.isEmpty || Self.isPort(rest) else { return false }
            name = name[name.index(after: name.startIndex)..<end]
            return IPAddress(String(name)).map { !$0.isV4 && $0.isLoopback } ?? false
        }
        if let colon = name.firstIndex(of: ":") {
            guard isPort(name[colon...]) else { return false }
            name = name[..<colon]
        }
        if name.lowercased() == "localhost" { return true }
        return IPAddress(String(name)).map { $0.isV4 && $0.isLoopback } ?? false
    }

    private static func isPort(_ text: Substring) -> Bool {
        text.first == ":" && UInt16(text.dropFirst()) != nil
    }
}

/// Why a request is not answered as it would like.
package struct MetricsRefusal: Error, Hashable, Sendable {
    /// Of HTTP: 400 and above.
    package var status: Int
    package var message: String

    package init(_ status: Int, _ message: String) {
        self.status = status
        self.message = message
    }
}

/// An answer of the server of metrics.
package struct MetricsResponse: Sendable {
    package var status: Int
    package var headers: [(String, String)]
    package var body: [UInt8]

    package init(_ refusal: MetricsRefusal) {
        status = refusal.status
        headers = Self.common + [("content-type", "text/plain; charset=utf-8")]
        if status == 405 { headers.append(("allow", "GET, HEAD")) }
        body = Array("\(refusal.message)\n".utf8)
    }

    private init(_ body: String, _ headers: [(String, String)]) {
        status = 200
        self.headers = Self.common + headers
        self.body = Array(body.utf8)
    }

    init(_ reply: ControlReply) {
        switch reply {
        case .metrics(let snapshot):
            self.init(
                snapshot.exposition(process: ProcessProbe.shared.figures()),
                [("content-type", Exposition.mediaType)]
            )
        case .page(let snapshot):
            self.init(
                StatusPage(snapshot, at: .current()).html,
                [
                    ("content-type", "text/html; charset=utf-8"),
                    ("content-security-policy", StatusPage.contentSecurityPolicy),
                ]
            )
        case _:
            self.init(MetricsRefusal(503, "the gateway does not say"))
        }
    }

    private static let common = [
        ("cache-control", "no-store"),
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("referrer-policy", "no-referrer"),
        ("cross-origin-resource-policy", "same-origin"),
    ]
}
