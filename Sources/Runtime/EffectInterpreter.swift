// SPDX-License-Identifier: Apache-2.0
package import ControlPlane
package import DataPlane
package import Primitives

/// The only place where a decision becomes an action.
package struct EffectInterpreter: ~Copyable {
    package var sockets: IKESockets
    package var sink: EventSink
    /// Faults to make on purpose; `nil` if this daemon takes none.
    package var impairments: Impairments?
    private let plane: any DataPlane
    /// Answers to requests that an impairment kept from the kernel.
    private var ownAnswers: [DataPlaneNotice] = []

    package init(sockets: IKESockets, plane: any DataPlane, sink: EventSink, impairments: Impairments? = nil) {
        self.sockets = sockets
        self.plane = plane
        self.sink = sink
        self.impairments = impairments
    }

    /// Performs the effects in order. Datagrams of IKE wait for ``send()``; the data plane may hold
    /// its requests back until it is flushed.
    package mutating func perform(_ effects: [ControlPlane.Effect], at now: MonotonicTime) {
        guard impairments != nil else {
            for effect in effects { perform(effect, at: now) }
            return
        }
        for effect in effects {
            for effect in impairments?.apply(to: effect, at: now) ?? [] { perform(effect, at: now) }
        }
    }

    private mutating func perform(_ effect: ControlPlane.Effect, at now: MonotonicTime) {
        switch effect {
        case .transmit(let datagram):
            sockets.enqueue(datagram, counting: &sink.counters.packets)
        case .send(let bytes, on: let socket, to: let peer):
            plane.send(bytes, on: socket, to: peer)
        case .write(let frame, to: let session):
            plane.write(frame, to: session)
        case .request(let request, let ticket):
            sink.measurements.kernel.ask(request, ticket, at: .current())
            if let failure = impairments?.failure(of: request) {
                ownAnswers.append(.answered(ticket, .failed(failure)))
            } else {
                plane.submit(request, ticket: ticket)
            }
        case .report(let event):
            sink.report(event, at: now)
        }
    }

    /// Performs what an impairment held back until now.
    package mutating func performDelayed(at now: MonotonicTime) {
        for effect in impairments?.takeDueEffects(at: now) ?? [] { perform(effect, at: now) }
    }

    /// What is known by now about the requests performed.
    package mutating func takeAnswers() -> [DataPlaneNotice] {
        let notices = plane.flush()
        guard !ownAnswers.isEmpty else { return notices }
        defer { ownAnswers = [] }
        return notices + ownAnswers
    }

    /// How long the kernel took, if this is its answer.
    package mutating func noteAnswer(_ notice: DataPlaneNotice) {
        guard case .answered(let ticket, let outcome) = notice else { return }
        sink.measurements.kernel.answer(ticket, outcome, at: .current())
    }

    /// Sends the datagrams that were performed since the last time.
    package mutating func send() {
        sockets.send(counting: &sink.counters.packets)
    }
}
