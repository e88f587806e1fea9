// SPDX-License-Identifier: Apache-2.0
package import Primitives

/// What brings a PPP unit up: it stays unnumbered, and the peer gets a host route through it.
package struct PPPInterface: Hashable, Sendable {
    package var session: KernelSessionID
    /// Preferred source of the route: the gateway's inner address.
    package var localAddress: IPAddress
    package var peerAddress: IPAddress

    package init(session: KernelSessionID, localAddress: IPAddress, peerAddress: IPAddress) {
        self.session = session
        self.localAddress = localAddress
        self.peerAddress = peerAddress
    }
}
