// SPDX-License-Identifier: Apache-2.0
package import Primitives

extension Event.Kind {
    package var description: EventDescription {
        switch self {
        case .lcpOpened(let method, let peerMRU):
            EventDescription(
                .ppp,
                .debug,
                "lcp-opened",
                "LCP is open, the peer takes packets of \(peerMRU) bytes and proves itself with \(method.rawValue)"
            )
        case .authenticated(let userName, let method):
            EventDescription(
                .authentication,
                .info,
                "user-authenticated",
                "User \(printable(userName)) is authenticated by \(method.rawValue)",
                fields: [EventDescription.Field("user", printable(userName))]
            )
        case .userRefused(let userName, let method, let refusal, let isFinal):
            EventDescription(
                .authentication,
                .warning,
                "user-refused",
                "User \(printable(userName)) is refused with \(method.rawValue): \(refusal.reason)"
                    + (isFinal ? "" : ", and may try again"),
                remedy: refusal.remedy(method),
                fields: [EventDescription.Field("user", printable(userName))],
                facts: [
                    EventDescription.Field("reason", refusal.name), EventDescription.Field("method", method.rawValue),
                ]
            )
        case .networkUp(let parameters, let userName):
            EventDescription(
                .ppp,
                .info,
                "network-up",
                "User \(printable(userName)) has the address \(parameters.peerAddress)",
                fields: [
                    EventDescription.Field("user", printable(userName)),
                    EventDescription.Field("address", parameters.peerAddress),
                    EventDescription.Field("peer-mru", parameters.peerMRU),
                ]
            )
        case .networkDown(let userName):
            EventDescription(
                .ppp,
                .info,
                "network-down",
                "IP no longer flows for user \(printable(userName))",
                fields: [EventDescription.Field("user", printable(userName))]
            )
        case .negotiationFailed(let number, let error):
            EventDescription(
                .ppp,
                .warning,
                "negotiation-failed",
                "\(number) cannot be agreed on: \(error)",
                remedy: error.remedy
            )
        case .loopDetected, .echoTimeout, .triesExhausted, .setUpTimeout, .peerSilent, .terminatedByPeer, .userChanged:
            endDescription
        case .protocolRejected, .malformedPacket, .unexpectedPacket, .answersLimited, .identification:
            packetDescription
        }
    }

    /// Of what ends a link.
    private var endDescription: EventDescription {
        switch self {
        case .loopDetected:
            EventDescription(
                .ppp,
                .warning,
                "loop-detected",
                "Our own magic number came back: the line is looped",
                remedy: "Look for a peer or a relay that returns what it is sent"
            )
        case .echoTimeout(let unanswered, let silence):
            EventDescription(
                .ppp,
                .notice,
                "echo-timeout",
                "The peer was not heard for \(silence.components.seconds) s, "
                    + "and left \(unanswered) Echo-Requests unanswered",
                remedy: "See whether the peer's network is gone; if it only sleeps, raise the silence limit",
                fields: [EventDescription.Field("silence", silence.components.seconds)]
            )
        case .triesExhausted(let count):
            EventDescription(
                .authentication,
                .warning,
                "tries-exhausted",
                "The peer failed \(count) times to prove who it is, and may not try again on this link",
                remedy: "Correct the password on the client or in the users file, then dial again"
            )
        case .setUpTimeout(let phase, let after):
            EventDescription(
                .ppp,
                .warning,
                "set-up-timeout",
                "The link was still in phase \(phase) after \(after)",
                remedy: "See what the peer's log says it waits for; a slow user database needs a longer time-out"
            )
        case .peerSilent(let number, let count):
            EventDescription(
                .ppp,
                .notice,
                "peer-silent",
                "The peer answered none of \(count) requests of \(number)",
                remedy: "Check that packets from here reach the peer; its log names what it discards"
            )
        case .terminatedByPeer(let message):
            EventDescription(
                .ppp,
                .info,
                "terminated-by-peer",
                "The peer said goodbye" + (message.isEmpty ? "" : ": \(printable(message))"),
                facts: message.isEmpty ? [] : [EventDescription.Field("peer-text", printable(message))]
            )
        case .userChanged(let from, let to):
            EventDescription(
                .authentication,
                .warning,
                "user-changed",
                "A link of user \(printable(from)) came back as user \(printable(to)), and was closed",
                remedy: "A client that changes users has to dial again",
                facts: [
                    EventDescription.Field("user", printable(from)), EventDescription.Field("new-user", printable(to)),
                ]
            )
        case .lcpOpened, .authenticated, .userRefused, .networkUp, .networkDown, .negotiationFailed,
            .protocolRejected, .malformedPacket, .unexpectedPacket, .answersLimited, .identification:
            description
        }
    }

