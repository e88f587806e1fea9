// SPDX-License-Identifier: Apache-2.0
internal import DataPlane
internal import L2TP
internal import PPP
internal import Primitives

/// L2TP's effects: which association a control connection came through, and the calls in it.
extension ControlPlane {
    mutating func perform(_ l2tpEffects: [L2TP.Endpoint.Effect], at now: MonotonicTime, into effects: inout [Effect]) {
        for effect in l2tpEffects {
            switch effect {
            case .transmit(let bytes, let socket, let peer):
                send(bytes, on: socket, to: peer, into: &effects)
            case .connectionOpening(let connection):
                connectionOpening(connection, at: now, into: &effects)
            case .connectionEstablished(let connection):
                let kind = CallEvent.Kind.tunnelEstablished(connection.id.rawValue, hostName: connection.hostName)
                report(kind, of: connection.socket, into: &effects)
            case .connectionClosed(let tunnel, let socket):
                connectionClosed(tunnel, on: socket, at: now, into: &effects)
            case .sessionOpening(let session):
                sessionOpening(session, at: now, into: &effects)
            case .sessionEstablished(let session):
                report(.sessionEstablished(session.key.kernelID), of: session.socket, into: &effects)
                // The peer says so with its last message.
                calls[session.key]?.usesSequenceNumbers = session.usesSequenceNumbers
                followMTU(of: session.socket, into: &effects)
                withLink(session.key, at: now, into: &effects) { $0.lowerLayerUp(at: now) }
            case .sessionClosed(let key, let end):
                callEnded(key, end, at: now, into: &effects)
            case .frame(let key, let frame):
                withLink(key, at: now, into: &effects) { $0.receive(frame, at: now) }
            case .unanswered(_, let socket):
                unanswered(socket, into: &effects)
            case .report(let event):
                effects.append(.report(.l2tp(event)))
            }
        }
    }

    /// A socket that is being renewed cannot send: its datagrams wait for the new one. What was for one that is gone by
    /// now goes nowhere.
    private mutating func send(
        _ bytes: [UInt8],
        on socket: RequestID,
        to peer: SocketAddress,
        into effects: inout [Effect]
    ) {
        let isHeld = associations.withValue(of: socket) { association in
            guard case .opening = association.socket else { return false }
            if association.held.count < Association.mostHeld {
                association.held.append(Association.Held(datagram: bytes, peer: peer))
            }
            return true
        }
        if isHeld == false { effects.append(.send(bytes, on: socket, to: peer)) }
    }

    /// The kernel takes one tunnel for each socket, so a peer has one at a time. A second one means that the
    /// peer has forgotten the first: nobody else can speak under its keys.
    private mutating func connectionOpening(
        _ connection: ConnectionSnapshot,
        at now: MonotonicTime,
        into effects: inout [Effect]
    ) {
        let id = connection.socket
        guard let association = associations[id] else { return }
        let opening = CallEvent.Kind.tunnelOpening(hostName: connection.hostName, vendorName: connection.vendorName)
        report(opening, of: id, into: &effects)
        let outlived = association.connections
        associations[id]?.connections = [connection.id]
        associations[id]?.nextVisit = nil
        scheduleVisit(to: id)
        for tunnel in outlived { perform(l2tp.abandon(tunnel, at: now), at: now, into: &effects) }
        switch association.socket {
        case .connected where !outlived.isEmpty:
            associations[id]?.socket = .opening(connection.peer)
            request(.closeSocket(id), for: .reopenSocket(id), into: &effects)
        case .opening:
            associations[id]?.socket = .opening(connection.peer)
        case .open:
            connect(id, to: connection.peer, into: &effects)
        case .connected, .failed:
            break
        }
        if association.isClosing || isShuttingDown {
            // It takes the place of the one whose end the keys waited for: so it has to end, too.
            perform(l2tp.close(connection.id, because: .shuttingDown, at: now), at: now, into: &effects)
        }
    }

    mutating func connect(_ id: RequestID, to peer: SocketAddress, into effects: inout [Effect]) {
        associations[id]?.socket = .connected(peer)
        request(.connectSocket(id, to: peer), for: .connectSocket(id), into: &effects)
    }

    private mutating func connectionClosed(
        _ tunnel: TunnelID,
        on socket: RequestID,
        at now: MonotonicTime,
        into effects: inout [Effect]
    ) {
        guard associations[socket]?.connections.remove(tunnel) != nil, let association = associations[socket],
            association.connections.isEmpty
        else { return }
        awaitTunnel(on: socket, since: now)
        if association.isClosing || association.isForsaken || isShuttingDown {
            closeKeys(of: socket, at: now, into: &effects)
        } else if case .opening = association.socket {
            // A fresh one is under way already; a second would fail, and take the association with it.
            associations[socket]?.socket = .opening(nil)
        } else {
            // The kernel's tunnel lives as long as its socket: the peer's next tunnel needs a fresh one.
            associations[socket]?.socket = .opening(nil)
            request(.closeSocket(socket), for: .reopenSocket(socket), into: &effects)
        }
    }

    private mutating func sessionOpening(
        _ session: SessionSnapshot,
        at now: MonotonicTime,
        into effects: inout [Effect]
    ) {
        guard let association = associations[session.socket] else { return }
        guard calls.count < configuration.callLimit else {
            let event = CallEvent(trace: session.trace, peer: session.peer, kind: .callLimit(configuration.callLimit))
            effects.append(.report(.call(event)))
            perform(l2tp.close(session.key, because: .noResources("call limit"), at: now), at: now, into: &effects)
            return
        }
        let sizing = Call.Sizing(configuration)
        let isNumbered = session.usesSequenceNumbers
        let (mtu, explanation) = mtu(in: association, sizing, usesSequenceNumbers: isNumbered)
        // What LCP agrees on cannot follow the path: that may be wider soon, and who made it narrow is not proved.
        let (ceiling, _) = self.mtu(in: association.asIfWide, sizing, usesSequenceNumbers: isNumbered)
        var settings = configuration.ppp
        settings.mru = UInt16(clamping: min(Int(settings.mru), ceiling))
        associations[session.socket]?.calls.insert(session.key)
        calls[session.key] = Call(
            serial: nextCallSerial(),
            key: session.key,
            association: session.socket,
            trace: session.trace,
            peer: session.peer,
            started: association.started,
            link: PPP.Link(configuration: settings, entropy: entropy),
            sizing: sizing,
            mtu: mtu,
            mtuExplanation: explanation,
            kernelMTU: mtu,
            usesSequenceNumbers: isNumbered
        )
    }
}
