// SPDX-License-Identifier: Apache-2.0
package import DataPlane
package import IKE
internal import L2TP
internal import PPP
package import Primitives

extension ControlPlane {
    /// How often something was done, by who began it.
    package struct ByInitiator: Hashable, Sendable {
        package var byPeer: UInt64 = 0
        package var byUs: UInt64 = 0

        package init(byPeer: UInt64 = 0, byUs: UInt64 = 0) {
            self.byPeer = byPeer
            self.byUs = byUs
        }

        mutating func count(byPeer isByPeer: Bool) {
            if isByPeer { byPeer += 1 } else { byUs += 1 }
        }
    }

    /// The gateway in numbers: what a page of metrics needs of the protocols. One pass over the tables, no text made
    /// for any call.
    package struct Gauges: Hashable, Sendable {
        /// By the words of ``CallSnapshot/state``, every one of them.
        package var callsByState: [String: Int] = [:]
        package var ikeTransforms: [IKETransform: Int] = [:]
        package var espTransforms: [ESPTransform: Int] = [:]
        package var ikeCount = 0
        package var childCount = 0
        package var tunnelCount = 0
        package var sessionCount = 0
        package var pools: [StatusSnapshot.Pool] = []
        package var ikeReplaced = ByInitiator()
        package var childrenReplaced = ByInitiator()
        package var ikeRetransmissions: UInt64 = 0
        package var l2tpRetransmissions: UInt64 = 0
        package var pppRetransmissions: UInt64 = 0
        /// What IKE counts beside events: `keepalives`, `key-agreements`, …
        package var ikeCounters: [String: UInt64] = [:]

        package init() {}
    }

    package static let callStates = ["keying", "keyed", "tunnel", "negotiating", "up", "closing"]

    package func gauges() -> Gauges {
        var gauges = Gauges()
        gauges.callsByState = Dictionary(uniqueKeysWithValues: Self.callStates.map { ($0, 0) })
        for call in calls.values { gauges.callsByState[state(of: call), default: 0] += 1 }
        for association in associations.values {
            gauges.childCount += association.children.count
            gauges.tunnelCount += association.connections.count
            for child in association.children.values { gauges.espTransforms[child.sa.transform, default: 0] += 1 }
            if association.calls.isEmpty { gauges.callsByState[Self.state(of: association), default: 0] += 1 }
        }
        gauges.callsByState["keying"] = max(0, ike.count - requestIDs.count)
        gauges.ikeTransforms = ike.transformsInUse
        gauges.ikeCount = ike.count
        gauges.sessionCount = calls.count
        gauges.pools = pools.snapshots
        let counters = ike.counters
        gauges.ikeReplaced = ByInitiator(byPeer: counters.replacedByPeer, byUs: counters.replacedByUs)
        gauges.childrenReplaced = childrenReplaced
        gauges.ikeRetransmissions = counters.retransmissions
        gauges.l2tpRetransmissions = l2tp.retransmissions
        gauges.pppRetransmissions = linkRetransmissions
        for (name, value) in counters.byName { gauges.ikeCounters[String(name.dropFirst("ike.".count))] = value }
        return gauges
    }

    private func state(of call: Call) -> String {
        if associations[call.association]?.isClosing ?? true { return "closing" }
        return call.isUp ? "up" : "negotiating"
    }

    private static func state(of association: Association) -> String {
        association.isClosing ? "closing" : association.connections.isEmpty ? "keyed" : "tunnel"
    }

    /// The sessions the kernel carries.
    package var kernelSessions: [KernelSessionID] {
        calls.values.compactMap { $0.kernel.interface == nil ? nil : $0.key.kernelID }
    }

    /// One call in a line, without asking any layer for its words.
    package struct CallLine: Hashable, Sendable {
        package var trace: TraceID
        package var state: String
        package var user: String?
        package var innerAddress: IPAddress?
        package var peer: SocketAddress
        package var interface: String?
        package var age: Duration
        package var session: KernelSessionID

        package init(
            trace: TraceID,
            state: String,
            user: String?,
            innerAddress: IPAddress?,
            peer: SocketAddress,
            interface: String?,
            age: Duration,
            session: KernelSessionID
        ) {
            self.trace = trace
            self.state = state
            self.user = user
            self.innerAddress = innerAddress
            self.peer = peer
            self.interface = interface
            self.age = age
            self.session = session
        }
    }

    /// The calls that came last, newest first.
    package func newestCalls(_ limit: Int, at now: MonotonicTime) -> [CallLine] {
        var newest: [Call] = []
        if calls.count <= limit {
            newest = Array(calls.values)
        } else {
            // The serial grows with every call: whoever is among the last `limit` is found without sorting all.
            var serials = calls.values.map(\.serial)
            serials.sort(by: >)
            let oldest = serials[max(0, limit - 1)]
            newest = calls.values.filter { $0.serial >= oldest }
        }
        return newest.sorted { $0.serial > $1.serial }.map { call in
            CallLine(
                trace: call.trace,
                state: state(of: call),
                user: call.userName ?? call.link.snapshot.userName,
                innerAddress: call.lease?.address,
                peer: call.peer,
                interface: call.kernel.interface,
                age: call.started.duration(to: now),
                session: call.key.kernelID
            )
        }
    }
}

extension ControlPlane.Event {
    /// Somebody was told no, by a decision of a layer.
    package var isRefusal: Bool {
        if case .cause(.refusal, _) = meaning { true } else { false }
    }
}
