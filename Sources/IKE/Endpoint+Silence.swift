// SPDX-License-Identifier: Apache-2.0
package import Primitives

extension Endpoint {
    /// When the peer was last known to be alive, whoever noticed; `nil` for an SA that does not negotiate any more.
    package func lastHeard(_ id: IKESAID) -> MonotonicTime? { associations[id]?.established?.liveness.lastHeard }
}
