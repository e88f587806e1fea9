// SPDX-License-Identifier: Apache-2.0
import Glibc
import IKE
import Primitives
import Runtime
import Testing

struct UDPSocketTests {
    /// Receives until `count` datagrams are there; loopback delivers before sendmmsg returns.
    private func receive(
        _ count: Int,
        on socket: UDPSocket,
        with receiver: ReceiverBox
    ) throws -> [DatagramReceiver.Received] {
        var all: [DatagramReceiver.Received] = []
        while all.count < count {
            let batch = try receiver.receive(from: socket)
            #expect(batch > 0, "only \(all.count) of \(count) came")
            guard batch > 0 else { break }
            for index in 0..<batch { all.append(try #require(receiver.datagram(at: index))) }
        }
        return all
    }

    @Test func tellsTheAddressThatWasAddressedAndAnswersFromIt() throws {
        let wildcard = try UDPSocket(bindingTo: SocketAddress(.v4(0), port: 0))
        let peer = try UDPSocket(bindingTo: SocketAddress(localhost, port: 0))
        let receiver = try ReceiverBox()
        let addressed = try #require(IPAddress("127.0.0.5"))

        _ = peer.enqueue([1, 2, 3], from: localhost, to: SocketAddress(addressed, port: wildcard.local.port))
        #expect(peer.send() == UDPSocket.SendOutcome(sent: 1))
        let request = try #require(try receive(1, on: wildcard, with: receiver).first)
        #expect(request.bytes == [1, 2, 3])
        #expect(request.local == addressed)
        #expect(request.peer == peer.local)

        _ = wildcard.enqueue([4], from: request.local, to: request.peer)
        #expect(wildcard.send() == UDPSocket.SendOutcome(sent: 1))
        let reply = try #require(try receive(1, on: peer, with: receiver).first)
        #expect(reply.peer == SocketAddress(addressed, port: wildcard.local.port))
        #expect(reply.local == localhost)
    }

    @Test func speaksIPv6WithItsOwnSocket() throws {
        let v6 = try #require(IPAddress("::1"))
        let any = try #require(IPAddress("::"))
        let wildcard = try UDPSocket(bindingTo: SocketAddress(any, port: 0))
        // IPv6 only: the same port is free for IPv4.
        let sibling = try UDPSocket(bindingTo: SocketAddress(.v4(0), port: wildcard.local.port))
        #expect(sibling.local.port == wildcard.local.port)
        let peer = try UDPSocket(bindingTo: SocketAddress(v6, port: 0))
        let receiver = try ReceiverBox()
        _ = peer.enqueue([7], from: v6, to: SocketAddress(v6, port: wildcard.local.port))
        #expect(peer.send().sent == 1)
        let received = try #require(try receive(1, on: wildcard, with: receiver).first)
        #expect(received.local == v6)
        #expect(received.peer == peer.local)
        _ = wildcard.enqueue([8], from: received.local, to: received.peer)
        #expect(wildcard.send().sent == 1)
        #expect(try receive(1, on: peer, with: receiver).first?.bytes == [8])
    }

    @Test func sendsAndReceivesInBatches() throws {
        let a = try UDPSocket(bindingTo: SocketAddress(localhost, port: 0))
        let b = try UDPSocket(bindingTo: SocketAddress(localhost, port: 0))
        let receiver = try ReceiverBox()
        var sent = 0
        for number in 0..<100 {
            // A full batch goes out by itself.
            sent += a.enqueue([UInt8(number)], from: localhost, to: b.local).sent
        }
        #expect(sent == 64)
        #expect(a.send().sent == 36)
        #expect(a.send().sent == 0)
        #expect(try receiver.receive(from: b) == DatagramReceiver.batchLimit)
        #expect(receiver.datagram(at: 31)?.bytes == [31])
        let rest = try receive(68, on: b, with: receiver)
        #expect(rest.map(\.bytes) == (32..<100).map { [UInt8($0)] })
        #expect(try receiver.receive(from: b) == 0)
    }

    @Test func carriesTheLargestDatagramAndTheEmptyOne() throws {
        let a = try UDPSocket(bindingTo: SocketAddress(localhost, port: 0))
        let b = try UDPSocket(bindingTo: SocketAddress(localhost, port: 0))
        let receiver = try ReceiverBox()
        let large = [UInt8](repeating: 9, count: 65_507)
        _ = a.enqueue(large, from: localhost, to: b.local)
        _ = a.enqueue([], from: localhost, to: b.local)
        #expect(a.send().sent == 2)
        #expect(try receive(2, on: b, with: receiver).map(\.bytes) == [large, []])
    }

    @Test func oneDatagramThatTheKernelRefusesDoesNotKeepTheOthers() throws {
        let a = try UDPSocket(bindingTo: SocketAddress(localhost, port: 0))
        let b = try UDPSocket(bindingTo: SocketAddress(localhost, port: 0))
        _ = a.enqueue([1], from: localhost, to: b.local)
        _ = a.enqueue([UInt8](repeating: 0, count: 65_508), from: localhost, to: b.local)
        _ = a.enqueue([2], from: localhost, to: b.local)
        #expect(a.send() == UDPSocket.SendOutcome(sent: 2, failed: 1))
    }

    @Test func countsWhatCanNeverBeSent() throws {
        let a = try UDPSocket(bindingTo: SocketAddress(localhost, port: 0))
        let v6 = try #require(IPAddress("::1"))
        #expect(a.enqueue([1], from: localhost, to: SocketAddress(v6, port: 1)).failed == 1)
        let tooLong = [UInt8](repeating: 0, count: 200_000)
        #expect(a.enqueue(tooLong, from: localhost, to: SocketAddress(localhost, port: 1)).failed == 1)
    }

    @Test func countsWhatTheKernelThrewAway() throws {
        let a = try UDPSocket(bindingTo: SocketAddress(localhost, port: 0))
        let b = try UDPSocket(bindingTo: SocketAddress(localhost, port: 0))
        var small: Int32 = 1
        setsockopt(b.rawDescriptor, SOL_SOCKET, SO_RCVBUF, &small, socklen_t(MemoryLayout<Int32>.size))
        let receiver = try ReceiverBox()
        func read() throws -> (received: Int, overflow: Int) {
            var received = 0
            var overflow = 0
            while case let count = try receiver.receive(from: b), count > 0 {
                for index in 0..<count { _ = receiver.datagram(at: index) }
                received += count
                overflow += receiver.takeOverflow(of: b)
            }
            return (received, overflow)
        }
        var received = 0
        var overflow = 0
        for _ in 0..<3 {
            for _ in 0..<50 { _ = a.enqueue([UInt8](repeating: 0, count: 100), from: localhost, to: b.local) }
            #expect(a.send().sent == 50)
            let (more, lost) = try read()
            received += more
            overflow += lost
        }
        // Losses are told with the next datagram that is not lost.
        _ = a.enqueue([1], from: localhost, to: b.local)
        #expect(a.send().sent == 1)
        let (more, lost) = try read()
        #expect(received > 0 && received < 150)
        #expect(more == 1)
        #expect(received + overflow + lost == 150)
    }

    @Test func saysThatAPortIsTaken() throws {
        let a = try UDPSocket(bindingTo: SocketAddress(localhost, port: 0))
        #expect(throws: SystemError("bind", code: EADDRINUSE)) { try UDPSocket(bindingTo: a.local) }
    }
}

struct IKESocketsTests {
    private func listen(_ addresses: [String]) -> IKESockets.Listen {
        var listen = IKESockets.Listen(addresses: addresses.compactMap { IPAddress($0) })
        listen.ikePort = 0
        listen.natTraversalPort = 0
        listen.takesESP = false
        return listen
    }

    @Test func sendsFromTheSocketOfTheLocalAddressOrTheWildcard() throws {
        var sockets = try IKESockets(listen(["127.0.0.2", "0.0.0.0"]))
        #expect(sockets.count == 4)
        let peer = try UDPSocket(bindingTo: SocketAddress(localhost, port: 0))
        let receiver = try ReceiverBox()
        var packets = Counters.Packets()

        for (address, port, index) in [
            ("127.0.0.2", Datagram.Port.ike, 0), ("127.0.0.2", .natTraversal, 1),
            ("127.0.0.3", .ike, 2), ("127.0.0.3", .natTraversal, 3),
        ] {
            let source = try #require(IPAddress(address))
            let datagram = Datagram(
                bytes: [UInt8(index)],
                port: port,
                local: SocketAddress(source, port: 500),
                peer: peer.local
            )
            sockets.enqueue(datagram, counting: &packets)
            sockets.send(counting: &packets)
            #expect(try receiver.receive(from: peer) == 1)
            let received = try #require(receiver.datagram(at: 0))
            #expect(received.peer == SocketAddress(source, port: sockets.locals[index].port))
        }
        #expect(packets.sent == 4)
    }

    @Test func countsWhatNoSocketCanSend() throws {
        var sockets = try IKESockets(listen(["127.0.0.2"]))
        var packets = Counters.Packets()
        let local = SocketAddress(localhost, port: 500)
        sockets.enqueue(Datagram(bytes: [1], port: .ike, local: local, peer: local), counting: &packets)
        #expect(packets == Counters.Packets(unsent: 1))
    }

    @Test func namesTheSocketThatCannotBeHad() throws {
        let taken = try UDPSocket(bindingTo: SocketAddress(localhost, port: 0))
        var listen = listen(["127.0.0.1"])
        listen.natTraversalPort = taken.local.port
        #expect(
            throws: IKESockets.BindError(local: taken.local, error: SystemError("bind", code: EADDRINUSE))
        ) { try IKESockets(listen) }
    }
}
