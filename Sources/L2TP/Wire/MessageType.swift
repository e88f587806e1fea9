// SPDX-License-Identifier: Apache-2.0

/// The type of a control message.
///
/// - SeeAlso: RFC 2661 §3.2
package struct MessageType: RawRepresentable, Hashable, Sendable {
    package var rawValue: UInt16

    package init(rawValue: UInt16) {
        self.rawValue = rawValue
    }

    package static let sccrq = Self(rawValue: 1)
    package static let sccrp = Self(rawValue: 2)
    package static let scccn = Self(rawValue: 3)
    package static let stopCCN = Self(rawValue: 4)
    package static let hello = Self(rawValue: 6)
    package static let ocrq = Self(rawValue: 7)
    package static let ocrp = Self(rawValue: 8)
    package static let occn = Self(rawValue: 9)
    package static let icrq = Self(rawValue: 10)
    package static let icrp = Self(rawValue: 11)
    package static let iccn = Self(rawValue: 12)
    package static let cdn = Self(rawValue: 14)
    package static let wen = Self(rawValue: 15)
    package static let sli = Self(rawValue: 16)

    /// Whether it speaks of one session, so that what is wrong with it ends that session and not the tunnel.
    package var concernsSession: Bool { rawValue >= Self.ocrq.rawValue && rawValue <= Self.sli.rawValue }
}

extension MessageType: CustomStringConvertible {
    package var description: String {
        switch self {
        case .sccrq: "SCCRQ"
        case .sccrp: "SCCRP"
        case .scccn: "SCCCN"
        case .stopCCN: "StopCCN"
        case .hello: "HELLO"
        case .ocrq: "OCRQ"
        case .ocrp: "OCRP"
        case .occn: "OCCN"
        case .icrq: "ICRQ"
        case .icrp: "ICRP"
        case .iccn: "ICCN"
        case .cdn: "CDN"
        case .wen: "WEN"
        case .sli: "SLI"
        default: "message type \(rawValue)"
        }
    }
}
