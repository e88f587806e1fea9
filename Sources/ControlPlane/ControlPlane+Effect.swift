// SPDX-License-Identifier: Apache-2.0
package import DataPlane
package import IKE
package import Primitives

extension ControlPlane {
    /// What happened in the world.
    package enum Input: Hashable, Sendable {
        /// On UDP 500 or 4500.
        case datagram(IKE.Datagram)
        case notice(DataPlaneNotice)
        case command(Command)
        /// What day it is: at the start, when the clock was set, and once an hour.
        case calendar(WallClockTime)
    }

    /// What an operator asks for.
    package enum Command: Hashable, Sendable {
        /// Ends the calls that match; says goodbye to their peers.
        case terminate(CallSelector)
        /// Says goodbye to everybody and takes no more calls.
        case shutDown
        /// Goes on with another configuration. Calls stay but for those of ``ControlPlane/departures(under:)``.
        case reconfigure(Configuration)
        /// A fault for tests: the deadlines of these layers pass unnoticed until the next such command.
        case stopTimers(Set<TimedLayer>)
    }

    /// Who has deadlines.
    package enum TimedLayer: String, Hashable, Sendable, CaseIterable {
        case ike
        case l2tp
        case ppp
    }

    /// What is to be done, in order.
    package enum Effect: Hashable, Sendable {
        case transmit(IKE.Datagram)
        /// L2TP, on a tunnel socket.
        case send([UInt8], on: RequestID, to: SocketAddress)
        /// A PPP frame, through the channel of a session the kernel has.
        case write([UInt8], to: KernelSessionID)
        /// The outcome comes back as ``DataPlaneNotice/answered(_:_:)``.
        case request(DataPlaneRequest, DataPlaneTicket)
        case report(Event)
    }
}
