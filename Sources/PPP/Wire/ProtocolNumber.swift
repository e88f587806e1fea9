// SPDX-License-Identifier: Apache-2.0

/// What a frame carries. The numbers are IANA's; the ones we act on have names.
///
/// - SeeAlso: RFC 1661 §2
package struct ProtocolNumber: RawRepresentable, Hashable, Sendable {
    package var rawValue: UInt16

    package init(rawValue: UInt16) {
        self.rawValue = rawValue
    }

    package static let ipv4 = Self(rawValue: 0x0021)
    package static let ipv6 = Self(rawValue: 0x0057)
    package static let ipcp = Self(rawValue: 0x8021)
    package static let ipv6cp = Self(rawValue: 0x8057)
    package static let ccp = Self(rawValue: 0x80FD)
    package static let lcp = Self(rawValue: 0xC021)
    package static let pap = Self(rawValue: 0xC023)
    package static let linkQualityReport = Self(rawValue: 0xC025)
    package static let chap = Self(rawValue: 0xC223)
    package static let eap = Self(rawValue: 0xC227)
}

extension ProtocolNumber: CustomStringConvertible {
    /// The name, or the number as `0x80fb`.
    package var description: String {
        switch self {
        case .ipv4: "IPv4"
        case .ipv6: "IPv6"
        case .ipcp: "IPCP"
        case .ipv6cp: "IPv6CP"
        case .ccp: "CCP"
        case .lcp: "LCP"
        case .pap: "PAP"
        case .linkQualityReport: "LQR"
        case .chap: "CHAP"
        case .eap: "EAP"
        default: "0x" + hexadecimal(rawValue, digits: 4)
        }
    }
}

/// Lower case, with leading zeros.
func hexadecimal(_ value: some FixedWidthInteger & UnsignedInteger, digits: Int) -> String {
    let text = String(value, radix: 16)
    return String(repeating: "0", count: max(digits - text.count, 0)) + text
}
