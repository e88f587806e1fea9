// SPDX-License-Identifier: Apache-2.0
internal import Cryptography
internal import DataPlane
package import Primitives

extension IKEv1 {
    package typealias Effect = Endpoint.Effect

    /// Between which addresses messages travel.
    package struct Path: Hashable, Sendable {
        package var port: Datagram.Port
        package var local: SocketAddress
        package var peer: SocketAddress

        package init(port: Datagram.Port, local: SocketAddress, peer: SocketAddress) {
            self.port = port
            self.local = local
            self.peer = peer
        }

        /// - Parameter message: Without marker.
        package func datagram(_ message: [UInt8]) -> Datagram {
            Datagram(
                bytes: port == .natTraversal ? [0, 0, 0, 0] + message : message,
                port: port,
                local: local,
                peer: peer
            )
        }

        package var keepalive: Datagram { Datagram(bytes: [0xFF], port: port, local: local, peer: peer) }
    }

    /// A message on its way into an SA: header read, the rest not.
    package struct Arrival: Sendable {
        package var header: ISAKMPHeader
        /// What follows the header.
        package var body: [UInt8]
        package var path: Path
        package var now: MonotonicTime
        /// Of the whole message; two messages with the same one are the same message.
        package var fingerprint: Int
        /// Of the whole message.
        package var length: Int { ISAKMPHeader.encodedLength + body.count }
    }

    /// What a request was answered with, for when the request comes again.
    package struct Answer: Sendable {
        package var fingerprint: Int
        /// Without marker; empty if there was no answer.
        package var message: [UInt8]
        package var sent: MonotonicTime
        package var repeats = 0

        /// A network that doubles packets does not make us double ours.
        package static let shortestInterval: Duration = .milliseconds(400)
        /// For one request of a peer that has proved nothing: where a third is lost one answer of five still arrives.
        package static let mostRepeats = 4

        package init(fingerprint: Int, message: [UInt8], sent: MonotonicTime) {
            self.fingerprint = fingerprint
            self.message = message
            self.sent = sent
        }

        /// The answer once more, if it is time for that.
        mutating func again(at now: MonotonicTime, over path: Path, unlimited: Bool) -> [Effect] {
            guard !message.isEmpty, unlimited || repeats < Self.mostRepeats,
                sent.duration(to: now) >= Self.shortestInterval
            else { return [] }
            repeats += 1
            sent = now
            return [.transmit(path.datagram(message))]
        }
    }

