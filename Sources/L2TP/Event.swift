// SPDX-License-Identifier: Apache-2.0
package import Primitives

/// What L2TP has to tell an operator.
package struct Event: Hashable, Sendable {
    package var trace: TraceID
    package var peer: SocketAddress
    package var kind: Kind

    package enum Kind: Hashable, Sendable {
        case placeholder
    }

    package init(trace: TraceID, peer: SocketAddress, kind: Kind) {
        self.trace = trace
        self.peer = peer
        self.kind = kind
    }

    package var description: EventDescription {
        EventDescription(.l2tp, .info, "placeholder", "placeholder")
    }
}
