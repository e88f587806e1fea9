// SPDX-License-Identifier: Apache-2.0
import CLinux
import DataPlane
import Glibc
import Kernel
import Primitives
import Testing

/// What a peer with keys may do with them: L2TP, and nothing else. Client and gateway are neighbours.
private let topology = """
    set -e
    for n in C S; do ip netns add $n; ip -n $n link set lo up; done
    ip -n C link add e0 type veth peer name e0 netns S
    ip -n C addr add 203.0.113.1/24 dev e0; ip -n C link set e0 up
    ip -n S addr add 203.0.113.2/24 dev e0; ip -n S link set e0 up
    ip -n C addr add 2001:db8::1/64 dev e0 nodad; ip -n S addr add 2001:db8::2/64 dev e0 nodad
    """

/// One of the ways in which a client could try the gateway.
private struct Attempt {
    var name: String
    var type: Int32
    var protocolNumber: Int32
    var port: UInt16

    static let all = [
        Attempt(name: "DNS", type: Int32(SOCK_DGRAM.rawValue), protocolNumber: 0, port: 53),
        Attempt(name: "a private port", type: Int32(SOCK_DGRAM.rawValue), protocolNumber: 0, port: 20_001),
        Attempt(name: "the port beside", type: Int32(SOCK_DGRAM.rawValue), protocolNumber: 0, port: 1702),
        Attempt(name: "SSH", type: Int32(SOCK_STREAM.rawValue), protocolNumber: 0, port: 22),
        Attempt(name: "another protocol", type: Int32(SOCK_RAW.rawValue), protocolNumber: 253, port: 0),
    ]
}

extension RealKernelTests {
    @Suite(.serialized) struct InsideTests {
        private static let client = SocketAddress(.v4(0xCB00_7101), port: 0)
        private static let gateway = SocketAddress(.v4(0xCB00_7102), port: 0)
        private static let requestID = RequestID(serial: 5, port: 20_001)

