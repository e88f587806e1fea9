// SPDX-License-Identifier: Apache-2.0
internal import DataPlane
package import IKE
internal import Primitives

/// What stands around a user's packet on the wire, and so how large that packet may be.
package struct EncapsulationOverhead: Hashable, Sendable {
    let outerMTU: Int
    let ipHeader: Int
    let udpEncapsulation: Int
    let transform: ESPTransform
    /// Six bytes of flags and ids; ten with sequence numbers.
    let l2tpHeader: Int

    package init(of child: ChildSA, usesSequenceNumbers: Bool, outerMTU: Int) {
        self.outerMTU = outerMTU
        ipHeader = child.local.address.isV4 ? 20 : 40
        udpEncapsulation = child.isEncapsulated ? 8 : 0
        transform = child.transform
        l2tpHeader = usesSequenceNumbers ? 10 : 6
    }

    private static let espHeader = 8
    private static let espTrailer = 2
    private static let innerUDP = 8
    /// Address, control and protocol fields, as the kernel writes them.
    private static let pppHeader = 4

    /// The largest IP packet inside PPP that leaves in one outer packet.
    package var mtu: Int {
        let forESP = outerMTU - ipHeader - udpEncapsulation - Self.espHeader - transform.ivLength - transform.icvLength
        let padded = forESP / transform.blockLength * transform.blockLength
        return padded - Self.espTrailer - Self.innerUDP - l2tpHeader - Self.pppHeader
    }

    /// The same arithmetic for people.
    package var explanation: String {
        let padding =
            outerMTU - ipHeader - udpEncapsulation - Self.espHeader - transform.ivLength - transform.icvLength
            - Self.espTrailer - Self.innerUDP - l2tpHeader - Self.pppHeader - mtu
        return "\(outerMTU) - IP \(ipHeader)" + (udpEncapsulation > 0 ? " - UDP \(udpEncapsulation)" : "")
            + " - ESP \(Self.espHeader) - IV \(transform.ivLength) - ICV \(transform.icvLength) - trailer \(Self.espTrailer)"
            + (padding > 0 ? " - block \(padding)" : "")
            + " - UDP \(Self.innerUDP) - L2TP \(l2tpHeader) - PPP \(Self.pppHeader) = \(mtu)"
    }
}
