// SPDX-License-Identifier: Apache-2.0
import ControlPlane
import DataPlane
import Foundation
import Primitives
import Runtime
import Testing

/// `Docs/openapi.json`, and what is said there.
struct OpenAPIDocument {
    static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    let json: JSONValue

    init() throws {
        json = try JSONValue(
            String(contentsOf: Self.root.appendingPathComponent("Docs/openapi.json"), encoding: .utf8)
        )
    }

    /// By method and path, `GET /v1/status` say.
    var operations: [String: JSONValue] {
        var all: [String: JSONValue] = [:]
        for (path, item) in json["paths"]?.object ?? [:] {
            for (method, operation) in item.object ?? [:] where method != "parameters" {
                all["\(method.uppercased()) \(path)"] = operation
            }
        }
        return all
    }

    func operation(_ endpoint: ControlEndpoint) -> JSONValue? { operations["\(endpoint.method) \(endpoint.path)"] }

    /// What an answer with this status looks like; by media type.
    func content(_ endpoint: ControlEndpoint, _ status: Int) -> [String: JSONValue] {
        content(of: operation(endpoint)?[["responses", "\(status)"]])
    }

    func content(of response: JSONValue?) -> [String: JSONValue] {
        if let name = response?["$ref"]?.string?.split(separator: "/").last {
            return content(of: json[["components", "responses", String(name)]])
        }
        return response?["content"]?.object ?? [:]
    }
}

struct OpenAPITests {
    private let document: OpenAPIDocument

    init() throws { document = try OpenAPIDocument() }

    @Test func describesEveryEndpointAndNoOther() {
        let there = Set(ControlEndpoint.allCases.map { "\($0.method) \($0.path)" })
        #expect(Set(document.operations.keys) == there)
    }