        /// A socket in the current namespace whose packets go out under the associations with a request id.
        private func socket(_ attempt: Attempt, under requestID: UInt32?) -> Int32 {
            let descriptor = Glibc.socket(AF_INET, attempt.type | Int32(SOCK_NONBLOCK.rawValue), attempt.protocolNumber)
            #expect(descriptor >= 0)
            if let requestID { #expect(culvert_socket_policy(descriptor, 4, requestID, 1) == 0) }
            return descriptor
        }

        /// Sends something, or the beginning of a connection.
        private func send(_ attempt: Attempt, under requestID: UInt32?) {
            let descriptor = socket(attempt, under: requestID)
            defer { close(descriptor) }
            var target = culvert_address(SocketAddress(Self.gateway.address, port: attempt.port))
            if attempt.type == Int32(SOCK_STREAM.rawValue) {
                _ = culvert_connect(descriptor, &target)
                usleep(50_000)
            } else {
                #expect(culvert_sendto(descriptor, [1, 2, 3] as [UInt8], 3, &target) == 3, "\(attempt.name)")
            }
        }

        private func listener(_ port: UInt16) -> Int32 {
            let descriptor = culvert_udp_socket(4)
            var local = culvert_address(SocketAddress(Self.gateway.address, port: port))
            #expect(culvert_bind(descriptor, &local) == 0)
            return descriptor
        }

        private func heard(_ descriptor: Int32) -> Int {
            usleep(100_000)
            var peer = culvert_address()
            var bytes = [UInt8](repeating: 0, count: 64)
            var count = 0
            while culvert_recvfrom(descriptor, &bytes, 64, &peer) >= 0 { count += 1 }
            return count
        }

        /// Associations as an operator's other daemon would have them, both ends.
        private func associations(requestID: UInt32, spi: UInt32, isV6: Bool = false) {
            let ends = isV6 ? "src 2001:db8::1 dst 2001:db8::2" : "src 203.0.113.1 dst 203.0.113.2"
            for name in ["C", "S"] {
                let output = RealKernel.shell(
                    "ip -n \(name) xfrm state add \(ends) proto esp spi \(spi) mode transport "
                        + "reqid \(requestID) aead 'rfc4106(gcm(aes))' 0x\(String(repeating: "ab", count: 20)) 128"
                )
                #expect(output == "")
            }
        }

        @Test("a peer with keys reaches nothing but L2TP with them")
        func nothingButL2TPComesUnderAPeersKeys() throws {
            try RealKernel.onThread {
                print(RealKernel.shell(topology))
                defer { print(RealKernel.shell("for n in C S; do ip netns del $n; done")) }
                let gateway = try Node("S")
                let opening = gateway.perform([
                    .openSocket(TunnelSocket(requestID: Self.requestID, localAddress: Self.gateway.address))
                ])
                #expect(opening == [.done])
                self.associations(requestID: Self.requestID.rawValue, spi: 0x7001)
                self.associations(requestID: 20_001, spi: 0x7002)
                Node.enter("S")
                let (dns, l2tp) = (self.listener(53), self.listener(1701))
                defer { for descriptor in [dns, l2tp] { close(descriptor) } }
                let refused = { gateway.plane.portShift.packets(.refusedInside) }
                #expect(refused() == 0)

                // Under a peer's keys: each is dropped and counted.
                var expected: UInt64 = 0
                for attempt in Attempt.all {
                    Node.enter("C")
                    self.send(attempt, under: Self.requestID.rawValue)
                    gateway.run(milliseconds: 100)
                    Node.enter("S")
                    let now = try #require(refused())
                    #expect(now > expected, "\(attempt.name)")
                    expected = now
                }
                #expect(self.heard(dns) == 0)

                // Twin: L2TP is not, and reaches the socket of this peer, not whoever listens on 1701.
                let hello: [UInt8] = [0xC8, 2, 0, 13, 0, 0, 0, 0, 0, 0, 0, 0, 7]
                Node.enter("C")
                let sender = culvert_udp_socket(4)
                #expect(culvert_socket_policy(sender, 4, Self.requestID.rawValue, 1) == 0)
                #expect(culvert_omit_checksum(sender) == 0)
                var target = culvert_address(SocketAddress(Self.gateway.address, port: 1701))
                #expect(culvert_sendto(sender, hello, UInt64(hello.count), &target) == Int64(hello.count))
                gateway.run(milliseconds: 5000) { !gateway.datagrams.isEmpty }
                #expect(gateway.datagrams.map(\.bytes) == [hello])
                #expect(gateway.datagrams.first?.on == Self.requestID)
                close(sender)
                #expect(self.heard(l2tp) == 0)

                // Twin: in clear, and under the keys of others, whose request ids have no serial, everything goes on
                // as if we were not there.
                for requestID: UInt32? in [nil, 20_001] {
                    Node.enter("C")
                    self.send(Attempt.all[0], under: requestID)
                    #expect(self.heard(dns) == 1, "under \(String(describing: requestID))")
                }
                Node.enter("C")
                self.send(
                    Attempt(name: "L2TP", type: Int32(SOCK_DGRAM.rawValue), protocolNumber: 0, port: 1701),
                    under: 20_001
                )
                #expect(self.heard(l2tp) == 1)
                gateway.run(milliseconds: 100)
                #expect(gateway.datagrams.count == 1)
                Node.enter("S")
                #expect(refused() == expected)
                try self.theSameOverIPv6()
                Node.enter("S")
                #expect(refused() == expected + 1)
                print(RealKernel.shell("ip netns exec S nft list counters"))
                RealKernel.shell("ip -n S xfrm state flush")
                gateway.shutDown()
            }
        }

        private func theSameOverIPv6() throws {
            associations(requestID: Self.requestID.rawValue, spi: 0x7003, isV6: true)
            associations(requestID: 20_001, spi: 0x7004, isV6: true)
            let address = try #require(IPAddress("2001:db8::2"))
            var target = culvert_address(SocketAddress(address, port: 53))
            Node.enter("S")
            let dns = culvert_udp_socket(6)
            defer { close(dns) }
            #expect(culvert_bind(dns, &target) == 0)
            Node.enter("C")
            for (requestID, arrives) in [(Self.requestID.rawValue, 0), (20_001, 1)] {
                let sender = culvert_udp_socket(6)
                #expect(culvert_socket_policy(sender, 6, requestID, 1) == 0)
                #expect(culvert_sendto(sender, [1, 2, 3] as [UInt8], 3, &target) == 3)
                #expect(heard(dns) == arrives)
                close(sender)
            }
        }

        @Test func whatGoesOutOfAnEncapsulatedCallHasNoChecksum() throws {
            try RealKernel.onThread {
                print(RealKernel.shell(topology))
                defer { print(RealKernel.shell("for n in C S; do ip netns del $n; done")) }
                let gateway = try Node("S")
                self.outgoing()
                for (omits, none) in [(false, 0), (true, 1)] {
                    let requestID = RequestID(serial: 6, port: omits ? 20_002 : 20_003)
                    let outcomes = gateway.perform([
                        .openSocket(
                            TunnelSocket(
                                requestID: requestID,
                                localAddress: Self.gateway.address,
                                omitsChecksum: omits
                            )
                        )
                    ])
                    #expect(outcomes == [.done])
                    let output = RealKernel.shell(
                        "ip -n S xfrm state add src 203.0.113.2 dst 203.0.113.1 proto esp spi \(0x8001 + none) "
                            + "mode transport reqid \(requestID.rawValue) aead 'rfc4106(gcm(aes))' "
                            + "0x\(String(repeating: "cd", count: 20)) 128; "
                            + "ip -n C xfrm state add src 203.0.113.2 dst 203.0.113.1 proto esp spi \(0x8001 + none) "
                            + "mode transport reqid 1 aead 'rfc4106(gcm(aes))' "
                            + "0x\(String(repeating: "cd", count: 20)) 128"
                    )
                    #expect(output == "")
                    Node.enter("S")
                    let peer = SocketAddress(Self.client.address, port: 1701)
                    gateway.plane.send([0xC8, 2, 0, 12, 0, 0, 0, 0, 0, 0, 0, 0], on: requestID, to: peer)
                    gateway.run(milliseconds: 200)
                    let counters = RealKernel.shell("ip netns exec C nft list table inet seen")
                    print(counters)
                    #expect(counters.contains("udp checksum 0 counter packets \(none) "))
                    #expect(counters.contains("udp sport 1701 counter packets \(none + 1) "))
                }
                RealKernel.shell("ip -n S xfrm state flush")
                gateway.shutDown()
            }
        }

        /// Counts at the client what came out of ESP.
        private func outgoing() {
            let output = RealKernel.shell(
                """
                ip netns exec C nft -f - <<X
                table inet seen {
                  chain in {
                    type filter hook input priority 0;
                    meta secpath exists udp sport 1701 counter
                    meta secpath exists udp checksum 0 counter
                  }
                }
                X
                true
                """
            )
            #expect(output == "")
        }
    }
}
