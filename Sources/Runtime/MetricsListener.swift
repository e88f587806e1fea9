// SPDX-License-Identifier: Apache-2.0
internal import CLinux
internal import Glibc
package import Primitives

extension MetricsServer {
    /// - Returns: The listening descriptor.
    package static func listen(_ local: SocketAddress) throws(StartProblem) -> OwnedDescriptor {
        var address = culvert_address(local)
        let descriptor = culvert_tcp_listen(&address, 64)
        guard descriptor >= 0 else { throw StartProblem(metrics: SystemError("bind", code: -descriptor), local) }
        return OwnedDescriptor(adopting: descriptor)
    }
}

extension StartProblem {
    fileprivate init(metrics error: SystemError, _ local: SocketAddress) {
        switch error.code {
        case EADDRINUSE:
            self.init(
                "TCP port \(local.port) on \(local.address) is taken: metrics cannot be served there",
                remedy: "ss -ltnp 'sport = :\(local.port)' as root tells by whom; or change metrics.listen"
            )
        case EADDRNOTAVAIL:
            self.init(
                "\(local.address) is not an address of this machine: metrics cannot be served there",
                remedy: "change metrics.listen"
            )
        case _:
            self.init("metrics cannot be served on \(local): \(error)", remedy: "change metrics.listen")
        }
    }
}
