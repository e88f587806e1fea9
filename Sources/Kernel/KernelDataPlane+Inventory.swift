// SPDX-License-Identifier: Apache-2.0
internal import CLinux
package import DataPlane
internal import Glibc
internal import Primitives

/// An inventory that is being taken.
struct InventoryRun {
    var tickets: [DataPlaneTicket]
    /// The sessions that stood when it began.
    var candidates: Set<KernelSessionID>
    /// Associations that came (`true`) or went since.
    var changes: [SecurityAssociation.ID: Bool] = [:]
}

/// Where a session ends in the kernel, for who reads its counters on another thread.
struct SessionDevice: Sendable {
    let session: KernelSessionID
    /// /dev/ppp as the unit, as long as nobody is about to close it. A reading that was asked for before is waited for.
    var unit: Int32?

    /// Since the last IP packet in either direction.
    var idleSeconds: UInt64? {
        guard let unit else { return nil }
        let seconds = culvert_ppp_idle(unit)
        return seconds < 0 ? nil : UInt64(seconds)
    }
}

extension KernelDataPlane {
    // MARK: Counters

    /// Asks for counters on a thread: the kernel's lock for devices is held by mass deletions for tens of milliseconds.
    /// Sessions that are to be removed afterwards are removed afterwards. Who asks for many gets all: taking ten
    /// thousand out of a table would hold the loop up.
    func readCounters(_ ids: [KernelSessionID], _ ticket: DataPlaneTicket) {
        var wanted = devices
        if ids.count <= NetlinkBatch.limit {
            let indices = ids.compactMap { sessions[$0]?.kernelSession?.interfaceIndex }
            wanted = Dictionary(indices.map { ($0, devices[$0]) }) { first, _ in first }.compactMapValues(\.self)
        }
        guard !wanted.isEmpty else {
            notices.append(.answered(ticket, .counters([:])))
            return
        }
        lastReading += 1
        let reading = lastReading
        readings.insert(reading)
        pool.submit { [completions, wanted] sockets in
            do throws(DataPlaneError) {
                let byIndex = try TrafficCounters.read(Array(wanted.keys), over: sockets.route)
                var counters = [KernelSessionID: TrafficCounters](minimumCapacity: byIndex.count)
                for (index, device) in wanted {
                    guard var counted = byIndex[index] else { continue }
                    counted.idleSeconds = device.idleSeconds
                    counters[device.session] = counted
                }
                completions.post(.counted(reading, ticket, .counters(counters)))
            } catch {
                completions.post(.counted(reading, ticket, .failed(error)))
            }
        }
    }

    func counted(_ reading: Int, _ ticket: DataPlaneTicket, _ outcome: DataPlaneOutcome) {
        readings.remove(reading)
        notices.append(.answered(ticket, outcome))
    }

    /// Waits for the lock that deletions of devices hold for tens of milliseconds: for a person who asks, not for a loop.
    package func counters(of session: KernelSessionID) -> TrafficCounters? {
        guard let index = sessions[session]?.kernelSession?.interfaceIndex else { return nil }
        return (try? TrafficCounters.read([index], over: route))?[index]
    }

    // MARK: Inventory

    /// One at a time: who asks meanwhile gets the next one, for this one may be past what he means.
    func takeInventory(_ ticket: DataPlaneTicket) {
        guard inventory == nil else {
            inventoryTickets.append(ticket)
            return
        }
        startInventory([ticket])
    }

    private func startInventory(_ tickets: [DataPlaneTicket]) {
        let indices = sessions.filter { $0.value.isStanding }.compactMapValues { $0.kernelSession?.interfaceIndex }
        inventory = InventoryRun(tickets: tickets, candidates: Set(indices.keys))
        pool.submit { [completions, l2tpFamily] sockets in
            do throws(DataPlaneError) {
                var found = KernelInventory(associations: try XFRMState.ours(over: sockets.xfrm))
                let devices = try TrafficCounters.read(Array(indices.values), over: sockets.route)
                let missing = try L2TPMessages.missing(
                    Array(indices.keys),
                    family: l2tpFamily,
                    over: sockets.generic
                )
                for (id, index) in indices where devices[index] != nil && !missing.contains(id) {
                    found.sessions.insert(id)
                }
                completions.post(.inventoried(.success(found)))
            } catch {
                completions.post(.inventoried(.failure(error)))
            }
        }
    }

    func inventoried(_ result: Result<KernelInventory, DataPlaneError>) {
        guard let run = inventory else { return }
        inventory = nil
        for ticket in run.tickets { notices.append(.answered(ticket, outcome(of: run, result))) }
        guard !inventoryTickets.isEmpty else { return }
        defer { inventoryTickets.removeAll() }
        startInventory(inventoryTickets)
    }

    /// What was found, with what changed since.
    private func outcome(of run: InventoryRun, _ result: Result<KernelInventory, DataPlaneError>) -> DataPlaneOutcome {
        switch result {
        case .failure(let error): return .failed(error)
        case .success(var found):
            for (id, isThere) in run.changes {
                if isThere { found.associations.insert(id) } else { found.associations.remove(id) }
            }
            let standing = sessions.filter { $0.value.isStanding }.keys
            found.sessions = Set(standing.filter { found.sessions.contains($0) || !run.candidates.contains($0) })
            return .inventory(found)
        }
    }
}

extension TrafficCounters {
    /// The counters of devices by their indices, those that are there. Many are read with one dump, few one by one.
    static func read(_ indices: [Int], over route: NetlinkSocket) throws(DataPlaneError) -> [Int: TrafficCounters] {
        var counters: [Int: TrafficCounters] = [:]
        func take(_ reply: NetlinkReply) {
            if let decoded = decode(reply.payload) { counters[decoded.index] = decoded.counters }
        }
        if indices.count > NetlinkBatch.limit {
            try route.visit(RouteMessages.statistics(index: 0), step: "RTM_GETSTATS", take)
        }
        // Also those a dump left out: it may do so while devices come and go.
        for start in stride(from: 0, to: indices.count, by: NetlinkBatch.limit) {
            var batch = NetlinkBatch()
            for index in indices[start..<min(start + NetlinkBatch.limit, indices.count)] where counters[index] == nil {
                batch.append(RouteMessages.statistics(index: index), step: "RTM_GETSTATS")
            }
            let failures = route.perform(&batch, visitor: take).failures
            if let failure = failures.values.first(where: { $0.code != ENODEV }) { throw failure }
        }
        return counters
    }
}

extension XFRMState {
    /// The associations in the kernel that have the form of ours.
    static func ours(over xfrm: NetlinkSocket) throws(DataPlaneError) -> Set<SecurityAssociation.ID> {
        var ids: Set<SecurityAssociation.ID> = []
        try xfrm.visit(XFRMMessages.list(), step: "XFRM_MSG_GETSA") { reply in
            var cursor = NetlinkCursor(reply.payload)
            guard let state = try? XFRMState(from: &cursor), state.isLeftover, let id = state.id else { return }
            ids.insert(id)
        }
        return ids
    }
}
