// SPDX-License-Identifier: Apache-2.0
package import Primitives

/// What one control protocol negotiates: the part in which LCP and the network control protocols differ.
package protocol NegotiableOptions: Sendable {
    static var protocolNumber: ProtocolNumber { get }

    /// What we ask for now: the content of the next Configure-Request, and of the Ack that answers it.
    var request: [Option] { get }

    /// Judges what the peer asks for.
    ///
    /// - Parameter mayNak: Whether there is still patience for a counter-proposal. Without it, what would be
    ///   proposed is refused instead (RFC 1661 §4.6, Max-Failure).
    mutating func judge(_ options: [Option], mayNak: Bool) -> OptionsAnswer

    /// The peer proposes other values for these, or wants them to be negotiated.
    mutating func nakReceived(_ options: [Option]) throws(NegotiationError)

    /// The peer does not know these, or will not have them.
    mutating func rejectReceived(_ options: [Option]) throws(NegotiationError)
}

/// What becomes of a Configure-Request.
package enum OptionsAnswer: Hashable, Sendable {
    case ack
    /// The values that would be accepted.
    case nak([Option])
    /// The options as they came.
    case reject([Option])
    /// There is nothing left to propose.
    case hopeless(NegotiationError)
}

/// Why two ends cannot agree.
package enum NegotiationError: Error, Hashable, Sendable {
    /// What we would accept, and what the peer proposed instead (nothing, if it refused without a proposal).
    case authentication(accepted: [AuthenticationMethod], proposed: [AuthenticationProposal])
    case peerAddress(requested: IPAddress?, offered: IPAddress)
    case loop
    /// More Naks or Rejects than a peer that wants to agree would send.
    case endless
    /// The peer negotiates anew, again and again.
    case restless
    case protocolRejected(ProtocolNumber)
    case codeRejected(ControlPacket.Code)
    /// What the user database gave for a peer has no IPv4 address.
    case noIPv4Address
}

extension NegotiationError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .authentication(let accepted, let proposed):
            let ours = accepted.map(\.rawValue).joined(separator: ", ")
            let theirs = proposed.isEmpty ? "none at all" : proposed.map(\.description).joined(separator: ", ")
            return "authentication: the peer wants \(theirs), accepted here: \(ours)"
        case .peerAddress(let requested, let offered):
            let wish = requested.map { "insists on \($0)" } ?? "does not ask for one"
            return "IP address: the peer \(wish), offered was \(offered)"
        case .loop:
            return "our own packets come back: the line is looped"
        case .endless:
            return "the peer refuses every Configure-Request"
        case .restless:
            return "the peer negotiates anew, again and again"
        case .protocolRejected(let number):
            return "the peer rejects the protocol \(number)"
        case .codeRejected(let code):
            return "the peer rejects the code \(code.rawValue)"
        case .noIPv4Address:
            return "the address chosen for the peer is not an IPv4 address"
        }
    }
}

/// An authentication protocol that a peer would rather use.
///
/// - SeeAlso: RFC 1661 §6.2
package struct AuthenticationProposal: Hashable, Sendable {
    package var protocolNumber: ProtocolNumber
    /// Of CHAP alone.
    package var algorithm: UInt8?

    /// From the value of the option; `nil` if it is too short.
    package init?(_ value: ArraySlice<UInt8>) {
        guard value.count >= 2 else { return nil }
        protocolNumber = ProtocolNumber(rawValue: value.prefix(2).reduce(0) { $0 << 8 | UInt16($1) })
        algorithm = protocolNumber == .chap ? value.dropFirst(2).first : nil
    }

    package init(_ method: AuthenticationMethod) {
        switch method {
        case .pap: (protocolNumber, algorithm) = (.pap, nil)
        case .chapMD5: (protocolNumber, algorithm) = (.chap, 5)
        case .mschapv2: (protocolNumber, algorithm) = (.chap, 0x81)
        }
    }

    package var method: AuthenticationMethod? {
        AuthenticationMethod.allCases.first { AuthenticationProposal($0) == self }
    }

    /// The value of the option.
    package var value: [UInt8] {
        var writer = ByteWriter(reservingCapacity: 3)
        writer.integer(protocolNumber.rawValue)
        if let algorithm { writer.integer(algorithm) }
        return writer.bytes
    }
}

extension AuthenticationProposal: CustomStringConvertible {
    package var description: String {
        if let method { return method.rawValue }
        guard let algorithm else { return protocolNumber.description }
        return algorithm == 0x80 ? "mschap" : "\(protocolNumber) algorithm \(algorithm)"
    }
}
