// SPDX-License-Identifier: Apache-2.0
package import DataPlane
package import IKE
internal import L2TP
internal import Primitives

/// What binds one peer's keys to its tunnel socket: every IKE SA and ESP SA of the peer, over every
/// rekeying, and the control connections that came through them.
struct Association: Sendable {
    enum Socket: Hashable, Sendable {
        /// With the peer it shall be connected to, if that is known by then.
        case opening(SocketAddress?)
        case open
        /// Fixed to the peer's L2TP port.
        case connected(SocketAddress)
        case failed(DataPlaneError)
    }

    let id: RequestID
    let trace: TraceID
    let local: SocketAddress
    /// Outer address and IKE port.
    var peer: SocketAddress
    var socket = Socket.opening(nil)
    /// What is to be sent once the socket is there again; a few, for everything is said more than once.
    var held: [Held] = []
    var ikeSAs: Set<IKESAID>
    /// Those that have brought a quick mode over ``path`` to its end: whoever answers there is who they are.
    var proved: Set<IKESAID> = []
    var children: [ChildSA.ID: Child] = [:]
    var connections: Set<TunnelID> = []
    var calls: Set<SessionKey> = []
    /// The operator wants it gone: when the last control connection has said goodbye, the keys go too.
    var isClosing = false
    /// The peer has deleted its last IKE SA: whatever stands waits for the next one.
    var isForsaken = false
    let started: MonotonicTime
    /// Its first child is: some NAT is between us, now and later.
    let isEncapsulated: Bool
    /// The one whose outbound half the kernel uses.
    var newestChild: ChildSA.ID?
    /// The kernel was asked what the sessions have carried.
    var isReadingCounters = false
    var lastReading: MonotonicTime?
    /// Readings to come, as long as nothing was carried.
    var readingsLeft = 0
    var nextReading: MonotonicTime?
    /// When to see whether somebody is there who has keys and no tunnel.
    var nextVisit: MonotonicTime?
    var lastMove: MonotonicTime?
    var narrowing = Narrowing()

    /// What is known of the way to the peer beyond its ends.
    struct Narrowing: Hashable, Sendable {
        /// As the kernel said last; `nil` before.
        var mtu: Int?
        /// When the path is tried again.
        var nextProbe: MonotonicTime?
        /// When the kernel has heard of routers that would not take the last probe.
        var nextReading: MonotonicTime?

        var deadline: MonotonicTime? { min(nextProbe, or: nextReading) }
    }

    /// Both ends of the outer path, ports included: what tells endpoints apart that share an address.
    struct Path: Hashable, Sendable {
        let local: SocketAddress
        let peer: SocketAddress
    }

    struct Held: Hashable, Sendable {
        let datagram: [UInt8]
        let peer: SocketAddress
    }

    static let mostHeld = 16

    var path: Path { Path(local: local, peer: peer) }

    /// The newest one, if it is still there.
    var standingChild: Child? { newestChild.flatMap { children[$0] } }

    /// As if the path carried whatever is configured.
    var asIfWide: Association {
        var wide = self
        wide.narrowing.mtu = nil
        return wide
    }

    /// As it is to be opened, and opened again.
    var tunnelSocket: TunnelSocket {
        TunnelSocket(
            requestID: id,
            localAddress: local.address,
            omitsChecksum: isEncapsulated && local.address.isV4
        )
    }

    struct Child: Sendable {
        private(set) var sa: ChildSA
        /// The kernel was asked for this half, and it did not go since.
        var hasInbound = true
        var hasOutbound = false
        /// The kernel has said that it has this half.
        var isInboundSettled = false
        var isOutboundSettled = false
        /// Moves the kernel has not answered yet.
        var movesInFlight = 0
        /// Counts up with every outbound half.
        var outboundSerial: UInt64 = 0

        private static let noKey = SecretBytes(copying: [])

        init(sa: ChildSA) {
            self.sa = sa
        }

        /// The kernel is told both halves: nobody here needs their keys any more.
        mutating func forgetKeys() {
            sa.inboundEncryptionKey = Self.noKey
            sa.inboundIntegrityKey = nil
            sa.outboundEncryptionKey = Self.noKey
            sa.outboundIntegrityKey = nil
        }

        mutating func move(to peer: SocketAddress) {
            sa.peer = peer
        }
    }
}

extension ChildSA {
    /// Where its quick mode runs.
    var path: Association.Path { Association.Path(local: local, peer: peer) }

    /// The association that protects what comes in, for the peer with this request id.
    func inbound(_ requestID: RequestID) -> SecurityAssociation {
        SecurityAssociation(
            direction: .inbound,
            source: peer.address,
            destination: local.address,
            spi: id.inboundSPI,
            requestID: requestID,
            transform: transform,
            encryptionKey: inboundEncryptionKey,
            integrityKey: inboundIntegrityKey,
            encapsulation: isEncapsulated ? .init(sourcePort: peer.port, destinationPort: local.port) : nil
        ).living(kernelLifetime)
    }

    /// The association that protects what goes out.
    func outbound(_ requestID: RequestID) -> SecurityAssociation {
        SecurityAssociation(
            direction: .outbound,
            source: local.address,
            destination: peer.address,
            spi: outboundSPI,
            requestID: requestID,
            transform: transform,
            encryptionKey: outboundEncryptionKey,
            integrityKey: outboundIntegrityKey,
            encapsulation: isEncapsulated ? .init(sourcePort: local.port, destinationPort: peer.port) : nil
        ).living(kernelLifetime)
    }

    /// Bytes are counted by the kernel alone, and reported a tenth before their end. Time is kept by IKE, on a clock
    /// that nobody sets; the kernel's is only to stop what we forgot, so it gets twice as much.
    package var kernelLifetime: SecurityAssociation.Lifetime {
        var kernel = SecurityAssociation.Lifetime()
        let seconds = lifetime.components.seconds.multipliedReportingOverflow(by: 2)
        if seconds.partialValue > 0, !seconds.overflow { kernel.hardSeconds = UInt64(seconds.partialValue) }
        if let kilobytes = lifetimeKilobytes {
            let bytes = kilobytes.multipliedReportingOverflow(by: 1024)
            if !bytes.overflow, bytes.partialValue > 0 {
                kernel.hardBytes = bytes.partialValue
                kernel.softBytes = max(bytes.partialValue - bytes.partialValue / 10, 1)
            }
        }
        return kernel
    }

    var inboundID: SecurityAssociation.ID { .init(destination: local.address, spi: id.inboundSPI) }
    var outboundID: SecurityAssociation.ID { .init(destination: peer.address, spi: outboundSPI) }
}

extension SecurityAssociation {
    fileprivate func living(_ lifetime: Lifetime) -> SecurityAssociation {
        var association = self
        association.lifetime = lifetime
        return association
    }
}
