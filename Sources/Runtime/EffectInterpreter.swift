// SPDX-License-Identifier: Apache-2.0
package import ControlPlane
package import DataPlane
package import Primitives

/// The only place where a decision becomes an action.
package struct EffectInterpreter: ~Copyable {
    package var sockets: IKESockets
    package var sink: EventSink
    private let plane: any DataPlane

    package init(sockets: IKESockets, plane: any DataPlane, sink: EventSink) {
        self.sockets = sockets
        self.plane = plane
        self.sink = sink
    }

    /// Performs the effects in order. Datagrams of IKE wait for ``send()``; the data plane may hold
    /// its requests back until it is flushed.
    package mutating func perform(_ effects: [ControlPlane.Effect], at now: MonotonicTime) {
        for effect in effects {
            switch effect {
            case .transmit(let datagram):
                sockets.enqueue(datagram, counting: &sink.counters.packets)
            case .send(let bytes, on: let socket, to: let peer):
                plane.send(bytes, on: socket, to: peer)
            case .write(let frame, to: let session):
                plane.write(frame, to: session)
            case .request(let request, let ticket):
                plane.submit(request, ticket: ticket)
            case .report(let event):
                sink.report(event, at: now)
            }
        }
    }

    /// Sends the datagrams that were performed since the last time.
    package mutating func send() {
        sockets.send(counting: &sink.counters.packets)
    }
}