    /// Of single packets.
    private var packetDescription: EventDescription {
        switch self {
        case .protocolRejected(let number):
            EventDescription(.ppp, .debug, "protocol-rejected", "The peer asks for \(number), which is not spoken here")
        case .malformedPacket(let number, let error):
            EventDescription(
                .ppp,
                .notice,
                "malformed-packet",
                "A \(number.map { "\($0) packet" } ?? "frame") was discarded: \(error)",
                remedy: "If it keeps coming, the peer is broken or hostile"
            )
        case .unexpectedPacket(let number, let code):
            EventDescription(
                .ppp,
                .debug,
                "unexpected-packet",
                "A \(number) packet of code \(code.rawValue) does not fit in here and was discarded"
            )
        case .answersLimited(let number):
            EventDescription(
                .ppp,
                .notice,
                "answers-limited",
                "More \(number) packets came than are answered in a second",
                remedy: "If it keeps coming, the peer is broken or hostile"
            )
        case .identification(let text):
            EventDescription(
                .ppp,
                .debug,
                "identification",
                "The peer calls itself \(printable(text))",
                facts: [EventDescription.Field("peer-text", printable(text))]
            )
        case .lcpOpened, .authenticated, .userRefused, .networkUp, .networkDown, .negotiationFailed,
            .loopDetected, .echoTimeout, .triesExhausted, .setUpTimeout, .peerSilent, .terminatedByPeer, .userChanged:
            description
        }
    }
}

extension AuthenticationVerdict.Refusal {
    /// Stable, for machines.
    fileprivate var name: String {
        switch self {
        case .unknownUser: "unknown-user"
        case .wrongPassword: "wrong-password"
        case .methodUnsuitable: "method-unsuitable"
        case .disabled: "disabled"
        case .throttled: "throttled"
        }
    }

    fileprivate var reason: String {
        switch self {
        case .unknownUser: "there is no such user"
        case .wrongPassword: "the password is wrong"
        case .methodUnsuitable: "what is stored about the user does not serve this method"
        case .disabled: "the user is disabled"
        case .throttled: "there were too many failures before, so nobody looked"
        }
    }

    fileprivate func remedy(_ method: AuthenticationMethod) -> String {
        switch self {
        case .unknownUser: "Add the user to the users file, or correct the name on the client"
        case .wrongPassword: "Correct the password on the client or in the users file"
        case .methodUnsuitable:
            "Store the password itself for this user, or take \(method.rawValue) out of ppp.authentication"
        case .disabled: "Enable the user in the users file"
        case .throttled: "Correct the password stored on the client, and wait until the lock ends"
        }
    }
}

extension NegotiationError {
    fileprivate var remedy: String {
        switch self {
        case .authentication: "Allow one of these methods on the client, or add it to ppp.authentication"
        case .peerAddress: "Let the client take the address it is given, or give its user that address"
        case .loop: "Look for a peer or a relay that returns what it is sent"
        case .endless, .restless, .protocolRejected, .codeRejected: "See the peer's log for what it objects to"
        case .noIPv4Address: "Give the pool or the user an IPv4 address"
        }
    }
}

/// A peer's text as it may stand in a log: what could move the cursor or hide text is spelled out.
private func printable(_ text: String) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
        switch scalar.properties.generalCategory {
        case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator:
            result += "\\u{\(String(scalar.value, radix: 16))}"
        default:
            result.unicodeScalars.append(scalar)
        }
    }
    return result
}
