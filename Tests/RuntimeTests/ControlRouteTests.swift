// SPDX-License-Identifier: Apache-2.0
import ControlPlane
import IKE
import Primitives
import Runtime
import Testing

struct ControlRouteTests {
    @Test(arguments: [
        ("GET", "/v1/status", ControlRoute.status), ("HEAD", "/v1/status", .status), ("GET", "/v1/status?", .status),
        ("GET", "/v1/sessions", .sessions(includesHalfOpen: false)),
        ("GET", "/v1/sessions?all", .sessions(includesHalfOpen: true)),
        ("GET", "/v1/sessions?all=true", .sessions(includesHalfOpen: true)),
        ("GET", "/v1/sessions?all=false", .sessions(includesHalfOpen: false)),
        ("GET", "/v1/impair", .impairments), ("POST", "/v1/impair", .impair),
        ("DELETE", "/v1/impair", .clearImpairments),
        ("GET", "/v1/sessions/00000000000000aA", .session(TraceID(rawValue: 0xAA))),
        ("POST", "/v1/terminate", .terminate), ("GET", "/v1/traces", .traces),
        ("GET", "/v1/traces?last", .explain(.last)),
        ("GET", "/v1/traces?last=true", .explain(.last)),
        ("GET", "/v1/traces?peer=192.0.2.1", .explain(.peer(.v4(0xC000_0201)))),
        ("GET", "/v1/traces?peer=2001:db8::1", .explain(.peer(.v6(high: 0x2001_0DB8_0000_0000, low: 1)))),
        ("GET", "/v1/traces?peer=2001%3Adb8%3a%3A1", .explain(.peer(.v6(high: 0x2001_0DB8_0000_0000, low: 1)))),
        ("GET", "/v1/traces/00000000000000aA", .explain(.trace(TraceID(rawValue: 0xAA)))),
        ("GET", "/v1/rules", .rules), ("POST", "/v1/reload", .reload),
        ("GET", "/v1/events", .events(EventFilter())),
        ("GET", "/v1/events?kind=call-up,refused", .events(EventFilter(kinds: [.callUp, .refused]))),
        ("GET", "/v1/events?kind=other", .events(EventFilter(kinds: [.other]))),
        (
            "GET", "/v1/events?user=al%20ice%26%C3%A9+&peer=192.0.2.1&trace=00000000000000AA",
            .events(EventFilter(trace: TraceID(rawValue: 0xAA), user: "al ice&é+", peer: .v4(0xC000_0201)))
        ),
    ])
    func findsWhatStandsBehindAPath(method: String, path: String, route: ControlRoute) throws {
        #expect(try ControlRoute(method: method, path: path) == route)
    }

    @Test(arguments: [
        ("GET", "/", 404), ("GET", "", 404), ("GET", "/v1/statusx", 404), ("GET", "/v2/status", 404),
        ("GET", "/v1/sessions/", 400), ("GET", "/v1/sessions/xyz", 400), ("GET", "/v1/sessions/+00000000000000a", 400),
        ("GET", "/v1/sessions/0123456789abcdef0", 400), ("POST", "/v1/status", 405), ("DELETE", "/v1/sessions", 405),
        ("PUT", "/v1/impair", 405), ("GET", "/v1/impair/1", 404),
        ("GET", "/v1/traces/", 400), ("GET", "/v1/traces/xyz", 400), ("GET", "/v1/traces?peer=", 400),
        ("GET", "/v1/traces?peer=example.net", 400), ("GET", "/v1/traces?all", 400), ("POST", "/v1/traces", 405),
        ("DELETE", "/v1/traces/00000000000000aA", 405), ("GET", "/v1/tracesx", 404), ("POST", "/v1/rules", 405),
        ("GET", "/v1/rules/1", 404),
        ("GET", "/v1/terminate", 405), ("GET", "/v1/../v1/status", 404), ("HEAD", "/v1/terminate", 405),
        ("GET", "/v1/status?verbose=1", 400), ("GET", "/v1/sessions?all=maybe", 400),
        ("GET", "/v1/sessions?user=alice&user=bob", 400), ("GET", "/v1/sessions?all&all", 400),
        ("GET", "/v1/traces?last&peer=192.0.2.1", 400), ("GET", "/v1/rules?all", 400),
        ("POST", "/v1/terminate?all", 400),
        ("GET", "/v1/events?kind=", 400), ("GET", "/v1/events?kind=call-up,", 400),
        ("GET", "/v1/events?kind=nothing", 400), ("GET", "/v1/events?trace=1", 400), ("GET", "/v1/events?peer=x", 400),
        ("GET", "/v1/events?user=%zz", 400), ("GET", "/v1/events?user=%4", 400), ("GET", "/v1/events?user=%ff", 400),
        ("GET", "/v1/events?last", 400), ("POST", "/v1/events", 405), ("GET", "/v1/reload", 405),
        ("", "/v1/status", 405),
    ])
    func refusesEverythingElse(method: String, path: String, status: Int) {
        let refusal = #expect(throws: ControlRefusal.self) { try ControlRoute(method: method, path: path) }
        #expect(refusal?.status == status)
    }

