// SPDX-License-Identifier: Apache-2.0
import FoundationEssentials
import Primitives
import Runtime
import Testing

struct LogLineTests {
    private let time = WallClockTime(milliseconds: 1_795_222_923_456)
    private let trace = TraceID(rawValue: 0x0123_4567_89AB_CDEF)
    private let peer = SocketAddress(.v4(0xCB00_710A), port: 500)

    private func text(_ description: EventDescription, as format: LogFormat = .text) -> String {
        String(
            decoding: LogLine(time: time, description: description, trace: trace, peer: peer).bytes(as: format),
            as: UTF8.self
        )
    }

    private let refusal = EventDescription(
        .ike,
        .warning,
        "no-proposal-chosen",
        "the peer offered 3des-sha1-modp1024, accepted are aes256-sha256-modp2048",
        remedy: "add modp1024 to ike.profiles.allow-legacy"
    )

    @Test func looksLikeThisInText() {
        #expect(
            text(refusal) == """
                2026-11-21T01:02:03.456Z warning ike no-proposal-chosen trace=0123456789abcdef peer=203.0.113.10:500: \
                the peer offered 3des-sha1-modp1024, accepted are aes256-sha256-modp2048; \
                remedy: add modp1024 to ike.profiles.allow-legacy

                """
        )
    }

    @Test func looksLikeThisInJSON() {
        #expect(
            text(refusal, as: .json) == """
                {"time":"2026-11-21T01:02:03.456Z","level":"warning","layer":"ike","event":"no-proposal-chosen",\
                "trace":"0123456789abcdef","peer":"203.0.113.10:500",\
                "message":"the peer offered 3des-sha1-modp1024, accepted are aes256-sha256-modp2048",\
                "remedy":"add modp1024 to ike.profiles.allow-legacy"}

                """
        )
    }

    @Test func leavesOutWhatIsNotKnown() {
        let line = LogLine(
            time: time,
            description: EventDescription(.control, .notice, "ready", "ready"),
            trace: nil,
            peer: nil
        )
        #expect(
            String(decoding: line.bytes(as: .text), as: UTF8.self)
                == "2026-11-21T01:02:03.456Z notice control ready: ready\n"
        )
        #expect(
            String(decoding: line.bytes(as: .json), as: UTF8.self)
                == #"{"time":"2026-11-21T01:02:03.456Z","level":"notice","layer":"control","event":"ready","#
                + #""message":"ready"}"# + "\n"
        )
    }

    @Test func showsFieldsBeforeTheMessage() {
        let up = EventDescription(
            .ppp,
            .info,
            "up",
            "up",
            fields: [.init("user", "alice"), .init("host", "a b"), .init("spi", 7)]
        )
        #expect(text(up).contains(#" peer=203.0.113.10:500 user=alice host="a b" spi=7: up"#))
        #expect(text(up, as: .json).contains(#""fields":{"user":"alice","host":"a b","spi":"7"}"#))
    }

    @Test(arguments: [
        ("a\nb", #"a\x0ab"#, #"a\u000ab"#),
        ("\u{1B}[31m", #"\x1b[31m"#, #"\u001b[31m"#),
        ("\u{0}\u{7F}\u{85}", #"\x00\x7f\xc2\x85"#, #"\u0000\u007f\u0085"#),
        (#"back\slash"#, #"back\\slash"#, #"back\\slash"#),
        ("\u{202E}txt", #"\xe2\x80\xaetxt"#, #"\u202etxt"#),
        ("é😀", #"\xc3\xa9\xf0\x9f\x98\x80"#, #"\u00e9\ud83d\ude00"#),
        ("\u{2028}", #"\xe2\x80\xa8"#, #"\u2028"#),
    ])
    func letsNothingThroughThatAPeerCouldPlayTricksWith(peerText: String, inText: String, inJSON: String) {
        let event = EventDescription(.l2tp, .info, "x", peerText, remedy: peerText, fields: [.init("host", peerText)])
        let line = text(event)
        #expect(line.contains(": \(inText); remedy: \(inText)\n"))
        #expect(line.contains("host=\(inText):") || line.contains("host=\"\(inText)\":"))
        #expect(line.utf8.dropLast().allSatisfy { (0x20...0x7E).contains($0) })
        let json = text(event, as: .json)
        #expect(json.contains(#""message":"\#(inJSON)""#))
        #expect(json.utf8.dropLast().allSatisfy { (0x20...0x7E).contains($0) })
    }

    @Test func aFieldCannotPretendToBeAnother() {
        let event = EventDescription(
            .l2tp,
            .info,
            "x",
            "y",
            fields: [.init("host", #"" user=root: fine"#), .init("name", "a=b")]
        )
        #expect(text(event).contains(#" host="\" user=root: fine" name="a=b": y"#))
        #expect(text(event, as: .json).contains(#""host":"\" user=root: fine""#))
    }

    @Test(arguments: LogFormat.allCases)
    func isNeverLongerThanAPipeTakesWhole(format: LogFormat) {
        for filler in ["a", "\n", "\"", "\u{1F600}", "\u{0}"] {
            let long = String(repeating: filler, count: 70_000)
            let event = EventDescription(
                .ike,
                .warning,
                "x",
                long,
                remedy: long,
                fields: (0..<100).map { .init("field\($0)", long) }
            )
            let line = LogLine(time: time, description: event, trace: trace, peer: peer).bytes(as: format)
            #expect(line.count <= 4096)
            #expect(line.count { $0 == 0x0A } == 1)
            #expect(line.last == 0x0A)
        }
    }

    @Test func isJSONWhateverThePeerSays() throws {
        struct Line: Decodable {
            var message: String
            var fields: [String: String]
        }
        for filler in ["a", "\n", "\"", "\\", "\u{1F600}"] {
            let value = String(repeating: filler, count: 30)
            let event = EventDescription(
                .ike,
                .warning,
                "x",
                value,
                fields: [.init("one", value), .init("two", value)]
            )
            let line = try JSONDecoder().decode(Line.self, from: Data(text(event, as: .json).utf8))
            #expect(line.message == value)
            #expect(line.fields == ["one": value, "two": value])
        }
        let long = String(repeating: "\n", count: 9000)
        let event = EventDescription(.ike, .warning, "x", long, fields: (0..<50).map { .init("f\($0)", long) })
        let line = try JSONDecoder().decode(Line.self, from: Data(text(event, as: .json).utf8))
        #expect(line.message.hasSuffix("..."))
        #expect(!line.fields.isEmpty)
    }
}
