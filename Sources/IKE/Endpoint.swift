// SPDX-License-Identifier: Apache-2.0
package import Cryptography
package import DataPlane
package import Primitives

/// Names an IKE SA within this process, for as long as the process lives. Never reused.
package struct IKESAID: RawRepresentable, Hashable, Sendable {
    package let rawValue: UInt64

    package init(rawValue: UInt64) {
        self.rawValue = rawValue
    }
}

/// A datagram on one of the two IKE ports, in either direction.
package struct Datagram: Hashable, Sendable {
    package enum Port: Hashable, Sendable {
        /// UDP 500.
        case ike
        /// UDP 4500: IKE behind a non-ESP marker of four zero bytes, and one-byte keepalives (RFC 3948).
        case natTraversal
    }

    /// As on the wire: marker included on the NAT traversal port.
    package var bytes: [UInt8]
    package var port: Port
    /// Our address and port as they stand in the packet.
    package var local: SocketAddress
    package var peer: SocketAddress

    package init(bytes: [UInt8], port: Port, local: SocketAddress, peer: SocketAddress) {
        self.bytes = bytes
        self.port = port
        self.local = local
        self.peer = peer
    }
}

/// A pair of ESP security associations that quick mode agreed on.
package struct ChildSA: Hashable, Sendable {
    package struct ID: Hashable, Sendable {
        package var ike: IKESAID
        /// The SPI we chose: that of packets to us.
        package var inboundSPI: ESPSPI

        package init(ike: IKESAID, inboundSPI: ESPSPI) {
            self.ike = ike
            self.inboundSPI = inboundSPI
        }
    }

    package var id: ID
    package var trace: TraceID
    package var outboundSPI: ESPSPI
    package var transform: ESPTransform
    package var inboundEncryptionKey: SecretBytes
    package var inboundIntegrityKey: SecretBytes?
    package var outboundEncryptionKey: SecretBytes
    package var outboundIntegrityKey: SecretBytes?
    /// Outer addresses as IKE sees them; the ports are those of IKE (500, or 4500 and the NAT's).
    package var local: SocketAddress
    package var peer: SocketAddress
    /// ESP travels in UDP between the ports of `local` and `peer`.
    package var isEncapsulated: Bool
    /// UDP port of the peer's traffic as its identity said: 1701, another, or `nil` for any.
    package var peerTrafficPort: UInt16?
    /// Lifetime agreed on.
    package var lifetime: Duration
    package var lifetimeKilobytes: UInt64?

    package init(
        id: ID,
        trace: TraceID,
        outboundSPI: ESPSPI,
        transform: ESPTransform,
        inboundEncryptionKey: SecretBytes,
        inboundIntegrityKey: SecretBytes?,
        outboundEncryptionKey: SecretBytes,
        outboundIntegrityKey: SecretBytes?,
        local: SocketAddress,
        peer: SocketAddress,
        isEncapsulated: Bool,
        peerTrafficPort: UInt16?,
        lifetime: Duration,
        lifetimeKilobytes: UInt64?
    ) {
        self.id = id
        self.trace = trace
        self.outboundSPI = outboundSPI
        self.transform = transform
        self.inboundEncryptionKey = inboundEncryptionKey
        self.inboundIntegrityKey = inboundIntegrityKey
        self.outboundEncryptionKey = outboundEncryptionKey
        self.outboundIntegrityKey = outboundIntegrityKey
        self.local = local
        self.peer = peer
        self.isEncapsulated = isEncapsulated
        self.peerTrafficPort = peerTrafficPort
        self.lifetime = lifetime
        self.lifetimeKilobytes = lifetimeKilobytes
    }
}

/// All of IKE: which datagram belongs to which exchange of which SA.
///
/// A value: it opens no socket and reads no clock. The owner performs the returned effects in
/// order and comes back with what happened.
package struct Endpoint: Sendable {
    package enum Effect: Hashable, Sendable {
        case transmit(Datagram)
        /// Quick mode's second message waits until ``Endpoint/inboundInstalled(_:outcome:at:)`` says how this went.
        case installInbound(ChildSA)
        /// The peer has proved that its inbound half stands: ours may be used.
        case installOutbound(ChildSA.ID)
        case remove(ChildSA.ID)
        /// The SA is gone, and with it every child of it that was not removed before.
        case closed(IKESAID)
        case report(Event)
    }

    package init(configuration: Configuration, entropy: any EntropySource) {
    }

    /// When ``advance(to:)`` next has something to do.
    package var nextDeadline: MonotonicTime? { nil }

    package mutating func receive(_ datagram: Datagram, at now: MonotonicTime) -> [Effect] { [] }

    package mutating func advance(to now: MonotonicTime) -> [Effect] { [] }

    /// What came of ``Effect/installInbound(_:)``.
    package enum InstallOutcome: Hashable, Sendable {
        case installed
        /// Somebody else on this machine uses the SPI: another one is chosen and asked for.
        case spiInUse
        case failed(DataPlaneError)
    }

    package mutating func inboundInstalled(
        _ child: ChildSA.ID,
        outcome: InstallOutcome,
        at now: MonotonicTime
    ) -> [Effect] { [] }

    /// Says goodbye (Delete for the children, then for the SA) and forgets.
    package mutating func close(_ id: IKESAID, at now: MonotonicTime) -> [Effect] { [] }

    /// ``close(_:at:)`` for every SA.
    package mutating func closeAll(at now: MonotonicTime) -> [Effect] { [] }

    package var snapshots: [Snapshot] { [] }

    package func snapshot(of id: IKESAID) -> Snapshot? { nil }
}
