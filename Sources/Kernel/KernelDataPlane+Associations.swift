// SPDX-License-Identifier: Apache-2.0
internal import CLinux
internal import DataPlane
internal import Glibc
internal import Primitives

/// Requests about associations on their way to the kernel in one call.
struct AssociationBatch {
    enum Member {
        case install(SecurityAssociation.ID, DataPlaneTicket)
        case remove(SecurityAssociation.ID, DataPlaneTicket)
    }

    var messages = NetlinkBatch()
    var members: [Member] = []
}

extension KernelDataPlane {
    /// Adds a request to a batch, which is performed when it is full; a move is performed at once, after what is
    /// before it.
    func append(_ request: DataPlaneRequest, _ ticket: DataPlaneTicket, to batch: inout AssociationBatch) {
        switch request {
        case .install(let association):
            batch.messages.append(XFRMMessages.install(association), step: "XFRM_MSG_NEWSA")
            batch.members.append(.install(association.id, ticket))
        case .remove(let id):
            batch.messages.append(XFRMMessages.remove(id), step: "XFRM_MSG_DELSA")
            batch.members.append(.remove(id, ticket))
        case .move(let id, let direction, let peer):
            perform(&batch)
            answer(ticket, move(id, direction, to: peer))
        case .openSocket, .connectSocket, .createSession, .bringUp, .setMTU, .readPathMTU, .probePath, .removeSession,
            .closeSocket, .readCounters, .takeInventory, .addGatewayAddress, .removeGatewayAddress:
            return
        }
        if batch.messages.isFull { perform(&batch) }
    }

    func perform(_ batch: inout AssociationBatch) {
        guard batch.messages.count > 0 else { return }
        let ledger = perform(&batch.messages)
        for (position, member) in batch.members.enumerated() {
            let failure = ledger.failures[position]
            switch member {
            case .install(let id, let ticket):
                if failure == nil || ledger.isUncertain && failure?.isExists == false { note(id, isThere: true) }
                answer(ticket, failure)
            case .remove(let id, let ticket):
                let remaining = failure.flatMap { finishRemoval(of: id, after: $0) }
                if remaining == nil { note(id, isThere: false) }
                answer(ticket, remaining)
            }
        }
        batch.members.removeAll(keepingCapacity: true)
    }

    /// Performs a batch about associations. If it is not known what came of it, what the kernel holds must be asked
    /// for, as after lost notices.
    private func perform(_ messages: inout NetlinkBatch) -> AcknowledgementLedger {
        let ledger = xfrm.perform(&messages)
        if ledger.isUncertain { notices.append(.noticesLost) }
        return ledger
    }

    /// What is gone already is removed; who is busy is asked again.
    private func finishRemoval(of id: SecurityAssociation.ID, after failure: DataPlaneError) -> DataPlaneError? {
        var failure = failure
        for _ in 0..<3 where failure.code == EBUSY {
            do throws(DataPlaneError) {
                try xfrm.perform(XFRMMessages.remove(id), step: "XFRM_MSG_DELSA")
                return nil
            } catch {
                failure = error
            }
        }
        return failure.code == ESRCH ? nil : failure
    }

    /// Keeps the table of associations, and what an inventory under way cannot know.
    func note(_ id: SecurityAssociation.ID, isThere: Bool) {
        if isThere { associations.insert(id) } else { associations.remove(id) }
        inventory?.changes[id] = isThere
    }

    // MARK: Moving

    private func move(
        _ id: SecurityAssociation.ID,
        _ direction: SecurityAssociation.Direction,
        to peer: SocketAddress
    ) -> DataPlaneError? {
        guard id.destination.isV4 == peer.address.isV4 else {
            return DataPlaneError(step: "XFRM_MSG_UPDSA", code: EAFNOSUPPORT)
        }
        do throws(DataPlaneError) {
            var answer: Result<XFRMMove, DataPlaneError>?
            try xfrm.visit(XFRMMessages.get(id), step: "XFRM_MSG_GETSA") { reply in
                answer = Result { () throws(DataPlaneError) in try XFRMMove(reply.payload, direction, to: peer) }
            }
            guard var move = try answer?.get() else { return DataPlaneError(step: "XFRM_MSG_GETSA", code: EPROTO) }
            defer { move.wipe() }
            switch (move.kind, direction) {
            case (.nothing, _): return nil
            case (.inPlace, _):
                note(id, isThere: true)
                return perform(&move.change).failures[0]
            case (.replacement, .inbound): return replace(id, by: &move)
            case (.replacement, .outbound): return exchange(id, for: &move)
            }
        } catch {
            if error.code == ESRCH { lose(id) }
            return error
        }
    }

    /// The old one has to go first, for the id stays: both in one call, so nobody waits long.
    private func replace(_ id: SecurityAssociation.ID, by move: inout XFRMMove) -> DataPlaneError? {
        var removal = NetlinkBatch(XFRMMessages.remove(id), step: "XFRM_MSG_DELSA")
        removal.append(consuming: &move.change)
        let ledger = perform(&removal)
        guard let failure = ledger.failures[1] else {
            note(id, isThere: true)
            return nil
        }
        // It was never removed: it still stands.
        if let refusal = ledger.failures[0], refusal.code != ESRCH { return refusal }
        if let second = perform(&move.original).failures[0], !second.isExists { lose(id) }
        return failure
    }

    /// The new one is another to the kernel, and comes before the old one goes.
    private func exchange(_ id: SecurityAssociation.ID, for move: inout XFRMMove) -> DataPlaneError? {
        if let failure = perform(&move.change).failures[0] { return failure }
        var removal = NetlinkBatch(XFRMMessages.remove(id), step: "XFRM_MSG_DELSA")
        if let failure = perform(&removal).failures[0], let remaining = finishRemoval(of: id, after: failure) {
            var undoing = NetlinkBatch(XFRMMessages.remove(move.id), step: "XFRM_MSG_DELSA")
            _ = perform(&undoing)
            return remaining
        }
        note(id, isThere: false)
        note(move.id, isThere: true)
        return nil
    }

    /// An association is gone without our doing, or undoing.
    func lose(_ id: SecurityAssociation.ID) {
        guard associations.contains(id) else { return }
        note(id, isThere: false)
        notices.append(.vanished(.association(id)))
    }
}