    /// One IKE SA. Phase 1 with the peer as initiator is a part of it; one that we began comes ready made out of
    /// ``MainModeInitiation``. After that both ends are alike.
    package struct ResponderSA: Sendable {
        package let id: IKESAID
        package let trace: TraceID
        package let cookies: CookiePair
        /// Its place in the configuration; a reload may give it another one.
        package internal(set) var profile: Int
        /// Where message 1 came from.
        let origin: SocketAddress
        /// The peer puts pieces of messages together.
        let isFragmenting: Bool
        /// Where the peer is, as far as it proved that.
        package internal(set) var path: Path
        /// The last message of phase 1 and what became of it.
        var answer: Answer?
        package internal(set) var state: State

        /// Named after what has to come next.
        package indirect enum State: Sendable {
            case waitKeyExchange(WaitKeyExchange)
            case waitIdentity(WaitIdentity)
            case waitHash(WaitHash)
            case established(Established)
            /// Nothing is exchanged any more, but there are children left.
            case retired(Retired)
            /// The peer deleted its last IKE SA and may begin anew; nothing is exchanged, and there are no children.
            case deleted(Deleted)
            /// Refused, and silent until the peer has stopped repeating itself.
            case refused(until: MonotonicTime)
            case closed
        }

        /// What ``MainModeInitiation`` has brought to its end.
        init(id: IKESAID, _ origin: MainModeInitiation.Origin, _ cookies: CookiePair, _ phase: Established) {
            self.id = id
            trace = origin.trace
            self.cookies = cookies
            profile = origin.profile
            self.origin = origin.path.peer
            isFragmenting = origin.isFragmenting
            path = origin.path
            state = .established(phase)
        }

        package var isClosed: Bool { if case .closed = state { true } else { false } }
        /// Phase 1 is not done.
        package var isHalfOpen: Bool {
            switch state {
            case .waitKeyExchange, .waitIdentity, .waitHash, .refused: true
            case .established, .retired, .deleted, .closed: false
            }
        }
        /// Message 2 of aggressive mode was sent to somebody who may be anybody.
        package var isWaitingForHash: Bool { if case .waitHash = state { true } else { false } }
        package var established: Established? { if case .established(let phase) = state { phase } else { nil } }
        /// The IKE SA that this one took over from.
        var previous: IKESAID? {
            switch state {
            case .established(let phase): phase.previous
            case .retired(let phase): phase.previous
            case .waitKeyExchange, .waitIdentity, .waitHash, .deleted, .refused, .closed: nil
            }
        }
        package var hasChildren: Bool { !children.isEmpty }
        /// Something stands on it that an IKE SA after it can take over.
        package var hasHeritage: Bool { if case .deleted = state { true } else { !children.isEmpty } }
        var children: [Child] {
            switch state {
            case .established(let phase): phase.children
            case .retired(let phase): phase.children
            case .waitKeyExchange, .waitIdentity, .waitHash, .deleted, .refused, .closed: []
            }
        }

        /// When ``advance(to:_:)`` next has something to do.
        package var deadline: MonotonicTime? {
            switch state {
            case .waitKeyExchange(let phase): phase.deadline
            case .waitIdentity(let phase): phase.deadline
            case .waitHash(let phase): phase.deadline
            case .established(let phase): phase.deadline
            case .retired(let phase): phase.deadline
            case .deleted(let phase): phase.until
            case .refused(let until): until
            case .closed: nil
            }
        }

        package mutating func receive(_ arrival: Arrival, _ surroundings: inout Surroundings) -> [Effect] {
            if answer?.fingerprint == arrival.fingerprint {
                surroundings.counters.duplicates += 1
                let isProved = !isHalfOpen
                let way = isProved ? path : arrival.path
                return answer?.again(at: arrival.now, over: way, unlimited: isProved) ?? []
            }
            let (next, effects) = transition(on: arrival, &surroundings)
            state = next
            return effects
        }

        private mutating func transition(
            on arrival: Arrival,
            _ surroundings: inout Surroundings
        ) -> (State, [Effect]) {
            switch (state, arrival.header.exchange) {
            case (.waitKeyExchange(let phase), .identityProtection):
                return receiveKeyExchange(arrival, in: phase, &surroundings)
            case (.waitIdentity(let phase), .identityProtection):
                return receiveIdentity(arrival, in: phase, &surroundings)
            case (.waitHash(let phase), .aggressive):
                return receiveHash(arrival, in: phase, &surroundings)
            case (.waitHash, .quickMode):
                return receiveEarlyQuickMode(arrival)
            case (.established(var phase), .quickMode):
                let effects = receiveQuickMode(arrival, in: &phase, &surroundings)
                return (.established(phase), effects)
            case (.established(let phase), .informational):
                return receiveInformational(arrival, in: phase, &surroundings)
            case (.waitKeyExchange, .informational), (.waitIdentity, .informational), (.waitHash, .informational):
                if !arrival.header.flags.contains(.encryption) {
                    surroundings.counters.unprotectedInformational += 1
                }
                return (state, [])
            case (.waitKeyExchange, _), (.waitIdentity, _), (.waitHash, _):
                return (state, [report(.unexpectedMessage(arrival.header.exchange, "phase 1 is not done"))])
            case (.established, .identityProtection), (.established, .aggressive):
                // An early message of phase 1 that was long on its way.
                surroundings.counters.duplicates += 1
                return (state, [])
            case (.established, _):
                return (state, [report(.unsupportedExchange(arrival.header.exchange))])
            case (.retired, _), (.deleted, _), (.refused, _), (.closed, _):
                return (state, [])
            }
        }

        package mutating func advance(to now: MonotonicTime, _ surroundings: inout Surroundings) -> [Effect] {
            let (next, effects) = transition(at: now, &surroundings)
            state = next
            return effects
        }

        private mutating func transition(
            at now: MonotonicTime,
            _ surroundings: inout Surroundings
        ) -> (State, [Effect]) {
            switch state {
            case .waitKeyExchange(let phase):
                // Message 3 came, but none that was of use.
                guard phase.deadline <= now else { return (state, []) }
                return (.closed, [report(.exchangeTimeout("main mode before message 3"))])
            case .waitIdentity(let phase):
                guard phase.deadline <= now else { return (state, []) }
                return (.closed, giveUp(phase, at: now, &surroundings))
            case .waitHash(let phase):
                guard phase.deadline <= now else { return (state, []) }
                return (.closed, [report(.exchangeTimeout("aggressive mode before message 3"))])
            case .established(let phase):
                return advance(phase, to: now, &surroundings)
            case .retired(let phase):
                return advance(phase, to: now, &surroundings)
            case .deleted(let phase):
                return phase.until <= now ? (.closed, [.closed(id)]) : (state, [])
            case .refused(let until):
                return (until <= now ? .closed : state, [])
            case .closed:
                return (state, [])
            }
        }

        /// Says goodbye, if there is somebody who would understand it.
        package mutating func close(at now: MonotonicTime, _ surroundings: inout Surroundings) -> [Effect] {
            var effects: [Effect] = []
            switch state {
            case .established(var phase):
                effects += delete(phase.children, in: &phase, surroundings)
                effects += deleteSelf(in: &phase, surroundings)
                effects.append(report(.closed))
                release(&phase, &surroundings)
                effects.append(.closed(id))
            case .retired(let phase):
                for child in phase.children { surroundings.release(child.inboundSPI) }
                effects = [report(.closed), .closed(id)]
            case .deleted:
                effects = [.closed(id)]
            case .waitKeyExchange, .waitIdentity, .waitHash, .refused, .closed:
                break
            }
            state = .closed
            return effects
        }

        func report(_ kind: Event.Kind) -> Effect {
            .report(Event(trace: trace, peer: path.peer, kind: kind))
        }

        func acceptance(_ surroundings: Surroundings) -> Acceptance { surroundings.acceptances[profile] }

        func acceptance(_ surroundings: Surroundings, for client: Client) -> Acceptance {
            surroundings.acceptance(of: profile, for: client)
        }
    }
}
