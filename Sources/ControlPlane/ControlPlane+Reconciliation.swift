// SPDX-License-Identifier: Apache-2.0
internal import DataPlane
internal import IKE
internal import L2TP
internal import PPP
internal import Primitives

/// What the kernel holds and what we believe it holds: which of them is right, and what follows.
extension ControlPlane {
    /// Notes that this half belongs to the child, unless another has it: the peer chose the outbound name.
    mutating func enter(_ id: SecurityAssociation.ID, of child: ChildSA.ID) {
        if securityAssociations[id] == nil { securityAssociations[id] = child }
    }

    mutating func strike(_ id: SecurityAssociation.ID, of child: ChildSA.ID) {
        if securityAssociations[id] == child { securityAssociations[id] = nil }
    }

    mutating func expired(
        _ id: SecurityAssociation.ID,
        requestID number: UInt32,
        isHard: Bool,
        at now: MonotonicTime,
        into effects: inout [Effect]
    ) {
        guard let child = securityAssociations[id], let requestID = requestIDs[child.ike],
            requestID.rawValue == number
        else { return }
        if isHard {
            report(.securityAssociationExpired(id.spi), of: requestID, into: &effects)
            isGone(id, of: child, requestID)
        }
        perform(ike.take(isHard ? .hardLimit : .softLimit, of: child, at: now), at: now, into: &effects)
    }

    mutating func vanished(_ id: SecurityAssociation.ID, at now: MonotonicTime, into effects: inout [Effect]) {
        guard let child = securityAssociations[id], let requestID = requestIDs[child.ike] else { return }
        isGone(id, of: child, requestID)
        perform(ike.take(.vanished, of: child, at: now), at: now, into: &effects)
    }

    /// The kernel has it no more: nobody need remove it.
    private mutating func isGone(_ id: SecurityAssociation.ID, of child: ChildSA.ID, _ requestID: RequestID) {
        strike(id, of: child)
        guard let sa = associations[requestID]?.children[child]?.sa else { return }
        if sa.inboundID == id { associations[requestID]?.children[child]?.hasInbound = false }
        if sa.outboundID == id { associations[requestID]?.children[child]?.hasOutbound = false }
    }

    mutating func vanished(_ id: KernelSessionID, at now: MonotonicTime, into effects: inout [Effect]) {
        guard let key = SessionKey(id), let call = calls[key], call.kernel.isThere else { return }
        report(.sessionVanished(id, interface: call.kernel.interface), of: call.association, into: &effects)
        calls[key]?.reason = "its session was removed from the kernel"
        perform(l2tp.close(key, because: .noResources("the session was removed"), at: now), at: now, into: &effects)
    }

    mutating func noticesLost(into effects: inout [Effect]) {
        guard !isShuttingDown, reconciliation.isToAsk() else { return }
        takeInventory(into: &effects)
    }

    mutating func takeInventory(into effects: inout [Effect]) {
        var question = Reconciliation.Question(associations: [:], sessions: [:])
        for association in associations.values {
            for (id, child) in association.children where child.movesInFlight == 0 {
                if child.hasInbound, child.isInboundSettled { question.associations[child.sa.inboundID] = id }
                if child.hasOutbound, child.isOutboundSettled { question.associations[child.sa.outboundID] = id }
            }
        }
        for call in calls.values where call.kernel.isThere { question.sessions[call.key] = call.serial }
        reconciliation.ask(question)
        for purpose in requests.values {
            if let request = purpose.removal { reconciliation.note(request) }
        }
        request(.takeInventory, for: .takeInventory, into: &effects)
    }

    mutating func inventoryTaken(
        _ outcome: DataPlaneOutcome,
        at now: MonotonicTime,
        into effects: inout [Effect]
    ) {
        switch outcome {
        case .failed(let error):
            report(.inventoryFailed(error), into: &effects)
            if !isShuttingDown { reconciliation.failed(at: now) }
        case .inventory(let inventory):
            guard let (question, isOutdated) = reconciliation.answered() else { return }
            compare(question, with: inventory, at: now, into: &effects)
            if isOutdated { noticesLost(into: &effects) }
        case .done, .created, .counters, .pathMTU:
            _ = reconciliation.answered()
        }
    }

    private mutating func compare(
        _ question: Reconciliation.Question,
        with inventory: KernelInventory,
        at now: MonotonicTime,
        into effects: inout [Effect]
    ) {
        let strangers = inventory.associations.filter { id in
            securityAssociations[id] == nil && !question.leavingAssociations.contains(id)
        }
        let strangeSessions = inventory.sessions.filter { id in
            let isKnown = SessionKey(id).flatMap { calls[$0] }.map { $0.kernel != .absent } ?? false
            return !isKnown && !question.leavingSessions.contains(id)
        }
        let lost = question.associations.filter { id, child in
            !inventory.associations.contains(id) && securityAssociations[id] == child
        }
        let lostSessions = question.sessions.keys.filter { key in
            !inventory.sessions.contains(key.kernelID) && calls[key]?.serial == question.sessions[key]
        }
        let reconciled = CallEvent.Kind.reconciled(
            lostAssociations: lost.count,
            lostSessions: lostSessions.count,
            strangers: strangers.count + strangeSessions.count
        )
        report(reconciled, into: &effects)
        for id in strangers { request(.remove(id), for: .remove(id, "stray SA \(id.spi)"), into: &effects) }
        for id in strangeSessions { request(.removeSession(id), for: .removeSession(id, nil), into: &effects) }
        for key in lostSessions { vanished(key.kernelID, at: now, into: &effects) }
        for id in lost.keys { vanished(id, at: now, into: &effects) }
    }
}
