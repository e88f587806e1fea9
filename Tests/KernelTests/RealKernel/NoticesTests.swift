// SPDX-License-Identifier: Apache-2.0
import CLinux
import DataPlane
import Glibc
import Kernel
import Primitives
import Testing

extension RealKernelTests {
    /// What the kernel does on its own or at others' behest is told.
    @Suite(.serialized) struct NoticesTests {
        @Test("N04: soft and hard lifetimes in bytes and in seconds are told, hard without soft as well")
        func lifetimes() throws {
            try RealKernel.inNamespaces("E") {
                let node = try Node("E")
                func expired(_ association: SecurityAssociation, isHard: Bool) -> DataPlaneNotice {
                    .expired(association.id, requestID: association.requestID.rawValue, isHard: isHard)
                }
                // In bytes: the outbound one is used by what the socket sends.
                var bytes = try LoopPeer(1)
                bytes.outbound.lifetime.softBytes = 4000
                bytes.outbound.lifetime.hardBytes = 8000
                #expect(node.perform(bytes.opening).allSatisfy { $0 == .done })
                let datagram = [UInt8](repeating: 7, count: 400)
                node.plane.send(datagram, on: bytes.requestID, to: bytes.peer)
                node.run(milliseconds: 200)
                #expect(node.takeOthers() == [])
                // On this device the association is used twice by each packet: when it goes and when it comes.
                for isHard in [false, true] {
                    for _ in 0..<20 where node.others.isEmpty {
                        node.plane.send(datagram, on: bytes.requestID, to: bytes.peer)
                        node.run(milliseconds: 50)
                    }
                    #expect(node.takeOthers() == [expired(bytes.outbound, isHard: isHard)])
                }
                #expect(!RealKernel.shell("ip -n E xfrm state").contains("0x00200001"))
                // In seconds.
                var seconds = try LoopPeer(2)
                seconds.inbound.lifetime.softSeconds = 1
                seconds.inbound.lifetime.hardSeconds = 3
                var hard = try LoopPeer(3)
                hard.inbound.lifetime.hardSeconds = 2
                #expect(node.perform([.install(seconds.inbound), .install(hard.inbound)]) == [.done, .done])
                node.run(milliseconds: 6000) { node.others.count == 3 }
                let told = node.takeOthers()
                #expect(
                    Set(told) == [
                        expired(seconds.inbound, isHard: false), expired(hard.inbound, isHard: true),
                        expired(seconds.inbound, isHard: true),
                    ]
                )
                #expect(told.first == expired(seconds.inbound, isHard: false))
                // Gone, not vanished: removing it is no error.
                #expect(node.perform([.remove(seconds.inbound.id), .remove(bytes.outbound.id)]) == [.done, .done])
                node.shutDown()
                #expect(node.remains() == "")
            }
        }

