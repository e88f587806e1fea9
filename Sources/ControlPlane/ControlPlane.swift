// SPDX-License-Identifier: Apache-2.0
package import Cryptography
internal import DataPlane
internal import IKE
internal import L2TP
internal import PPP
package import Primitives

/// The one value that owns and relates IKE, L2TP and PPP: which security association protects which
/// tunnel, which session speaks for which user, who has which address.
///
/// A call comes up like this, every arrow an effect or an answer of the file named:
///
///     datagrams ─► IKE.Endpoint ─► installInbound      ControlPlane+Security.swift
///                     openSocket, install ─► answered ─► QM2 ─► installOutbound
///     datagram on the tunnel socket ─► L2TP.Endpoint   ControlPlane+Tunnels.swift
///                     connectionOpening ─► connectSocket; sessionOpening ─► a Call with its PPP.Link
///     PPP frames ─► Link ─► verify, networkWanted      ControlPlane+Calls.swift
///                     createSession ─► answered; networkUp ─► bringUp ─► the call is up
///
/// Until the kernel has the session, PPP frames travel in L2TP data messages over the tunnel socket;
/// so the kernel is asked only for peers that have proved who they are, and nobody's first frame waits.
package struct ControlPlane: Sendable {
    var configuration: Configuration
    let entropy: any EntropySource
    var ike: IKE.Endpoint
    var l2tp: L2TP.Endpoint
    var associations: [RequestID: Association] = [:]
    /// Which association an IKE SA serves.
    var requestIDs: [IKESAID: RequestID] = [:]
    /// Both halves of every child, as the kernel names them.
    var securityAssociations: [SecurityAssociation.ID: ChildSA.ID] = [:]
    /// The newest association of each outer path.
    var paths: [Association.Path: RequestID] = [:]
    var privatePorts = PrivatePorts()
    var calls: [SessionKey: Call] = [:]
    var linkDeadlines = DeadlineQueue<SessionKey>()
    var users: UserDirectory
    var pools: AddressPools
    var fixedAddresses = FixedAddresses()
    /// Our inner addresses that the kernel has.
    var gateways: Set<IPAddress>
    var throttle: AuthenticationThrottle
    /// When a link is told its pending verdict.
    var verdictDeadlines = DeadlineQueue<SessionKey>()
    /// When an association has to be looked at again.
    var visits = DeadlineQueue<RequestID>()
    var reconciliation = Reconciliation()
    private var stoppedTimers: Set<TimedLayer> = []
    /// What each request still without an answer was for.
    var requests: [DataPlaneTicket: Purpose] = [:]
    private var ticketSerial: UInt64 = 0
    private var callSerial: UInt64 = 0
    var lastOutboundSerial: UInt64 = 0
    private(set) var isShuttingDown = false
    /// Packets of PPP that were sent again.
    private(set) var linkRetransmissions: UInt64 = 0
    /// ESP associations that took over from others of the same peer.
    var childrenReplaced = ByInitiator()
    /// What was reported of calls, for who asks later.
    var journal: Journal

    package init(configuration: Configuration, entropy: any EntropySource) {
        self.configuration = configuration
        self.entropy = entropy
        ike = IKE.Endpoint(configuration: configuration.ike, entropy: entropy)
        l2tp = L2TP.Endpoint(configuration: configuration.l2tp, entropy: entropy)
        users = UserDirectory(configuration.users)
        pools = AddressPools(configuration.pools, reserving: configuration.users.compactMap(\.address))
        gateways = Set(configuration.pools.map(\.gateway))
        throttle = AuthenticationThrottle(
            limits: configuration.authenticationLimits,
            largeSources: configuration.ike.largeSources
        )
        journal = Journal(limits: configuration.traceLimits)
    }

    /// When ``advance(to:)`` next has something to do.
    package var nextDeadline: MonotonicTime? {
        var next = min(min(verdictDeadlines.nextDeadline, or: reconciliation.deadline), or: visits.nextDeadline)
        next = min(next, or: deadline(of: .ike))
        next = min(next, or: deadline(of: .l2tp))
        return min(next, or: deadline(of: .ppp))
    }

    package mutating func handle(_ input: Input, at now: MonotonicTime) -> [Effect] {
        var effects: [Effect] = []
        switch input {
        case .datagram(let datagram):
            // Who is known may still say and hear goodbye.
            let path = Association.Path(local: datagram.local, peer: datagram.peer)
            guard !isShuttingDown || paths[path] != nil else { break }
            perform(ike.receive(datagram, at: now), at: now, into: &effects)
        case .notice(let notice):
            take(notice, at: now, into: &effects)
        case .command(.terminate(let selector)):
            terminate(selector, at: now, into: &effects)
        case .command(.shutDown):
            shutDown(at: now, into: &effects)
        case .command(.reconfigure(let configuration)):
            reconfigure(configuration, at: now, into: &effects)
        case .command(.stopTimers(let layers)):
            stoppedTimers = layers
        case .calendar(let wall):
            perform(ike.setCalendar(wall, at: now), at: now, into: &effects)
        }
        record(effects, at: now)
        return effects
    }

    package mutating func advance(to now: MonotonicTime) -> [Effect] {
        var effects: [Effect] = []
        if let deadline = deadline(of: .ike), deadline <= now {
            perform(ike.advance(to: now), at: now, into: &effects)
        }
        if let deadline = deadline(of: .l2tp), deadline <= now {
            perform(l2tp.advance(to: now), at: now, into: &effects)
        }
        while let deadline = deadline(of: .ppp), deadline <= now, let key = linkDeadlines.popDue(at: now) {
            var repeated: UInt64 = 0
            withLink(key, at: now, into: &effects) { link in
                let before = link.retransmissions
                defer { repeated = link.retransmissions - before }
                return link.advance(to: now)
            }
            linkRetransmissions += repeated
        }
        while let key = verdictDeadlines.popDue(at: now) { giveVerdict(to: key, at: now, into: &effects) }
        while let id = visits.popDue(at: now) { visit(id, at: now, into: &effects) }
        if let deadline = reconciliation.deadline, deadline <= now { takeInventory(into: &effects) }
        record(effects, at: now)
        return effects
    }

    private func deadline(of layer: TimedLayer) -> MonotonicTime? {
        guard !stoppedTimers.contains(layer) else { return nil }
        return switch layer {
        case .ike: ike.nextDeadline
        case .l2tp: l2tp.nextDeadline
        case .ppp: linkDeadlines.nextDeadline
        }
    }

    /// After ``Command/shutDown``: nothing is left to say or to take down.
    package var isIdle: Bool {
        associations.isEmpty && calls.isEmpty && requests.isEmpty
    }

    private mutating func take(_ notice: DataPlaneNotice, at now: MonotonicTime, into effects: inout [Effect]) {
        switch notice {
        case .answered(let ticket, let outcome):
            guard let purpose = requests.removeValue(forKey: ticket) else { return }
            answer(purpose, outcome, at: now, into: &effects)
        case .datagram(let socket, let peer, let bytes):
            guard let trace = associations[socket]?.trace else { return }
            peerHasSpoken(on: socket, at: now, into: &effects)
            hear(socket, at: now)
            perform(l2tp.receive(bytes, on: socket, from: peer, trace: trace, at: now), at: now, into: &effects)
        case .frame(let id, let bytes):
            guard let key = SessionKey(id), let socket = calls.withValue(of: key, { $0.association }) else { return }
            hear(socket, at: now)
            l2tp.heard(on: socket, at: now)
            withLink(key, at: now, into: &effects) { $0.receive(bytes[...], at: now) }
        case .expired(let id, let requestID, let isHard):
            expired(id, requestID: requestID, isHard: isHard, at: now, into: &effects)
        case .mappingChanged(let id, let requestID, let peer):
            mappingChanged(id, requestID: requestID, to: peer, at: now, into: &effects)
        case .noticesLost:
            noticesLost(into: &effects)
        case .vanished(.association(let id)):
            vanished(id, at: now, into: &effects)
        case .vanished(.session(let id)):
            vanished(id, at: now, into: &effects)
        }
    }

    private mutating func answer(
        _ purpose: Purpose,
        _ outcome: DataPlaneOutcome,
        at now: MonotonicTime,
        into effects: inout [Effect]
    ) {
        switch purpose {
        case .openSocket(let id):
            socketAnswered(id, outcome, at: now, into: &effects)
        case .connectSocket(let id):
            socketAnswered(id, outcome, at: now, into: &effects)
            if outcome == .done { readPathMTU(of: id, into: &effects) }
        case .closeSocket(let id):
            privatePorts.release(id)
        case .reopenSocket(let id):
            guard let association = associations[id] else { return }
            request(.openSocket(association.tunnelSocket), for: .openSocket(id), into: &effects)
        case .installInbound(let child):
            inboundAnswered(child, outcome, at: now, into: &effects)
        case .installOutbound(let child):
            outboundAnswered(child, outcome, at: now, into: &effects)
        case .remove(_, let what):
            if case .failed(let error) = outcome { report(.removalFailed(what, error), into: &effects) }
        case .addGateway(let address):
            guard case .failed(let error) = outcome else { break }
            gateways.remove(address)
            report(.gatewayAddressRefused(address, error), into: &effects)
        case .removeGateway(let address):
            guard case .failed(let error) = outcome else { break }
            report(.removalFailed("the gateway address \(address)", error), into: &effects)
        case .discard:
            break
        case .move(let child, let direction, let former):
            moveAnswered(child, direction, from: former, outcome, at: now, into: &effects)
        case .readCounters(let id):
            countersRead(of: id, outcome, at: now, into: &effects)
        case .takeInventory:
            inventoryTaken(outcome, at: now, into: &effects)
        case .createSession(let key, let serial):
            sessionAnswered(key, serial: serial, outcome, at: now, into: &effects)
        case .bringUp(let key, let serial):
            interfaceAnswered(key, serial: serial, outcome, at: now, into: &effects)
        case .setMTU(let key, let serial, let mtu):
            mtuAnswered(key, serial: serial, mtu, outcome, into: &effects)
        case .readPathMTU(let id):
            pathRead(of: id, outcome, into: &effects)
        case .probePath:
            // Without an answer nothing is known, as before.
            break
        case .removeSession(_, let lease):
            if let lease { release(lease, at: now, into: &effects) }
        }
    }

    /// Asks the kernel for something; the answer comes back to ``answer(_:_:at:into:)``.
    mutating func request(_ request: DataPlaneRequest, for purpose: Purpose, into effects: inout [Effect]) {
        ticketSerial += 1
        let ticket = DataPlaneTicket(rawValue: ticketSerial)
        requests[ticket] = purpose
        reconciliation.note(request)
        effects.append(.request(request, ticket))
    }

    /// What concerns an association, or nobody.
    func report(_ kind: CallEvent.Kind, of id: RequestID? = nil, into effects: inout [Effect]) {
        let association = id.flatMap { associations[$0] }
        effects.append(.report(.call(CallEvent(trace: association?.trace, peer: association?.peer, kind: kind))))
    }

    mutating func nextCallSerial() -> UInt64 {
        callSerial += 1
        return callSerial
    }

    private mutating func shutDown(at now: MonotonicTime, into effects: inout [Effect]) {
        guard !isShuttingDown else { return }
        isShuttingDown = true
        reconciliation = Reconciliation()
        for key in calls.keys { hangUp(key, at: now, into: &effects) }
        perform(l2tp.closeAll(at: now), at: now, into: &effects)
        for (id, association) in associations where association.connections.isEmpty {
            closeKeys(of: id, at: now, into: &effects)
        }
        // What never got as far as an association.
        for keys in ike.snapshots where requestIDs[keys.id] == nil {
            perform(ike.close(keys.id, at: now), at: now, into: &effects)
        }
    }
}

