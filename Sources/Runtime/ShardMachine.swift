// SPDX-License-Identifier: Apache-2.0
package import ControlPlane
package import Primitives

/// What a ``Shard`` runs: the control plane, or something small in the tests of the loop.
package protocol ShardMachine {
    var nextDeadline: MonotonicTime? { get }
    /// After ``Command/shutDown``: nothing is left to say or to take down.
    var isIdle: Bool { get }
    mutating func handle(_ input: ControlPlane.Input, at now: MonotonicTime) -> [ControlPlane.Effect]
    mutating func advance(to now: MonotonicTime) -> [ControlPlane.Effect]
    /// What ``ControlPlane/Command/terminate(_:)`` would end, and how many that are.
    func matching(_ selector: CallSelector, at now: MonotonicTime) -> [CallSnapshot]
    func count(matching selector: CallSelector) -> Int
    /// Peers that have no keys for traffic yet.
    func halfOpenPeers() -> [CallSnapshot]
    func status(at now: MonotonicTime) -> StatusSnapshot
    var glance: Glance { get }
    /// What is kept of calls and of attempts at calls, in no order.
    var traces: [Trace] { get }
    func explanation(of selector: TraceSelector, at now: MonotonicTime) -> Explanation?
}

extension ControlPlane: ShardMachine {}
