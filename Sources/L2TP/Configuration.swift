// SPDX-License-Identifier: Apache-2.0
package import Primitives

/// What the operator decided about L2TP.
package struct Configuration: Hashable, Sendable {
    /// Sent as Host Name.
    package var hostName: String
    package var vendorName = "Culvert"
    /// Shared with every LAC, for tunnel authentication and hidden AVPs; `nil` for none.
    package var secret: SecretBytes?
    /// Silence after which a HELLO is sent; half of ``silenceLimit`` if that is shorter.
    package var helloInterval: Duration = .seconds(60)
    /// Silence, HELLO and its repetitions included, after which an established peer is gone. Never before a full
    /// retransmission cycle.
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

    var keepaliveInterval: Duration { min(helloInterval, silenceLimit / 2) }

    /// Between repetitions beyond the schedule: a limit of hours does not fill them with thousands of HELLOs.
    var patientInterval: Duration { min(max(longestRetransmission, silenceLimit / 32), .seconds(60)) }

    var schedule: RetransmissionSchedule {
        RetransmissionSchedule(
            first: firstRetransmission,
            longest: longestRetransmission,
            limit: retransmissionLimit
        )
    }
}
