// SPDX-License-Identifier: Apache-2.0
internal import CLinux
internal import Glibc
package import Primitives

/// Sockets that the service manager has opened for us, until somebody takes them. What nobody takes is refused by
/// ``finish()``: a socket that is open and does nothing would be believed to work.
///
/// - SeeAlso: sd_listen_fds(3), systemd.socket(5)
package final class InheritedSockets {
    /// What a socket is, as far as it can be asked.
    package enum Kind: Hashable, Sendable {
        case datagram(SocketAddress)
        /// It listens.
        case stream(SocketAddress)
        /// It listens, at this path.
        case unix(String)
        /// Nothing we serve; in words.
        case other(String)
    }

    private final class Entry {
        let kind: Kind
        let name: String
        var descriptor: OwnedDescriptor?

        init(kind: Kind, name: String, descriptor: consuming OwnedDescriptor) {
            self.kind = kind
            self.name = name
            self.descriptor = consume descriptor
        }

        var isPlainL2TP: Bool {
            if case .datagram(let local) = kind { local.port == 1701 } else { false }
        }

        func shrink() {
            if descriptor != nil { _ = culvert_receive_buffer(descriptor?.rawValue ?? -1, 0) }
        }
    }

    /// The first that is passed: after the three standard ones.
    private static let first: Int32 = 3
    /// More than the sockets of a hundred addresses.
    private static let limit: Int32 = 1024

    private var entries: [Entry] = []
    /// Sockets on UDP 1701: nobody else can have the port while they are open.
    private var held: [Entry] = []

    package init() {
    }

    /// - Parameter sockets: Descriptors nobody else will close, each with its `FileDescriptorName=`.
    package init(_ sockets: [(descriptor: Int32, name: String)]) {
        for (descriptor, name) in sockets {
            _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
            _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK)
            entries.append(
                Entry(kind: Self.kind(of: descriptor), name: name, descriptor: OwnedDescriptor(adopting: descriptor))
            )
        }
    }

    /// Takes them, and their variables out of the environment: no child inherits either. To be called once, before
    /// anything else opens a descriptor.
    package static func takeFromEnvironment() throws(StartProblem) -> InheritedSockets {
        let count = take("LISTEN_FDS")
        let process = take("LISTEN_PID")
        let names = take("LISTEN_FDNAMES")
        guard let count, process == "\(getpid())" else { return InheritedSockets() }
        guard let count = Int32(count), (0...limit).contains(count) else {
            throw StartProblem("LISTEN_FDS is no number of sockets: \(count)", remedy: "at most \(limit) can be passed")
        }
        let labels = (names ?? "").split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        var sockets: [(Int32, String)] = []
        for index in 0..<count {
            let descriptor = first + index
            guard fcntl(descriptor, F_GETFD) >= 0 else {
                throw StartProblem(
                    "LISTEN_FDS says \(count) sockets, but descriptor \(descriptor) is not open",
                    remedy: "start culvertd by systemctl start culvertd.socket culvertd.service"
                )
            }
            sockets.append((descriptor, Int(index) < labels.count ? labels[Int(index)] : ""))
        }
        return InheritedSockets(sockets)
    }

    private static func take(_ name: String) -> String? {
        guard let value = getenv(name) else { return nil }
        defer { unsetenv(name) }
        return String(cString: value)
    }

    package var isEmpty: Bool { entries.isEmpty && held.isEmpty }

    /// Addresses of the UDP sockets that wait to be taken.
    package var datagramLocals: Set<SocketAddress> {
        Set(
            entries.compactMap { entry in
                if case .datagram(let local) = entry.kind { local } else { nil }
            }
        )
    }

    package func takeDatagramSocket(at local: SocketAddress) -> OwnedDescriptor? {
        take(.datagram(local))
    }

    /// The Unix socket at that path. What it is called does not count: who may use it is read from the file there.
    package func takeUnixSocket(at path: String) -> OwnedDescriptor? {
        take(.unix(path))
    }

    /// The listening TCP socket at that address. What it is called does not count: one on every address is no substitute
    /// for one on loopback.
    package func takeStreamSocket(at local: SocketAddress) -> OwnedDescriptor? {
        take(.stream(local))
    }

    private func take(_ kind: Kind) -> OwnedDescriptor? {
        guard let index = entries.firstIndex(where: { $0.kind == kind }) else { return nil }
        return entries.remove(at: index).descriptor.take()
    }

    /// Keeps what is on UDP 1701, and refuses what nobody took.
    package func finish() throws(StartProblem) {
        held += entries.filter { $0.isPlainL2TP }
        entries.removeAll(where: \.isPlainL2TP)
        // What is never read needs no room.
        for entry in held { entry.shrink() }
        guard let entry = entries.first else { return }
        let name = entry.name.isEmpty ? "" : " (\(entry.name))"
        switch entry.kind {
        case .datagram(let local):
            throw StartProblem(
                "the service manager passes a UDP socket on \(local)\(name) that the configuration does not ask for",
                remedy: "make ListenDatagram= of culvertd.socket and gateway.listen name the same addresses"
            )
        case .stream(let local):
            throw StartProblem(
                "the service manager passes a TCP socket on \(local)\(name) that nothing is served on",
                remedy: "make ListenStream= of its unit and metrics.listen name the same address"
            )
        case .unix(let path):
            throw StartProblem(
                "the service manager passes a Unix socket at \(path)\(name) that nothing is served on",
                remedy: "make ListenStream= of its unit name the path of control.socket or control.read-only-socket"
            )
        case .other(let what):
            throw StartProblem(
                "the service manager passes something that culvertd does not serve\(name): \(what)",
                remedy: "take it out of culvertd.socket"
            )
        }
    }

    // MARK: Asking a socket what it is

    private static func kind(of descriptor: Int32) -> Kind {
        guard let family = option(descriptor, SO_DOMAIN), let type = option(descriptor, SO_TYPE) else {
            return .other("descriptor \(descriptor) is no socket")
        }
        let isDatagram = type == Int32(SOCK_DGRAM.rawValue)
        let isListening = type == Int32(SOCK_STREAM.rawValue) && option(descriptor, SO_ACCEPTCONN) == 1
        switch family {
        case AF_UNIX where isListening:
            var path = [CChar](repeating: 0, count: 128)
            let length = culvert_unix_path(descriptor, &path, path.count)
            let bytes = path.prefix(Int(max(0, length))).map { UInt8(bitPattern: $0) }
            return .unix(String(decoding: bytes, as: UTF8.self))
        case AF_INET, AF_INET6:
            var address = culvert_address()
            guard culvert_socket_local(descriptor, &address) == 0, let local = SocketAddress(address) else {
                return .other("a socket without an address")
            }
            if isDatagram, option(descriptor, SO_PROTOCOL) == Int32(IPPROTO_UDP) {
                guard family == AF_INET || culvert_socket_is_dual(descriptor) == 0 else {
                    return .other(
                        "a UDP socket on \(local) that takes IPv4, too; BindIPv6Only=ipv6-only keeps them apart"
                    )
                }
                return .datagram(local)
            }
            return isListening ? .stream(local) : .other("a socket on \(local) that is not UDP and does not listen")
        case _:
            return .other("a socket of address family \(family), type \(type)")
        }
    }

    private static func option(_ descriptor: Int32, _ name: Int32) -> Int32? {
        var value: Int32 = 0
        var length = socklen_t(MemoryLayout<Int32>.size)
        return getsockopt(descriptor, SOL_SOCKET, name, &value, &length) == 0 ? value : nil
    }
}
