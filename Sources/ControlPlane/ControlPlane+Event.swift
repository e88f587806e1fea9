// SPDX-License-Identifier: Apache-2.0
package import IKE
package import L2TP
package import PPP
package import Primitives

extension ControlPlane {
    /// Whatever an operator might want to read, from any layer.
    package enum Event: Hashable, Sendable {
        case ike(IKE.Event)
        case l2tp(L2TP.Event)
        case ppp(PPP.Event)
        case call(CallEvent)

        package var trace: TraceID? {
            switch self {
            case .ike(let event): event.trace
            case .l2tp(let event): event.trace
            case .ppp(let event): event.trace
            case .call(let event): event.trace
            }
        }

        package var peer: SocketAddress? {
            switch self {
            case .ike(let event): event.peer
            case .l2tp(let event): event.peer
            case .ppp(let event): event.peer
            case .call(let event): event.peer
            }
        }

        package var description: EventDescription {
            switch self {
            case .ike(let event): event.description
            case .l2tp(let event): event.description
            case .ppp(let event): event.description
            case .call(let event): event.description
            }
        }
    }
}
