// SPDX-License-Identifier: Apache-2.0
import PPP
import Primitives
import Testing

struct EventTests {
    private static let parameters = NetworkParameters(
        localAddress: IPAddress("10.99.0.1")!,
        peerAddress: IPAddress("10.99.0.2")!,
        peerMRU: 1400
    )

    static let kinds: [Event.Kind] = [
        .lcpOpened(method: .mschapv2, peerMRU: 1400),
        .authenticated(userName: "alice", method: .pap),
        .userRefused(userName: "alice", method: .mschapv2, .wrongPassword, isFinal: false),
        .networkUp(parameters, userName: "alice"),
        .networkDown(userName: "alice"),
        .negotiationFailed(.lcp, .authentication(accepted: [.mschapv2], proposed: [])),
        .loopDetected,
        .echoTimeout(unanswered: 4, silence: .seconds(150)),
        .triesExhausted(3),
        .setUpTimeout(phase: "authenticate", after: .seconds(60)),
        .peerSilent(.lcp, count: 10),
        .terminatedByPeer(message: "bye"),
        .protocolRejected(.ccp),
        .malformedPacket(.lcp, .invalidLength(3)),
        .unexpectedPacket(.chap, CHAPValue.challenge),
        .answersLimited(.lcp),
        .identification("MSRAS"),
        .userChanged(from: "alice", to: "bob"),
    ]

    @Test func everyKindHasItsOwnNameInKebabCase() {
        let names = Self.kinds.map(\.description.name)
        #expect(Set(names).count == Self.kinds.count)
        for name in names { #expect(name.allSatisfy { $0 == "-" || ("a"..."z").contains($0) }) }
    }

    @Test(arguments: kinds)
    func warningsComeWithARemedy(_ kind: Event.Kind) {
        let description = kind.description
        #expect(!description.message.isEmpty && !description.message.hasSuffix("."))
        if description.severity >= .notice { #expect(description.remedy != nil) }
    }

    @Test func aRefusalNamesUserReasonAndRemedy() {
        let description = Event.Kind.userRefused(
            userName: "alice",
            method: .chapMD5,
            .methodUnsuitable,
            isFinal: true
        ).description
        #expect(description.layer == .authentication)
        #expect(
            description.message
                == "User alice is refused with chap-md5: what is stored about the user does not serve this method"
        )
        #expect(
            description.remedy
                == "Store the password itself for this user, or take chap-md5 out of ppp.authentication"
        )
        #expect(description.fields == [EventDescription.Field("user", "alice")])
    }

    @Test("P15: a peer's text cannot forge a log line")
    func aPeersTextCannotForgeALogLine() {
        let evil = "al\nice\u{1B}[2J\u{202E}\u{0}"
        let description = Event.Kind.authenticated(userName: evil, method: .pap).description
        #expect(description.message == "User al\\u{a}ice\\u{1b}[2J\\u{202e}\\u{0} is authenticated by pap")
    }
}
