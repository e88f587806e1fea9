// SPDX-License-Identifier: Apache-2.0
package import Primitives

/// What pieces of messages have to tell.
package enum FragmentationEvent: Hashable, Sendable {
    case refused(Refusal)
    /// The rest of a message did not come in time.
    case unfinished(pieces: Int)

    /// Why a piece is of no use.
    package enum Refusal: Hashable, Sendable {
        case malformed(DecodeError)
        /// It belongs to an exchange that has not begun: nothing is kept for strangers.
        case firstMessage
        case tooManyPieces(Int)
        /// In bytes.
        case tooLong(Int)
        /// It has the number of another piece, or does not agree with the others on which is the last.
        case disagreement(Int)
        /// Unfinished messages of one source.
        case source(Int)
        /// What the pieces make is no message.
        case unreadable(DecodeError)
        case nested
        case otherCookies

        var mayBeginAnother: Bool { if case .disagreement = self { true } else { false } }

        package var text: String {
            switch self {
            case .malformed(let error): "\(error)"
            case .firstMessage: "it is of the first message of an exchange, for which nothing is kept"
            case .tooManyPieces(let limit): "the message has more than \(limit) pieces"
            case .tooLong(let limit): "the message is longer than \(limit) bytes"
            case .disagreement(let number): "piece \(number) does not go with those that came before"
            case .source(let limit): "\(limit) messages of this address wait for the rest of their pieces"
            case .unreadable(let error): "together the pieces make no message: \(error)"
            case .nested: "together the pieces make another piece"
            case .otherCookies: "together the pieces make a message of another exchange"
            }
        }
    }

    package var description: EventDescription {
        switch self {
        case .refused(let refusal):
            EventDescription(
                .ike,
                .notice,
                "fragment-refused",
                "a piece of a message is of no use: \(refusal.text)",
                remedy: "none is needed if it is rare; if a client does not connect report it with a packet capture"
            )
        case .unfinished(let pieces):
            EventDescription(
                .ike,
                .notice,
                "fragments-unfinished",
                "of a message that came in pieces only \(pieces) arrived",
                remedy: "the network between loses packets: check the MTU of the path, and firewalls that limit UDP"
            )
        }
    }
}
