// SPDX-License-Identifier: Apache-2.0
internal import DataPlane
internal import IKE
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
    var ikeSAs: Set<IKESAID>
    /// Those that have brought a quick mode over ``path`` to its end: whoever answers there is who they are.
    var proved: Set<IKESAID> = []
    var children: [ChildSA.ID: Child] = [:]
    var connections: Set<TunnelID> = []
    var calls: Set<SessionKey> = []
    /// The operator wants it gone: when the last control connection has said goodbye, the keys go too.
    var isClosing = false
    let started: MonotonicTime
    /// The one whose outbound half the kernel uses.
    var newestChild: ChildSA.ID?

    /// Both ends of the outer path, ports included: what tells endpoints apart that share an address.
    struct Path: Hashable, Sendable {
        let local: SocketAddress
        let peer: SocketAddress
    }

    var path: Path { Path(local: local, peer: peer) }

    struct Child: Sendable {
        private(set) var sa: ChildSA
        /// The kernel was asked for the outbound half too.
        var hasOutbound = false

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
        )
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
        )
    }

    var inboundID: SecurityAssociation.ID { .init(destination: local.address, spi: id.inboundSPI) }
    var outboundID: SecurityAssociation.ID { .init(destination: peer.address, spi: outboundSPI) }
}
