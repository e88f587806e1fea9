// SPDX-License-Identifier: Apache-2.0
import ConfigFile
import ControlPlane
import Glibc
import IKE
import Primitives
import Runtime
import Testing

/// Sockets as a service manager opens them: bound, and without any option of ours.
private func bound(_ family: Int32, _ type: __socket_type, port: UInt16 = 0, isDual: Bool = false) -> Int32 {
    let descriptor = socket(family, Int32(type.rawValue), 0)
    if family == AF_INET6 {
        var only: Int32 = isDual ? 0 : 1
        setsockopt(descriptor, Int32(IPPROTO_IPV6), 26, &only, 4)  // IPV6_V6ONLY
    }
    var v4 = sockaddr_in()
    v4.sin_family = sa_family_t(AF_INET)
    v4.sin_port = port.bigEndian
    v4.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var v6 = sockaddr_in6()
    v6.sin6_family = sa_family_t(AF_INET6)
    let result = withUnsafeBytes(of: &v4) { four in
        withUnsafeBytes(of: &v6) { six in
            let address = family == AF_INET6 ? six : four
            return bind(
                descriptor,
                address.baseAddress!.assumingMemoryBound(to: sockaddr.self),
                socklen_t(address.count)
            )
        }
    }
    precondition(result == 0, "bind: \(errno)")
    if type == SOCK_STREAM { listen(descriptor, 5) }
    return descriptor
}

private func port(_ descriptor: Int32) -> UInt16 {
    var address = sockaddr_in()
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    _ = withUnsafeMutableBytes(of: &address) {
        getsockname(descriptor, $0.baseAddress!.assumingMemoryBound(to: sockaddr.self), &length)
    }
    return UInt16(bigEndian: address.sin_port)
}

private func unixListener(_ path: String) -> Int32 {
    let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    let result = withUnixAddress(path) { bind(descriptor, $0, $1) }
    precondition(result == 0)
    listen(descriptor, 5)
    return descriptor
}

struct InheritedSocketsTests {
    @Test func socketsOfTheServiceManagerReplaceOursAndGetOurOptions() throws {
        let ike = bound(AF_INET, SOCK_DGRAM)
        let natTraversal = bound(AF_INET, SOCK_DGRAM)
        var listen = IKESockets.Listen(addresses: [localhost])
        listen.ikePort = port(ike)
        listen.natTraversalPort = port(natTraversal)
        listen.takesESP = false
        let inherited = InheritedSockets([(natTraversal, "culvertd.socket"), (ike, "culvertd.socket")])
        #expect(inherited.datagramLocals.count == 2)
        #expect(StartChecks.ports(listen, inherited: inherited.datagramLocals).isEmpty)
        #expect(StartChecks.ports(listen).count == 2)
        let sockets = try IKESockets(listen, inherited: inherited)
        #expect(sockets[0].rawDescriptor == ike)
        #expect(sockets[1].rawDescriptor == natTraversal)
        #expect(sockets.port(at: 1) == .natTraversal)
        #expect(sockets.locals == listen.sockets.map(\.local))
        #expect(fcntl(ike, F_GETFD) & FD_CLOEXEC != 0)
        #expect(fcntl(ike, F_GETFL) & O_NONBLOCK != 0)
        try inherited.finish()
        #expect(inherited.isEmpty)

        // Without IP_PKTINFO nobody could be answered.
        let client = bound(AF_INET, SOCK_DGRAM)
        defer { close(client) }
        let peer = try UDPSocket(bindingTo: SocketAddress(localhost, port: 0))
        _ = peer.enqueue([1, 2, 3], from: localhost, to: sockets.locals[0])
        #expect(peer.send().sent == 1)
        let receiver = try ReceiverBox()
        #expect(try receiver.receive(from: sockets[0]) == 1)
        #expect(receiver.datagram(at: 0)?.local == localhost)
    }

    @Test func whatIsMissingIsBoundByUs() throws {
        let ike = bound(AF_INET, SOCK_DGRAM)
        var listen = IKESockets.Listen(addresses: [localhost])
        listen.ikePort = port(ike)
        listen.natTraversalPort = 0
        listen.takesESP = false
        let sockets = try IKESockets(listen, inherited: InheritedSockets([(ike, "")]))
        #expect(sockets.count == 2)
        #expect(sockets[1].local.port != 0)
    }

    /// Names do not say who gets to a socket: these are exchanged.
    @Test func listenersAreKnownByTheirPlace() throws {
        let folder = TemporaryFolder()
        let path = "\(folder.path)/control.sock"
        let control = unixListener(path)
        let status = unixListener("\(folder.path)/status.sock")
        let metrics = bound(AF_INET, SOCK_STREAM)
        let inherited = InheritedSockets([(status, "control"), (control, "status"), (metrics, "culvertd.socket")])
        let first = inherited.takeUnixSocket(at: path)?.release()
        #expect(first == control)
        let second = inherited.takeUnixSocket(at: path)?.release()
        #expect(second == nil)
        let third = inherited.takeStreamSocket(at: SocketAddress(localhost, port: port(metrics)))?.release()
        #expect(third == metrics)
        let fourth = inherited.takeUnixSocket(at: "\(folder.path)/status.sock")?.release()
        #expect(fourth == status)
        for descriptor in [control, metrics, status] { close(descriptor) }
        try inherited.finish()
    }

