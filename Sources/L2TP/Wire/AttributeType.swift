// SPDX-License-Identifier: Apache-2.0

/// The type of an AVP within the IETF's own number space. IANA keeps adding to it,
/// so any number is a valid value; the ones of RFC 2661 have names and ``properties``.
///
/// - SeeAlso: RFC 2661 §4.4
package struct AttributeType: RawRepresentable, Hashable, Sendable {
    package var rawValue: UInt16

    package init(rawValue: UInt16) {
        self.rawValue = rawValue
    }

    package static let messageType = Self(rawValue: 0)
    package static let resultCode = Self(rawValue: 1)
    package static let protocolVersion = Self(rawValue: 2)
    package static let framingCapabilities = Self(rawValue: 3)
    package static let bearerCapabilities = Self(rawValue: 4)
    package static let tieBreaker = Self(rawValue: 5)
    package static let firmwareRevision = Self(rawValue: 6)
    package static let hostName = Self(rawValue: 7)
    package static let vendorName = Self(rawValue: 8)
    package static let assignedTunnelID = Self(rawValue: 9)
    package static let receiveWindowSize = Self(rawValue: 10)
    package static let challenge = Self(rawValue: 11)
    package static let q931CauseCode = Self(rawValue: 12)
    package static let challengeResponse = Self(rawValue: 13)
    package static let assignedSessionID = Self(rawValue: 14)
    package static let callSerialNumber = Self(rawValue: 15)
    package static let minimumBPS = Self(rawValue: 16)
    package static let maximumBPS = Self(rawValue: 17)
    package static let bearerType = Self(rawValue: 18)
    package static let framingType = Self(rawValue: 19)
    package static let calledNumber = Self(rawValue: 21)
    package static let callingNumber = Self(rawValue: 22)
    package static let subAddress = Self(rawValue: 23)
    package static let txConnectSpeed = Self(rawValue: 24)
    package static let physicalChannelID = Self(rawValue: 25)
    package static let initialReceivedLCPConfigureRequest = Self(rawValue: 26)
    package static let lastSentLCPConfigureRequest = Self(rawValue: 27)
    package static let lastReceivedLCPConfigureRequest = Self(rawValue: 28)
    package static let proxyAuthenticationType = Self(rawValue: 29)
    package static let proxyAuthenticationName = Self(rawValue: 30)
    package static let proxyAuthenticationChallenge = Self(rawValue: 31)
    package static let proxyAuthenticationID = Self(rawValue: 32)
    package static let proxyAuthenticationResponse = Self(rawValue: 33)
    package static let callErrors = Self(rawValue: 34)
    package static let accm = Self(rawValue: 35)
    package static let randomVector = Self(rawValue: 36)
    package static let privateGroupID = Self(rawValue: 37)
    package static let rxConnectSpeed = Self(rawValue: 38)
    package static let sequencingRequired = Self(rawValue: 39)
}

extension AttributeType {
    /// What RFC 2661 §4.4 says about an attribute.
    package struct Properties: Hashable, Sendable {
        package var name: String
        /// Sent with the M bit.
        package var isMandatory: Bool
        package var mayBeHidden: Bool
        /// In bytes, before hiding.
        package var valueLength: ClosedRange<Int>
    }

    /// `nil` for what RFC 2661 does not define.
    package var properties: Properties? {
        rawValue < Self.registry.count ? Self.registry[Int(rawValue)] : nil
    }

    private static let any = 0...AVP.longestValue

    private static let registry: [Properties?] = [
        row("Message Type", mandatory: true, hidden: false, 2...2),
        row("Result Code", mandatory: true, hidden: false, 2...AVP.longestValue),
        row("Protocol Version", mandatory: true, hidden: false, 2...2),
        row("Framing Capabilities", mandatory: true, hidden: true, 4...4),
        row("Bearer Capabilities", mandatory: true, hidden: true, 4...4),
        row("Tie Breaker", mandatory: false, hidden: false, 8...8),
        row("Firmware Revision", mandatory: false, hidden: true, 2...2),
        row("Host Name", mandatory: true, hidden: false, 1...AVP.longestValue),
        row("Vendor Name", mandatory: false, hidden: true, any),
        row("Assigned Tunnel ID", mandatory: true, hidden: true, 2...2),
        row("Receive Window Size", mandatory: true, hidden: false, 2...2),
        row("Challenge", mandatory: true, hidden: true, 1...AVP.longestValue),
        row("Q.931 Cause Code", mandatory: true, hidden: false, 3...AVP.longestValue),
        row("Challenge Response", mandatory: true, hidden: true, 16...16),
        row("Assigned Session ID", mandatory: true, hidden: true, 2...2),
        row("Call Serial Number", mandatory: true, hidden: true, 4...4),
        row("Minimum BPS", mandatory: true, hidden: true, 4...4),
        row("Maximum BPS", mandatory: true, hidden: true, 4...4),
        row("Bearer Type", mandatory: true, hidden: true, 4...4),
        row("Framing Type", mandatory: true, hidden: true, 4...4),
        nil,
        row("Called Number", mandatory: true, hidden: true, any),
        row("Calling Number", mandatory: true, hidden: true, any),
        row("Sub-Address", mandatory: true, hidden: true, any),
        row("(Tx) Connect Speed", mandatory: true, hidden: true, 4...4),
        row("Physical Channel ID", mandatory: false, hidden: true, 4...4),
        row("Initial Received LCP CONFREQ", mandatory: false, hidden: true, any),
        row("Last Sent LCP CONFREQ", mandatory: false, hidden: true, any),
        row("Last Received LCP CONFREQ", mandatory: false, hidden: true, any),
        row("Proxy Authen Type", mandatory: false, hidden: true, 2...2),
        row("Proxy Authen Name", mandatory: false, hidden: true, any),
        row("Proxy Authen Challenge", mandatory: false, hidden: true, any),
        row("Proxy Authen ID", mandatory: false, hidden: true, 2...2),
        row("Proxy Authen Response", mandatory: false, hidden: true, any),
        row("Call Errors", mandatory: true, hidden: true, 26...26),
        row("ACCM", mandatory: true, hidden: true, 10...10),
        row("Random Vector", mandatory: true, hidden: false, 1...AVP.longestValue),
        row("Private Group ID", mandatory: false, hidden: true, any),
        row("Rx Connect Speed", mandatory: false, hidden: true, 4...4),
        row("Sequencing Required", mandatory: true, hidden: false, 0...0),
    ]

    private static func row(
        _ name: String,
        mandatory: Bool,
        hidden: Bool,
        _ valueLength: ClosedRange<Int>
    ) -> Properties {
        Properties(name: name, isMandatory: mandatory, mayBeHidden: hidden, valueLength: valueLength)
    }
}

extension AttributeType: CustomStringConvertible {
    /// The RFC's name, or the number.
    package var description: String { properties?.name ?? "attribute \(rawValue)" }
}
