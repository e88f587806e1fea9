// SPDX-License-Identifier: Apache-2.0
internal import DataPlane
internal import IKE
internal import L2TP
internal import Primitives

/// IKE's effects and the kernel's answers about sockets and security associations.
///
/// The order that keeps everything protected: tunnel socket with its policies, inbound SA, quick
/// mode's second message, quick mode's third, outbound SA. At the end the other way round.
extension ControlPlane {
    mutating func perform(_ ikeEffects: [IKE.Endpoint.Effect], at now: MonotonicTime, into effects: inout [Effect]) {
        for effect in ikeEffects {
            switch effect {
            case .transmit(let datagram):
                effects.append(.transmit(datagram))
            case .installInbound(let child):
                installInbound(child, at: now, into: &effects)
            case .installOutbound(let id):
                installOutbound(id, at: now, into: &effects)
            case .remove(let id):
                removeChild(id, into: &effects)
            case .closed(let id):
                keysClosed(id, at: now, into: &effects)
            case .unanswered(let id):
                if let requestID = requestIDs[id] { unanswered(requestID, into: &effects) }
            case .deletedByPeer(let id):
                deletedByPeer(id, at: now, into: &effects)
            case .moved(let id, let local, let peer):
                moved(id, local: local, to: peer, at: now, into: &effects)
            case .report(let event):
                effects.append(.report(.ike(event)))
            }
        }
    }

    private mutating func installOutbound(_ id: ChildSA.ID, at now: MonotonicTime, into effects: inout [Effect]) {
        guard let requestID = requestIDs[id.ike], let child = associations[requestID]?.children[id],
            !child.hasOutbound
        else { return }
        if associations[requestID]?.newestChild != nil { childrenReplaced.count(byPeer: child.sa.isInitiatedByPeer) }
        associations[requestID]?.newestChild = id
        if associations[requestID]?.path == child.sa.path { associations[requestID]?.proved.insert(id.ike) }
        lastOutboundSerial += 1
        associations[requestID]?.children[id]?.hasOutbound = true
        associations[requestID]?.children[id]?.outboundSerial = lastOutboundSerial
        associations[requestID]?.children[id]?.forgetKeys()
        enter(child.sa.outboundID, of: id)
        request(.install(child.sa.outbound(requestID)), for: .installOutbound(id), into: &effects)
        followMTU(of: requestID, into: &effects)
        lookAtPath(of: requestID, at: now, into: &effects)
    }

    /// What comes in under a peer's only keys proves, as well as quick mode's third message does, that the peer has
    /// them: if that message was lost, the answers need not wait for its repetition.
    mutating func peerHasSpoken(on requestID: RequestID, at now: MonotonicTime, into effects: inout [Effect]) {
        let unproved = associations.withValue(of: requestID) { association in
            association.newestChild == nil && association.children.count == 1 ? association.children.keys.first : nil
        }
        guard let id = unproved ?? nil else { return }
        perform(ike.peerHasSpoken(under: id), at: now, into: &effects)
    }

    private mutating func installInbound(_ child: ChildSA, at now: MonotonicTime, into effects: inout [Effect]) {
        guard let requestID = association(for: child, at: now, into: &effects) else {
            let refusal = "it comes from \(child.peer), where its IKE SA has never been"
            perform(ike.inboundInstalled(child.id, outcome: .refused(refusal), at: now), at: now, into: &effects)
            return
        }
        associations[requestID]?.children[child.id] = Association.Child(sa: child)
        enter(child.inboundID, of: child.id)
        request(.install(child.inbound(requestID)), for: .installInbound(child.id), into: &effects)
    }

    /// The association of the child's IKE SA; or that of the IKE SA it takes over from, if it comes over the same
    /// path; or a new one.
    ///
    /// Where the first message of a quick mode comes from is not proved, and others may know the pre-shared key. So
    /// nobody gets into an association by path alone, or by identity alone; and who got in brings in nothing from
    /// elsewhere before the third message has proved that the path is its own.
    ///
    /// - Returns: `nil` if the child must not be.
    private mutating func association(
        for child: ChildSA,
        at now: MonotonicTime,
        into effects: inout [Effect]
    ) -> RequestID? {
        if let id = requestIDs[child.id.ike] {
            let isAtHome = associations[id]?.path == child.path
            return isAtHome || associations[id]?.proved.contains(child.id.ike) == true ? id : nil
        }
        if let id = child.previousIKE.flatMap({ requestIDs[$0] }), let former = associations[id],
            former.path == child.path, !former.isClosing
        {
            requestIDs[child.id.ike] = id
            associations[id]?.ikeSAs.insert(child.id.ike)
            associations[id]?.isForsaken = false
            journal.join(child.trace, to: former.trace)
            return id
        }
        let id = privatePorts.take(entropy)
        requestIDs[child.id.ike] = id
        paths[child.path] = id
        let association = Association(
            id: id,
            trace: child.trace,
            local: child.local,
            peer: child.peer,
            ikeSAs: [child.id.ike],
            started: now,
            isEncapsulated: child.isEncapsulated
        )
        associations[id] = association
        request(.openSocket(association.tunnelSocket), for: .openSocket(id), into: &effects)
        awaitTunnel(on: id, since: now)
        return id
    }

