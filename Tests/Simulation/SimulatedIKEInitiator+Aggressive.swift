// SPDX-License-Identifier: Apache-2.0
package import Primitives

/// Aggressive mode, as clients with a group name speak it.
extension SimulatedIKEInitiator {
    /// Message 1, with ``Settings/groupName`` in clear.
    package mutating func startAggressive(at now: MonotonicTime) -> [Outgoing] { [] }
}
