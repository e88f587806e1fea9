// SPDX-License-Identifier: Apache-2.0
package import ControlPlane
internal import FoundationEssentials
package import Primitives

/// What stands behind a path of the control socket.
package enum ControlRoute: Hashable, Sendable {
    case status
    case sessions(includesHalfOpen: Bool)
    case session(TraceID)
    case rules
    case terminate
    case traces
    case explain(TraceSelector)
    case impairments
    case impair
    case clearImpairments
    case reload

    /// - Parameter path: Of the request. Of queries only `all` of the sessions is looked at, and `last` and `peer` of the traces.
    package init(method: String, path: String) throws(ControlRefusal) {
        let query = path.drop { $0 != "?" }.dropFirst()
        let path = path.prefix { $0 != "?" }
        let allowed: String
        switch path {
        case "/v1/status":
            self = .status
            allowed = "GET"
        case "/v1/sessions":
            self = .sessions(includesHalfOpen: query == "all" || query == "all=true")
            allowed = "GET"
        case "/v1/rules":
            self = .rules
            allowed = "GET"
        case "/v1/terminate":
            self = .terminate
            allowed = "POST"
        case "/v1/reload":
            self = .reload
            allowed = "POST"
        case "/v1/impair":
            switch method {
            case "GET": self = .impairments
            case "POST": self = .impair
            case "DELETE": self = .clearImpairments
            case _: throw ControlRefusal(405, "this path takes GET, POST and DELETE only")
            }
            return
        case "/v1/traces":
            self = try Self.traces(query)
            allowed = "GET"
        case _ where path.hasPrefix("/v1/traces/"):
            guard let trace = TraceID(path.dropFirst("/v1/traces/".count).lowercased()) else {
                throw ControlRefusal(
                    400,
                    "a trace has sixteen hexadecimal digits",
                    remedy: "culvertctl explain lists those that are kept"
                )
            }
            self = .explain(.trace(trace))
            allowed = "GET"
        case _ where path.hasPrefix("/v1/sessions/"):
            guard let trace = TraceID(path.dropFirst("/v1/sessions/".count).lowercased()) else {
                throw ControlRefusal(
                    400,
                    "a session is named by its trace: sixteen hexadecimal digits",
                    remedy: "culvertctl sessions lists them"
                )
            }
            self = .session(trace)
            allowed = "GET"
        case _:
            throw ControlRefusal(
                404,
                "nothing has this path",
                remedy: "/v1/status, /v1/sessions, /v1/sessions/TRACE, /v1/traces, /v1/traces/TRACE, /v1/rules and "
                    + "/v1/terminate are there"
            )
        }
        guard method == allowed else { throw ControlRefusal(405, "this path takes \(allowed) only") }
    }

    private static func traces(_ query: Substring) throws(ControlRefusal) -> ControlRoute {
        switch query {
        case "": return .traces
        case "last", "last=true": return .explain(.last)
        case _ where query.hasPrefix("peer="):
            let text = query.dropFirst("peer=".count)
            // The colons of an IPv6 address may come as they are, or as RFC 3986 has them in some places.
            guard
                let address = IPAddress(
                    text.replacingOccurrences(of: "%3A", with: ":").replacingOccurrences(of: "%3a", with: ":")
                )
            else { throw ControlRefusal(400, "peer is not an IP address") }
            return .explain(.peer(address))
        case _:
            throw ControlRefusal(400, "traces are chosen by last or by peer=ADDRESS", remedy: "/v1/traces?last")
        }
    }

    /// The request with its body, if it has one.
    package func request(body: [UInt8], from requester: Requester?) throws(ControlRefusal) -> ControlRequest {
        switch self {
        case .status: .status
        case .sessions(let includesHalfOpen): .sessions(includesHalfOpen: includesHalfOpen)
        case .session(let trace): .session(trace)
        case .rules: .rules
        case .terminate: .terminate(try CallSelector(json: body), by: requester)
        case .traces: .traces
        case .explain(let selector): .explain(selector)
        case .impairments: .impair(.list, by: requester)
        case .impair: .impair(try ImpairOrder(json: body), by: requester)
        case .clearImpairments: .impair(.clear, by: requester)
        case .reload: .reload(try ReloadOrder(json: body), by: requester)
        }
    }
}

extension CallSelector {
    private enum Key: String, CodingKey, CaseIterable {
        case trace
        case user
        case peer
        case address
        case interface
        case all
    }

    private struct Body: Decodable {
        let selector: CallSelector

        init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: Key.self)
            guard container.allKeys.count == 1, let key = container.allKeys.first else {
                throw ControlRefusal(400, "exactly one of trace, user, peer, address, interface and all is needed")
            }
            selector = try Body.selector(of: key, in: container)
        }

        private static func selector(
            of key: Key,
            in container: KeyedDecodingContainer<Key>
        ) throws -> CallSelector {
            switch key {
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
            case .peer, .address:
                guard let address = IPAddress(try container.decode(String.self, forKey: key)) else {
                    throw ControlRefusal(400, "\(key.rawValue) is not an IP address")
                }
                return key == .peer ? .peer(address) : .innerAddress(address)
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