    @Test(arguments: [
        (#"{"trace":"00000000000000AA"}"#, CallSelector.trace(TraceID(rawValue: 0xAA))),
        (#"{"user":"alice \"x\""}"#, .user(#"alice "x""#)), (#"{"peer":"192.0.2.1"}"#, .peer(.v4(0xC000_0201))),
        (#"{"peer":"2001:db8::1"}"#, .peer(.v6(high: 0x2001_0DB8_0000_0000, low: 1))),
        (#"{"address":"10.99.0.7"}"#, .innerAddress(.v4(0x0A63_0007))), (#"{"interface":"ppp0"}"#, .interface("ppp0")),
        (#"{"all":true}"#, .all), (" { \"all\" : true }\n", .all),
    ])
    func readsWhoIsMeant(body: String, selector: CallSelector) throws {
        #expect(
            try ControlRoute.terminate.request(body: Array(body.utf8), from: nil) == .terminate(selector, by: nil)
        )
    }

    @Test(arguments: [
        "", "x", "[]", "{}", "null", #"{"all":false}"#, #"{"all":1}"#, #"{"user":1}"#, #"{"trace":"1"}"#,
        #"{"peer":"example.net"}"#, #"{"user":"a","all":true}"#, #"{"everybody":true}"#, #"{"user":"a""#,
        #"{"user":null}"#, "\u{0}", #"{"all":true,"usr":"alice"}"#, #"{"user":"alice","interfaces":["cv0"]}"#,
    ])
    func refusesWhatDoesNotSayWhoIsMeant(body: String) {
        let refusal = #expect(throws: ControlRefusal.self) {
            try ControlRoute.terminate.request(body: Array(body.utf8), from: nil)
        }
        #expect(refusal?.status == 400)
    }

    @Test func refusesDeepNesting() {
        for opening in ["[", #"{"user":"#] {
            let body = Array(String(repeating: opening, count: 10_000).utf8)
            #expect(throws: ControlRefusal.self) { try CallSelector(json: body) }
        }
    }

    @Test func refusesABodyThatIsNotUTF8() {
        #expect(throws: ControlRefusal.self) {
            try CallSelector(json: Array(#"{"user":""#.utf8) + [0xFF, 0xFE] + Array(#""}"#.utf8))
        }
    }
}

struct ControlEndpointTests {
    @Test func everyRouteBelongsToTheEndpointItWasFoundBy() throws {
        for endpoint in ControlEndpoint.allCases {
            let path = endpoint.path.replacing("{trace}", with: "00000000000000aa")
            #expect(try ControlRoute(method: endpoint.method, path: path).endpoint == endpoint)
        }
        #expect(try ControlRoute(method: "GET", path: "/v1/traces?last").endpoint == .traces)
        #expect(try ControlRoute(method: "GET", path: "/v1/traces?peer=192.0.2.1").endpoint == .traces)
    }

    @Test func readersReachWhatChangesNothing() {
        for endpoint in ControlEndpoint.allCases {
            #expect((endpoint.access == .reading) == (endpoint.method == "GET"), "\(endpoint)")
        }
    }

    @Test func everyParameterIsTakenAndNoOther() throws {
        let values = [
            "all": "true", "last": "true", "peer": "192.0.2.1", "address": "10.99.0.2", "kind": "call-up",
            "user": "alice",
        ]
        for endpoint in ControlEndpoint.allCases {
            let path = endpoint.path.replacing("{trace}", with: "00000000000000aa")
            for name in endpoint.parameters {
                let value = values[name] ?? "00000000000000aa"
                #expect(throws: Never.self) {
                    try ControlRoute(method: endpoint.method, path: "\(path)?\(name)=\(value)")
                }
            }
            #expect(throws: ControlRefusal.self) { try ControlRoute(method: endpoint.method, path: "\(path)?nobody=1") }
        }
    }

    @Test func aRefusedMethodNamesTheOthers() {
        let refusal = #expect(throws: ControlRefusal.self) { try ControlRoute(method: "PUT", path: "/v1/impair") }
        #expect(refusal?.allowed == ["GET", "HEAD", "POST", "DELETE", "OPTIONS"])
    }

    @Test(arguments: [
        ("", false), ("{}", false), (#"{"dryRun":true}"#, true), (#"{"dryRun":false}"#, false),
    ])
    func readsWhetherAReloadIsInEarnest(body: String, isDryRun: Bool) throws {
        #expect(
            try ControlRoute.reload.request(body: Array(body.utf8), from: nil)
                == .reload(ReloadOrder(isDryRun: isDryRun), by: nil)
        )
    }

    @Test(arguments: ["x", "[]", "null", #"{"dryRun":1}"#, #"{"dryrun":true}"#, #"{"dryRun":true,"force":true}"#])
    func refusesAReloadThatItDoesNotUnderstand(body: String) {
        #expect(throws: ControlRefusal.self) { try ControlRoute.reload.request(body: Array(body.utf8), from: nil) }
    }
}

struct ControlResponseTests {
    private func text(_ response: ControlResponse) -> String { String(decoding: response.body, as: UTF8.self) }

    @Test func writesARefusal() {
        let response = ControlResponse(ControlRefusal(404, "nothing", remedy: "look elsewhere"))
        #expect(response.status == 404)
        #expect(text(response) == #"{"error":{"message":"nothing","remedy":"look elsewhere"}}"#)
        #expect(text(ControlResponse(ControlRefusal(400, "no"))) == #"{"error":{"message":"no"}}"#)
    }

    @Test func writesTheStatus() {
        var status = StatusSnapshot(
            callCount: 1,
            ikeCount: 2,
            childCount: 3,
            tunnelCount: 4,
            sessionCount: 5,
            pools: [.init(name: "office", range: "10.99.0.0/20", used: 1, size: 4093)]
        )
        status.name = "gw1"
        status.counters = ["packets.received": 7]
        #expect(
            text(ControlResponse(.status(status), on: .status)) == """
                {"callCount":1,"childCount":3,"counters":{"packets.received":7},"ikeCount":2,"name":"gw1",\
                "pools":[{"name":"office","range":"10.99.0.0/20","size":4093,"used":1}],"sessionCount":5,"tunnelCount":4}
                """
        )
    }

    @Test func writesTheRules() {
        #expect(
            text(ControlResponse(.rules(.example), on: .rules)) == """
                {"rules":[{"action":"it is dropped","chain":"in","counter":"refused","hook":"input",\
                "match":"UDP, came in clear","packets":7,"priority":200,"reason":"It must not be."},\
                {"action":"it is dropped","chain":"quotes","match":"ICMP","reason":"It tells."}],"table":"inet culvert"}
                """
        )
    }

    @Test func writesCallsAsAListAndOneCallAsAnObject() {
        let call = CallSnapshot.example(trace: "0123456789abcdef", user: "alice")
        let object = text(ControlResponse(.sessions([call]), on: .session(TraceID(rawValue: 1))))
        #expect(object.hasPrefix(#"{"ageSeconds":1.5,"esp":[],"ike":{"#))
        #expect(object.contains(#""user":"alice""#))
        #expect(!object.contains("null"))
        #expect(
            text(ControlResponse(.sessions([call]), on: .sessions(includesHalfOpen: false)))
                == #"{"sessions":[\#(object)]}"#
        )
        #expect(text(ControlResponse(.sessions([]), on: .sessions(includesHalfOpen: false))) == #"{"sessions":[]}"#)
        #expect(ControlResponse(.sessions([]), on: .session(TraceID(rawValue: 1))).status == 404)
        #expect(text(ControlResponse(.terminated(3), on: .terminate)) == #"{"terminated":3}"#)
    }

    @Test func writesWhatIsKeptNewestFirst() {
        var journal = Journal(limits: Journal.Limits())
        let peer = SocketAddress(.v4(0xC000_0207), port: 500)
        for number in 1...2 {
            let trace = TraceID(rawValue: UInt64(number))
            let now = MonotonicTime(nanoseconds: Int64(number) * 1_000_000_000)
            journal.record(.ike(.init(trace: trace, peer: peer, kind: .started(profile: "office"))), at: now)
        }
        let end = MonotonicTime(nanoseconds: 3_000_000_000)
        #expect(
            text(ControlResponse(.traces(journal.all, at: end), on: .traces)) == """
                {"traces":[{"ageSeconds":1,"peer":"192.0.2.7:500","state":"opening","trace":"0000000000000002"},\
                {"ageSeconds":2,"peer":"192.0.2.7:500","state":"opening","trace":"0000000000000001"}]}
                """
        )
        let explanation = Explanation(of: journal.trace(TraceID(rawValue: 1)), nil, traceLimit: 7, at: end)
        #expect(
            text(ControlResponse(.explanation(explanation), on: .explain(.last))) == """
                {"ageSeconds":2,"peer":"192.0.2.7:500","profile":"office","state":"opening","steps":[{"at":0,\
                "event":"started","fields":{"profile":"office"},"layer":"ike","severity":"debug","text":"the peer is \
                where it says, key exchange begins with profile office"}],"trace":"0000000000000001"}
                """
        )
        let nothing = ControlResponse(.explanation(nil), on: .explain(.last))
        #expect(nothing.status == 404)
        #expect(text(nothing).contains(#""remedy":"culvertctl explain lists what is kept"#))
    }
}