    @Test(arguments: ControlEndpoint.allCases)
    func saysWhatAnEndpointTakes(endpoint: ControlEndpoint) throws {
        let operation = try #require(document.operation(endpoint))
        #expect(operation["x-access"] == .string(endpoint.access.rawValue))
        #expect(
            (operation["parameters"]?.array ?? []).compactMap { $0["name"]?.string }.sorted()
                == endpoint.parameters.sorted()
        )
        #expect((operation["requestBody"] != nil) == (endpoint.method == "POST"))
        let isTestOnly = endpoint.path == "/v1/impair"
        #expect(
            operation["tags"]
                == .array([.string(isTestOnly ? "test-only" : endpoint.access == .reading ? "look" : "change")])
        )
        #expect(operation["operationId"]?.string?.isEmpty == false)
        #expect(operation["summary"]?.string?.isEmpty == false)
    }

    @Test(arguments: ControlEndpoint.allCases)
    func everyExampleFitsItsSchema(endpoint: ControlEndpoint) throws {
        let operation = try #require(document.operation(endpoint))
        var check = SchemaCheck(document.json)
        for (status, response) in operation["responses"]?.object ?? [:] {
            for (type, content) in document.content(of: response) where type != "text/plain" {
                var examples = (content["examples"]?.object ?? [:]).values.compactMap { $0["value"] }
                if let example = content["example"] { examples.append(example) }
                if type == "application/x-ndjson", let text = content["example"]?.string {
                    examples = try text.split(separator: "\n").map { try JSONValue(String($0)) }
                }
                #expect(!examples.isEmpty, "\(status)")
                for example in examples { check.check(example, content["schema"], at: "\(endpoint) \(status)") }
            }
        }
        #expect(check.problems == [])
    }

    @Test(arguments: ControlEndpoint.allCases)
    func everyParameterOfAnExampleIsUnderstood(endpoint: ControlEndpoint) throws {
        let path = endpoint.path.replacing("{trace}", with: "00c0ffee12345678")
        for parameter in try #require(document.operation(endpoint))["parameters"]?.array ?? [] {
            let name = try #require(parameter["name"]?.string)
            let example: String =
                switch parameter["example"] {
                case .bool(let flag)?: "\(flag)"
                case .string(let text)?: text
                case _: ""
                }
            let route = try ControlRoute(method: endpoint.method, path: "\(path)?\(name)=\(example)")
            #expect(route.endpoint == endpoint)
        }
    }

    @Test func everyBodyOfAnExampleIsUnderstood() throws {
        for (endpoint, route) in [
            (ControlEndpoint.terminate, ControlRoute.terminate), (.reload, .reload), (.impair, .impair),
        ] {
            let content = try #require(document.operation(endpoint)?[["requestBody", "content", "application/json"]])
            let example = try #require(content["example"])
            var check = SchemaCheck(document.json)
            check.check(example, content["schema"], at: "\(endpoint)")
            #expect(check.problems == [])
            #expect(throws: Never.self) {
                try route.request(body: Array(example.text.utf8), from: nil)
            }
        }
    }

    /// Over a socket, as a client gets it.
    @Test func realAnswersAreAsDescribed() async throws {
        let socket = try RunningSocket()
        var check = SchemaCheck(document.json)
        let requests: [(ControlEndpoint, String)] = [
            (.status, get("/v1/status")), (.sessions, get("/v1/sessions")), (.sessions, get("/v1/sessions?nothing")),
            (.session, get("/v1/sessions/0000000000000001")), (.session, get("/v1/sessions/0000000000000002")),
            (.session, get("/v1/sessions/x")), (.sessions, get("/v1/sessions?user=alice")),
            (.sessions, get("/v1/sessions?user=alice&all")),
            (.traces, get("/v1/traces")), (.traces, get("/v1/traces?last")),
            (.traces, get("/v1/traces?peer=x")), (.trace, get("/v1/traces/0000000000000002")),
            (.rules, get("/v1/rules")), (.terminate, post("/v1/terminate", #"{"all":true}"#)),
            (.terminate, post("/v1/terminate", "{}")), (.impairments, get("/v1/impair")),
            (.impair, post("/v1/impair", #"{"loseNotices":true}"#)), (.impair, post("/v1/impair", "{}")),
            (.clearImpairments, "DELETE /v1/impair HTTP/1.1\r\nHost: x\r\n\r\n"), (.events, get("/v1/events?kind=x")),
            (.reload, post("/v1/reload", "[]")),
        ]
        for (endpoint, request) in requests {
            let answer = try await socket.http(request)
            let content = document.content(endpoint, answer.status)
            #expect(!content.isEmpty, "\(endpoint) may not be answered with \(answer.status)")
            check.check(
                try JSONValue(answer.body),
                content["application/json"]?["schema"],
                at: "\(endpoint) \(answer.status)"
            )
        }
        #expect(check.problems == [])
    }

    private func example<T: Codable>(_ endpoint: ControlEndpoint, as _: T.Type) throws -> T {
        let content = try #require(document.content(endpoint, 200)["application/json"])
        let example = try #require(content["example"] ?? content["examples"]?["last"]?["value"])
        let value = try JSONDecoder().decode(T.self, from: Data(example.text.utf8))
        // Nothing of it was passed over.
        #expect(try JSONValue(encoding: value) == example)
        return value
    }

    private func expectProperties(of value: Any, _ name: String) {
        let names = Mirror(reflecting: value).children.compactMap(\.label)
        let declared = document.json[["components", "schemas", name, "properties"]]?.object ?? [:]
        #expect(names.sorted() == declared.keys.sorted(), "\(name)")
        #expect(!names.isEmpty)
    }

    /// The examples are complete, as the types read and write them.
    @Test func declaresWhatTheTypesHaveAndNothingElse() throws {
        let status = try example(.status, as: StatusSnapshot.self)
        expectProperties(of: status, "Status")
        expectProperties(of: try #require(status.pools.first), "Pool")
        let list = try example(.sessions, as: [String: [CallSnapshot]].self)
        let call = try example(.session, as: CallSnapshot.self)
        #expect(list == ["sessions": [call]])
        expectProperties(of: call, "Session")
        expectProperties(of: call.ike, "IKE")
        expectProperties(of: try #require(call.esp.first), "ESP")
        expectProperties(of: try #require(call.l2tp), "L2TP")
        expectProperties(of: try #require(call.ppp), "PPP")
        expectProperties(of: try #require(call.traffic), "Traffic")
        let rules = try example(.rules, as: RuleSet.self)
        expectProperties(of: rules, "RuleSet")
        expectProperties(of: try #require(rules.rules.first), "Rule")
        let trace = try example(.trace, as: TraceSnapshot.self)
        expectProperties(of: trace, "Trace")
        expectProperties(of: try #require(trace.steps.first), "Step")
        expectProperties(of: try #require(trace.verdict), "Verdict")
        expectProperties(of: TraceSummary(trace: nil, peer: "", state: "", ageSeconds: 0), "TraceSummary")
        let report = try example(.reload, as: ReloadReport.self)
        expectProperties(of: report, "ReloadReport")
        expectProperties(of: try #require(report.changes.first), "ReloadChange")
        expectProperties(of: try #require(report.ending.first), "ReloadEnding")
        expectProperties(of: try #require(report.findings.first), "ReloadFinding")
        expectProperties(of: ReloadReport.Failure(message: "", remedy: nil), "ErrorReason")
        expectProperties(of: EventLine.heartbeat(at: WallClockTime(milliseconds: 0)), "Event")
        let events = try #require(document.content(.events, 200)["application/x-ndjson"]?["example"]?.string)
        for line in events.split(separator: "\n") {
            let value = try JSONDecoder().decode(EventLine.self, from: Data(line.utf8))
            #expect(try JSONValue(encoding: value) == JSONValue(String(line)))
        }
    }
}

extension JSONValue {
    /// As JSON again.
    fileprivate var text: String {
        switch self {
        case .null: "null"
        case .bool(let value): "\(value)"
        case .number(let value): value == value.rounded() ? "\(Int(value))" : "\(value)"
        case .string(let value): "\"\(value)\""
        case .array(let values): "[\(values.map(\.text).joined(separator: ","))]"
        case .object(let members): "{\(members.map { "\"\($0)\":\($1.text)" }.joined(separator: ","))}"
        }
    }
}
