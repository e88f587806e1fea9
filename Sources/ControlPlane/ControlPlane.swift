// SPDX-License-Identifier: Apache-2.0
package import Cryptography
package import DataPlane
package import IKE
internal import L2TP
internal import PPP
package import Primitives

/// What happened in the world.
package enum Input: Hashable, Sendable {
    /// On UDP 500 or 4500.
    case datagram(IKE.Datagram)
    case notice(DataPlaneNotice)
    case command(Command)
}

/// What an operator asks for.
package enum Command: Hashable, Sendable {
    /// Ends the calls that match; says goodbye to their peers.
    case terminate(CallSelector)
    /// Says goodbye to everybody and takes no more calls.
    case shutDown
}

/// Which calls are meant.
package enum CallSelector: Hashable, Sendable {
    case trace(TraceID)
    case user(String)
    case peer(IPAddress)
    case innerAddress(IPAddress)
    case interface(String)
    case all
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

/// The one value that owns and relates IKE, L2TP and PPP: which security association protects which
/// tunnel, which session speaks for which user, who has which address.
package struct ControlPlane: Sendable {
    package init(configuration: Configuration, entropy: any EntropySource) {
    }

    /// When ``advance(to:)`` next has something to do.
    package var nextDeadline: MonotonicTime? { nil }

    package mutating func handle(_ input: Input, at now: MonotonicTime) -> [Effect] { [] }

    package mutating func advance(to now: MonotonicTime) -> [Effect] { [] }

    /// After ``Command/shutDown``: nothing is left to say or to take down.
    package var isIdle: Bool { true }

    /// Kernel sessions whose traffic counters a listing wants.
    package func calls(at now: MonotonicTime) -> [CallSnapshot] { [] }

    package func status(at now: MonotonicTime) -> StatusSnapshot {
        StatusSnapshot(callCount: 0, ikeCount: 0, childCount: 0, tunnelCount: 0, sessionCount: 0, pools: [])
    }
}
