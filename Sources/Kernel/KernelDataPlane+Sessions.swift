// SPDX-License-Identifier: Apache-2.0
internal import CLinux
package import DataPlane
internal import Glibc
internal import Primitives

/// A session as the owner of the data plane sees it.
struct SessionEntry {
    enum Step {
        case make(L2TPSession, DataPlaneTicket)
        case bringUp(PPPInterface, DataPlaneTicket)
        case setMTU(Int, DataPlaneTicket)
        /// Without a ticket: because the socket closes.
        case remove(DataPlaneTicket?)
    }

    /// What a worker thread is doing for it.
    enum Activity {
        case making(DataPlaneTicket)
        case bringingUp
        case settingMTU
        case removing(DataPlaneTicket?)
    }

    let socket: RequestID
    let unitNumber: Int
    var activity: Activity?
    var pending: [Step] = []
    var kernelSession: KernelSession?
    /// The descriptors that are being watched.
    var watched: Set<Int32> = []
    /// Where the host route leads.
    var peerAddress: IPAddress?
    /// A removal is under way or waiting: its route may be taken over.
    var isDoomed = false
    /// Somebody else took it away, and that was told.
    var isGone = false

    /// Made, neither removed nor about to be.
    var isStanding: Bool { kernelSession != nil && !isDoomed && !isGone }
}

extension KernelDataPlane {
    /// So many devices die at once: meanwhile nobody else can change devices or routes.
    private static let burialLimit = 128
    /// So many frames are read in one go.
    private static let readLimit = 32

    func create(_ session: L2TPSession, _ ticket: DataPlaneTicket) {
        if sessions[session.id] == nil {
            guard let socket = sockets[session.socket], socket.closing == nil else {
                answer(ticket, DataPlaneError(step: "connect(PX_PROTO_OL2TP)", code: EBADF, text: "no tunnel socket"))
                return
            }
            // The kernel would make the session, and silently drop all it sends.
            guard socket.peer != nil else {
                answer(ticket, DataPlaneError(step: "connect(PX_PROTO_OL2TP)", code: ENOTCONN))
                return
            }
            sockets[session.socket]?.sessions.insert(session.id)
            sessions[session.id] = SessionEntry(socket: session.socket, unitNumber: unitNumbers.take())
        }
        enqueue(.make(session, ticket), for: session.id)
    }

    /// Appends a step to a session's queue, and does it if the session is idle.
    func enqueue(_ step: SessionEntry.Step, for id: KernelSessionID) {
        guard sessions[id] != nil else {
            refuse(step)
            return
        }
        if case .remove = step { sessions[id]?.isDoomed = true }
        sessions[id]?.pending.append(step)
        advance(id)
    }

    /// Answers for a session that does not exist.
    private func refuse(_ step: SessionEntry.Step) {
        switch step {
        case .make(_, let ticket), .bringUp(_, let ticket), .setMTU(_, let ticket):
            answer(ticket, DataPlaneError(step: "PPP", code: ENODEV))
        case .remove(let ticket): if let ticket { answer(ticket, nil) }
        }
    }

    /// Does the next step, unless a worker thread is still busy with one.
    private func advance(_ id: KernelSessionID) {
        while let entry = sessions[id], entry.activity == nil {
            guard let step = entry.pending.first else {
                if entry.kernelSession == nil { forget(id, entry) }
                return
            }
            sessions[id]?.pending.removeFirst()
            perform(step, for: id, entry)
        }
    }

    private func perform(_ step: SessionEntry.Step, for id: KernelSessionID, _ entry: SessionEntry) {
        switch (step, entry.kernelSession) {
        case (.make(let session, let ticket), nil):
            make(session, ticket, entry)
        case (.make(_, let ticket), .some):
            answer(ticket, DataPlaneError(step: "connect(PX_PROTO_OL2TP)", code: EEXIST))
        case (.bringUp(let interface, let ticket), .some(let session)):
            bringUp(interface, ticket, session)
        case (.remove(let ticket), .some(let session)):
            sessions[id]?.activity = .removing(ticket)
            devices[session.interfaceIndex]?.unit = nil
            unwatchAll(id)
            dying.append((id, after: lastReading))
        case (.setMTU(let mtu, let ticket), .some(let session)):
            setMTU(mtu, ticket, id, session)
        case (.bringUp, nil), (.setMTU, nil), (.remove, nil):
            refuse(step)
        }
    }

