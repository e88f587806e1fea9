// SPDX-License-Identifier: Apache-2.0
internal import DataPlane
internal import Primitives

/// What has children: an established IKE SA and a retired one.
private protocol Parent {
    var children: [IKEv1.Child] { get set }
}

extension IKEv1.ResponderSA.Established: Parent {}
extension IKEv1.ResponderSA.Retired: Parent {}

/// How children end.
extension IKEv1.ResponderSA {
    /// Those whose end has come go, those near it are replaced.
    func advanceChildren(
        of phase: inout Established,
        to now: MonotonicTime,
        _ surroundings: inout Surroundings
    ) -> [IKEv1.Effect] {
        var effects: [IKEv1.Effect] = []
        for child in Self.takeDue(from: &phase, at: now) {
            effects += depart(child, in: &phase, &surroundings)
        }
        for child in Self.takeFading(from: &phase, at: now) {
            let former = Handover(child: child, id: childID(child.inboundSPI))
            if phase.isSuperseded {
                surroundings.errands.append(.replace(former, at: now))
            } else {
                effects += offer(former, in: &phase, at: now, &surroundings)
            }
        }
        return effects
    }

    /// Without keys of its own the SA leaves to its successor what the peer has to be told and asked.
    func advanceChildren(
        of phase: inout Retired,
        to now: MonotonicTime,
        _ surroundings: inout Surroundings
    ) -> [IKEv1.Effect] {
        var effects: [IKEv1.Effect] = []
        for child in Self.takeDue(from: &phase, at: now) {
            surroundings.release(child.inboundSPI)
            if child.departure?.isAnnounced ?? true {
                surroundings.errands.append(.announce(Handover(child: child, id: childID(child.inboundSPI))))
            }
            effects += end(of: child, isReplaced: child.departure != nil)
        }
        for child in Self.takeFading(from: &phase, at: now) {
            surroundings.errands.append(.replace(Handover(child: child, id: childID(child.inboundSPI)), at: now))
        }
        return effects
    }

    private static func takeDue(from phase: inout some Parent, at now: MonotonicTime) -> [IKEv1.Child] {
        func isDue(_ child: IKEv1.Child) -> Bool {
            child.expires <= now || child.departure.map { $0.at <= now } ?? false
        }
        let due = phase.children.filter(isDue)
        if !due.isEmpty { phase.children.removeAll(where: isDue) }
        return due
    }

    /// Each is given the time of its next attempt, should this one come to nothing.
    private static func takeFading(from phase: inout some Parent, at now: MonotonicTime) -> [IKEv1.Child] {
        var fading: [IKEv1.Child] = []
        for index in phase.children.indices {
            guard phase.children[index].departure == nil, let due = phase.children[index].replacement.next, due <= now
            else {
                continue
            }
            phase.children[index].replacement.noteAttempt(at: now, before: phase.children[index].expires)
            fading.append(phase.children[index])
        }
        return fading
    }

    /// Ends a child that was taken out already.
    func depart(
        _ child: IKEv1.Child,
        in phase: inout Established,
        _ surroundings: inout Surroundings
    ) -> [IKEv1.Effect] {
        surroundings.release(child.inboundSPI)
        let isReplaced =
            child.departure != nil
            || phase.children.contains { $0.since > child.since && $0.terms.cover(child.terms) }
        let goodbye = child.departure?.isAnnounced ?? true ? delete([child], in: &phase, surroundings) : []
        return goodbye + end(of: child, isReplaced: isReplaced)
    }

    private func end(of child: IKEv1.Child, isReplaced: Bool) -> [IKEv1.Effect] {
        let id = childID(child.inboundSPI)
        // Of what the peer deleted there was an event then.
        let event = isReplaced ? Event.Kind.childReplaced(id) : .childExpired(id)
        let isKnown = child.departure.map { !$0.isAnnounced } ?? false
        return [.remove(id)] + (isKnown ? [] : [report(event)])
    }

