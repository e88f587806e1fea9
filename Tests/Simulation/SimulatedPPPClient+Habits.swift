// SPDX-License-Identifier: Apache-2.0
package import PPP

extension SimulatedPPPClient {
    /// What tells clients apart.
    package struct Habits: Hashable, Sendable {
        /// Of its first LCP Configure-Request, in order.
        package var lcp = [PPP.Option(1, integer: UInt16(1400)), Self.magicNumber]
        /// Of its first IPCP Configure-Request, in order.
        package var ipcp = [Self.address, Self.primaryDNS, Self.secondaryDNS]
        /// Network control protocols that it begins before IPCP, each until it is rejected.
        package var others: [ControlProtocol] = []
        /// LCP Identification packets, sent when LCP is open.
        package var identifications: [String] = []
        /// Network control protocols begin together with the proof.
        package var isEager = false
        /// Of its first LCP packet.
        package var firstIdentifier: UInt8 = 1

        package init() {}
    }
}

extension SimulatedPPPClient.Habits {
    package struct ControlProtocol: Hashable, Sendable {
        package var number: ProtocolNumber
        package var options: [PPP.Option]

        package init(_ number: ProtocolNumber, _ options: [PPP.Option]) {
            self.number = number
            self.options = options
        }

        /// - Parameter bits: Of the MPPE option: 0x01 is compression, 0x20 40 bits, 0x40 128 bits, 0x80 56 bits,
        ///   0x01000000 a key per packet.
        /// - SeeAlso: RFC 3078 §2.1
        package static func mppe(_ bits: UInt32) -> Self { Self(.ccp, [PPP.Option(18, integer: bits)]) }

        /// The interface identifier of a link-local address.
        package static func ipv6(_ identifier: UInt64) -> Self { Self(.ipv6cp, [PPP.Option(1, integer: identifier)]) }
    }

    /// Stands for a random one.
    package static let magicNumber = PPP.Option(5, integer: UInt32(0))
    package static let noControlCharacters = PPP.Option(2, integer: UInt32(0))
    package static let protocolFieldCompression = PPP.Option(7)
    package static let addressAndControlFieldCompression = PPP.Option(8)
    /// Callback, to be agreed on by CBCP.
    package static let callback = PPP.Option(13, [6])

    package static func mru(_ length: UInt16) -> PPP.Option { PPP.Option(1, integer: length) }
    /// Multilink.
    package static func mrru(_ length: UInt16) -> PPP.Option { PPP.Option(17, integer: length) }

    package static let address = PPP.Option(3, integer: UInt32(0))
    package static let primaryDNS = PPP.Option(129, integer: UInt32(0))
    package static let primaryWINS = PPP.Option(130, integer: UInt32(0))
    package static let secondaryDNS = PPP.Option(131, integer: UInt32(0))
    package static let secondaryWINS = PPP.Option(132, integer: UInt32(0))
    /// Van Jacobson's, sixteen slots.
    package static let headerCompression = PPP.Option(2, [0x00, 0x2D, 0x0F, 0x01])
}
