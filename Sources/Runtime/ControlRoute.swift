// SPDX-License-Identifier: Apache-2.0
package import ControlPlane
internal import FoundationEssentials
package import Primitives

/// What stands behind a path of the control socket.
package enum ControlRoute: Hashable, Sendable {
    case status
    case sessions(includesHalfOpen: Bool)
    case session(TraceID)
    case matching(CallSelector)
    case rules
    case terminate
    case traces
    case explain(TraceSelector)
    case impairments
    case impair
    case clearImpairments
    case reload
    /// Not a question: a stream, until the caller has enough.
    case events(EventFilter)
    /// For Prometheus, and for `curl --unix-socket`.
    case metrics

    /// - Parameters:
    ///   - method: `HEAD` finds what `GET` does.
    ///   - path: Of the request, with its query.
    package init(method: String, path: String) throws(ControlRefusal) {
        let (endpoints, trace) = ControlEndpoint.at(path.prefix { $0 != "?" })
        guard !endpoints.isEmpty else {
            let paths = ControlEndpoint.allCases.map(\.path).filter { $0 != ControlEndpoint.impair.path }
            throw ControlRefusal(404, "nothing has this path", remedy: "there are \(paths.joined(separator: ", "))")
        }
        guard let endpoint = endpoints.first(where: { $0.method == (method == "HEAD" ? "GET" : method) }) else {
            let allowed = ControlEndpoint.methods(of: endpoints)
            throw ControlRefusal(405, "this path takes \(allowed.joined(separator: ", ")) only", allowed: allowed)
        }
        let query = try ControlQuery(path.drop { $0 != "?" }.dropFirst(), known: endpoint.parameters)
        switch endpoint {
        case .status: self = .status
        case .sessions: self = try Self.sessions(query)
        case .session: self = .session(try Self.trace(trace, "culvertctl sessions lists them"))
        case .traces: self = try Self.traces(query)
        case .trace: self = .explain(.trace(try Self.trace(trace, "culvertctl explain lists those that are kept")))
        case .rules: self = .rules
        case .events: self = .events(try EventFilter(query))
        case .metrics: self = .metrics
        case .terminate: self = .terminate
        case .reload: self = .reload
        case .impairments: self = .impairments
        case .impair: self = .impair
        case .clearImpairments: self = .clearImpairments
        }
    }

    package var endpoint: ControlEndpoint {
        switch self {
        case .status: .status
        case .sessions, .matching: .sessions
        case .session: .session
        case .traces, .explain(.last), .explain(.peer): .traces
        case .explain(.trace): .trace
        case .rules: .rules
        case .events: .events
        case .metrics: .metrics
        case .terminate: .terminate
        case .reload: .reload
        case .impairments: .impairments
        case .impair: .impair
        case .clearImpairments: .clearImpairments
        }
    }

    /// What `OPTIONS` is answered with; empty if nothing has this path.
    static func methods(at path: String) -> [String] {
        let endpoints = ControlEndpoint.at(path.prefix { $0 != "?" }).endpoints
        return endpoints.isEmpty ? [] : ControlEndpoint.methods(of: endpoints)
    }

    private static func trace(_ text: Substring?, _ remedy: String) throws(ControlRefusal) -> TraceID {
        guard let trace = text.flatMap({ TraceID($0.lowercased()) }) else {
            throw ControlRefusal(400, "a call is named by its trace: sixteen hexadecimal digits", remedy: remedy)
        }
        return trace
    }

    private static func traces(_ query: ControlQuery) throws(ControlRefusal) -> ControlRoute {
        switch (try query.flag("last"), try query.address("peer")) {
        case (false, nil): return .traces
        case (true, nil): return .explain(.last)
        case (false, let peer?): return .explain(.peer(peer))
        case (true, _?): throw ControlRefusal(400, "traces are chosen by last or by peer=ADDRESS, not by both")
        }
    }

    /// What is asked of the shard; `nil` if it is not the shard that answers.
    package func request(body: [UInt8], from requester: Requester?) throws(ControlRefusal) -> ControlRequest? {
        switch self {
        case .status: .status
        case .sessions(let includesHalfOpen): .sessions(includesHalfOpen: includesHalfOpen)
        case .session(let trace): .session(trace)
        case .matching(let selector): .matching(selector)
        case .rules: .rules
        case .terminate: .terminate(try CallSelector(json: body), by: requester)
        case .traces: .traces
        case .explain(let selector): .explain(selector)
        case .impairments: .impair(.list, by: requester)
        case .impair: .impair(try ImpairOrder(json: body), by: requester)
        case .clearImpairments: .impair(.clear, by: requester)
        case .reload: .reload(try ReloadOrder(json: body), by: requester)
        case .events: nil
        case .metrics: .metrics
        }
    }
}

extension CallSelector {
    private enum Choice: String {
        case trace
        case user
        case peer
        case address
        case interface
        case all
    }

    /// Whatever is there: what is not understood must not be passed over, or `all` beside it would end every call.
    private struct Key: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }

        init(stringValue: String) {
            self.stringValue = stringValue
        }

        init?(intValue: Int) { nil }
    }

    private struct Body: Decodable {
        let selector: CallSelector

        init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: Key.self)
            guard container.allKeys.count == 1, let key = container.allKeys.first,
                let choice = Choice(rawValue: key.stringValue)
            else {
                throw ControlRefusal(400, "exactly one of trace, user, peer, address, interface and all is needed")
            }
            selector = try Body.selector(choice, key, in: container)
        }

        private static func selector(
            _ choice: Choice,
            _ key: Key,
            in container: KeyedDecodingContainer<Key>
        ) throws -> CallSelector {
            switch choice {
            case .all:
                guard try container.decode(Bool.self, forKey: key) else {
                    throw ControlRefusal(400, "all is either true or left out")
                }
                return .all
            case .user:
                return .user(try container.decode(String.self, forKey: key))
            case .interface:
                return .interface(try container.decode(String.self, forKey: key))
            case .trace:
                guard let trace = TraceID(try container.decode(String.self, forKey: key).lowercased()) else {
                    throw ControlRefusal(400, "a trace is sixteen hexadecimal digits")
                }
                return .trace(trace)
            case .peer:
                return try CallSelector(peer: try container.decode(String.self, forKey: key))
            case .address:
                guard let address = IPAddress(try container.decode(String.self, forKey: key)) else {
                    throw ControlRefusal(400, "address is not an IP address")
                }
                return .innerAddress(address)
            }
        }
    }

    /// From `{"trace":…}`, `{"user":…}`, `{"peer":…}`, `{"address":…}`, `{"interface":…}` or `{"all":true}`.
    package init(json: [UInt8]) throws(ControlRefusal) {
        do {
            self = try JSONDecoder().decode(Body.self, from: Data(json)).selector
        } catch let refusal as ControlRefusal {
            throw refusal
        } catch {
            throw ControlRefusal(
                400,
                "the body is not the JSON object that this path takes",
                remedy: #"{"user":"alice"}, or trace, peer, address, interface, or {"all":true}"#
            )
        }
    }
}