        @Test("N06: associations, devices, sessions and tunnels that others remove are told, our own are not")
        func removals() throws {
            try RealKernel.inNamespaces("V") {
                let node = try Node("V")
                Node.enter("V")
                try node.plane.addGatewayAddress(LoopPeer.gateway)
                let peers = try (1...6).map { try LoopPeer($0) }
                for peer in peers { try peer.comeUp(node) }
                func others() -> [DataPlaneNotice] {
                    node.run(milliseconds: 600)
                    return node.takeOthers()
                }
                #expect(others() == [], "making is not told")
                RealKernel.shell("ip -n V xfrm state delete dst 127.0.0.1 proto esp spi 0x100001")
                #expect(others() == [.vanished(.association(peers[0].inbound.id))])
                // A foreign one, and a foreign device, are nobody's business.
                RealKernel.shell(
                    "ip -n V xfrm state add src 1.1.1.1 dst 2.2.2.2 proto esp spi 0x777 reqid 3 mode transport "
                        + "aead 'rfc4106(gcm(aes))' 0x000102030405060708090a0b0c0d0e0f10111213 128; "
                        + "ip -n V xfrm state delete dst 2.2.2.2 proto esp spi 0x777; "
                        + "ip -n V link add foreign0 type dummy; ip -n V link del foreign0"
                )
                #expect(others() == [])
                RealKernel.shell("ip -n V link del cv0")
                #expect(others() == [.vanished(.session(peers[0].session.id))])
                print(RealKernel.shell("ip netns exec V ip l2tp del session tunnel_id 2 session_id 1"))
                #expect(others() == [.vanished(.session(peers[1].session.id))])
                print(RealKernel.shell("ip netns exec V ip l2tp del tunnel tunnel_id 3"))
                #expect(others() == [.vanished(.session(peers[2].session.id))])
                // Another group hides a device from the first look.
                RealKernel.shell("ip -n V link set cv3 group 0; ip -n V link del cv3")
                #expect(others() == [.vanished(.session(peers[3].session.id))])
                RealKernel.shell("ip netns add W; ip -n V link set cv4 netns W")
                print("moved to another namespace: \(others())")
                RealKernel.shell("ip netns del W")
                _ = others()
                #expect(
                    node.perform([.takeInventory])
                        == [
                            .inventory(
                                KernelInventory(
                                    associations: Set(
                                        peers.flatMap { [$0.inbound.id, $0.outbound.id] }.filter {
                                            $0 != peers[0].inbound.id
                                        }
                                    ),
                                    sessions: [peers[5].session.id]
                                )
                            )
                        ]
                )
                // Our own.
                for peer in peers { peer.go(node) }
                #expect(others() == [])
                #expect(node.perform([.install(peers[0].inbound)]) == [.done])
                RealKernel.shell("ip -n V xfrm state flush proto ah")
                #expect(others() == [])
                RealKernel.shell("ip -n V xfrm state flush")
                #expect(others() == [.noticesLost])
                #expect(node.perform([.takeInventory]) == [.inventory(KernelInventory())])
                node.shutDown()
                #expect(node.remains() == "")
            }
        }

        @Test("N06: an L2TP tunnel of the same number in another namespace is not ours")
        func otherNamespaces() throws {
            try RealKernel.inNamespaces("V", "W") {
                let node = try Node("V")
                Node.enter("V")
                try node.plane.addGatewayAddress(LoopPeer.gateway)
                let peer = try LoopPeer(1)
                try peer.comeUp(node)
                print(
                    RealKernel.shell(
                        "ip netns exec W ip l2tp add tunnel tunnel_id 1 peer_tunnel_id 1 encap udp local 127.0.0.1 "
                            + "remote 127.0.0.2 udp_sport 5000 udp_dport 5000; "
                            + "ip netns exec W ip l2tp del tunnel tunnel_id 1"
                    )
                )
                node.run(milliseconds: 800)
                #expect(node.takeOthers() == [])
                peer.go(node)
                node.shutDown()
            }
        }

        @Test("Z01: notices that do not fit are told to be lost once, and those after them are read")
        func overrun() throws {
            try RealKernel.inNamespaces("O") {
                let node = try Node("O", noticeBuffer: 2048)
                let peers = try (1...200).map { try LoopPeer($0) }
                #expect(node.perform(peers.map { .install($0.inbound) }).allSatisfy { $0 == .done })
                // By somebody else, one by one.
                func removeAll() {
                    let lines =
                        "for i in $(seq 1 200); do printf 'xfrm state delete dst 127.0.0.1 proto esp spi 0x%x\\n' "
                    print(RealKernel.shell(lines + "$((0x100000 + i)); done | ip -n O -batch -"))
                }
                removeAll()
                node.run(milliseconds: 500)
                let told = node.takeOthers()
                #expect(told.count { $0 == .noticesLost } == 1, "\(told)")
                #expect(told.count < 100)
                #expect(node.perform([.takeInventory]) == [.inventory(KernelInventory())])
                // Once more, and then a single one: the socket lives.
                #expect(node.perform(peers.map { .install($0.inbound) }).allSatisfy { $0 == .done })
                removeAll()
                node.run(milliseconds: 500)
                #expect(node.takeOthers().count { $0 == .noticesLost } == 1)
                #expect(node.perform([.install(peers[0].outbound)]) == [.done])
                RealKernel.shell("ip -n O xfrm state delete dst 127.1.0.1 proto esp spi 0x200001")
                node.run(milliseconds: 500)
                #expect(node.takeOthers() == [.vanished(.association(peers[0].outbound.id))])
                // The twin: our own removals, ten times as many as fit, are not even told.
                #expect(node.perform(peers.map { .install($0.inbound) }).allSatisfy { $0 == .done })
                #expect(node.perform(peers.map { .remove($0.inbound.id) }).allSatisfy { $0 == .done })
                node.run(milliseconds: 300)
                #expect(node.takeOthers() == [])
                node.shutDown()
                #expect(node.remains() == "")
            }
        }

        /// Sends from a socket of our own to another netlink socket, which the kernel allows root to do.
        private static func write(_ bytes: [UInt8], to port: UInt32) -> Int {
            let socket = socket(AF_NETLINK, Int32(SOCK_RAW.rawValue), 6)
            defer { close(socket) }
            var address = sockaddr_nl()
            address.nl_family = UInt16(AF_NETLINK)
            address.nl_pid = port
            return withUnsafePointer(to: &address) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    sendto(socket, bytes, bytes.count, 0, $0, socklen_t(MemoryLayout<sockaddr_nl>.size))
                }
            }
        }

        @Test("N03: what another process writes to our netlink sockets is ignored, what the kernel writes is read")
        func forgeries() throws {
            try RealKernel.inNamespaces("Y") {
                let node = try Node("Y")
                let peer = try LoopPeer(1)
                #expect(node.perform([.install(peer.inbound)]) == [.done])
                // A removal as the kernel would tell it, to every netlink socket there is in the namespace.
                let tail: [UInt8] = [0, 0x10, 0, 1] + .integer(UInt16(2)) + [50, 0]
                let identity = peer.inbound.destination.bytes + [UInt8](repeating: 0, count: 12) + tail
                let forged: [UInt8] = .message(type: 0x11, identity)
                #expect(
                    XFRMNotice.notices(in: forged[...]) == [.vanished(.association(peer.inbound.id))],
                    "well forged"
                )
                Node.enter("Y")
                var ports: [UInt32] = []
                for line in RealKernel.shell("ip netns exec Y cat /proc/net/netlink").split(separator: "\n") {
                    let fields = line.split(separator: " ")
                    guard fields.count > 3, fields[1] == "6", let port = UInt32(fields[2]), port != 0 else { continue }
                    ports.append(port)
                }
                #expect(ports.count >= 2)
                for port in ports { #expect(Self.write(forged, to: port) == forged.count) }
                node.run(milliseconds: 300)
                #expect(node.takeOthers() == [])
                #expect(node.perform([.install(peer.outbound)]) == [.done], "requests are answered")
                RealKernel.shell("ip -n Y xfrm state delete dst 127.0.0.1 proto esp spi 0x100001")
                node.run(milliseconds: 300)
                #expect(node.takeOthers() == [.vanished(.association(peer.inbound.id))])
                node.shutDown()
                #expect(node.remains() == "")
            }
        }
    }
}
