// SPDX-License-Identifier: Apache-2.0

/// Why a link ended.
package enum LinkEnd: Hashable, Sendable {
    case byPeer
    case administrative
    case authenticationFailed
    case noAddress
    /// Options nobody could agree on; the protocol's name and what failed.
    case negotiationFailed(String)
    /// No answer: to Echo-Requests, or during set-up.
    case silence
    case lowerLayerDown
    /// The kernel refused to carry it.
    case dataPlaneFailed
}
