// SPDX-License-Identifier: Apache-2.0
package import Primitives

/// What is wrong with a control message.
package enum MessageError: Error, Hashable, Sendable {
    /// The AVPs cannot be told apart.
    case malformed(DecodeError)
    /// The first AVP is not a Message Type, is hidden, or there is another one later.
    case messageType
    /// A message of an unknown type, with the M bit on the type.
    case unknownMessage(MessageType)
    /// An AVP that we do not know, with the M bit.
    case unknownMandatory(vendor: UInt16, AttributeType)
    case unreadable(AttributeType, HidingError)
    case missing(AttributeType)
    case wrongLength(AttributeType, Int)
    case invalidValue(AttributeType, UInt64)
    /// The Protocol Version AVP.
    case versionNotSupported(UInt16)
}

extension MessageError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .malformed(let error): "AVP with \(error)"
        case .messageType: "no single Message Type at its beginning"
        case .unknownMessage(let type): "unknown mandatory \(type)"
        case .unknownMandatory(0, let attribute): "unknown mandatory AVP: \(attribute)"
        case .unknownMandatory(let vendor, let attribute):
            "unknown mandatory AVP: number \(attribute.rawValue) of vendor \(vendor)"
        case .unreadable(let attribute, .noSecret): "hidden \(attribute), and no secret is configured"
        case .unreadable(let attribute, .noRandomVector): "hidden \(attribute) without a Random Vector before it"
        case .unreadable(let attribute, .impossibleLength): "hidden \(attribute) that our secret does not reveal"
        case .missing(let attribute): "\(attribute) missing"
        case .wrongLength(let attribute, let length): "\(attribute) of \(length) bytes"
        case .invalidValue(let attribute, let value): "\(attribute) with the impossible value \(value)"
        case .versionNotSupported(let version): "protocol version \(version >> 8).\(version & 0xFF)"
        }
    }

    /// The error code a StopCCN or CDN with result 2 carries.
    package var generalError: GeneralError {
        switch self {
        case .malformed, .wrongLength: .wrongLength
        case .messageType, .unknownMessage, .unreadable, .missing, .invalidValue, .versionNotSupported:
            .valueOutOfRange
        case .unknownMandatory: .unknownMandatoryAVP
        }
    }
}

extension StopResult {
    /// What the peer is told. Every error has an answer, or this does not compile.
    package init(answering error: MessageError) {
        self =
            switch error {
            case .versionNotSupported: .versionNotSupported
            case .malformed, .messageType, .unknownMessage, .unknownMandatory, .unreadable, .missing, .wrongLength,
                .invalidValue:
                .generalError(error.generalError, message: error.description)
            }
    }
}

/// A control message that could not be read, with what of it is needed to answer.
package struct MessageFailure: Error, Hashable, Sendable {
    package var error: MessageError
    /// `nil` if not even that could be read.
    package var type: MessageType?
    package var assignedTunnel: TunnelID?
    package var assignedSession: SessionID?

    package init(
        _ error: MessageError,
        type: MessageType? = nil,
        assignedTunnel: TunnelID? = nil,
        assignedSession: SessionID? = nil
    ) {
        self.error = error
        self.type = type
        self.assignedTunnel = assignedTunnel
        self.assignedSession = assignedSession
    }
}
