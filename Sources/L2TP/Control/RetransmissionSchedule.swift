// SPDX-License-Identifier: Apache-2.0

/// How long each transmission of a control message waits for its acknowledgement: doubling up to a limit.
///
/// - SeeAlso: RFC 2661 §5.8
package struct RetransmissionSchedule: Hashable, Sendable {
    package var first: Duration
    /// The RFC allows no less than eight seconds.
    package var longest: Duration
    /// Retransmissions before the peer is given up.
    package var limit: Int

    package init(first: Duration = .seconds(1), longest: Duration = .seconds(8), limit: Int = 5) {
        self.first = first
        self.longest = longest
        self.limit = limit
    }

    /// The wait after a message was retransmitted so many times.
    package func wait(after retransmissions: Int) -> Duration {
        min(first * (1 << min(max(retransmissions, 0), 16)), max(first, longest))
    }

    /// From the first transmission to giving up: 31 seconds with the values of the RFC.
    package var cycle: Duration {
        (0...max(limit, 0)).reduce(.zero) { $0 + wait(after: $1) }
    }
}
