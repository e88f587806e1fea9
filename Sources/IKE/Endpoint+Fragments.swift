// SPDX-License-Identifier: Apache-2.0
internal import DataPlane
internal import Primitives

/// Messages in pieces, as Windows, racoon and strongSwan have them: both ways.
///
/// - SeeAlso: [MS-IKEE] §2.2.3.1, §3.3.5.3
extension Endpoint {
    /// Keeps a piece if its sender is known, or has at least returned our cookie. The last one to come makes the message,
    /// which then takes the way of all messages; pieces without any such message are as if they had not come.
    mutating func receivePiece(_ arrival: IKEv1.Arrival) -> [Effect] {
        surroundings.counters.fragments += 1
        let header = arrival.header
        let cookies = IKEv1.CookiePair(initiator: header.initiatorCookie, responder: header.responderCookie)
        guard !header.responderCookie.isZero else { return drop(.firstMessage, arrival, nil) }
        guard let trace = expected(cookies, arrival) else {
            surroundings.counters.unknownSA += 1
            surroundings.counters.fragmentsDropped += 1
            return []
        }
        let piece: IKEv1.FragmentPayload
        do throws(DecodeError) {
            let chain = try arrival.chain()
            guard chain.payloads.count == 1 else {
                throw .invalidValue(field: "number of payloads", value: UInt64(chain.payloads.count))
            }
            piece = try IKEv1.FragmentPayload(try chain.only(.fragment))
        } catch {
            return drop(.malformed(error), arrival, trace)
        }
        let key = IKEv1.Fragments.Key(cookies: cookies, path: arrival.path)
        let factor = surroundings.admission.factor(arrival.path.peer.address)
        switch fragments.take(piece, of: key, at: arrival.now, factor: factor) {
        case .waiting: return []
        case .refused(let refusal): return drop(refusal, arrival, trace)
        case .whole(let message): return receiveWhole(message, cookies, arrival, trace)
        }
    }

    private mutating func receiveWhole(
        _ message: [UInt8],
        _ cookies: IKEv1.CookiePair,
        _ arrival: IKEv1.Arrival,
        _ trace: TraceID
    ) -> [Effect] {
        var reader = ByteReader(message)
        do throws(DecodeError) {
            let header = try ISAKMPHeader(from: &reader)
            guard Int(header.length) == message.count else { throw .invalidLength(Int(header.length)) }
            guard header.nextPayload != .fragment else { return drop(.nested, arrival, trace) }
            guard header.initiatorCookie == cookies.initiator, header.responderCookie == cookies.responder else {
                return drop(.otherCookies, arrival, trace)
            }
        } catch {
            return drop(.unreadable(error), arrival, trace)
        }
        surroundings.counters.messagesPutTogether += 1
        return receive(arrival.path.datagram(message), at: arrival.now)
    }

    /// The name of the exchange that a piece belongs to; `nil` if there is none, nor a cookie of ours for one.
    private func expected(_ cookies: IKEv1.CookiePair, _ arrival: IKEv1.Arrival) -> TraceID? {
        if let initiation = initiations[cookies.initiator] { return initiation.origin.trace }
        if let id = byCookies[cookies] { return associations[id]?.trace }
        return offer(behind: cookies, over: arrival.path, at: arrival.now)?.trace
    }

    private mutating func drop(
        _ refusal: FragmentationEvent.Refusal,
        _ arrival: IKEv1.Arrival,
        _ trace: TraceID?
    ) -> [Effect] {
        surroundings.counters.fragmentsDropped += 1
        return [.report(Event(trace: trace, peer: arrival.path.peer, kind: .fragmentation(.refused(refusal))))]
    }

    mutating func advanceFragments(to now: MonotonicTime) -> [Effect] {
        fragments.advance(to: now).compactMap { torso in
            surroundings.counters.fragmentsDropped += UInt64(torso.arrived)
            let association = byCookies[torso.key.cookies].flatMap { associations[$0] }
            // Of an SA that stands: most likely a packet that the network doubled.
            guard association?.isHalfOpen ?? true else { return nil }
            let kind = Event.Kind.fragmentation(.unfinished(pieces: torso.arrived))
            return .report(Event(trace: association?.trace, peer: torso.key.path.peer, kind: kind))
        }
    }

    /// Cuts what does not fit into a packet, if the peer puts pieces together.
    func inPieces(_ effects: [Effect], if isFragmenting: Bool) -> [Effect] {
        let longest = surroundings.configuration.longestPacket
        func isLong(_ effect: Effect) -> Bool {
            guard case .transmit(let datagram) = effect else { return false }
            return datagram.bytes.count + Self.headers(datagram) > longest
        }
        guard isFragmenting, effects.contains(where: isLong) else { return effects }
        return effects.flatMap { effect -> [Effect] in
            guard isLong(effect), case .transmit(let datagram) = effect else { return [effect] }
            let marker = datagram.port == .natTraversal ? 4 : 0
            let room =
                longest - Self.headers(datagram) - marker - ISAKMPHeader.encodedLength - Payload.headerLength
                - IKEv1.FragmentPayload.headerLength
            guard let pieces = IKEv1.pieces(of: Array(datagram.bytes.dropFirst(marker)), length: room) else {
                return [effect]
            }
            let path = IKEv1.Path(port: datagram.port, local: datagram.local, peer: datagram.peer)
            return pieces.map { .transmit(path.datagram($0)) }
        }
    }

    /// Bytes of IP and UDP.
    private static func headers(_ datagram: Datagram) -> Int { (datagram.peer.address.isV4 ? 20 : 40) + 8 }
}