    private func make(_ session: L2TPSession, _ ticket: DataPlaneTicket, _ entry: SessionEntry) {
        guard let tunnel = sockets[session.socket]?.tunnel, session.socket == entry.socket else {
            answer(ticket, DataPlaneError(step: "connect(PX_PROTO_OL2TP)", code: EBADF, text: "no tunnel socket"))
            return
        }
        sessions[session.id]?.activity = .making(ticket)
        let name = "\(Ownership.unitPrefix)\(entry.unitNumber)"
        pool.submit { [completions, l2tpFamily] sockets in
            do throws(DataPlaneError) {
                let made = try KernelSession.make(
                    session,
                    in: tunnel,
                    l2tpFamily: l2tpFamily,
                    interfaceName: name,
                    over: sockets
                )
                completions.post(.made(session.id, .success(made)))
            } catch {
                completions.post(.made(session.id, .failure(error)))
            }
        }
    }

    private func bringUp(_ interface: PPPInterface, _ ticket: DataPlaneTicket, _ session: KernelSession) {
        let id = interface.session
        // The address may have been that of a session whose device is not gone yet.
        let owner = routes[interface.peerAddress]
        let replacing = owner == id || owner.flatMap { sessions[$0] }?.isDoomed == true
        if owner == nil || replacing {
            routes[interface.peerAddress] = id
            sessions[id]?.peerAddress = interface.peerAddress
        }
        sessions[id]?.activity = .bringingUp
        pool.submit { [completions] sockets in
            do throws(DataPlaneError) {
                try session.bringUp(interface, replacing: replacing, over: sockets.route)
                completions.post(.broughtUp(id, ticket, nil))
            } catch {
                completions.post(.broughtUp(id, ticket, error))
            }
        }
    }

    /// On a thread: the kernel's lock for devices is held by mass deletions for tens of milliseconds.
    private func setMTU(_ mtu: Int, _ ticket: DataPlaneTicket, _ id: KernelSessionID, _ session: KernelSession) {
        sessions[id]?.activity = .settingMTU
        pool.submit { [completions] sockets in
            do throws(DataPlaneError) {
                let message = RouteMessages.setMTU(mtu, index: session.interfaceIndex)
                try sockets.route.perform(message, step: "RTM_NEWLINK \(session.interfaceName) mtu \(mtu)")
                completions.post(.mtuSet(id, ticket, nil))
            } catch {
                completions.post(.mtuSet(id, ticket, error))
            }
        }
    }

    private func mtuSet(_ id: KernelSessionID, _ ticket: DataPlaneTicket, _ failure: DataPlaneError?) {
        answer(ticket, failure)
        sessions[id]?.activity = nil
        advance(id)
    }

    /// The last of a session: nothing of it is left in the kernel.
    private func forget(_ id: KernelSessionID, _ entry: SessionEntry) {
        sessions[id] = nil
        unitNumbers.giveBack(entry.unitNumber)
        sockets[entry.socket]?.sessions.remove(id)
        closeIfUnused(entry.socket)
    }

    /// Deletes the devices of the dying sessions, many at once, one burial at a time: those who die meanwhile make up
    /// the next one.
    func buryTheDead() {
        // Not before their counters are read, if somebody asked for them first.
        let unread = readings.min() ?? .max
        let ids = dying.prefix(Self.burialLimit).prefix { $0.after < unread }.map(\.id)
        guard !isBurying, !ids.isEmpty else { return }
        isBurying = true
        dying.removeFirst(ids.count)
        let corpses = ids.compactMap { id -> KernelSession.Corpse? in
            guard let entry = sessions[id], let session = entry.kernelSession else { return nil }
            return KernelSession.Corpse(index: session.interfaceIndex, peerAddress: entry.peerAddress)
        }
        pool.submit { [completions] sockets in
            if let route = try? sockets.route { KernelSession.bury(corpses, over: route) }
            completions.post(.buried(ids))
        }
    }

    // MARK: What the threads have done

    func takeCompletions() {
        for completion in completions.take() {
            switch completion {
            case .made(let id, let result): made(id, result)
            case .broughtUp(let id, let ticket, let failure): broughtUp(id, ticket, failure)
            case .mtuSet(let id, let ticket, let failure): mtuSet(id, ticket, failure)
            case .buried(let ids): buried(ids)
            case .closed(let id): closed(id)
            case .socketClosed(let requestID): socketClosed(requestID)
            case .counted(let reading, let ticket, let outcome): counted(reading, ticket, outcome)
            case .inventoried(let result): inventoried(result)
            case .questioned(let ids, let missing): questioned(ids, missing: missing)
            }
        }
        buryTheDead()
    }