    /// With the page user names are served there: nobody may believe that it is on loopback, and it is not.
    @Test func aSocketOfMetricsThatIsBoundElsewhereRefusesTheStart() throws {
        let folder = TemporaryFolder()
        let elsewhere = bound(AF_INET6, SOCK_STREAM, isDual: true)
        let number = port(elsewhere)
        var configured = Daemon(
            name: "gw1",
            listen: IKESockets.Listen(addresses: [localhost]),
            control: .init(),
            controlPlane: ControlPlane.Configuration(
                ike: .init(profiles: []),
                l2tp: .init(hostName: "gw"),
                ppp: .init(name: "gw", authentication: [.pap], mru: 1400),
                pools: [],
                users: []
            )
        )
        configured.listen.ikePort = 0
        configured.listen.natTraversalPort = 0
        configured.listen.takesESP = false
        configured.control.path = "\(folder.path)/control.sock"
        configured.metrics.listen = SocketAddress(localhost, port: number)
        let daemon = configured
        let problem = #expect(throws: StartProblem.self) {
            _ = try daemon.open(inherited: InheritedSockets([(elsewhere, "metrics")]))
        }
        #expect(problem?.message.contains("a TCP socket on [::]:\(number) (metrics) that nothing") == true)
        #expect(problem?.remedy == "make ListenStream= of its unit and metrics.listen name the same address")
        let here = bound(AF_INET, SOCK_STREAM)
        configured.metrics.listen = SocketAddress(localhost, port: port(here))
        _ = try configured.open(inherited: InheritedSockets([(here, "")]))
    }

    @Test func plainL2TPIsHeldAndAnythingElseThatNobodyTakesIsRefused() throws {
        let folder = TemporaryFolder()
        let cases: [(Int32, String)] = [
            (bound(AF_INET, SOCK_DGRAM), "a UDP socket on 127.0.0.1:"),
            (bound(AF_INET, SOCK_STREAM), "a TCP socket on "),
            (unixListener("\(folder.path)/x.sock"), "a Unix socket at \(folder.path)/x.sock"),
            (socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0), "something that culvertd does not serve"),
            (open("/dev/null", O_RDONLY), "something that culvertd does not serve (mine): descriptor "),
            (bound(AF_INET6, SOCK_DGRAM, isDual: true), "takes IPv4, too; BindIPv6Only=ipv6-only"),
        ]
        for (descriptor, words) in cases {
            let inherited = InheritedSockets([(descriptor, "mine")])
            let problem = #expect(throws: StartProblem.self) { try inherited.finish() }
            #expect(problem?.message.contains(words) == true, "\(problem?.message ?? "")")
            #expect(problem?.remedy?.isEmpty == false)
        }
        let l2tp = bound(AF_INET, SOCK_DGRAM, port: 1701)
        let inherited = InheritedSockets([(l2tp, "")])
        try inherited.finish()
        #expect(!inherited.isEmpty)
        #expect(fcntl(l2tp, F_GETFD) >= 0)
    }

    @Test func onlyWhoIsMeantTakesThem() throws {
        // The only test of this process that touches these variables. Descriptors from 3 on belong to others here, so
        // none may be taken.
        setenv("LISTEN_FDS", "1", 1)
        setenv("LISTEN_PID", "1", 1)
        setenv("LISTEN_FDNAMES", "x", 1)
        #expect(try InheritedSockets.takeFromEnvironment().isEmpty)
        for name in ["LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES"] { #expect(getenv(name) == nil) }
        setenv("LISTEN_PID", "\(getpid())", 1)
        setenv("LISTEN_FDS", "-1", 1)
        #expect(throws: StartProblem.self) { try InheritedSockets.takeFromEnvironment() }
        #expect(getenv("LISTEN_FDS") == nil)
    }
}

struct CredentialFileTests {
    @Test func secretsOfTheServiceManagerAreReadFromItsFolder() throws {
        // The only test of this process that touches this variable.
        unsetenv("CREDENTIALS_DIRECTORY")
        #expect(throws: FileProblem.noCredentials) { try SettingsFile.load("$CREDENTIALS_DIRECTORY/psk") }
        let folder = TemporaryFolder()
        _ = folder.write("a long enough secret\n", to: "psk", mode: 0o400)
        setenv("CREDENTIALS_DIRECTORY", folder.path, 1)
        defer { unsetenv("CREDENTIALS_DIRECTORY") }
        let file = try SettingsFile.load("$CREDENTIALS_DIRECTORY/psk")
        #expect(file.bytes == Array("a long enough secret\n".utf8))
        #expect(file.mode == 0o400)
        #expect(throws: FileProblem.missing) { try SettingsFile.load("$CREDENTIALS_DIRECTORY/other") }
    }
}
