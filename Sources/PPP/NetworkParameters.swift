// SPDX-License-Identifier: Apache-2.0
package import Primitives

/// What was agreed on.
package struct NetworkParameters: Hashable, Sendable {
    package var localAddress: IPAddress
    package var peerAddress: IPAddress
    /// The largest packet the peer takes: its MRU, or 1500.
    package var peerMRU: UInt16

    package init(localAddress: IPAddress, peerAddress: IPAddress, peerMRU: UInt16) {
        self.localAddress = localAddress
        self.peerAddress = peerAddress
        self.peerMRU = peerMRU
    }
}