    private func broughtUp(_ id: KernelSessionID, _ ticket: DataPlaneTicket, _ failure: DataPlaneError?) {
        if failure != nil, let address = sessions[id]?.peerAddress {
            if routes[address] == id { routes[address] = nil }
            sessions[id]?.peerAddress = nil
        }
        answer(ticket, failure)
        sessions[id]?.activity = nil
        advance(id)
    }

    private func made(_ id: KernelSessionID, _ result: Result<KernelSession, DataPlaneError>) {
        guard case .making(let ticket) = sessions[id]?.activity else { return }
        sessions[id]?.activity = nil
        switch result {
        case .success(let session):
            sessions[id]?.kernelSession = session
            devices[session.interfaceIndex] = SessionDevice(session: id, unit: session.unit)
            sessions[id]?.watched = [session.channel, session.unit]
            watch(session.channel, .channel(id))
            watch(session.unit, .unit(id))
            let outcome = DataPlaneOutcome.created(
                interfaceName: session.interfaceName,
                interfaceIndex: session.interfaceIndex
            )
            notices.append(.answered(ticket, outcome))
        case .failure(let error):
            answer(ticket, error)
        }
        advance(id)
    }

    private func buried(_ ids: [KernelSessionID]) {
        isBurying = false
        for id in ids {
            guard let entry = sessions[id], let session = entry.kernelSession else { continue }
            if let address = entry.peerAddress, routes[address] == id { routes[address] = nil }
            if devices[session.interfaceIndex]?.session == id { devices[session.interfaceIndex] = nil }
            afterUnwatching { [completions] _ in
                session.closeAll()
                completions.post(.closed(id))
            }
        }
    }

    private func closed(_ id: KernelSessionID) {
        guard let entry = sessions[id], case .removing(let ticket) = entry.activity else { return }
        sessions[id]?.activity = nil
        sessions[id]?.kernelSession = nil
        sessions[id]?.peerAddress = nil
        sessions[id]?.isGone = false
        sessions[id]?.isDoomed = entry.pending.contains { if case .remove = $0 { true } else { false } }
        if let ticket { answer(ticket, nil) }
        advance(id)
    }

    // MARK: Frames

    func readFrames(_ id: KernelSessionID, from keyPath: KeyPath<KernelSession, Int32>) {
        guard let entry = sessions[id], let descriptor = entry.kernelSession?[keyPath: keyPath],
            entry.watched.contains(descriptor)
        else { return }
        for _ in 0..<Self.readLimit {
            let count = buffer.withUnsafeMutableBytes {
                culvert_read(descriptor, $0.baseAddress, UInt64($0.count))
            }
            switch count {
            case 1...: notices.append(.frame(id, Array(buffer[..<Int(count)])))
            case Int64(-EAGAIN): return
            case Int64(-EINTR): continue
            default:
                // Somebody deleted the device: it would be readable for ever.
                sessions[id]?.watched.remove(descriptor)
                unwatch(descriptor)
                lose(id)
                return
            }
        }
    }

    private func unwatchAll(_ id: KernelSessionID) {
        for descriptor in sessions[id]?.watched ?? [] { unwatch(descriptor) }
        sessions[id]?.watched = []
    }

    package func write(_ frame: [UInt8], to session: KernelSessionID) {
        guard let descriptor = sessions[session]?.kernelSession?.channel else { return }
        frame.withUnsafeBytes { _ = culvert_write(descriptor, $0.baseAddress, UInt64($0.count)) }
    }

    // MARK: Reading

    package func read(_ source: ReadableSource) -> [DataPlaneNotice] {
        releaseClosings()
        switch source {
        case .socket(let requestID): readDatagrams(requestID)
        case .channel(let id): readFrames(id, from: \.channel)
        case .unit(let id): readFrames(id, from: \.unit)
        case .completions: takeCompletions()
        case .xfrmNotices: readAssociationNotices()
        case .linkNotices: readLinkNotices()
        case .tunnelNotices: readTunnelNotices()
        }
        return takeNotices()
    }
}