/// Why the kernel was asked.
enum Purpose: Hashable, Sendable {
    case openSocket(RequestID)
    case reopenSocket(RequestID)
    case connectSocket(RequestID)
    case closeSocket(RequestID)
    case installInbound(ChildSA.ID)
    case installOutbound(ChildSA.ID)
    /// The text is for the log line should it fail.
    case remove(SecurityAssociation.ID, String)
    /// To remove what may not be there.
    case discard(SecurityAssociation.ID)
    /// With the id it had before.
    case move(ChildSA.ID, SecurityAssociation.Direction, from: SecurityAssociation.ID)
    case readCounters(RequestID)
    case takeInventory
    case addGateway(IPAddress)
    case removeGateway(IPAddress)
    case createSession(SessionKey, serial: UInt64)
    case bringUp(SessionKey, serial: UInt64)
    case setMTU(SessionKey, serial: UInt64, Int)
    case readPathMTU(RequestID)
    case probePath(RequestID)
    /// The address is free again only when the route to it is gone.
    case removeSession(KernelSessionID, AddressPools.Lease?)

    /// The request that takes something away, if this was for one.
    var removal: DataPlaneRequest? {
        switch self {
        case .remove(let id, _), .discard(let id), .move(_, .outbound, from: let id): .remove(id)
        case .removeSession(let id, _): .removeSession(id)
        case .openSocket, .reopenSocket, .connectSocket, .closeSocket, .installInbound, .installOutbound, .move,
            .readCounters, .takeInventory, .addGateway, .removeGateway, .createSession, .bringUp, .setMTU,
            .readPathMTU, .probePath:
            nil
        }
    }
}

extension SessionKey {
    init?(_ id: KernelSessionID) {
        guard let tunnel = UInt16(exactly: id.tunnel).flatMap(TunnelID.init(rawValue:)),
            let session = UInt16(exactly: id.session).flatMap(SessionID.init(rawValue:))
        else { return nil }
        self.init(tunnel: tunnel, session: session)
    }
}

/// The earlier of two deadlines; `nil` is never.
func min(_ a: MonotonicTime?, or b: MonotonicTime?) -> MonotonicTime? {
    guard let a, let b else { return a ?? b }
    return Swift.min(a, b)
}
