// SPDX-License-Identifier: Apache-2.0
package import Primitives

/// What PPP has to tell an operator. Who the peer is, the owner knows.
package struct Event: Hashable, Sendable {
    package var trace: TraceID
    package var peer: SocketAddress
    package var kind: Kind

    package enum Kind: Hashable, Sendable {
        case placeholder

        package var description: EventDescription {
            EventDescription(.ppp, .info, "placeholder", "placeholder")
        }
    }

    package init(trace: TraceID, peer: SocketAddress, kind: Kind) {
        self.trace = trace
        self.peer = peer
        self.kind = kind
    }

    package var description: EventDescription { kind.description }
}
