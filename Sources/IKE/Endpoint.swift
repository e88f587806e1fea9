// SPDX-License-Identifier: Apache-2.0
package import Cryptography
package import DataPlane
package import Primitives

/// Names an IKE SA within this process, for as long as the process lives. Never reused.
package struct IKESAID: RawRepresentable, Hashable, Sendable {
    package let rawValue: UInt64

    package init(rawValue: UInt64) {
        self.rawValue = rawValue
    }
}

/// A datagram on one of the two IKE ports, in either direction.
package struct Datagram: Hashable, Sendable {
    package enum Port: Hashable, Sendable {
        /// UDP 500.
        case ike
        /// UDP 4500: IKE behind a non-ESP marker of four zero bytes, and one-byte keepalives (RFC 3948).
        case natTraversal
    }

    /// As on the wire: marker included on the NAT traversal port.
    package var bytes: [UInt8]
    package var port: Port
    /// Our address and port as they stand in the packet.
    package var local: SocketAddress
    package var peer: SocketAddress

    package init(bytes: [UInt8], port: Port, local: SocketAddress, peer: SocketAddress) {
        self.bytes = bytes
        self.port = port
        self.local = local
        self.peer = peer
    }
}

/// A pair of ESP security associations that quick mode agreed on.
package struct ChildSA: Hashable, Sendable {
    package struct ID: Hashable, Sendable {
        package var ike: IKESAID
        /// The SPI we chose: that of packets to us.
        package var inboundSPI: ESPSPI

        package init(ike: IKESAID, inboundSPI: ESPSPI) {
            self.ike = ike
            self.inboundSPI = inboundSPI
        }
    }

    package var id: ID
    package var trace: TraceID
    package var outboundSPI: ESPSPI
    package var transform: ESPTransform
    package var inboundEncryptionKey: SecretBytes
    package var inboundIntegrityKey: SecretBytes?
    package var outboundEncryptionKey: SecretBytes
    package var outboundIntegrityKey: SecretBytes?
    /// Outer addresses as IKE sees them; the ports are those of IKE (500, or 4500 and the NAT's).
    package var local: SocketAddress
    package var peer: SocketAddress
    /// ESP travels in UDP between the ports of `local` and `peer`.
    package var isEncapsulated: Bool
    /// UDP port of the peer's traffic as its identity said: 1701, another, or `nil` for any.
    package var peerTrafficPort: UInt16?
    /// Lifetime agreed on.
    package var lifetime: Duration
    package var lifetimeKilobytes: UInt64?
    /// The IKE SA that stood for the same peer (same address, same identity) before this one, if it still
    /// has children: the tunnel in those is the tunnel in this one.
    package var previousIKE: IKESAID?
    /// The quick mode was the peer's.
    package var isInitiatedByPeer = true

    package init(
        id: ID,
        trace: TraceID,
        outboundSPI: ESPSPI,
        transform: ESPTransform,
        inboundEncryptionKey: SecretBytes,
        inboundIntegrityKey: SecretBytes?,
        outboundEncryptionKey: SecretBytes,
        outboundIntegrityKey: SecretBytes?,
        local: SocketAddress,
        peer: SocketAddress,
        isEncapsulated: Bool,
        peerTrafficPort: UInt16?,
        lifetime: Duration,
        lifetimeKilobytes: UInt64?
    ) {
        self.id = id
        self.trace = trace
        self.outboundSPI = outboundSPI
        self.transform = transform
        self.inboundEncryptionKey = inboundEncryptionKey
        self.inboundIntegrityKey = inboundIntegrityKey
        self.outboundEncryptionKey = outboundEncryptionKey
        self.outboundIntegrityKey = outboundIntegrityKey
        self.local = local
        self.peer = peer
        self.isEncapsulated = isEncapsulated
        self.peerTrafficPort = peerTrafficPort
        self.lifetime = lifetime
        self.lifetimeKilobytes = lifetimeKilobytes
    }
}

