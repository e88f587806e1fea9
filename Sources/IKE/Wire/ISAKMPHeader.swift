// SPDX-License-Identifier: Apache-2.0
package import Primitives

/// Half of the name of an IKE SA: eight bytes that one end chose. Zero means "not chosen yet".
///
/// - SeeAlso: RFC 2408 §2.5.3
package struct Cookie: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    package let rawValue: UInt64

    package init(rawValue: UInt64) {
        self.rawValue = rawValue
    }

    package static let zero = Cookie(rawValue: 0)
    package static let encodedLength = 8

    package var isZero: Bool { rawValue == 0 }

    /// Eight bytes in network order.
    package var bytes: [UInt8] {
        var writer = ByteWriter(reservingCapacity: 8)
        writer.integer(rawValue)
        return writer.bytes
    }

    /// Sixteen hexadecimal digits.
    package var description: String {
        let digits = String(rawValue, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}

/// What an exchange is for. IANA keeps adding to it, so any number is a value.
///
/// - SeeAlso: RFC 2408 §3.1
package struct ExchangeType: RawRepresentable, Hashable, Sendable {
    package var rawValue: UInt8

    package init(rawValue: UInt8) {
        self.rawValue = rawValue
    }

    package static let identityProtection = Self(rawValue: 2)
    package static let aggressive = Self(rawValue: 4)
    package static let informational = Self(rawValue: 5)
    package static let transaction = Self(rawValue: 6)
    package static let quickMode = Self(rawValue: 32)
    package static let newGroupMode = Self(rawValue: 33)
}

extension ExchangeType: CustomStringConvertible {
    package var description: String {
        switch self {
        case .identityProtection: "main mode"
        case .aggressive: "aggressive mode"
        case .informational: "informational"
        case .transaction: "transaction"
        case .quickMode: "quick mode"
        case .newGroupMode: "new group mode"
        default: "exchange type \(rawValue)"
        }
    }
}

/// The 28 bytes that every ISAKMP message begins with.
///
/// - SeeAlso: RFC 2408 §3.1
package struct ISAKMPHeader: Hashable, Sendable {
    package struct Flags: OptionSet, Hashable, Sendable {
        package let rawValue: UInt8

        package init(rawValue: UInt8) {
            self.rawValue = rawValue
        }

        /// Everything after the header is encrypted.
        package static let encryption = Flags(rawValue: 1)
        /// The sender waits for a CONNECTED notification before it uses what was agreed on.
        package static let commit = Flags(rawValue: 2)
        /// Authenticated but in clear: for key recovery, which nobody does.
        package static let authenticationOnly = Flags(rawValue: 4)
    }

    package static let encodedLength = 28
    /// Longer messages are refused before they are looked at.
    package static let longestMessage = 10_000

    package var initiatorCookie: Cookie
    package var responderCookie: Cookie
    package var nextPayload: PayloadType
    package var majorVersion: UInt8 = 1
    package var minorVersion: UInt8 = 0
    package var exchange: ExchangeType
    /// Bits without a name are kept here and mean nothing.
    package var flags: Flags
    /// Zero in phase 1.
    package var messageID: UInt32
    /// Of the whole message, this header included.
    package var length: UInt32

    package init(
        initiatorCookie: Cookie,
        responderCookie: Cookie,
        nextPayload: PayloadType = .none,
        exchange: ExchangeType,
        flags: Flags = [],
        messageID: UInt32 = 0,
        length: UInt32 = UInt32(ISAKMPHeader.encodedLength)
    ) {
        self.initiatorCookie = initiatorCookie
        self.responderCookie = responderCookie
        self.nextPayload = nextPayload
        self.exchange = exchange
        self.flags = flags
        self.messageID = messageID
        self.length = length
    }

    /// Reads 28 bytes. Whether the values make sense together is for the caller to say.
    package init(from reader: inout ByteReader) throws(DecodeError) {
        initiatorCookie = Cookie(rawValue: try reader.integer())
        responderCookie = Cookie(rawValue: try reader.integer())
        nextPayload = PayloadType(rawValue: try reader.integer())
        let version = try reader.integer(UInt8.self)
        majorVersion = version >> 4
        minorVersion = version & 0x0F
        exchange = ExchangeType(rawValue: try reader.integer())
        flags = Flags(rawValue: try reader.integer())
        messageID = try reader.integer()
        length = try reader.integer()
    }

    /// Writes ``length`` as it is: ``Message`` puts the right one there.
    package func encode(into writer: inout ByteWriter) {
        writer.integer(initiatorCookie.rawValue)
        writer.integer(responderCookie.rawValue)
        writer.integer(nextPayload.rawValue)
        writer.integer(majorVersion << 4 | minorVersion & 0x0F)
        writer.integer(exchange.rawValue)
        writer.integer(flags.rawValue)
        writer.integer(messageID)
        writer.integer(length)
    }
}
