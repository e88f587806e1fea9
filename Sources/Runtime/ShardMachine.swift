// SPDX-License-Identifier: Apache-2.0
package import ControlPlane
package import DataPlane
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
    /// The same, piece by piece, and peers that have no keys for traffic yet if wanted: others are served meanwhile.
    func listing(_ selector: CallSelector, includesHalfOpen: Bool) -> CallListing
    /// Looks at so many calls more.
    func advance(_ listing: inout CallListing, by count: Int, at now: MonotonicTime)
    func status(at now: MonotonicTime) -> StatusSnapshot
    var glance: Glance { get }
    /// What is kept of calls and of attempts at calls, in no order.
    var traces: [Trace] { get }
    /// Which calls stand on what, and what another configuration would mean for them.
    var census: ControlPlane.Census { get }
    func departures(under configuration: ControlPlane.Configuration) -> [ControlPlane.Departure]
    func obstacles(to configuration: ControlPlane.Configuration) -> [String]
    func occupants(under configuration: ControlPlane.Configuration) -> [IPAddress: String]
    func explanation(of selector: TraceSelector, at now: MonotonicTime) -> Explanation?
    func gauges() -> ControlPlane.Gauges
    /// The sessions the kernel carries.
    var kernelSessions: [KernelSessionID] { get }
    /// Newest first.
    func newestCalls(_ limit: Int, at now: MonotonicTime) -> [ControlPlane.CallLine]
}

extension ShardMachine {
    package func gauges() -> ControlPlane.Gauges { ControlPlane.Gauges() }
    package var kernelSessions: [KernelSessionID] { [] }
    package func newestCalls(_ limit: Int, at now: MonotonicTime) -> [ControlPlane.CallLine] { [] }
}

/// For machines without a configuration.
extension ShardMachine {
    package var census: ControlPlane.Census { ControlPlane.Census() }
    package func departures(under configuration: ControlPlane.Configuration) -> [ControlPlane.Departure] { [] }
    package func obstacles(to configuration: ControlPlane.Configuration) -> [String] { [] }
    package func occupants(under configuration: ControlPlane.Configuration) -> [IPAddress: String] { [:] }
}

extension ControlPlane: ShardMachine {}
