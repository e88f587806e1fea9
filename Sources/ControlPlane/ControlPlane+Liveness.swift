// SPDX-License-Identifier: Apache-2.0
internal import DataPlane
internal import IKE
internal import L2TP
internal import PPP
internal import Primitives

/// Whether a peer is alive is judged by IKE, L2TP and PPP together, and by what the kernel has carried: a call that
/// carries traffic does not end because control packets are lost.
extension ControlPlane {
    /// A reading says something about now only if the one before it is no older.
    private static let freshness: Duration = .seconds(60)
    /// While a layer waits in vain, until its limit.
    private static let readingInterval: Duration = .seconds(10)
    private static let mostReadings = 9

    /// Something came in under the peer's keys: that is as good as an answer to IKE.
    mutating func hear(_ id: RequestID, at now: MonotonicTime) {
        guard let ikeSA = associations.withValue(of: id, { $0.newestChild?.ike }) ?? nil else { return }
        ike.heard(ikeSA, at: now)
    }

    /// One layer waits for an answer of the peer's in vain: does it send anything else meanwhile?
    mutating func unanswered(_ id: RequestID, into effects: inout [Effect]) {
        associations[id]?.readingsLeft = Self.mostReadings
        readCounters(of: id, into: &effects)
    }

    private mutating func readCounters(of id: RequestID, into effects: inout [Effect]) {
        guard let association = associations[id], !association.isReadingCounters else { return }
        let sessions = association.calls.filter { calls[$0]?.kernel.isThere == true }.map(\.kernelID)
        guard !sessions.isEmpty else { return }
        associations[id]?.isReadingCounters = true
        request(.readCounters(sessions), for: .readCounters(id), into: &effects)
    }

    mutating func countersRead(
        of id: RequestID,
        _ outcome: DataPlaneOutcome,
        at now: MonotonicTime,
        into effects: inout [Effect]
    ) {
        guard let association = associations[id] else { return }
        associations[id]?.isReadingCounters = false
        defer { scheduleReading(of: id, at: now) }
        switch outcome {
        case .failed(let error):
            report(.countersUnread(error), of: id, into: &effects)
        case .done, .created, .inventory, .pathMTU:
            break
        case .counters(let counters):
            // Without an earlier reading what has come may have come long ago.
            let isFresh = association.lastReading.map { $0.advanced(by: Self.freshness) >= now } ?? false
            associations[id]?.lastReading = now
            var alive: [SessionKey] = []
            for key in association.calls {
                guard let received = counters[key.kernelID]?.receivedPackets else { continue }
                let before = calls[key]?.receivedPackets ?? 0
                calls[key]?.receivedPackets = received
                if received > before, isFresh { alive.append(key) }
            }
            guard !alive.isEmpty else { return }
            associations[id]?.readingsLeft = 0
            for ikeSA in association.ikeSAs { ike.heard(ikeSA, at: now) }
            l2tp.heard(on: id, at: now)
            for key in alive {
                withLink(key, at: now, into: &effects) { link in
                    link.heard(at: now)
                    return []
                }
            }
        }
    }

    private mutating func scheduleReading(of id: RequestID, at now: MonotonicTime) {
        associations[id]?.nextReading = nil
        let left = associations[id]?.readingsLeft ?? 0
        if left > 0 {
            associations[id]?.readingsLeft = left - 1
            associations[id]?.nextReading = now.advanced(by: Self.readingInterval)
        }
        scheduleVisit(to: id)
    }

    /// Keys are for a tunnel. Whoever has none for as long as silence may last, and is not heard meanwhile, is gone;
    /// IKE itself cannot ask every peer.
    mutating func awaitTunnel(on id: RequestID, since start: MonotonicTime) {
        let due = start.advanced(by: configuration.ike.silenceLimit)
        associations[id]?.nextVisit = due
        scheduleVisit(to: id)
    }

    mutating func scheduleVisit(to id: RequestID) {
        guard let association = associations[id] else { return }
        let next = min(association.nextReading, or: association.nextVisit)
        visits.set(id, to: min(next, or: association.narrowing.deadline))
    }

    mutating func visit(_ id: RequestID, at now: MonotonicTime, into effects: inout [Effect]) {
        if let due = associations[id]?.nextReading, due <= now {
            associations[id]?.nextReading = nil
            readCounters(of: id, into: &effects)
        }
        if let due = associations[id]?.nextVisit, due <= now {
            associations[id]?.nextVisit = nil
            if let association = associations[id], association.connections.isEmpty {
                let heard = association.ikeSAs.compactMap(ike.lastHeard).max() ?? association.started
                if heard.advanced(by: configuration.ike.silenceLimit) <= now {
                    report(.noTunnel(after: configuration.ike.silenceLimit), of: id, into: &effects)
                    closeKeys(of: id, at: now, into: &effects)
                    return
                }
                awaitTunnel(on: id, since: heard)
            }
        }
        visitPath(of: id, at: now, into: &effects)
        scheduleVisit(to: id)
    }

    /// The peer has deleted its last IKE SA. What has a call waits for the next one; what has none goes.
    mutating func deletedByPeer(_ id: IKESAID, at now: MonotonicTime, into effects: inout [Effect]) {
        guard let requestID = requestIDs[id] else {
            perform(ike.close(id, at: now), at: now, into: &effects)
            return
        }
        associations[requestID]?.isForsaken = true
        closeForsaken(requestID, at: now, into: &effects)
    }

    mutating func closeForsaken(_ id: RequestID, at now: MonotonicTime, into effects: inout [Effect]) {
        guard let association = associations[id], association.isForsaken, association.calls.isEmpty,
            association.connections.allSatisfy(l2tp.isClosing)
        else { return }
        closeKeys(of: id, at: now, into: &effects)
    }
}