    /// The peer gave up a child under a newer IKE SA.
    ///
    /// - Parameter isReplaced: Another one carries its traffic.
    /// - Returns: `nil` if no child has this outbound SPI.
    mutating func removeChild(
        outboundSPI: ESPSPI,
        isReplaced: Bool,
        at now: MonotonicTime,
        _ surroundings: inout Surroundings
    ) -> [IKEv1.Effect]? {
        switch state {
        case .established(var phase):
            guard let effects = remove(outboundSPI, isReplaced: isReplaced, from: &phase, at: now, &surroundings)
            else { return nil }
            state = .established(phase)
            return effects
        case .retired(var phase):
            guard let index = phase.children.firstIndex(where: { $0.outboundSPI == outboundSPI }) else { return nil }
            let effects = giveUp(index, isReplaced: isReplaced, of: &phase, at: now, &surroundings)
            let (next, more) = settle(phase)
            state = next
            return effects + more
        case .waitKeyExchange, .waitIdentity, .waitHash, .deleted, .refused, .closed:
            return nil
        }
    }

    /// Takes away a child, or a quick mode whose child the peer has given up already.
    func remove(
        _ outboundSPI: ESPSPI,
        isReplaced: Bool,
        from phase: inout Established,
        at now: MonotonicTime,
        _ surroundings: inout Surroundings
    ) -> [IKEv1.Effect]? {
        if let index = phase.children.firstIndex(where: { $0.outboundSPI == outboundSPI }) {
            let child = phase.children[index]
            let isReplacedHere = phase.children[(index + 1)...].contains {
                $0.departure == nil && $0.terms.cover(child.terms)
            }
            return giveUp(index, isReplaced: isReplaced || isReplacedHere, of: &phase, at: now, &surroundings)
        }
        guard let index = phase.quickModes.firstIndex(where: { $0.pendingOutboundSPI == outboundSPI }),
            let inbound = phase.quickModes[index].pendingInboundSPI
        else { return nil }
        phase.quickModes[index].finish()
        surroundings.release(inbound)
        return [.remove(childID(inbound)), report(.childDeletedByPeer(childID(inbound)))]
    }

    /// What the peer sent before its Delete may still be on its way: a child that was replaced stays for a moment.
    private func giveUp(
        _ index: Int,
        isReplaced: Bool,
        of phase: inout some Parent,
        at now: MonotonicTime,
        _ surroundings: inout Surroundings
    ) -> [IKEv1.Effect] {
        let child = phase.children[index]
        let id = childID(child.inboundSPI)
        let event = report(.childDeletedByPeer(id))
        guard isReplaced || child.departure != nil else {
            phase.children.remove(at: index)
            surroundings.release(child.inboundSPI)
            return [.remove(id), event]
        }
        let isKnown = child.departure.map { !$0.isAnnounced } ?? false
        let at = child.departure?.at ?? now.advanced(by: IKEv1.Child.grace)
        phase.children[index].departure = IKEv1.Child.Departure(at: at, isAnnounced: false)
        return isKnown ? [] : [event]
    }

    /// A child of this SA was replaced under a newer one.
    mutating func letGo(_ inboundSPI: ESPSPI, at now: MonotonicTime) {
        let departure = IKEv1.Child.Departure(at: now.advanced(by: IKEv1.Child.grace), isAnnounced: true)
        switch state {
        case .established(var phase):
            Self.letGo(inboundSPI, of: &phase, departure)
            state = .established(phase)
        case .retired(var phase):
            Self.letGo(inboundSPI, of: &phase, departure)
            state = .retired(phase)
        case .waitKeyExchange, .waitIdentity, .waitHash, .deleted, .refused, .closed:
            break
        }
    }

    private static func letGo(
        _ inboundSPI: ESPSPI,
        of phase: inout some Parent,
        _ departure: IKEv1.Child.Departure
    ) {
        guard let index = phase.children.firstIndex(where: { $0.inboundSPI == inboundSPI }),
            phase.children[index].departure == nil
        else { return }
        phase.children[index].departure = departure
    }