    mutating func inboundAnswered(
        _ id: ChildSA.ID,
        _ outcome: DataPlaneOutcome,
        at now: MonotonicTime,
        into effects: inout [Effect]
    ) {
        // Without the child the peer went away meanwhile, and the removal was asked for then.
        guard let requestID = requestIDs[id.ike], let child = associations[requestID]?.children[id] else { return }
        var verdict = IKE.Endpoint.InstallOutcome.installed
        if case .failed(let error) = associations[requestID]?.socket {
            if case .failed = outcome {
            } else {
                request(
                    .remove(child.sa.inboundID),
                    for: .remove(child.sa.inboundID, "inbound SA \(id.inboundSPI)"),
                    into: &effects
                )
            }
            verdict = .failed(error)
        } else if case .failed(let error) = outcome {
            verdict = error.isExists ? .spiInUse : .failed(error)
            if !error.isExists { reportRefusal(error, of: requestID, into: &effects) }
        }
        if verdict == .installed {
            associations[requestID]?.children[id]?.isInboundSettled = true
        } else {
            associations[requestID]?.children[id] = nil
            strike(child.sa.inboundID, of: id)
        }
        perform(ike.inboundInstalled(id, outcome: verdict, at: now), at: now, into: &effects)
    }

    mutating func outboundAnswered(
        _ id: ChildSA.ID,
        _ outcome: DataPlaneOutcome,
        at now: MonotonicTime,
        into effects: inout [Effect]
    ) {
        guard let requestID = requestIDs[id.ike], let child = associations[requestID]?.children[id] else { return }
        guard case .failed(let error) = outcome else {
            associations[requestID]?.children[id]?.isOutboundSettled = true
            return
        }
        // There is nothing to remove, and what has this SPI may be somebody else's: the peer chose it.
        associations[requestID]?.children[id]?.hasOutbound = false
        strike(child.sa.outboundID, of: id)
        reportRefusal(error, of: requestID, into: &effects)
        // Half a pair is worse than none: the peer would talk to a wall.
        perform(ike.close(id.ike, at: now), at: now, into: &effects)
    }

    mutating func socketAnswered(
        _ id: RequestID,
        _ outcome: DataPlaneOutcome,
        at now: MonotonicTime,
        into effects: inout [Effect]
    ) {
        guard let association = associations[id] else { return }
        switch outcome {
        case .failed(let error):
            associations[id]?.socket = .failed(error)
            associations[id]?.held = []
            reportRefusal(error, of: id, into: &effects)
            if !association.connections.isEmpty { closeKeys(of: id, at: now, into: &effects) }
        case .done, .created, .counters, .inventory, .pathMTU:
            guard case .opening(let peer) = association.socket else { return }
            associations[id]?.socket = .open
            associations[id]?.held = []
            if let peer { connect(id, to: peer, into: &effects) }
            for held in association.held { effects.append(.send(held.datagram, on: id, to: held.peer)) }
        }
    }

    private mutating func removeChild(_ id: ChildSA.ID, into effects: inout [Effect]) {
        guard let requestID = requestIDs[id.ike],
            let child = associations[requestID]?.children.removeValue(forKey: id)
        else { return }
        strike(child.sa.inboundID, of: id)
        strike(child.sa.outboundID, of: id)
        if associations[requestID]?.newestChild == id {
            let left = associations[requestID]?.children.filter { $0.value.hasOutbound }
            // Without another it stays: somebody has proved to hold the keys once.
            if let next = left?.max(by: { $0.value.outboundSerial < $1.value.outboundSerial }) {
                associations[requestID]?.newestChild = next.key
                followMTU(of: requestID, into: &effects)
            }
        }
        if child.hasInbound {
            request(
                .remove(child.sa.inboundID),
                for: .remove(child.sa.inboundID, "inbound SA \(id.inboundSPI)"),
                into: &effects
            )
        }
        if child.hasOutbound {
            request(
                .remove(child.sa.outboundID),
                for: .remove(child.sa.outboundID, "outbound SA \(child.sa.outboundSPI)"),
                into: &effects
            )
        }
    }

    /// An IKE SA is gone. With the last one of an association goes everything that stood on it.
    private mutating func keysClosed(_ id: IKESAID, at now: MonotonicTime, into effects: inout [Effect]) {
        guard let requestID = requestIDs[id], let association = associations[requestID] else { return }
        for child in association.children.keys where child.ike == id { removeChild(child, into: &effects) }
        requestIDs[id] = nil
        associations[requestID]?.ikeSAs.remove(id)
        associations[requestID]?.proved.remove(id)
        guard association.ikeSAs == [id] else { return }
        // Out of the table first: what ends now must find nothing to build on.
        associations[requestID] = nil
        visits.set(requestID, to: nil)
        if paths[association.path] == requestID { paths[association.path] = nil }
        perform(l2tp.socketLost(requestID, at: now), at: now, into: &effects)
        request(.closeSocket(requestID), for: .closeSocket(requestID), into: &effects)
    }

    /// Says goodbye on IKE's level, for every IKE SA of the association.
    mutating func closeKeys(of id: RequestID, at now: MonotonicTime, into effects: inout [Effect]) {
        guard let association = associations[id] else { return }
        for ikeSA in association.ikeSAs { perform(ike.close(ikeSA, at: now), at: now, into: &effects) }
    }

    func reportRefusal(_ error: DataPlaneError, of id: RequestID, into effects: inout [Effect]) {
        report(.kernelRefused(error), of: id, into: &effects)
    }
}
