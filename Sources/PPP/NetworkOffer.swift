// SPDX-License-Identifier: Apache-2.0
package import Primitives

/// What the peer is given.
package struct NetworkOffer: Hashable, Sendable {
    package var localAddress: IPAddress
    package var peerAddress: IPAddress
    /// At most two are used.
    package var dns: [IPAddress]
    /// At most two are used.
    package var wins: [IPAddress]

    package init(localAddress: IPAddress, peerAddress: IPAddress, dns: [IPAddress], wins: [IPAddress]) {
        self.localAddress = localAddress
        self.peerAddress = peerAddress
        self.dns = dns
        self.wins = wins
    }
}
