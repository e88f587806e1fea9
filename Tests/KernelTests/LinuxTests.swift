// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc
import Kernel
import Primitives
import Testing

/// The C that Swift cannot import, called as the daemon calls it; needs no privileges.
struct LinuxTests {
    @Test func aDatagramThatDoesNotFitIsMarked() throws {
        let loopback = SocketAddress(.v4(0x7F00_0001), port: 0)
        var local = culvert_address(loopback)
        let socket = culvert_udp_open(&local, 1 << 16, 0)
        let sender = culvert_udp_socket(4)
        let receiver = try #require(culvert_receiver_create(4, 3))
        defer {
            close(socket)
            close(sender)
            culvert_receiver_destroy(receiver)
        }
        local.port = UInt16(culvert_udp_port(socket))
        #expect(culvert_receiver_receive(receiver, socket) == 0)
        #expect(culvert_sendto(sender, [1, 2, 3, 4, 5] as [UInt8], 5, &local) == 5)
        #expect(culvert_sendto(sender, [6] as [UInt8], 1, &local) == 1)
        #expect(culvert_receiver_receive(receiver, socket) == 2)
        let received = (0..<2).map { index in
            var datagram = culvert_datagram()
            culvert_receiver_get(receiver, Int32(index), &datagram)
            return datagram
        }
        let bytes = received.map { Array(UnsafeBufferPointer(start: $0.bytes, count: Int($0.length))) }
        #expect(bytes == [[1, 2, 3], [6]])
        #expect(received.map(\.is_truncated) == [1, 0])
        for datagram in received {
            #expect(SocketAddress(datagram.peer)?.address == loopback.address)
            #expect(SocketAddress(datagram.local) == loopback)
        }
    }

    @Test func aSocketMayOmitItsChecksum() {
        let descriptor = culvert_udp_socket(4)
        defer { close(descriptor) }
        func value() -> Int32 {
            var value: Int32 = -1
            var length = socklen_t(MemoryLayout<Int32>.size)
            #expect(getsockopt(descriptor, SOL_SOCKET, SO_NO_CHECK, &value, &length) == 0)
            return value
        }
        #expect(value() == 0)
        #expect(culvert_omit_checksum(descriptor) == 0)
        #expect(value() == 1)
        #expect(culvert_omit_checksum(-1) == -EBADF)
    }

    @Test func addressesSurviveTheWayThroughC() throws {
        for text in ["192.0.2.1", "255.255.255.255", "2001:db8::1", "fe80::1:2:3:4"] {
            let address = SocketAddress(try #require(IPAddress(text)), port: 4500)
            #expect(SocketAddress(culvert_address(address)) == address)
        }
        #expect(SocketAddress(culvert_address()) == nil)
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
}