/// All of IKE: which datagram belongs to which exchange of which SA.
///
/// A value: it opens no socket and reads no clock. The owner performs the returned effects in
/// order and comes back with what happened.
package struct Endpoint: Sendable {
    package enum Effect: Hashable, Sendable {
        case transmit(Datagram)
        /// Quick mode's second message waits until ``Endpoint/inboundInstalled(_:outcome:at:)`` says how this went.
        case installInbound(ChildSA)
        /// The peer has proved that its inbound half stands: ours may be used.
        case installOutbound(ChildSA.ID)
        case remove(ChildSA.ID)
        /// The SA is gone, and with it every child of it that was not removed before. SAs whose phase 1 never
        /// came to its end are not mentioned: they had nothing.
        case closed(IKESAID)
        /// A probe had to be repeated. If the owner knows the peer to be alive it says so with ``Endpoint/heard(_:at:)``.
        case unanswered(IKESAID)
        /// The peer deleted its last IKE SA. It may be about to negotiate the next: what stands on the SA may wait
        /// for that until ``closed(_:)`` comes. An owner with nothing that could wait closes the SA at once.
        case deletedByPeer(IKESAID)
        /// The peer has proved that it is elsewhere now: its children have to follow.
        case moved(IKESAID, local: SocketAddress, to: SocketAddress)
        case report(Event)
    }

    var surroundings: Surroundings
    var antiClogging: IKEv1.AntiClogging
    var firstMessages: IKEv1.FirstMessages
    var fragments = IKEv1.Fragments()
    var associations: [IKESAID: IKEv1.ResponderSA] = [:]
    private(set) var byCookies: [IKEv1.CookiePair: IKESAID] = [:]
    /// For messages of a peer that has not seen our cookie yet.
    private(set) var byInitiator: [IKEv1.FirstMessages.Key: IKESAID] = [:]
    var peers = Peers()
    var deadlines = DeadlineQueue<IKESAID>()
    /// Main modes of ours, by the cookie we gave them.
    var initiations: [Cookie: IKEv1.MainModeInitiation] = [:]
    var initiationDeadlines = DeadlineQueue<Cookie>()
    /// Ended grants that the operator was told of, by profile and place in it.
    var endedGrants: Set<EndedGrant> = []
    private var lastID: UInt64 = 0

    package init(configuration: Configuration, entropy: any EntropySource) {
        surroundings = Surroundings(configuration: configuration, entropy: entropy)
        antiClogging = IKEv1.AntiClogging(exchangeTimeout: configuration.exchangeTimeout, entropy: entropy)
        firstMessages = IKEv1.FirstMessages(life: configuration.exchangeTimeout)
    }

    package var counters: Counters {
        var counters = surroundings.counters
        counters.forgottenFirstMessages = firstMessages.forgotten
        counters.forgottenOffers = surroundings.offers.forgotten
        return counters
    }

    /// When ``advance(to:)`` next has something to do.
    package var nextDeadline: MonotonicTime? {
        [
            deadlines.nextDeadline, initiationDeadlines.nextDeadline, firstMessages.nextDeadline,
            surroundings.nextGrantEnd, fragments.nextDeadline,
        ].compactMap(\.self).min()
    }

    package mutating func receive(_ datagram: Datagram, at now: MonotonicTime) -> [Effect] {
        var reader = ByteReader(datagram.bytes)
        if datagram.port == .natTraversal {
            guard datagram.bytes != [0xFF] else {
                surroundings.counters.keepalives += 1
                return []
            }
            guard let marker = try? reader.integer(UInt32.self), marker == 0 else {
                surroundings.counters.strayESP += 1
                return []
            }
        }
        let message = reader
        let header: ISAKMPHeader
        do throws(DecodeError) {
            guard reader.remaining <= ISAKMPHeader.longestMessage else { throw .invalidLength(reader.remaining) }
            header = try ISAKMPHeader(from: &reader)
            guard Int(header.length) == message.remaining else { throw .invalidLength(Int(header.length)) }
            guard !header.initiatorCookie.isZero else {
                throw .invalidValue(field: "Initiator Cookie", value: 0)
            }
        } catch {
            return [stray(datagram, .malformedMessage(ExchangeType(rawValue: 0), error))]
        }
        guard header.majorVersion == 1 else {
            return [
                stray(datagram, .unsupportedVersion(major: header.majorVersion, minor: header.minorVersion))
            ]
        }
        let arrival = IKEv1.Arrival(
            header: header,
            body: Array(reader.rest()),
            path: IKEv1.Path(port: datagram.port, local: datagram.local, peer: datagram.peer),
            now: now,
            fingerprint: Self.fingerprint(of: message)
        )
        if header.nextPayload == .fragment { return receivePiece(arrival) }
        if initiations[header.initiatorCookie] != nil { return receiveAnswer(arrival) }
        if header.responderCookie.isZero { return receiveFirst(arrival, datagram) }
        let cookies = IKEv1.CookiePair(initiator: header.initiatorCookie, responder: header.responderCookie)
        if let id = byCookies[cookies] {
            if header.exchange == .informational { surroundings.hasHeir = hasHeir(id) }
            return work(on: id) { $0.receive(arrival, &$1) }
        }
        guard let offer = returnedCookie(arrival, cookies) else {
            surroundings.counters.unknownSA += 1
            return []
        }
        return begin(with: arrival, cookies, offer.0, trace: offer.trace)
    }

    /// Says what day it is; again when the clock was set, and now and then.
    package mutating func setCalendar(_ wall: WallClockTime, at now: MonotonicTime) -> [Effect] {
        surroundings.calendar.set(wall, at: now)
        return reviewGrants(at: now)
    }

    /// Gives an SA its place and lets it work for the first time.
    mutating func add(
        for arrival: IKEv1.Arrival,
        _ make: (IKESAID) -> IKEv1.ResponderSA
    ) -> [Effect] {
        let id = enter(make)
        let started = associations[id].map { [$0.report(.started(profile: profileName($0)))] } ?? []
        return started + work(on: id) { $0.receive(arrival, &$1) }
    }

    /// Gives an SA its place.
    mutating func enter(_ make: (IKESAID) -> IKEv1.ResponderSA) -> IKESAID {
        lastID += 1
        let id = IKESAID(rawValue: lastID)
        let association = make(id)
        byCookies[association.cookies] = id
        byInitiator[Self.initiator(association)] = id
        surroundings.admission.enterHalfOpen(association.origin.address)
        if association.isWaitingForHash { surroundings.admission.enterAggressive(association.origin.address) }
        associations[id] = association
        deadlines.set(id, to: association.deadline)
        return id
    }

    package mutating func advance(to now: MonotonicTime) -> [Effect] {
        var effects: [Effect] = []
        while let id = deadlines.popDue(at: now) {
            effects += work(on: id) { $0.advance(to: now, &$1) }
        }
        advanceInitiations(to: now, into: &effects)
        if let end = surroundings.nextGrantEnd, end <= now { effects += reviewGrants(at: now) }
        return effects + firstMessages.advance(to: now) + advanceFragments(to: now)
    }

    /// The SA has a successor: it ends as soon as the peer has had time to hand its children over.
    mutating func bowOut(_ id: IKESAID, at now: MonotonicTime) {
        associations[id]?.bowOut(at: now)
        deadlines.set(id, to: associations[id]?.deadline)
    }

    /// Takes in an SA that a main mode of ours has made, in the place of its predecessor.
    mutating func takeOver(
        _ initiation: IKEv1.MainModeInitiation,
        _ cookies: IKEv1.CookiePair,
        _ phase: IKEv1.ResponderSA.Established
    ) -> IKESAID {
        lastID += 1
        let id = IKESAID(rawValue: lastID)
        let association = IKEv1.ResponderSA(id: id, initiation.origin, cookies, phase)
        deadlines.set(id, to: association.deadline)
        byCookies[cookies] = id
        associations[id] = association
        surroundings.admission.moveEstablished(from: nil, to: association.path.peer)
        return id
    }

    /// What came of ``Effect/installInbound(_:)``.
    package enum InstallOutcome: Hashable, Sendable {
        case installed
        /// Somebody else on this machine uses the SPI: another one is chosen and asked for.
        case spiInUse
        case failed(DataPlaneError)
        /// The owner does not want it, and says why.
        case refused(String)
    }

    package mutating func inboundInstalled(
        _ child: ChildSA.ID,
        outcome: InstallOutcome,
        at now: MonotonicTime
    ) -> [Effect] {
        guard associations[child.ike] != nil else {
            return outcome == .installed ? [.remove(child)] : []
        }
        return work(on: child.ike) { $0.inboundInstalled(child, outcome: outcome, at: now, &$1) }
    }

    /// Something came in under the child's keys. Quick mode's third message may be lost or late: this proves the same.
    package mutating func peerHasSpoken(under child: ChildSA.ID) -> [Effect] {
        work(on: child.ike) { $0.peerHasSpoken(under: child, &$1) }
    }

    /// The peer is alive, as its traffic shows.
    package mutating func heard(_ id: IKESAID, at now: MonotonicTime) {
        // Cheap on purpose: the next probe finds out that it is not due.
        associations[id]?.heard(at: now)
    }

    /// When the peer was last known to be alive, whoever noticed; `nil` for an SA that does not negotiate any more.
    package func lastHeard(_ id: IKESAID) -> MonotonicTime? { associations[id]?.established?.liveness.lastHeard }

    /// What the kernel says of a child.
    package enum ChildNotice: Hashable, Sendable {
        /// Time or bytes are running out: it is to be replaced.
        case softLimit
        /// The kernel has stopped using it.
        case hardLimit
        /// Somebody removed it.
        case vanished
    }

    package mutating func take(_ notice: ChildNotice, of child: ChildSA.ID, at now: MonotonicTime) -> [Effect] {
        work(on: child.ike) { $0.take(notice, of: child.inboundSPI, at: now, &$1) }
    }

    /// ESP of this child, its integrity checked, came from another place than before.
    package mutating func peerHasMoved(
        _ child: ChildSA.ID,
        to peer: SocketAddress,
        at now: MonotonicTime
    ) -> [Effect] {
        work(on: child.ike) { $0.peerHasMoved(to: peer, &$1) }
    }

    /// Says goodbye (Delete for the children, then for the SA) and forgets.
    package mutating func close(_ id: IKESAID, at now: MonotonicTime) -> [Effect] {
        work(on: id) { $0.close(at: now, &$1) }
    }

    /// ``close(_:at:)`` for every SA.
    package mutating func closeAll(at now: MonotonicTime) -> [Effect] {
        firstMessages.removeAll()
        return associations.keys.sorted { $0.rawValue < $1.rawValue }.flatMap { close($0, at: now) }
    }

    /// Lets one SA work and keeps the books: deadlines, indices, who follows whom.
    mutating func work(
        on id: IKESAID,
        _ body: (inout IKEv1.ResponderSA, inout Surroundings) -> [Effect]
    ) -> [Effect] {
        guard let place = associations.index(forKey: id) else { return [] }
        let outcome = associations.values[place].working(&surroundings, body)
        var effects = inPieces(outcome.effects, if: associations.values[place].isFragmenting)
        surroundings.admission.moveEstablished(from: outcome.before, to: outcome.after)
        if outcome.leftAggressive {
            surroundings.admission.leaveAggressive(associations.values[place].origin.address)
        }
        if outcome.leftHalfOpen {
            surroundings.admission.leaveHalfOpen(associations.values[place].origin.address)
            if !outcome.isClosed { effects += recordEstablished(id) }
        }
        if !surroundings.errands.isEmpty {
            let errands = surroundings.errands
            surroundings.errands = []
            for errand in errands { effects += run(errand, of: id) }
        }
        if outcome.isClosed {
            forget(id)
        } else {
            deadlines.set(id, to: associations[id]?.deadline)
        }
        return effects
    }

    private mutating func forget(_ id: IKESAID) {
        guard let association = associations.removeValue(forKey: id) else { return }
        deadlines.set(id, to: nil)
        byCookies[association.cookies] = nil
        byInitiator[Self.initiator(association)] = nil
        peers.remove(id)
    }

    private static func initiator(_ association: IKEv1.ResponderSA) -> IKEv1.FirstMessages.Key {
        IKEv1.FirstMessages.Key(cookie: association.cookies.initiator, peer: association.origin)
    }

    func stray(_ datagram: Datagram, _ kind: Event.Kind) -> Effect {
        .report(Event(trace: nil, peer: datagram.peer, kind: kind))
    }

    private static func fingerprint(of message: ByteReader) -> Int {
        var message = message
        var hasher = Hasher()
        hasher.combine(message.rest())
        return hasher.finalize()
    }

    package var snapshots: [Snapshot] {
        associations.keys.sorted { $0.rawValue < $1.rawValue }.compactMap(snapshot(of:))
    }

    /// Of every IKE SA, in no order.
    package var ids: [IKESAID] { Array(associations.keys) }
    package var count: Int { associations.count }

    /// How many SAs that have come through phase 1 use each combination of algorithms.
    package var transformsInUse: [IKETransform: Int] {
        associations.values.reduce(into: [:]) { counts, association in
            if let transform = association.established?.transform { counts[transform, default: 0] += 1 }
        }
    }

    package func snapshot(of id: IKESAID) -> Snapshot? {
        guard let association = associations[id] else { return nil }
        return association.snapshot(profile: surroundings.configuration.profiles[association.profile])
    }

    private func profileName(_ association: IKEv1.ResponderSA) -> String {
        surroundings.configuration.profiles[association.profile].name
    }
}

extension IKEv1.ResponderSA {
    /// Lets `body` work and says what the endpoint has to note of it: all in place, without a copy of the SA.
    fileprivate mutating func working(
        _ surroundings: inout Surroundings,
        _ body: (inout IKEv1.ResponderSA, inout Surroundings) -> [IKEv1.Effect]
    ) -> Outcome {
        let wasHalfOpen = isHalfOpen
        let wasWaitingForHash = isWaitingForHash
        let before = authenticatedPeer
        let effects = body(&self, &surroundings)
        return Outcome(
            effects: effects,
            leftHalfOpen: wasHalfOpen && !isHalfOpen,
            leftAggressive: wasWaitingForHash && !isWaitingForHash,
            before: before,
            after: authenticatedPeer,
            isClosed: isClosed,
            deadline: deadline
        )
    }

    fileprivate struct Outcome {
        var effects: [IKEv1.Effect]
        var leftHalfOpen: Bool
        var leftAggressive: Bool
        /// Where the peer was, and is now, if it is authenticated.
        var before: SocketAddress?
        var after: SocketAddress?
        var isClosed: Bool
        var deadline: MonotonicTime?
    }

    private var authenticatedPeer: SocketAddress? { isHalfOpen || isClosed ? nil : path.peer }
}
