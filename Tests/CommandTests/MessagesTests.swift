// SPDX-License-Identifier: Apache-2.0
import ControlPlane
import Runtime
import Testing

@testable import culvertctl

@Suite("JSON in both directions")
struct MessagesTests {
    @Test
    func `A call survives the way through JSON`() throws {
        let list = SessionList(sessions: [Samples.call, Samples.beginning])
        let text = try JSON.text(of: list)
        #expect(JSON.value(from: Array(text.utf8)) == list)
        #expect(JSON.value(from: try JSON.bytes(of: Samples.status)) == Samples.status)
    }

    @Test
    func `What is not known is absent`() throws {
        let text = try JSON.text(of: Samples.beginning)
        #expect(!text.contains("null") && !text.contains("innerAddress"))
        #expect(text.contains("\"trace\" : \"00c0ffee00000001\""))
    }

    @Test
    func `Only what is asked for is sent`() throws {
        let bytes = try JSON.bytes(of: TerminateRequest(user: "alice"))
        #expect(String(decoding: bytes, as: UTF8.self) == #"{"user":"alice"}"#)
    }

    @Test
    func `An event with hostile text is one line of the same JSON`() throws {
        let document = Array(#"{"kind":"call-up","message":"\u001b\#u{202E}é","time":"2026-11-21T12:26:11.751Z"}"#.utf8)
        let line: EventLine = try #require(JSON.value(from: document))
        let text = Events.text(of: line, document, isJSON: true)
        #expect(text.hasSuffix("}\n") && text.dropLast().unicodeScalars.allSatisfy(\.isVisible))
        #expect(JSON.value(from: Array(text.utf8)) == line)
        #expect(Events.text(of: line, document, isJSON: false).unicodeScalars.allSatisfy { $0 == "\n" || $0.isVisible })
    }

    @Test
    func `JSON is safe for a terminal and still the same JSON`() throws {
        var call = Samples.call
        call.user = "\u{1B}[2J\u{7F}\u{9B}\u{202E}\u{E0001}é😀"
        let text = try JSON.text(of: call)
        #expect(text.unicodeScalars.allSatisfy { $0 == "\n" || $0.isVisible })
        #expect(text.contains("é😀"))
        #expect(JSON.value(from: Array(text.utf8)) == call)
    }

    @Test(
        "Exactly one way to choose calls",
        arguments: [
            (["--user", "alice"], true), (["--all"], true), (["00c0ffee12345678"], true), (["00C0FFEE12345678"], true),
            ([], false), (["--all", "--user", "alice"], false), (["00c0ffee1234567"], false),
            (["00c0ffee1234567z"], false), (["00c0ffee12345678", "--all"], false),
        ]
    )
    func selection(_ arguments: [String], _ isValid: Bool) {
        #expect(((try? Terminate.parse(arguments)) != nil) == isValid)
    }

    @Test
    func `The choice is passed on`() throws {
        #expect(try Terminate.parse(["00C0FFEE12345678"]).selector == TerminateRequest(trace: "00c0ffee12345678"))
        #expect(try Terminate.parse(["--peer", "192.0.2.9"]).selector == TerminateRequest(peer: "192.0.2.9"))
        #expect(try Terminate.parse(["--address", "10.0.0.9"]).selector == TerminateRequest(address: "10.0.0.9"))
        #expect(try Terminate.parse(["--interface", "ppp7"]).selector == TerminateRequest(interface: "ppp7"))
        #expect(try Terminate.parse(["--all"]).selector == TerminateRequest(all: true))
    }
}
