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
    let configuration: Configuration
    let entropy: any EntropySource
    var ike: IKE.Endpoint
    var l2tp: L2TP.Endpoint
    var associations: [RequestID: Association] = [:]
    /// Which association an IKE SA serves.
    var requestIDs: [IKESAID: RequestID] = [:]
    /// The newest association of each outer path.
    var paths: [Association.Path: RequestID] = [:]
    var privatePorts = PrivatePorts()
    var calls: [SessionKey: Call] = [:]
    var linkDeadlines = DeadlineQueue<SessionKey>()
    var users: UserDirectory
    var pools: AddressPools
    /// What each request still without an answer was for.
    var requests: [DataPlaneTicket: Purpose] = [:]
    private var ticketSerial: UInt64 = 0
    private var callSerial: UInt64 = 0
    private(set) var isShuttingDown = false

    package init(configuration: Configuration, entropy: any EntropySource) {
        self.configuration = configuration
        self.entropy = entropy
        ike = IKE.Endpoint(configuration: configuration.ike, entropy: entropy)
        l2tp = L2TP.Endpoint(configuration: configuration.l2tp, entropy: entropy)
        users = UserDirectory(configuration.users)
        pools = AddressPools(configuration.pools, reserving: configuration.users.compactMap(\.address))
    }

    /// When ``advance(to:)`` next has something to do.
    package var nextDeadline: MonotonicTime? {
        [ike.nextDeadline, l2tp.nextDeadline, linkDeadlines.nextDeadline].compactMap(\.self).min()
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
        case .command(.stopTimers):
            break
        }
        return effects
    }

    package mutating func advance(to now: MonotonicTime) -> [Effect] {
        var effects: [Effect] = []
        if let deadline = ike.nextDeadline, deadline <= now {
            perform(ike.advance(to: now), at: now, into: &effects)
        }
        if let deadline = l2tp.nextDeadline, deadline <= now {
            perform(l2tp.advance(to: now), at: now, into: &effects)
        }
        while let key = linkDeadlines.popDue(at: now) {
            withLink(key, at: now, into: &effects) { $0.advance(to: now) }
        }
        return effects
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
            perform(l2tp.receive(bytes, on: socket, from: peer, trace: trace, at: now), at: now, into: &effects)
        case .frame(let id, let bytes):
            guard let key = SessionKey(id) else { return }
            withLink(key, at: now, into: &effects) { $0.receive(bytes[...], at: now) }
        case .expired(let id, let requestID, let isHard):
            reportExpiry(of: id, requestID: requestID, isHard: isHard, into: &effects)
        case .mappingChanged, .noticesLost, .vanished:
            // Following a NAT that moves, and asking the kernel what it holds, need liveness to be judged first.
            break
        }
    }

    private mutating func answer(
        _ purpose: Purpose,
        _ outcome: DataPlaneOutcome,
        at now: MonotonicTime,
        into effects: inout [Effect]
    ) {
        switch purpose {
        case .openSocket(let id), .connectSocket(let id):
            socketAnswered(id, outcome, at: now, into: &effects)
        case .closeSocket(let id):
            privatePorts.release(id)
        case .reopenSocket(let id):
            guard let association = associations[id] else { return }
            let socket = TunnelSocket(requestID: id, localAddress: association.local.address)
            request(.openSocket(socket), for: .openSocket(id), into: &effects)
        case .installInbound(let child):
            inboundAnswered(child, outcome, at: now, into: &effects)
        case .installOutbound(let child):
            outboundAnswered(child, outcome, at: now, into: &effects)
        case .remove(let what):
            if case .failed(let error) = outcome {
                effects.append(.report(.call(CallEvent(trace: nil, peer: nil, kind: .removalFailed(what, error)))))
            }
        case .createSession(let key, let serial):
            sessionAnswered(key, serial: serial, outcome, at: now, into: &effects)
        case .bringUp(let key, let serial):
            interfaceAnswered(key, serial: serial, outcome, at: now, into: &effects)
        case .removeSession(let lease):
            if let lease { pools.release(lease) }
        }
    }

    /// Asks the kernel for something; the answer comes back to ``answer(_:_:at:into:)``.
    mutating func request(_ request: DataPlaneRequest, for purpose: Purpose, into effects: inout [Effect]) {
        ticketSerial += 1
        let ticket = DataPlaneTicket(rawValue: ticketSerial)
        requests[ticket] = purpose
        effects.append(.request(request, ticket))
    }

    mutating func nextCallSerial() -> UInt64 {
        callSerial += 1
        return callSerial
    }

    private mutating func shutDown(at now: MonotonicTime, into effects: inout [Effect]) {
        guard !isShuttingDown else { return }
        isShuttingDown = true
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
    /// `what` is for the log line should it fail.
    case remove(String)
    case createSession(SessionKey, serial: UInt64)
    case bringUp(SessionKey, serial: UInt64)
    /// The address is free again only when the route to it is gone.
    case removeSession(AddressPools.Lease?)
}

extension SessionKey {
    init?(_ id: KernelSessionID) {
        guard let tunnel = UInt16(exactly: id.tunnel).flatMap(TunnelID.init(rawValue:)),
            let session = UInt16(exactly: id.session).flatMap(SessionID.init(rawValue:))
        else { return nil }
        self.init(tunnel: tunnel, session: session)
    }
}
