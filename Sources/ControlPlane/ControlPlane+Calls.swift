// SPDX-License-Identifier: Apache-2.0
internal import DataPlane
internal import L2TP
internal import PPP
internal import Primitives

/// The effects of PPP links, and the kernel's answers about sessions and interfaces.
extension ControlPlane {
    /// Lets `body` work on the call's link, performs what it wants and notes its next deadline.
    mutating func withLink(
        _ key: SessionKey,
        at now: MonotonicTime,
        into effects: inout [Effect],
        _ body: (inout PPP.Link) -> [PPP.Link.Effect]
    ) {
        guard let (linkEffects, deadline) = calls.withValue(of: key, { (body(&$0.link), $0.link.nextDeadline) }) else {
            return
        }
        linkDeadlines.set(key, to: deadline)
        for effect in linkEffects { perform(effect, of: key, at: now, into: &effects) }
    }

    private mutating func perform(
        _ effect: PPP.Link.Effect,
        of key: SessionKey,
        at now: MonotonicTime,
        into effects: inout [Effect]
    ) {
        switch effect {
        case .send(let frame):
            send(frame, for: key, into: &effects)
        case .verify(let attempt):
            verify(attempt, of: key, at: now, into: &effects)
        case .networkWanted(let userName):
            openNetwork(for: userName, key, at: now, into: &effects)
        case .networkUp:
            networkUp(key, into: &effects)
        case .networkDown:
            break
        case .unanswered:
            if let id = calls.withValue(of: key, { $0.association }) { unanswered(id, into: &effects) }
        case .finished(let end):
            calls[key]?.end = end
            perform(l2tp.close(key, because: SessionEnd(end), at: now), at: now, into: &effects)
            // The session may have been gone before the link noticed.
            callEnded(key, SessionEnd(end), at: now, into: &effects)
        case .report(let kind):
            guard let call = calls[key] else { return }
            effects.append(.report(.ppp(PPP.Event(trace: call.trace, peer: call.peer, kind: kind))))
        }
    }

    private mutating func send(_ frame: [UInt8], for key: SessionKey, into effects: inout [Effect]) {
        switch calls.withValue(of: key, { $0.kernel }) {
        case .created?, .up?:
            effects.append(.write(frame, to: key.kernelID))
        case .creating?, .absent?:
            guard let message = l2tp.dataMessage(carrying: frame, for: key) else { return }
            effects.append(.send(message.datagram, on: message.socket, to: message.peer))
        case nil:
            break
        }
    }

    private mutating func networkUp(_ key: SessionKey, into effects: inout [Effect]) {
        switch calls[key]?.kernel {
        case .creating?:
            calls[key]?.kernel = .creating(wantsInterface: true)
        case .created?:
            bringUp(key, into: &effects)
        case .up?, .absent?, nil:
            break
        }
    }

    private mutating func bringUp(_ key: SessionKey, into effects: inout [Effect]) {
        guard let call = calls[key], let lease = call.lease else { return }
        let interface = PPPInterface(session: key.kernelID, localAddress: lease.gateway, peerAddress: lease.address)
        request(.bringUp(interface), for: .bringUp(key, serial: call.serial), into: &effects)
    }

    mutating func sessionAnswered(
        _ key: SessionKey,
        serial: UInt64,
        _ outcome: DataPlaneOutcome,
        at now: MonotonicTime,
        into effects: inout [Effect]
    ) {
        guard let call = calls[key], call.serial == serial, case .creating(let wantsInterface) = call.kernel else {
            return
        }
        switch outcome {
        case .created(let interface, _):
            calls[key]?.kernel = .created(interface: interface)
            let created = CallEvent.Kind.kernelSessionCreated(key.kernelID, interface: interface)
            report(created, of: call.association, into: &effects)
            if wantsInterface { bringUp(key, into: &effects) }
        case .done, .counters, .inventory, .pathMTU:
            calls[key]?.kernel = .created(interface: "")
            if wantsInterface { bringUp(key, into: &effects) }
        case .failed(let error):
            calls[key]?.kernel = .absent
            reportRefusal(error, of: call.association, into: &effects)
            withLink(key, at: now, into: &effects) { $0.close(.dataPlaneFailed, at: now) }
        }
    }

