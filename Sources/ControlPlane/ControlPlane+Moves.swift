// SPDX-License-Identifier: Apache-2.0
internal import DataPlane
internal import IKE
internal import L2TP
internal import Primitives

/// A NAT has given a peer another port or address. It is followed when the peer has proved to be there: with IKE, or
/// with ESP whose integrity the kernel has checked.
extension ControlPlane {
    /// How often the kernel's word for it is taken, so that nobody who holds packets back can keep us busy.
    private static let shortestStay: Duration = .seconds(2)

    mutating func mappingChanged(
        _ id: SecurityAssociation.ID,
        requestID number: UInt32,
        to peer: SocketAddress,
        at now: MonotonicTime,
        into effects: inout [Effect]
    ) {
        guard let child = securityAssociations[id], let requestID = requestIDs[child.ike],
            requestID.rawValue == number, let association = associations[requestID],
            let sa = association.children[child]?.sa, sa.inboundID == id, sa.isEncapsulated,
            // Before that nobody has shown to hold the keys of this tunnel.
            association.newestChild != nil, association.peer != peer,
            association.peer.address.isV4 == peer.address.isV4,
            association.lastMove.map({ $0.advanced(by: Self.shortestStay) <= now }) ?? true
        else { return }
        associations[requestID]?.lastMove = now
        // If the peer may be there, IKE follows, and says so.
        perform(ike.peerHasMoved(child, to: peer, at: now), at: now, into: &effects)
    }

    /// IKE has seen the proof, and reports it.
    mutating func moved(
        _ id: IKESAID,
        local: SocketAddress,
        to peer: SocketAddress,
        at now: MonotonicTime,
        into effects: inout [Effect]
    ) {
        guard let requestID = requestIDs[id], let association = associations[requestID] else { return }
        // Our end of a security association does not move, and a child without UDP around it has no NAT to follow.
        guard association.local.address == local.address else { return }
        move(requestID, to: peer, at: now, into: &effects)
    }

    private mutating func move(
        _ id: RequestID,
        to peer: SocketAddress,
        at now: MonotonicTime,
        into effects: inout [Effect]
    ) {
        guard let association = associations[id], association.peer != peer else { return }
        if paths[association.path] == id { paths[association.path] = nil }
        associations[id]?.peer = peer
        if let path = associations[id]?.path { paths[path] = id }
        for (childID, child) in association.children where child.sa.peer != peer && child.sa.isEncapsulated {
            move(childID, child, of: id, to: peer, into: &effects)
        }
        guard association.peer.address != peer.address else { return }
        l2tp.move(id, to: peer.address)
        for key in association.calls {
            _ = calls.withValue(of: key) { $0.peer = SocketAddress(peer.address, port: $0.peer.port) }
        }
        switch association.socket {
        case .connected(let former):
            connect(id, to: SocketAddress(peer.address, port: former.port), into: &effects)
        case .opening(let former?):
            associations[id]?.socket = .opening(SocketAddress(peer.address, port: former.port))
        case .opening(nil), .open, .failed:
            break
        }
        lookAtPath(of: id, at: now, into: &effects)
    }

    private mutating func move(
        _ id: ChildSA.ID,
        _ child: Association.Child,
        of requestID: RequestID,
        to peer: SocketAddress,
        into effects: inout [Effect]
    ) {
        let former = child.sa.outboundID
        associations[requestID]?.children[id]?.move(to: peer)
        if child.hasInbound {
            let inbound = child.sa.inboundID
            associations[requestID]?.children[id]?.movesInFlight += 1
            request(.move(inbound, .inbound, to: peer), for: .move(id, .inbound, from: inbound), into: &effects)
        }
        if child.hasOutbound {
            strike(former, of: id)
            if let moved = associations[requestID]?.children[id]?.sa.outboundID { enter(moved, of: id) }
            associations[requestID]?.children[id]?.movesInFlight += 1
            request(.move(former, .outbound, to: peer), for: .move(id, .outbound, from: former), into: &effects)
        }
    }

    mutating func moveAnswered(
        _ id: ChildSA.ID,
        _ direction: SecurityAssociation.Direction,
        from former: SecurityAssociation.ID,
        _ outcome: DataPlaneOutcome,
        at now: MonotonicTime,
        into effects: inout [Effect]
    ) {
        guard let requestID = requestIDs[id.ike], associations[requestID]?.children[id] != nil else { return }
        associations[requestID]?.children[id]?.movesInFlight -= 1
        guard case .failed(let error) = outcome else { return }
        report(.moveFailed(error), of: requestID, into: &effects)
        if direction == .outbound, let child = associations[requestID]?.children[id] {
            // It may be there under its old name or its new one, or be gone.
            for name in Set([former, child.sa.outboundID]) where securityAssociations[name] ?? id == id {
                request(.remove(name), for: .discard(name), into: &effects)
            }
            strike(child.sa.outboundID, of: id)
            associations[requestID]?.children[id]?.hasOutbound = false
        }
        // What goes out would go astray: the peer had better dial again.
        perform(ike.close(id.ike, at: now), at: now, into: &effects)
    }
}
