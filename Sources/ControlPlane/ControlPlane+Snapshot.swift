// SPDX-License-Identifier: Apache-2.0
internal import DataPlane
internal import IKE
internal import L2TP
internal import PPP
package import Primitives

extension ControlPlane {
    /// Every call, and every peer with keys that has no call yet; `traffic` is left to who can ask the kernel.
    package func calls(at now: MonotonicTime) -> [CallSnapshot] { matching(.all, at: now) }

    static func sorted(_ snapshots: [CallSnapshot]) -> [CallSnapshot] {
        snapshots.sorted { ($0.trace, $0.l2tp?.session ?? 0) < ($1.trace, $1.l2tp?.session ?? 0) }
    }

    /// Entries in each table, for whoever watches that they return to base. `throttled` alone may stay.
    package var tableSizes: [String: Int] {
        [
            "ike": ike.count,
            "tunnels": l2tp.count,
            "associations": associations.count,
            "request-ids": requestIDs.count,
            "security-associations": securityAssociations.count,
            "paths": paths.count,
            "private-ports": privatePorts.count,
            "calls": calls.count,
            "fixed-addresses": fixedAddresses.count,
            "link-deadlines": linkDeadlines.count,
            "verdicts": verdictDeadlines.count,
            "visits": visits.count,
            "requests": requests.count,
            "leases": pools.count,
            "throttled": throttle.count,
        ]
    }

    package func status(at now: MonotonicTime) -> StatusSnapshot {
        var status = StatusSnapshot(
            callCount: calls.values.reduce(0) { $0 + ($1.isUp ? 1 : 0) },
            ikeCount: ike.count,
            childCount: associations.values.reduce(0) { $0 + $1.children.count },
            tunnelCount: associations.values.reduce(0) { $0 + $1.connections.count },
            sessionCount: calls.count,
            pools: pools.snapshots
        )
        status.counters = ike.counters.byName
        return status
    }

    func snapshot(of association: Association, at now: MonotonicTime) -> CallSnapshot {
        let keys = association.ikeSAs.compactMap { ike.snapshot(of: $0) }.max { $0.id.rawValue < $1.id.rawValue }
        return CallSnapshot(
            trace: association.trace.description,
            state: association.isClosing ? "closing" : association.connections.isEmpty ? "keyed" : "tunnel",
            ageSeconds: association.started.duration(to: now).wholeSeconds,
            ike: keys.map { CallSnapshot.IKEPart($0, at: now) } ?? CallSnapshot.IKEPart(association),
            esp: association.children.values.sorted { $0.sa.id.inboundSPI.rawValue < $1.sa.id.inboundSPI.rawValue }.map
            {
                CallSnapshot.ESPPart($0, of: association)
            }
        )
    }

    func snapshot(of call: Call, at now: MonotonicTime) -> CallSnapshot {
        let link = call.link.snapshot
        var snapshot = associations[call.association].map { self.snapshot(of: $0, at: now) } ?? .closing(call)
        if snapshot.state != "closing" { snapshot.state = call.isUp ? "up" : "negotiating" }
        snapshot.user = call.userName ?? link.userName
        snapshot.innerAddress = call.lease?.address.description
        snapshot.gatewayAddress = call.lease?.gateway.description
        snapshot.interface = call.kernel.interface
        snapshot.mtu = call.mtu
        snapshot.mtuExplanation = call.mtuExplanation
        if let session = l2tp.snapshot(of: call.key) {
            snapshot.l2tp = CallSnapshot.L2TPPart(
                tunnel: session.key.tunnel.rawValue,
                peerTunnel: session.peerTunnel.rawValue,
                session: session.key.session.rawValue,
                peerSession: session.peerSession.rawValue,
                hostName: l2tp.snapshot(of: session.key.tunnel)?.hostName
            )
        }
        snapshot.ppp = CallSnapshot.PPPPart(
            phase: link.phase,
            authentication: link.authentication?.rawValue,
            peerMRU: link.peerMRU
        )
        return snapshot
    }
}

extension Call {
    var isUp: Bool {
        switch kernel {
        case .up: true
        case .absent, .creating, .created: false
        }
    }
}

extension CallSnapshot {
    /// A peer that has no keys for traffic yet.
    init(halfOpen keys: IKE.Snapshot, at now: MonotonicTime) {
        self.init(
            trace: keys.trace.description,
            state: "keying",
            ageSeconds: 0,
            ike: IKEPart(keys, at: now),
            esp: []
        )
    }

    /// A call that outlives its keys for a moment.
    fileprivate static func closing(_ call: Call) -> CallSnapshot {
        CallSnapshot(
            trace: call.trace.description,
            state: "closing",
            ageSeconds: 0,
            ike: IKEPart(unknown: call.peer),
            esp: []
        )
    }
}

extension CallSnapshot.ESPPart {
    fileprivate init(_ child: Association.Child, of association: Association) {
        self.init(
            inboundSPI: child.sa.id.inboundSPI.description,
            outboundSPI: child.sa.outboundSPI.description,
            transform: child.sa.transform.description,
            encapsulated: child.sa.isEncapsulated,
            requestID: association.id.rawValue
        )
        sending = child.sa.id == association.newestChild
    }
}

extension CallSnapshot.IKEPart {
    init(_ keys: IKE.Snapshot, at now: MonotonicTime) {
        self.init(
            local: keys.local.description,
            peer: keys.peer.description,
            profile: keys.profile,
            identity: keys.peerIdentity,
            state: keys.state,
            transform: keys.transform,
            peerBehindNAT: keys.isPeerBehindNAT,
            localBehindNAT: keys.isLocalBehindNAT
        )
        client = keys.client?.rawValue
        key = keys.keyName
        ageSeconds = keys.established?.duration(to: now).wholeSeconds
    }

    init(_ association: Association) {
        self.init(unknown: association.peer)
        local = association.local.description
    }

    init(unknown peer: SocketAddress) {
        self.init(
            local: "",
            peer: peer.description,
            profile: "",
            identity: nil,
            state: "closed",
            transform: nil,
            peerBehindNAT: false,
            localBehindNAT: false
        )
    }
}

extension Duration {
    var wholeSeconds: Double { Double(wholeNanoseconds) / 1_000_000_000 }
}
