// SPDX-License-Identifier: Apache-2.0
internal import IKE

/// So much as can be told at any time without going through the peers.
package struct Glance: Hashable, Sendable {
    /// Calls whose network is up.
    package var callsUp: Int
    /// Peers that have not proved who they are.
    package var keying: Int
    package var pools: [StatusSnapshot.Pool]

    package init(callsUp: Int, keying: Int, pools: [StatusSnapshot.Pool]) {
        self.callsUp = callsUp
        self.keying = keying
        self.pools = pools
    }
}

extension ControlPlane {
    package var glance: Glance {
        Glance(
            callsUp: calls.values.reduce(0) { $0 + ($1.isUp ? 1 : 0) },
            keying: ike.occupancy.halfOpen,
            pools: pools.snapshots
        )
    }
}