    mutating func interfaceAnswered(
        _ key: SessionKey,
        serial: UInt64,
        _ outcome: DataPlaneOutcome,
        at now: MonotonicTime,
        into effects: inout [Effect]
    ) {
        guard let call = calls[key], call.serial == serial, case .created(let interface) = call.kernel else { return }
        if case .failed(let error) = outcome {
            reportRefusal(error, of: call.association, into: &effects)
            withLink(key, at: now, into: &effects) { $0.close(.dataPlaneFailed, at: now) }
            return
        }
        calls[key]?.kernel = .up(interface: interface)
        guard let userName = call.userName, let lease = call.lease else { return }
        let event = CallEvent(
            trace: call.trace,
            peer: associations[call.association]?.peer ?? call.peer,
            kind: .up(
                userName: userName,
                address: lease.address,
                interface: interface,
                mtu: call.mtu,
                setUp: call.started.duration(to: now)
            )
        )
        effects.append(.report(.call(event)))
        lookAtPath(of: call.association, at: now, into: &effects)
    }

    /// The session is gone: what the call held goes too.
    mutating func callEnded(
        _ key: SessionKey,
        _ end: SessionEnd,
        at now: MonotonicTime,
        into effects: inout [Effect]
    ) {
        guard var call = calls.removeValue(forKey: key) else { return }
        linkDeadlines.set(key, to: nil)
        verdictDeadlines.set(key, to: nil)
        if let address = call.fixedAddress { fixedAddresses.leave(key, address) }
        for effect in call.link.lowerLayerDown(at: now) {
            guard case .report(let kind) = effect else { continue }
            effects.append(.report(.ppp(PPP.Event(trace: call.trace, peer: call.peer, kind: kind))))
        }
        if call.kernel == .absent {
            if let lease = call.lease { release(lease, at: now, into: &effects) }
        } else {
            if let lease = call.lease { fixedAddresses.departs(lease.address) }
            request(.removeSession(key.kernelID), for: .removeSession(key.kernelID, call.lease), into: &effects)
        }
        let event = CallEvent(
            trace: call.trace,
            peer: associations[call.association]?.peer ?? call.peer,
            kind: .down(
                userName: call.userName,
                address: call.lease?.address,
                because: call.reason ?? call.end.map(\.explanation) ?? end.explanation,
                after: call.started.duration(to: now)
            )
        )
        effects.append(.report(.call(event)))
        associations[call.association]?.calls.remove(key)
        if let association = associations[call.association], association.isClosing, association.calls.isEmpty {
            closeTunnels(of: call.association, at: now, into: &effects)
        }
        closeForsaken(call.association, at: now, into: &effects)
    }

    /// Sends the link's goodbye without waiting for its answer; the caller takes the session down.
    mutating func hangUp(_ key: SessionKey, at now: MonotonicTime, into effects: inout [Effect]) {
        calls[key]?.end = .administrative
        withLink(key, at: now, into: &effects) { $0.close(.administrative, at: now) }
    }
}

extension SessionEnd {
    /// What the LAC is told when a link ends.
    init(_ end: LinkEnd) {
        self =
            switch end {
            case .administrative: .administrative
            case .dataPlaneFailed: .noResources("the kernel refused the session")
            case .noAddress: .noResources("no address left")
            case .byPeer, .authenticationFailed, .negotiationFailed, .silence, .lowerLayerDown: .ppp(end.explanation)
            }
    }

    /// How an explanation begins that may end with what the peer had to say: after a colon.
    static let peerHungUp = "the peer hung up, result"

    var explanation: String {
        switch self {
        case .administrative: "an administrator ended it"
        case .ppp(let text): text
        case .byPeer(let result, _, let message):
            "\(Self.peerHungUp) \(result)" + (message.map { ": \($0)" } ?? "")
        case .connectionEnded: "its control connection ended"
        case .noResources(let text): text
        case .protocolError(let text): text
        }
    }
}

extension LinkEnd {
    var explanation: String {
        switch self {
        case .byPeer: "the peer terminated the link"
        case .administrative: "an administrator ended it"
        case .authenticationFailed: "authentication failed"
        case .noAddress: "no address left"
        case .negotiationFailed(let what): "no agreement on \(what)"
        case .silence: "the peer fell silent"
        case .lowerLayerDown: "the session ended"
        case .dataPlaneFailed: "the kernel refused the session"
        }
    }
}
