// SPDX-License-Identifier: Apache-2.0

/// What a payload holds. The numbers of both versions of IKE share one registry; any number is a value.
///
/// - SeeAlso: RFC 2408 §3.1, RFC 3947 §3.2
package struct PayloadType: RawRepresentable, Hashable, Sendable {
    package var rawValue: UInt8

    package init(rawValue: UInt8) {
        self.rawValue = rawValue
    }

    /// Ends a chain.
    package static let none = Self(rawValue: 0)
    package static let securityAssociation = Self(rawValue: 1)
    package static let proposal = Self(rawValue: 2)
    package static let transform = Self(rawValue: 3)
    package static let keyExchange = Self(rawValue: 4)
    package static let identification = Self(rawValue: 5)
    package static let certificate = Self(rawValue: 6)
    package static let certificateRequest = Self(rawValue: 7)
    package static let hash = Self(rawValue: 8)
    package static let signature = Self(rawValue: 9)
    package static let nonce = Self(rawValue: 10)
    package static let notification = Self(rawValue: 11)
    package static let delete = Self(rawValue: 12)
    package static let vendorID = Self(rawValue: 13)
    package static let attribute = Self(rawValue: 14)
    package static let natDiscovery = Self(rawValue: 20)
    package static let natOriginalAddress = Self(rawValue: 21)
    /// ``natDiscovery`` in the drafts 01 to 03 of RFC 3947.
    package static let natDiscoveryDraft = Self(rawValue: 130)
    /// ``natOriginalAddress`` in the drafts 01 to 03 of RFC 3947.
    package static let natOriginalAddressDraft = Self(rawValue: 131)
    /// A piece of a larger message, by the vendors' common practice.
    package static let fragment = Self(rawValue: 132)
}

extension PayloadType: CustomStringConvertible {
    package var description: String {
        switch self {
        case .none: "NONE"
        case .securityAssociation: "SA"
        case .proposal: "P"
        case .transform: "T"
        case .keyExchange: "KE"
        case .identification: "ID"
        case .certificate: "CERT"
        case .certificateRequest: "CR"
        case .hash: "HASH"
        case .signature: "SIG"
        case .nonce: "NONCE"
        case .notification: "N"
        case .delete: "D"
        case .vendorID: "VID"
        case .attribute: "ATTR"
        case .natDiscovery, .natDiscoveryDraft: "NAT-D"
        case .natOriginalAddress, .natOriginalAddressDraft: "NAT-OA"
        case .fragment: "FRAGMENT"
        default: "payload \(rawValue)"
        }
    }
}
