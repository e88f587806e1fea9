// SPDX-License-Identifier: Apache-2.0

/// What a caller of the control API may do. Each of its sockets gives one of these.
package enum ControlAccess: String, Hashable, Sendable, CaseIterable {
    /// Look, and change nothing.
    case reading
    case administration

    func includes(_ needed: ControlAccess) -> Bool { self == .administration || needed == .reading }
}

/// A method and a path that the control API answers on. `Docs/openapi.json` describes each, and a test compares.
package enum ControlEndpoint: Hashable, Sendable, CaseIterable {
    case status
    case sessions
    case session
    case traces
    case trace
    case rules
    case events
    case metrics
    case terminate
    case reload
    case impairments
    case impair
    case clearImpairments

    package var method: String {
        switch self {
        case .status, .sessions, .session, .traces, .trace, .rules, .events, .metrics, .impairments: "GET"
        case .terminate, .reload, .impair: "POST"
        case .clearImpairments: "DELETE"
        }
    }

    /// `{trace}` stands for one part of a path.
    package var path: String {
        switch self {
        case .status: "/v1/status"
        case .sessions: "/v1/sessions"
        case .session: "/v1/sessions/{trace}"
        case .traces: "/v1/traces"
        case .trace: "/v1/traces/{trace}"
        case .rules: "/v1/rules"
        case .events: "/v1/events"
        case .metrics: "/metrics"
        case .terminate: "/v1/terminate"
        case .reload: "/v1/reload"
        case .impairments, .impair, .clearImpairments: "/v1/impair"
        }
    }

    /// What a caller needs for it.
    package var access: ControlAccess {
        switch self {
        case .status, .sessions, .session, .traces, .trace, .rules, .events, .metrics, .impairments: .reading
        case .terminate, .reload, .impair, .clearImpairments: .administration
        }
    }

    /// Names in the query that it knows.
    package var parameters: [String] {
        switch self {
        case .sessions: ["all", "trace", "user", "peer", "address", "interface"]
        case .traces: ["last", "peer"]
        case .events: ["kind", "trace", "user", "peer"]
        case .status, .session, .trace, .rules, .metrics, .terminate, .reload, .impairments, .impair,
            .clearImpairments:
            []
        }
    }

    /// Those at a path, and what stands there for `{trace}`.
    static func at(_ path: Substring) -> (endpoints: [ControlEndpoint], trace: Substring?) {
        let whole = allCases.filter { $0.path == path }
        if !whole.isEmpty { return (whole, nil) }
        for endpoint in allCases where endpoint.path.hasSuffix("/{trace}") {
            let stem = endpoint.path.dropLast("{trace}".count)
            if path.hasPrefix(stem) { return ([endpoint], path.dropFirst(stem.count)) }
        }
        return ([], nil)
    }

    /// As the header `Allow` has them.
    static func methods(of endpoints: [ControlEndpoint]) -> [String] {
        endpoints.map(\.method).flatMap { $0 == "GET" ? ["GET", "HEAD"] : [$0] } + ["OPTIONS"]
    }
}
