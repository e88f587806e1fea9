// SPDX-License-Identifier: Apache-2.0
internal import Primitives

/// What IPCP negotiates: the peer's address and the name servers it is to use.
///
/// - SeeAlso: RFC 1332 §3, RFC 1877 §1
package struct IPCPOptions: NegotiableOptions {
    package static let protocolNumber = ProtocolNumber.ipcp

    package enum OptionType {
        package static let address: UInt8 = 3
        package static let primaryDNS: UInt8 = 129
        package static let primaryWINS: UInt8 = 130
        package static let secondaryDNS: UInt8 = 131
        package static let secondaryWINS: UInt8 = 132
    }

    package private(set) var offer: NetworkOffer
    private var asksForOwnAddress = true

    /// - Throws: ``NegotiationError/noIPv4Address`` if the peer's or our address is of another family.
    package init(_ offer: NetworkOffer) throws(NegotiationError) {
        guard offer.localAddress.isV4, offer.peerAddress.isV4 else { throw .noIPv4Address }
        self.offer = offer
        self.offer.dns.removeAll { !$0.isV4 }
        self.offer.wins.removeAll { !$0.isV4 }
    }

    package var request: [Option] {
        asksForOwnAddress ? [IPCPOptions.option(OptionType.address, offer.localAddress)] : []
    }

    package mutating func judge(_ options: [Option], mayNak: Bool) -> OptionsAnswer {
        var naks: [Option] = []
        var rejects: [Option] = []
        var requested: Option?
        for option in options {
            if option.type == OptionType.address { requested = option }
            guard let right = value(for: option.type) else {
                rejects.append(option)
                continue
            }
            let proposal = IPCPOptions.option(option.type, right)
            guard proposal != option else { continue }
            if mayNak { naks.append(proposal) } else { rejects.append(option) }
        }
        let address = IPCPOptions.option(OptionType.address, offer.peerAddress)
        if requested != address, !mayNak {
            let wish = requested.flatMap { IPAddress(bytes: $0.value) }
            return .hopeless(.peerAddress(requested: wish, offered: offer.peerAddress))
        }
        guard rejects.isEmpty else { return .reject(rejects) }
        // RFC 1332 §3.3: an address that the peer does not ask for is appended to the Nak.
        if requested == nil { naks.append(address) }
        return naks.isEmpty ? .ack : .nak(naks)
    }

    /// What we want the peer to have there; `nil` if it cannot have that option.
    private func value(for type: UInt8) -> IPAddress? {
        switch type {
        case OptionType.address: offer.peerAddress
        case OptionType.primaryDNS: offer.dns.first
        case OptionType.secondaryDNS: offer.dns.dropFirst().first
        case OptionType.primaryWINS: offer.wins.first
        case OptionType.secondaryWINS: offer.wins.dropFirst().first
        default: nil
        }
    }

    private static func option(_ type: UInt8, _ address: IPAddress) -> Option {
        Option(type, address.bytes[...])
    }

    /// Our address is what it is: a peer that keeps on proposing another one is given up on by the counter.
    package mutating func nakReceived(_ options: [Option]) throws(NegotiationError) {}

    package mutating func rejectReceived(_ options: [Option]) throws(NegotiationError) {
        if options.contains(where: { $0.type == OptionType.address }) { asksForOwnAddress = false }
    }
}
