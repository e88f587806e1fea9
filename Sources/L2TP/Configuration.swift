// SPDX-License-Identifier: Apache-2.0
package import Primitives

/// What the operator decided about L2TP.
package struct Configuration: Hashable, Sendable {
    /// Sent as Host Name.
    package var hostName: String
    package var vendorName = "Culvert"
    /// Shared with every LAC, for tunnel authentication and hidden AVPs; `nil` for none.
    package var secret: SecretBytes?
    /// Silence after which a HELLO is sent.
    package var helloInterval: Duration = .seconds(60)
    /// Silence, HELLO unanswered included, after which an established peer is gone.
    package var silenceLimit: Duration = .seconds(150)
    package var receiveWindowSize: UInt16 = 16
    package var sessionsPerTunnelLimit = 4
    package var tunnelLimit = 16_384
    package var tunnelsPerSocketLimit = 8
    package var firstRetransmission: Duration = .seconds(1)
    package var longestRetransmission: Duration = .seconds(8)
    package var retransmissionLimit = 5
    /// How long a tunnel may wait for its SCCCN and a session for its ICCN. Longer than a retransmission cycle,
    /// so that lost messages alone never reach it.
    package var establishmentLimit: Duration = .seconds(40)

    package init(hostName: String) {
        self.hostName = hostName
    }

    var schedule: RetransmissionSchedule {
        RetransmissionSchedule(
            first: firstRetransmission,
            longest: longestRetransmission,
            limit: retransmissionLimit
        )
    }
}
