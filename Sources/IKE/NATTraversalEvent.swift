// SPDX-License-Identifier: Apache-2.0
package import Primitives

/// What a NAT before this gateway means for a peer.
package enum NATTraversalEvent: Hashable, Sendable {
    /// The peer was given back what it knows us by.
    ///
    /// - Parameter isEncapsulationForced: It has no NAT before it, and was made to believe so.
    case concealed(isEncapsulationForced: Bool)
    /// A peer that would rather not have it was told the truth.
    case shown(profile: String)

    package var description: EventDescription {
        switch self {
        case .concealed(let isEncapsulationForced):
            EventDescription(
                .ike,
                .debug,
                "nat-concealed",
                "a NAT stands before this gateway, and the peer, which is Windows, was not told"
                    + (isEncapsulationForced ? "; it was told of one before itself, so that it encapsulates" : ""),
                fields: [.init("encapsulation-forced", isEncapsulationForced)]
            )
        case .shown(let profile):
            EventDescription(
                .ike,
                .notice,
                "nat-shown",
                "a NAT stands before this gateway, and conceal-nat of profile \(profile) is false:"
                    + " Windows gives up here (error 809) unless its registry allows it",
                remedy: "take `conceal-nat: false` out, or run \(Self.registryKey) as administrator on the client,"
                    + " and restart it",
                fields: [.init("profile", profile)]
            )
        }
    }

    /// What lets Windows dial a gateway behind a NAT, in PowerShell.
    package static let registryKey =
        #"Set-ItemProperty -Path HKLM:\SYSTEM\CurrentControlSet\Services\PolicyAgent"#
        + " -Name AssumeUDPEncapsulationContextOnSendRule -Type DWord -Value 2"
}