    /// Tells the peer that a child of an SA before this one is gone.
    mutating func announce(
        _ child: Handover,
        _ surroundings: inout Surroundings
    ) -> [IKEv1.Effect] {
        guard case .established(var phase) = state else { return [] }
        let effects = delete([child.child], in: &phase, surroundings)
        if phase.quickModes.allSatisfy(\.isOver) { phase.dropContexts() }
        state = .established(phase)
        return effects
    }

    /// What the kernel says of a child.
    mutating func take(
        _ notice: Endpoint.ChildNotice,
        of inboundSPI: ESPSPI,
        at now: MonotonicTime,
        _ surroundings: inout Surroundings
    ) -> [IKEv1.Effect] {
        switch state {
        case .established(var phase):
            let effects = take(notice, of: inboundSPI, in: &phase, at: now, &surroundings)
            if phase.quickModes.allSatisfy(\.isOver) { phase.dropContexts() }
            state = .established(phase)
            return effects
        case .retired(var phase):
            guard let index = phase.children.firstIndex(where: { $0.inboundSPI == inboundSPI }) else { return [] }
            let child = phase.children[index]
            let former = Handover(child: child, id: childID(inboundSPI))
            guard notice != .softLimit else {
                guard child.departure == nil, child.replacement.isPossible else { return [] }
                phase.children[index].replacement.noteAttempt(at: now, before: phase.children[index].expires)
                surroundings.errands.append(.replace(former, at: now))
                state = .retired(phase)
                return []
            }
            phase.children.remove(at: index)
            surroundings.release(inboundSPI)
            surroundings.errands.append(.announce(Handover(child: child, id: childID(child.inboundSPI))))
            if notice == .vanished { surroundings.errands.append(.replace(former, at: now)) }
            let (next, more) = settle(phase)
            state = next
            return loss(of: child, notice) + more
        case .waitKeyExchange, .waitIdentity, .waitHash, .deleted, .refused, .closed:
            return []
        }
    }

    private func take(
        _ notice: Endpoint.ChildNotice,
        of inboundSPI: ESPSPI,
        in phase: inout Established,
        at now: MonotonicTime,
        _ surroundings: inout Surroundings
    ) -> [IKEv1.Effect] {
        guard let index = phase.children.firstIndex(where: { $0.inboundSPI == inboundSPI }) else {
            return loseUnproved(notice, inboundSPI, in: &phase, &surroundings)
        }
        let child = phase.children[index]
        let former = Handover(child: child, id: childID(inboundSPI))
        if notice == .softLimit {
            guard child.departure == nil, child.replacement.isPossible else { return [] }
            phase.children[index].replacement.noteAttempt(at: now, before: phase.children[index].expires)
        } else {
            phase.children.remove(at: index)
            surroundings.release(inboundSPI)
        }
        var effects: [IKEv1.Effect] = []
        if notice != .softLimit {
            if child.departure?.isAnnounced ?? true { effects += delete([child], in: &phase, surroundings) }
            effects += loss(of: child, notice)
        }
        guard notice != .hardLimit, child.departure == nil else { return effects }
        if phase.isSuperseded {
            surroundings.errands.append(.replace(former, at: now))
        } else {
            effects += offer(former, in: &phase, at: now, &surroundings)
        }
        return effects
    }

    /// Somebody removed the inbound half before the peer proved to have message 2.
    private func loseUnproved(
        _ notice: Endpoint.ChildNotice,
        _ inboundSPI: ESPSPI,
        in phase: inout Established,
        _ surroundings: inout Surroundings
    ) -> [IKEv1.Effect] {
        guard notice != .softLimit,
            let index = phase.quickModes.firstIndex(where: { $0.pendingInboundSPI == inboundSPI })
        else { return [] }
        phase.quickModes[index].finish()
        surroundings.release(inboundSPI)
        let id = childID(inboundSPI)
        return [.remove(id), report(notice == .hardLimit ? .childExhausted(id) : .childVanished(id))]
    }

    private func loss(of child: IKEv1.Child, _ notice: Endpoint.ChildNotice) -> [IKEv1.Effect] {
        let id = childID(child.inboundSPI)
        guard child.departure == nil else { return [.remove(id)] }
        return [.remove(id), report(notice == .hardLimit ? .childExhausted(id) : .childVanished(id))]
    }
}
