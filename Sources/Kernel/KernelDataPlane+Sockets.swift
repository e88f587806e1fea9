// SPDX-License-Identifier: Apache-2.0
package import CLinux
package import DataPlane
internal import Glibc
package import Primitives

/// A tunnel socket that is open.
struct OpenTunnelSocket {
    let tunnel: KernelTunnel
    let settings: TunnelSocket
    var peer: SocketAddress?
    /// Made, being made or being removed.
    var sessions: Set<KernelSessionID> = []
    /// Who waits for its end; `nil` unless it shall close.
    var closing: [DataPlaneTicket]?
    var isWatched = true
}

extension KernelDataPlane {
    /// So many datagrams are read in one go.
    private static let readLimit = 64

    func open(_ socket: TunnelSocket) -> DataPlaneError? {
        guard sockets[socket.requestID] == nil else { return DataPlaneError(step: "socket", code: EEXIST) }
        let family: Int32 = socket.localAddress.isV4 ? 4 : 6
        do throws(DataPlaneError) {
            let descriptor = try attempt("socket(SOCK_DGRAM)", faults) { culvert_udp_socket(family) }
            do throws(DataPlaneError) {
                try prepare(descriptor, family, socket)
            } catch {
                _ = close(descriptor)
                throw error
            }
            sockets[socket.requestID] = OpenTunnelSocket(
                tunnel: KernelTunnel(descriptor: descriptor, family: family),
                settings: socket
            )
            watch(descriptor, .socket(socket.requestID))
            return nil
        } catch {
            return error
        }
    }

    /// The policies stand before the socket can be found: nothing unprotected ever reaches it.
    func prepare(_ descriptor: Int32, _ family: Int32, _ socket: TunnelSocket) throws(DataPlaneError) {
        let requestID = socket.requestID.rawValue
        for direction in [XFRM_POLICY_IN, XFRM_POLICY_OUT] {
            try attempt("IP_XFRM_POLICY", faults) {
                culvert_socket_policy(descriptor, family, requestID, Int32(direction))
            }
        }
        try attempt("IP_MTU_DISCOVER", faults) { culvert_allow_fragments(descriptor, family) }
        if socket.omitsChecksum, family == 4 {
            try attempt("SO_NO_CHECK", faults) { culvert_omit_checksum(descriptor) }
        }
        try attempt("SO_REUSEADDR", faults) { culvert_reuse_address(descriptor) }
        let local = SocketAddress(socket.localAddress, port: socket.requestID.port)
        var address = culvert_address(local)
        try attempt("bind \(local)", faults) { culvert_bind(descriptor, &address) }
    }

    /// Again and again, if the peer moves. If it fails the socket keeps the peer it had.
    func connect(_ requestID: RequestID, to peer: SocketAddress) -> DataPlaneError? {
        guard let socket = sockets[requestID], socket.closing == nil else {
            return DataPlaneError(step: "connect", code: EBADF)
        }
        var address = culvert_address(peer)
        do throws(DataPlaneError) {
            try attempt("connect \(peer)", faults) { culvert_connect(socket.tunnel.descriptor, &address) }
        } catch {
            return error
        }
        sockets[requestID]?.peer = peer
        return nil
    }

    /// The socket closes when its sessions are gone; those that are not being removed yet now are.
    func closeSocket(_ requestID: RequestID, _ ticket: DataPlaneTicket?) {
        guard let socket = sockets[requestID] else {
            if let ticket { answer(ticket, nil) }
            return
        }
        let isFirst = socket.closing == nil
        sockets[requestID]?.closing = (socket.closing ?? []) + (ticket.map { [$0] } ?? [])
        guard isFirst else { return }
        stopWatching(requestID)
        for session in socket.sessions { enqueue(.remove(nil), for: session) }
        closeIfUnused(requestID)
    }

    private func stopWatching(_ requestID: RequestID) {
        guard let socket = sockets[requestID], socket.isWatched else { return }
        sockets[requestID]?.isWatched = false
        unwatch(socket.tunnel.descriptor)
    }

    func closeIfUnused(_ requestID: RequestID) {
        guard let socket = sockets[requestID], socket.closing != nil, socket.sessions.isEmpty else { return }
        let (descriptor, completions) = (socket.tunnel.descriptor, completions)
        afterUnwatching { _ in
            _ = close(descriptor)
            completions.post(.socketClosed(requestID))
        }
    }

    func socketClosed(_ requestID: RequestID) {
        guard let socket = sockets.removeValue(forKey: requestID) else { return }
        for ticket in socket.closing ?? [] { answer(ticket, nil) }
    }

    func readDatagrams(_ requestID: RequestID) {
        guard let socket = sockets[requestID], socket.isWatched else { return }
        for _ in 0..<Self.readLimit {
            var peer = culvert_address()
            let count = buffer.withUnsafeMutableBytes {
                culvert_recvfrom(socket.tunnel.descriptor, $0.baseAddress, UInt64($0.count), &peer)
            }
            switch count {
            case 0...Int64(buffer.count):
                guard let address = SocketAddress(peer) else { continue }
                notices.append(.datagram(requestID, from: address, Array(buffer[..<Int(count)])))
            case Int64(-EAGAIN):
                return
            default:
                // An ICMP error of the peer's side, collected thus; retransmission deals with it.
                continue
            }
        }
    }

    package func send(_ datagram: [UInt8], on requestID: RequestID, to peer: SocketAddress) {
        guard let socket = sockets[requestID] else { return }
        datagram.withUnsafeBytes { bytes in
            if socket.peer == peer {
                _ = culvert_sendto(socket.tunnel.descriptor, bytes.baseAddress, UInt64(bytes.count), nil)
            } else {
                var address = culvert_address(peer)
                _ = culvert_sendto(socket.tunnel.descriptor, bytes.baseAddress, UInt64(bytes.count), &address)
            }
        }
    }
}

extension culvert_address {
    package init(_ address: SocketAddress) {
        self.init()
        port = address.port
        switch address.address {
        case .v4(let value):
            family = 4
            low = UInt64(value)
        case .v6(let high, let low):
            family = 6
            self.high = high
            self.low = low
        }
    }
}

extension SocketAddress {
    /// `nil` if there is none.
    package init?(_ address: culvert_address) {
        switch address.family {
        case 4: self.init(.v4(UInt32(truncatingIfNeeded: address.low)), port: address.port)
        case 6: self.init(.v6(high: address.high, low: address.low), port: address.port)
        default: return nil
        }
    }
}
