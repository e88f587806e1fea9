// SPDX-License-Identifier: Apache-2.0
import ControlPlane
import Testing

@testable import culvertctl

@Suite("A call told from its beginning")
struct ExplainTests {
    private static func step(_ at: Double, _ layer: String, _ event: String, _ text: String) -> TraceSnapshot.Step {
        TraceSnapshot.Step(at: at, layer: layer, severity: "info", event: event, text: text)
    }

    private static let failed: TraceSnapshot = {
        var trace = TraceSnapshot(
            trace: "00c0ffee12345678",
            peer: "198.51.100.7:61001",
            state: "failed",
            ageSeconds: 60,
            steps: [
                step(0, "ike", "started", "the peer is where it says, key exchange begins with profile office"),
                step(
                    0.0404,
                    "ike",
                    "phase1-chosen",
                    "offered aes256-sha1-ecp384, aes256-sha1-modp2048, 3des-sha1-modp2048, 3des-sha1-modp1024; "
                        + "chosen aes256-sha1-ecp384 (the peer's first)"
                ),
                step(3.5, "authentication", "user-refused", "User alice is refused with mschapv2"),
                step(12.0006, "control", "call-down", "user alice left after 12 s: authentication failed"),
            ]
        )
        trace.client = "windows"
        trace.profile = "office"
        trace.user = "alice"
        trace.verdict = TraceSnapshot.Verdict(
            layer: "authentication",
            event: "user-refused",
            text: "User alice is refused with mschapv2: the password is wrong",
            remedy: "Correct the password on the client or in the users file"
        )
        trace.steps[2].count = 3
        return trace
    }()

    @Test
    func `A failure with its verdict`() {
        #expect(
            render(Self.failed) == """
                call 00c0ffee12345678: failed
                  198.51.100.7:61001, client windows, profile office, user alice

                   +0.000 s  IKE      the peer is where it says, key exchange begins with
                                      profile office
                   +0.040 s  IKE      offered aes256-sha1-ecp384, aes256-sha1-modp2048,
                                      3des-sha1-modp2048, 3des-sha1-modp1024; chosen
                                      aes256-sha1-ecp384 (the peer's first)
                   +3.500 s  user     User alice is refused with mschapv2 (3 times)
                  +12.001 s  control  user alice left after 12 s: authentication failed

                verdict  user: User alice is refused with mschapv2: the password is wrong
                         [user-refused]
                remedy   Correct the password on the client or in the users file

                """
        )
    }

    @Test
    func `A call that is up has no verdict, and what is not kept is said`() {
        var trace = Self.failed
        trace.state = "up"
        trace.verdict = nil
        trace.leftOut = 7
        trace.note = "how it came up is no longer kept"
        let text = render(trace)
        #expect(text.hasPrefix("call 00c0ffee12345678: up\n"))
        #expect(text.contains("\n  (how it came up is no longer kept)\n"))
        #expect(text.contains("\n  … 7 steps are not kept\n   +3.500 s  user"))
        #expect(!text.contains("verdict"))
    }

    @Test
    func `Nothing of a peer's text moves the cursor`() {
        var trace = Self.failed
        trace.user = "\u{1B}[2J\u{202E}"
        trace.peer = "\u{7}"
        trace.steps[0].text = "\u{1B}]0;title\u{7}\nverdict  all is well"
        trace.steps[1].layer = "\u{1B}[1m"
        trace.verdict?.text = "\u{9B}31m"
        trace.verdict?.remedy = "a\rb"
        trace.note = "\u{8}"
        for text in [render(trace), render([TraceSummary(trace: "\u{1B}", peer: "\u{7}", state: "\n", ageSeconds: 1)])]
        {
            #expect(text.unicodeScalars.allSatisfy { $0 == "\n" || $0.isVisible })
        }
        #expect(!render(trace).contains("\nverdict  all is well"))
    }

    @Test
    func `Every line fits a terminal`() {
        var trace = Self.failed
        trace.steps[0].text = String(repeating: "x", count: 500)
        trace.steps[1].at = 1e11
        #expect(render(trace).split(separator: "\n").allSatisfy { $0.count <= 80 })
    }

    @Test
    func `The list of what is kept`() {
        var failed = TraceSummary(
            trace: "00c0ffee12345678",
            peer: "198.51.100.7:61001",
            state: "failed",
            ageSeconds: 61
        )
        failed.user = "alice"
        failed.layer = "authentication"
        failed.event = "user-refused"
        let stranger = TraceSummary(trace: nil, peer: "203.0.113.9:500", state: "opening", ageSeconds: 3)
        #expect(
            render([stranger, failed]) == """
                TRACE             PEER                USER   STATE    VERDICT                AGE
                -                 203.0.113.9:500     -      opening  -                       3s
                00c0ffee12345678  198.51.100.7:61001  alice  failed   authentication use…  1m 1s

                """
        )
        #expect(render([TraceSummary]()) == "nothing is kept yet\n")
    }

    @Test(
        "What is typed becomes a question",
        arguments: [
            (["00C0FFEE12345678"], "/v1/traces/00c0ffee12345678"), (["--last"], "/v1/traces?last"),
            (["--peer", "192.0.2.1"], "/v1/traces?peer=192.0.2.1"),
            (["--peer", "2001:db8::1"], "/v1/traces?peer=2001:db8::1"), ([], nil), (["--json"], nil),
        ] as [([String], String?)]
    )
    func question(_ arguments: [String], _ resource: String?) throws {
        #expect(try Explain.parse(arguments).resource == resource)
    }

    @Test(
        "What cannot be meant is refused",
        arguments: [
            ["xyz"], ["00c0ffee12345678", "--last"], ["--last", "--peer", "192.0.2.1"], ["--peer", ""],
            ["--peer", "example.net"], ["--peer", "192.0.2.1 HTTP/1.1"], ["--peer", "1&last"],
        ]
    )
    func mistake(_ arguments: [String]) {
        #expect(throws: (any Error).self) { try Explain.parse(arguments) }
    }

    @Test
    func `The document is stable`() throws {
        let bytes = try JSON.bytes(of: Self.failed)
        #expect(JSON.value(TraceSnapshot.self, from: bytes) == Self.failed)
        #expect(try JSON.text(of: Self.failed).hasPrefix("{\n  \"ageSeconds\" : 60,\n  \"client\" : \"windows\",\n"))
    }
}
