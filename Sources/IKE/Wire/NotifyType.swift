// SPDX-License-Identifier: Apache-2.0

/// What a notification says. Any number is a value; up to 16383 they are errors.
///
/// - SeeAlso: RFC 2408 §3.14.1, RFC 2407 §4.6.3, RFC 3706 §5.4
package struct NotifyType: RawRepresentable, Hashable, Sendable {
    package var rawValue: UInt16

    package init(rawValue: UInt16) {
        self.rawValue = rawValue
    }

    package static let invalidPayloadType = Self(rawValue: 1)
    package static let doiNotSupported = Self(rawValue: 2)
    package static let situationNotSupported = Self(rawValue: 3)
    package static let invalidCookie = Self(rawValue: 4)
    package static let invalidMajorVersion = Self(rawValue: 5)
    package static let invalidExchangeType = Self(rawValue: 7)
    package static let invalidMessageID = Self(rawValue: 9)
    package static let noProposalChosen = Self(rawValue: 14)
    package static let badProposalSyntax = Self(rawValue: 15)
    package static let payloadMalformed = Self(rawValue: 16)
    package static let invalidKeyInformation = Self(rawValue: 17)
    package static let invalidIDInformation = Self(rawValue: 18)
    package static let invalidHashInformation = Self(rawValue: 23)
    package static let authenticationFailed = Self(rawValue: 24)
    package static let unsupportedExchangeType = Self(rawValue: 29)
    package static let connected = Self(rawValue: 16384)
    package static let responderLifetime = Self(rawValue: 24576)
    package static let replayStatus = Self(rawValue: 24577)
    package static let initialContact = Self(rawValue: 24578)
    package static let areYouThere = Self(rawValue: 36136)
    package static let areYouThereAck = Self(rawValue: 36137)

    package var isError: Bool { rawValue < 16384 }
}

extension NotifyType: CustomStringConvertible {
    package var description: String {
        switch self {
        case .invalidPayloadType: "INVALID-PAYLOAD-TYPE"
        case .doiNotSupported: "DOI-NOT-SUPPORTED"
        case .situationNotSupported: "SITUATION-NOT-SUPPORTED"
        case .invalidCookie: "INVALID-COOKIE"
        case .invalidMajorVersion: "INVALID-MAJOR-VERSION"
        case .invalidExchangeType: "INVALID-EXCHANGE-TYPE"
        case .invalidMessageID: "INVALID-MESSAGE-ID"
        case .noProposalChosen: "NO-PROPOSAL-CHOSEN"
        case .badProposalSyntax: "BAD-PROPOSAL-SYNTAX"
        case .payloadMalformed: "PAYLOAD-MALFORMED"
        case .invalidKeyInformation: "INVALID-KEY-INFORMATION"
        case .invalidIDInformation: "INVALID-ID-INFORMATION"
        case .invalidHashInformation: "INVALID-HASH-INFORMATION"
        case .authenticationFailed: "AUTHENTICATION-FAILED"
        case .unsupportedExchangeType: "UNSUPPORTED-EXCHANGE-TYPE"
        case .connected: "CONNECTED"
        case .responderLifetime: "RESPONDER-LIFETIME"
        case .replayStatus: "REPLAY-STATUS"
        case .initialContact: "INITIAL-CONTACT"
        case .areYouThere: "R-U-THERE"
        case .areYouThereAck: "R-U-THERE-ACK"
        default: "notification \(rawValue)"
        }
    }
}
