// SPDX-License-Identifier: Apache-2.0
internal import CLinux
package import DataPlane
internal import Glibc
package import Primitives
internal import Synchronization

/// The data plane in the Linux kernel: XFRM, L2TP, PPP, routes and nftables, over netlink.
///
/// One thread owns it. What is quick is done at once, security associations in batches; what waits for an RCU grace
/// period is done by a pool of threads, whose results come back as completions. Each session has a queue of steps and
/// does one at a time, so a removal that comes while the session is being made waits, and then undoes it.
package final class KernelDataPlane: DataPlane {
    package let portShift: PortShift
    /// What a predecessor that was killed had left behind.
    package let leftovers: Leftovers

    let route: NetlinkSocket
    let xfrm: NetlinkSocket
    let noticeSockets: NoticeSockets
    let l2tpFamily: UInt16
    let gatewayDeviceIndex: Int
    let faults: FaultPlan?

    let pool: WorkerPool
    let completions: CompletionQueue
    /// Jobs that close descriptors wait until the event loop has taken, and so carried out, what it must no longer
    /// watch.
    private var closings: [WorkerPool.Job] = []
    private var watchChanges: [WatchChange] = []
    var buffer = [UInt8](repeating: 0, count: 65_536)

    private var held: [(ticket: DataPlaneTicket, request: DataPlaneRequest)] = []
    private var heldClosings: Set<RequestID> = []
    var associations: Set<SecurityAssociation.ID> = []
    var sockets: [RequestID: OpenTunnelSocket] = [:]
    var sessions: [KernelSessionID: SessionEntry] = [:]
    /// Which session has the route to an address.
    var routes: [IPAddress: KernelSessionID] = [:]
    /// The devices of the sessions by their indices. Reading counters takes a copy of it to another thread.
    var devices: [Int: SessionDevice] = [:]
    /// With the number of the last reading of counters that was asked for before.
    var dying: [(id: KernelSessionID, after: Int)] = []
    var isBurying = false
    var unitNumbers = UnitNumbers()
    /// Readings of counters under way.
    var readings: Set<Int> = []
    var lastReading = 0
    var inventory: InventoryRun?
    /// Who waits for the next inventory.
    var inventoryTickets: [DataPlaneTicket] = []
    /// About which the kernel is being asked.
    var suspectedSessions: Set<KernelSessionID> = []
    /// Answers given since the last ``flush()`` or ``read(_:)``.
    var notices: [DataPlaneNotice] = []

    /// Makes the rule set, removes what a killed predecessor left, and opens everything.
    ///
    /// - Parameters:
    ///   - workers: How many grace periods are waited for at once, at most.
    ///   - noticeBuffer: Bytes of notices the kernel keeps for us, for each kind of them.
    ///   - clampsSegments: See ``PortShift/init(clampsSegments:)``.
    ///   - patience: Milliseconds that the kernel's answer to a request may take; `nil` is the usual.
    package init(
        workers: Int = 16,
        noticeBuffer: Int32 = 4 << 20,
        patience: Int32? = nil,
        clampsSegments: Bool = true,
        faults: FaultPlan? = nil
    ) throws(DataPlaneError) {
        // First of all: it fails if another culvertd lives here, whose objects must not be taken for leftovers.
        portShift = try PortShift(clampsSegments: clampsSegments)
        let patience = patience ?? NetlinkSocket.patience
        self.faults = faults
        route = try NetlinkSocket(.route, patience: patience, faults: faults)
        xfrm = try NetlinkSocket(.xfrm, patience: patience, faults: faults)
        leftovers = try Leftovers(removedOver: route, xfrm)
        noticeSockets = try Self.noticeSockets(besides: xfrm, bufferSize: noticeBuffer)
        l2tpFamily = try NetlinkSocket(.generic).resolve(L2TPMessages.familyName)
        gatewayDeviceIndex = try Self.makeGatewayDevice(over: route)
        pool = try WorkerPool(limit: workers, patience: patience, faults: faults)
        completions = try CompletionQueue()
        watch(completions.descriptor, .completions)
        watch(noticeSockets.associations.descriptor, .xfrmNotices)
        watch(noticeSockets.links.descriptor, .linkNotices)
        watch(noticeSockets.tunnels.descriptor, .tunnelNotices)
    }

    private static func makeGatewayDevice(over route: NetlinkSocket) throws(DataPlaneError) -> Int {
        try route.perform(
            RouteMessages.addDummy(name: Ownership.gatewayDevice, isUp: true),
            step: "RTM_NEWLINK \(Ownership.gatewayDevice)"
        )
        let index = culvert_interface_index(route.descriptor, Ownership.gatewayDevice)
        guard index > 0 else { throw DataPlaneError(step: "SIOCGIFINDEX \(Ownership.gatewayDevice)", code: -index) }
        return Int(index)
    }

    /// Gives the gateway an inner address: the one peers see as theirs across the link.
    package func addGatewayAddress(_ address: IPAddress) throws(DataPlaneError) {
        try route.perform(
            RouteMessages.addAddress(address, index: gatewayDeviceIndex),
            step: "RTM_NEWADDR \(address)"
        )
    }

    /// The routes that have it as their source go with it: no call may stand on it any more.
    package func removeGatewayAddress(_ address: IPAddress) throws(DataPlaneError) {
        try route.perform(
            RouteMessages.removeAddress(address, index: gatewayDeviceIndex),
            step: "RTM_DELADDR \(address)"
        )
    }

    package func rules() -> RuleSet? { portShift.description() }

    // MARK: Requests

    package func submit(_ request: DataPlaneRequest, ticket: DataPlaneTicket) {
        if case .openSocket(let socket) = request, heldClosings.contains(socket.requestID) { performHeld() }
        if case .closeSocket(let requestID) = request { heldClosings.insert(requestID) }
        held.append((ticket, request))
    }

    package func flush() -> [DataPlaneNotice] {
        releaseClosings()
        performHeld()
        return takeNotices()
    }

    /// Sockets are opened first, for they must exist before the associations do; then come all associations in as few
    /// calls as possible; then the rest: connecting a socket needs the outbound one. Within each kind the order is
    /// that of the requests.
    private func performHeld() {
        guard !held.isEmpty else { return }
        let requests = held
        held.removeAll(keepingCapacity: true)
        heldClosings.removeAll(keepingCapacity: true)
        for (ticket, request) in requests {
            if case .openSocket(let socket) = request { answer(ticket, open(socket)) }
        }
        var batch = AssociationBatch()
        for (ticket, request) in requests { append(request, ticket, to: &batch) }
        perform(&batch)
        for (ticket, request) in requests {
            switch request {
            case .connectSocket(let requestID, let peer): answer(ticket, connect(requestID, to: peer))
            case .createSession(let session): create(session, ticket)
            case .bringUp(let interface): enqueue(.bringUp(interface, ticket), for: interface.session)
            case .setMTU(let id, let mtu): enqueue(.setMTU(mtu, ticket), for: id)
            case .readPathMTU(let requestID): readPathMTU(requestID, ticket)
            case .probePath(let requestID, let datagram): answer(ticket, probePath(requestID, datagram))
            case .removeSession(let id): enqueue(.remove(ticket), for: id)
            case .closeSocket(let requestID): closeSocket(requestID, ticket)
            case .readCounters(let ids): readCounters(ids, ticket)
            case .takeInventory: takeInventory(ticket)
            case .addGatewayAddress(let address): answer(ticket, change(gateway: address, isAdded: true))
            case .removeGatewayAddress(let address): answer(ticket, change(gateway: address, isAdded: false))
            case .openSocket, .install, .remove, .move: continue
            }
        }
        buryTheDead()
    }

    private func change(gateway address: IPAddress, isAdded: Bool) -> DataPlaneError? {
        do throws(DataPlaneError) {
            if isAdded { try addGatewayAddress(address) } else { try removeGatewayAddress(address) }
            return nil
        } catch {
            return error
        }
    }

    func answer(_ ticket: DataPlaneTicket, _ failure: DataPlaneError?) {
        notices.append(.answered(ticket, failure.map(DataPlaneOutcome.failed) ?? .done))
    }

    func takeNotices() -> [DataPlaneNotice] {
        defer { notices.removeAll() }
        return notices
    }

    // MARK: Watching

    package func takeWatchChanges() -> [WatchChange] {
        defer { watchChanges.removeAll() }
        // Come back to us once the changes are carried out.
        if !closings.isEmpty { completions.wake() }
        return watchChanges
    }

    func watch(_ descriptor: Int32, _ source: ReadableSource) {
        watchChanges.append(.watch(descriptor: descriptor, source))
    }

    func unwatch(_ descriptor: Int32) {
        watchChanges.append(.unwatch(descriptor: descriptor))
    }

    /// Runs a job that closes descriptors which were watched, as soon as they no longer are.
    func afterUnwatching(_ job: @escaping WorkerPool.Job) {
        closings.append(job)
    }

    func releaseClosings(force: Bool = false) {
        guard force || watchChanges.isEmpty, !closings.isEmpty else { return }
        for job in closings { pool.submit(job) }
        closings.removeAll()
    }

    // MARK: The end

    /// Takes sessions, sockets, associations, devices and rules away.
    package func shutDown() {
        performHeld()
        for requestID in Array(sockets.keys) { closeSocket(requestID, nil) }
        buryTheDead()
        // A session takes about 40 ms of grace periods; the pool waits for several at once.
        let patience = 10_000 + 40 * sessions.count
        let deadline = Self.now + patience
        while !sockets.isEmpty || !sessions.isEmpty, Self.now < deadline {
            releaseClosings(force: true)
            completions.wait(milliseconds: Int32(max(deadline - Self.now, 0)))
            takeCompletions()
        }
        removeAssociations()
        try? route.perform(RouteMessages.remove(index: gatewayDeviceIndex), step: "RTM_DELLINK")
        portShift.remove()
        if sessions.isEmpty, sockets.isEmpty { pool.stop() }
        notices.removeAll()
        watchChanges.removeAll()
    }

    private func removeAssociations() {
        var batch = NetlinkBatch()
        for id in associations {
            if batch.isFull { _ = xfrm.perform(&batch) }
            batch.append(XFRMMessages.remove(id), step: "XFRM_MSG_DELSA")
        }
        _ = xfrm.perform(&batch)
        associations.removeAll()
    }

    /// Milliseconds of a clock that only goes forward.
    private static var now: Int {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return time.tv_sec * 1000 + time.tv_nsec / 1_000_000
    }
}

/// Numbers for the names of units: the lowest ones, so that names are used again.
package struct UnitNumbers {
    private var next = 0
    private var free: [Int] = []

    package init() {}

    package mutating func take() -> Int {
        if let number = free.popLast() { return number }
        defer { next += 1 }
        return next
    }

    package mutating func giveBack(_ number: Int) {
        free.append(number)
    }
}
