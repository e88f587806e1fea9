// SPDX-License-Identifier: Apache-2.0
import L2TP
import Primitives
import Testing

struct EventTests {
    private static let failure = MessageFailure(.missing(.hostName), type: .sccrq)
    private static let key = SessionKey(tunnel: tunnel(1), session: session(2))

    /// The names are counters: operators build on them.
    @Test func everyKindHasItsName() {
        let kinds: [(Event.Kind, String)] = [
            (.malformedDatagram(.invalidLength(3)), "malformed-message"),
            (.malformedRequest(Self.failure), "malformed-message"),
            (.unknownTunnel(tunnel(1)), "unknown-tunnel"), (.foreignTunnel(tunnel(1)), "foreign-tunnel"),
            (.unexpectedSource(tunnel(1), address(1)), "unexpected-source"),
            (.dataForUnknownSession(nil, nil), "data-for-unknown-session"),
            (.connectionLimitReached(hostName: "a", limit: 8), "tunnel-limit-reached"),
            (.tooManyRequests(hostName: "a"), "tunnel-rate-limited"),
            (.noSecret(hostName: "a"), "tunnel-secret-missing"),
            (.authenticationFailed(tunnel(1), hostName: "a"), "tunnel-authentication-failed"),
            (.connectionFailed(tunnel(1), Self.failure), "malformed-message"),
            (.connectionTimedOut(tunnel(1), waitingFor: .scccn), "tunnel-establishment-timeout"),
            (.peerSilent(tunnel(1), for: .seconds(150)), "tunnel-peer-silent"),
            (.peerRestarted(tunnel(1)), "tunnel-peer-restarted"),
            (.connectionStopped(tunnel(1), by: .peer, nil), "tunnel-stopped"),
            (.unexpectedMessage(tunnel(1), .sccrp, in: "established"), "unexpected-message"),
            (.unknownMessage(tunnel(1), MessageType(rawValue: 99)), "unknown-message"),
            (.ignoredAVP(tunnel(1), .missing(.hostName)), "ignored-avp"),
            (.messageOutsideWindow(tunnel(1), SequenceNumber(3)), "message-outside-window"),
            (.sessionRefused(tunnel(1), Self.failure), "malformed-message"),
            (.sessionLimitReached(tunnel(1), limit: 4), "session-limit-reached"),
            (.outgoingCallRefused(tunnel(1)), "outgoing-call-refused"),
            (.sessionFailed(Self.key, "x"), "session-failed"),
            (.sessionTimedOut(Self.key), "session-establishment-timeout"),
            (.unknownSession(tunnel(1), .iccn), "unknown-session"),
            (
                .callErrors(
                    Self.key,
                    CallErrors(
                        crcErrors: 1,
                        framingErrors: 0,
                        hardwareOverruns: 0,
                        bufferOverruns: 0,
                        timeoutErrors: 0,
                        alignmentErrors: 0
                    )
                ), "wan-errors"
            ),
        ]
        for (kind, name) in kinds {
            let description = kind.description
            #expect(description.name == name)
            #expect(description.layer == .l2tp)
            #expect(!description.message.isEmpty && !description.message.hasSuffix("."))
        }
    }

    @Test func saysWhatWasWrong() {
        let event = Event(trace: someTrace, peer: address(1), kind: .malformedRequest(Self.failure))
        #expect(event.description.message == "SCCRQ outside of a tunnel is not acceptable: Host Name missing")
    }
}
