// SPDX-License-Identifier: Apache-2.0
internal import DataPlane
internal import L2TP
internal import PPP
package import Primitives

/// Which calls an operator means, decided in one place.
extension ControlPlane {
    /// What ``Command/terminate(_:)`` would end now: calls, and peers that have keys but no call yet.
    package func matching(_ selector: CallSelector, at now: MonotonicTime) -> [CallSnapshot] {
        var snapshots = calls.values.filter { matches($0, selector) }.map { snapshot(of: $0, at: now) }
        for association in associations.values where association.calls.isEmpty && matches(association.id, selector) {
            snapshots.append(snapshot(of: association, at: now))
        }
        return Self.sorted(snapshots)
    }

    /// How many that are.
    package func count(matching selector: CallSelector) -> Int {
        calls.values.count { matches($0, selector) }
            + associations.values.count { $0.calls.isEmpty && matches($0.id, selector) }
    }

    mutating func terminate(_ selector: CallSelector, at now: MonotonicTime, into effects: inout [Effect]) {
        let keys = calls.values.filter { matches($0, selector) }.map(\.key)
        let chosen = Set(keys.compactMap { calls[$0]?.association })
        for id in associations.keys where chosen.contains(id) || matches(id, selector) {
            let others = associations[id]?.calls.contains { key in calls[key].map { !matches($0, selector) } ?? false }
            if others != true { associations[id]?.isClosing = true }
            if !chosen.contains(id) { closeTunnels(of: id, at: now, into: &effects) }
        }
        for key in keys {
            withLink(key, at: now, into: &effects) { $0.close(.administrative, at: now) }
        }
    }

    mutating func closeTunnels(of id: RequestID, at now: MonotonicTime, into effects: inout [Effect]) {
        guard let association = associations[id] else { return }
        if association.connections.isEmpty { closeKeys(of: id, at: now, into: &effects) }
        for tunnel in association.connections {
            perform(l2tp.close(tunnel, because: .generalRequest, at: now), at: now, into: &effects)
        }
    }

    func matches(_ call: Call, _ selector: CallSelector) -> Bool {
        switch selector {
        case .user(let name): call.userName == name
        case .innerAddress(let address): call.lease?.address == address
        case .interface(let name): call.kernel.interface == name
        case .trace, .peer, .peers, .all: matches(call.association, selector)
        }
    }

    func matches(_ id: RequestID, _ selector: CallSelector) -> Bool {
        switch selector {
        case .trace(let trace): associations[id]?.trace == trace
        case .peer(let address): associations[id]?.peer.address == address
        case .peers(let prefix): associations[id].map { prefix.contains($0.peer.address) } ?? false
        case .all: true
        case .user, .innerAddress, .interface: false
        }
    }
}
