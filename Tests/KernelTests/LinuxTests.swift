// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc
import Kernel
import Primitives
import Testing

/// The C that Swift cannot import, called as the daemon calls it; needs no privileges.
struct LinuxTests {
    private func bound(_ address: IPAddress) -> (descriptor: Int32, address: SocketAddress) {
        let descriptor = culvert_udp_socket(address.isV4 ? 4 : 6)
        var local = culvert_address(SocketAddress(address, port: 0))
        #expect(culvert_bind(descriptor, &local) == 0)
        #expect(culvert_want_packet_info(descriptor, address.isV4 ? 4 : 6) == 0)
        #expect(culvert_bound_address(descriptor, &local) == 0)
        return (descriptor, SocketAddress(local) ?? SocketAddress(address, port: 0))
    }

    /// Sends payloads of the given lengths from `source`, receives them, and returns what was received.
    private func exchange(
        _ payloads: [[UInt8]],
        from source: IPAddress,
        to target: IPAddress,
        capacity: Int
    ) -> [(bytes: [UInt8], datagram: culvert_datagram)] {
        let unspecified = target.isV4 ? IPAddress.v4(0) : IPAddress.v6(high: 0, low: 0)
        let (receiver, bound) = bound(unspecified)
        let (sender, _) = self.bound(unspecified)
        defer {
            close(receiver)
            close(sender)
        }
        var outgoing = payloads
        var datagrams = payloads.indices.map { index in
            outgoing[index].withUnsafeMutableBytes { bytes in
                var datagram = culvert_datagram()
                datagram.bytes = UnsafeMutableRawPointer.allocate(byteCount: max(bytes.count, 1), alignment: 1)
                datagram.bytes.copyMemory(
                    from: UnsafeRawPointer(bytes.baseAddress ?? datagram.bytes),
                    byteCount: bytes.count
                )
                datagram.count = UInt32(bytes.count)
                datagram.peer = culvert_address(SocketAddress(target, port: bound.port))
                datagram.local = culvert_address(SocketAddress(source, port: 0))
                return datagram
            }
        }
        #expect(culvert_sendmmsg(sender, &datagrams, UInt32(datagrams.count)) == Int32(payloads.count))
        for datagram in datagrams { datagram.bytes.deallocate() }
        var incoming = (0..<payloads.count + 1).map { _ in
            var datagram = culvert_datagram()
            datagram.bytes = UnsafeMutableRawPointer.allocate(byteCount: capacity, alignment: 1)
            datagram.capacity = UInt32(capacity)
            return datagram
        }
        let count = culvert_recvmmsg(receiver, &incoming, UInt32(incoming.count))
        #expect(count == Int32(payloads.count))
        let received = incoming.prefix(Int(max(count, 0))).map { datagram in
            (Array(UnsafeRawBufferPointer(start: datagram.bytes, count: Int(datagram.count))), datagram)
        }
        for datagram in incoming { datagram.bytes.deallocate() }
        var rest = [culvert_datagram()]
        #expect(culvert_recvmmsg(receiver, &rest, 1) == -EAGAIN)
        return received
    }

    @Test func datagramsComeWithBothAddresses() throws {
        let source = IPAddress.v4(0x7F00_0005)
        let target = IPAddress.v4(0x7F00_0006)
        let payloads: [[UInt8]] = [[1, 2, 3], [4], []]
        let received = exchange(payloads, from: source, to: target, capacity: 100)
        #expect(received.map(\.bytes) == payloads)
        for (_, datagram) in received {
            #expect(SocketAddress(datagram.peer)?.address == source)
            #expect(SocketAddress(datagram.local)?.address == target)
            #expect(datagram.is_truncated == 0 && datagram.interface_index == 1)
        }
    }

    @Test func datagramsOverIPv6ComeWithBothAddresses() throws {
        let loopback = IPAddress.v6(high: 0, low: 1)
        let received = exchange([[9, 9]], from: loopback, to: loopback, capacity: 100)
        #expect(received.map(\.bytes) == [[9, 9]])
        #expect(received.first.flatMap { SocketAddress($0.datagram.peer) }?.address == loopback)
        #expect(received.first.flatMap { SocketAddress($0.datagram.local) }?.address == loopback)
    }

    @Test func aDatagramThatDoesNotFitIsMarked() {
        let received = exchange([[1, 2, 3, 4, 5], [6]], from: .v4(0x7F00_0001), to: .v4(0x7F00_0001), capacity: 3)
        #expect(received.map(\.bytes) == [[1, 2, 3], [6]])
        #expect(received.map(\.datagram.is_truncated) == [1, 0])
    }

    @Test func addressesSurviveTheWayThroughC() throws {
        for text in ["192.0.2.1", "255.255.255.255", "2001:db8::1", "fe80::1:2:3:4"] {
            let address = SocketAddress(try #require(IPAddress(text)), port: 4500)
            #expect(SocketAddress(culvert_address(address)) == address)
        }
        #expect(SocketAddress(culvert_address()) == nil)
    }

    @Test func aTimerWakesTheLoopWhenItsTimeHasCome() {
        let epoll = culvert_epoll()
        let timer = culvert_timerfd()
        defer {
            close(timer)
            close(epoll)
        }
        #expect(culvert_epoll_add(epoll, timer, 42) == 0)
        var events = [culvert_event](repeating: culvert_event(), count: 4)
        #expect(culvert_epoll_wait(epoll, &events, 4, 0) == 0)
        #expect(culvert_timerfd_take(timer) == 0)
        #expect(culvert_timerfd_arm(timer, 1) == 0)
        #expect(culvert_epoll_wait(epoll, &events, 4, 1000) == 1)
        #expect(events[0].data == 42 && events[0].is_readable == 1 && events[0].is_writable == 0)
        #expect(culvert_timerfd_take(timer) == 1)
        #expect(culvert_timerfd_arm(timer, 0) == 0)
        #expect(culvert_epoll_wait(epoll, &events, 4, 0) == 0)
        #expect(culvert_epoll_remove(epoll, timer) == 0)
        #expect(culvert_epoll_remove(epoll, timer) == -ENOENT)
    }

    @Test func whatIsGivenToAnEventDescriptorIsTakenOnce() {
        let descriptor = culvert_eventfd()
        defer { close(descriptor) }
        #expect(culvert_eventfd_take(descriptor) == 0)
        #expect(culvert_eventfd_give(descriptor, 2) >= 0 && culvert_eventfd_give(descriptor, 3) >= 0)
        #expect(culvert_eventfd_take(descriptor) == 5)
        #expect(culvert_eventfd_take(descriptor) == 0)
        let semaphore = culvert_eventfd_semaphore()
        defer { close(semaphore) }
        #expect(culvert_eventfd_give(semaphore, 2) >= 0)
        #expect(culvert_eventfd_take(semaphore) == 1 && culvert_eventfd_take(semaphore) == 1)
    }

    @Test func theOtherEndOfASocketHasAName() {
        var ends: [Int32] = [-1, -1]
        #expect(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends) == 0)
        defer { for end in ends { close(end) } }
        var pid: Int32 = 0
        var uid: UInt32 = 0
        var gid: UInt32 = 0
        #expect(culvert_peer_credentials(ends[0], &pid, &uid, &gid) == 0)
        #expect(pid == getpid() && uid == getuid() && gid == getgid())
        #expect(culvert_peer_credentials(-1, &pid, &uid, &gid) == -EBADF)
    }
}
