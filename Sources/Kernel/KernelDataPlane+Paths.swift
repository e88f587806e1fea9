// SPDX-License-Identifier: Apache-2.0
internal import CLinux
internal import DataPlane
internal import Glibc
internal import Primitives

/// What the kernel knows of the paths to peers, and how it gets to know more. Each time a socket is opened for it: the
/// kernel drops what L2TP sends while the tunnel socket is being asked something.
extension KernelDataPlane {
    /// An unprotected socket, connected to where ESP goes: the kernel keeps what it knows by address, whatever the
    /// protocol. Nothing is sent.
    func readPathMTU(_ requestID: RequestID, _ ticket: DataPlaneTicket) {
        do throws(DataPlaneError) {
            let mtu = try withPath(of: requestID) { descriptor, family, socket, peer throws(DataPlaneError) in
                var local = culvert_address(SocketAddress(socket.localAddress, port: 0))
                try attempt("bind", faults) { culvert_bind(descriptor, &local) }
                var address = culvert_address(peer)
                try attempt("connect \(peer.address)", faults) { culvert_connect(descriptor, &address) }
                return try attempt("IP_MTU", faults) { culvert_path_mtu(descriptor, family) }
            }
            notices.append(.answered(ticket, .pathMTU(Int(mtu))))
        } catch {
            answer(ticket, error)
        }
    }

    /// The tunnel socket's twin, for one datagram: it is never connected, so what comes in goes to the tunnel socket.
    func probePath(_ requestID: RequestID, _ datagram: [UInt8]) -> DataPlaneError? {
        do throws(DataPlaneError) {
            try withPath(of: requestID) { descriptor, family, socket, peer throws(DataPlaneError) in
                try prepare(descriptor, family, socket)
                try attempt("IP_MTU_DISCOVER", faults) { culvert_forbid_fragments(descriptor, family) }
                var address = culvert_address(peer)
                let sent = datagram.withUnsafeBytes {
                    culvert_sendto(descriptor, $0.baseAddress, UInt64($0.count), &address)
                }
                if sent < 0 { throw DataPlaneError(step: "sendto", code: Int32(truncatingIfNeeded: -sent)) }
            }
            return nil
        } catch {
            return error
        }
    }

    private func withPath<Result>(
        of requestID: RequestID,
        _ body: (_ descriptor: Int32, _ family: Int32, TunnelSocket, SocketAddress) throws(DataPlaneError) -> Result
    ) throws(DataPlaneError) -> Result {
        guard let socket = sockets[requestID], socket.closing == nil, let peer = socket.peer else {
            throw DataPlaneError(step: "connect", code: ENOTCONN)
        }
        let family = socket.tunnel.family
        let descriptor = try attempt("socket(SOCK_DGRAM)", faults) { culvert_udp_socket(family) }
        defer { _ = close(descriptor) }
        return try body(descriptor, family, socket.settings, peer)
    }
}
