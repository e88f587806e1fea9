// SPDX-License-Identifier: Apache-2.0
import CLinux
import DataPlane
import Glibc
import Kernel
import Primitives
import Testing

/// Two clients behind one NAT address, both with inner port 1701, and a gateway: four namespaces.
///
///     A 10.1.1.2 ─┐
///                 ├─ 10.1.1.1 N 203.0.113.1 ── 203.0.113.2 S
///     B 10.1.1.3 ─┘
private let topology = """
    set -e
    for n in A B N S; do ip netns add $n; ip -n $n link set lo up; done
    ip -n N link add br0 type bridge; ip -n N link set br0 up; ip -n N addr add 10.1.1.1/24 dev br0
    for c in A:2 B:3; do
      n=${c%%:*}
      ip -n $n link add e0 type veth peer name n$n netns N; ip -n N link set n$n master br0 up
      ip -n $n addr add 10.1.1.${c##*:}/24 dev e0; ip -n $n link set e0 up; ip -n $n route add default via 10.1.1.1
    done
    ip -n N link add x0 type veth peer name e0 netns S
    ip -n N addr add 203.0.113.1/24 dev x0; ip -n N link set x0 up
    ip -n S addr add 203.0.113.2/24 dev e0; ip -n S link set e0 up
    ip -n N addr add 2001:db8::1/64 dev x0 nodad; ip -n S addr add 2001:db8::2/64 dev e0 nodad
    ip netns exec N sh -c 'echo 1 > /proc/sys/net/ipv4/ip_forward'
    ip netns exec N nft -f - <<X
    table ip nat { chain post { type nat hook postrouting priority 100;
      oif x0 ip saddr 10.1.1.2 udp sport 4500 snat to 203.0.113.1:40001
      oif x0 ip saddr 10.1.1.3 udp sport 4500 snat to 203.0.113.1:40002
      oif x0 masquerade
    }
    }
    X
    ip netns exec N nft add table inet wire
    ip netns exec N nft add chain inet wire see '{ type filter hook prerouting priority -300; }'
    ip netns exec N nft add rule inet wire see udp dport 1701 counter
    ip netns exec N nft add rule inet wire see udp sport 1701 counter
    """

private let teardown = "for n in A B N S; do ip netns del $n; done"

/// One client as the gateway and as itself know it.
private struct Client {
    let name: String
    let address: IPAddress
    let natPort: UInt16
    let serial: UInt16
    let number: UInt32

    static let gateway = IPAddress.v4(0xCB00_7102)
    static let nat = IPAddress.v4(0xCB00_7101)

    /// At the gateway.
    var requestID: RequestID { RequestID(serial: serial, port: 20_000 + UInt16(number)) }
    /// At the client, where it is the same for both.
    var ownRequestID: RequestID { RequestID(serial: 7, port: 17_010) }
    var innerGateway: IPAddress { .v4(0x0A63_0001) }
    var innerAddress: IPAddress { .v4(0x0A63_0000 + 10 + number) }

    func association(towardsGateway: Bool, atGateway: Bool) throws -> SecurityAssociation {
        let outer: (source: IPAddress, destination: IPAddress) =
            switch (towardsGateway, atGateway) {
            case (true, true): (Self.nat, Self.gateway)
            case (false, true): (Self.gateway, Self.nat)
            case (true, false): (address, Self.gateway)
            case (false, false): (Self.gateway, address)
            }
        let far = atGateway ? natPort : 4500
        let base: UInt32 = towardsGateway ? 0x1001 : 0x2001
        return SecurityAssociation(
            direction: towardsGateway == atGateway ? .inbound : .outbound,
            source: outer.source,
            destination: outer.destination,
            spi: try #require(ESPSPI(rawValue: base + number * 0x100)),
            requestID: atGateway ? requestID : ownRequestID,
            transform: ESPTransform(cipher: .aesGCM16(keyBits: 128), integrity: nil),
            encryptionKey: SecretBytes(copying: (0..<20).map { UInt8($0) }),
            integrityKey: nil,
            encapsulation: towardsGateway
                ? .init(sourcePort: far, destinationPort: 4500) : .init(sourcePort: 4500, destinationPort: far)
        )
    }

    func session(atGateway: Bool) -> L2TPSession {
        let ours = KernelSessionID(tunnel: atGateway ? number * 10 : 100, session: atGateway ? 11 : 101)
        let theirs = KernelSessionID(tunnel: atGateway ? 100 : number * 10, session: atGateway ? 101 : 11)
        return L2TPSession(
            id: ours,
            peerID: theirs,
            socket: atGateway ? requestID : ownRequestID,
            usesSequenceNumbers: false,
            mtu: 1400
        )
    }
}

private func isCreated(_ outcome: DataPlaneOutcome?) -> Bool {
    if case .created = outcome { true } else { false }
}

extension RealKernelTests {
    @Suite(.serialized) struct TwoPeersTests {
        private let clients = [
            Client(name: "A", address: .v4(0x0A01_0102), natPort: 40_001, serial: 0x1234, number: 1),
            Client(name: "B", address: .v4(0x0A01_0103), natPort: 40_002, serial: 0x4321, number: 2),
        ]

        /// UDP 4500 as IKE has it: takes ESP out of UDP for the whole namespace.
        private func natTraversalSocket(in name: String) -> Int32 {
            Node.enter(name)
            var address = culvert_address(SocketAddress(.v4(0), port: 4500))
            let descriptor = culvert_udp_open(&address, 1 << 20, 1)
            #expect(descriptor >= 0)
            return descriptor
        }

        @Test func twoClientsBehindOneAddressEachHaveTheirSessionAndNothingIsLeftBehind() throws {
            let clients = clients
            try RealKernel.onThread {
                print(RealKernel.shell(topology))
                defer { print(RealKernel.shell(teardown)) }
                try self.callsComeUpAndGo(clients)
            }
        }

        private func callsComeUpAndGo(_ clients: [Client]) throws {
            let descriptors = ["A", "B", "S"].map(natTraversalSocket)
            defer { for descriptor in descriptors { _ = close(descriptor) } }
            let gateway = try Node("S")
            Node.enter("S")
            try gateway.plane.addGatewayAddress(.v4(0x0A63_0001))
            let nodes = try clients.map { try Node($0.name) }

            // Sockets, then associations, in one batch.
            for (client, node) in zip(clients, nodes) {
                let atGateway = gateway.perform([
                    .openSocket(
                        TunnelSocket(requestID: client.requestID, localAddress: Client.gateway, omitsChecksum: true)
                    ),
                    .install(try client.association(towardsGateway: true, atGateway: true)),
                    .install(try client.association(towardsGateway: false, atGateway: true)),
                ])
                #expect(atGateway == [.done, .done, .done])
                let again = gateway.perform([.install(try client.association(towardsGateway: true, atGateway: true))])
                guard case .failed(let error) = again.first else {
                    Issue.record("the same SPI twice")
                    return
                }
                #expect(error.isExists)
                let atClient = node.perform([
                    .openSocket(TunnelSocket(requestID: client.ownRequestID, localAddress: client.address)),
                    .install(try client.association(towardsGateway: false, atGateway: false)),
                    .install(try client.association(towardsGateway: true, atGateway: false)),
                    .connectSocket(client.ownRequestID, to: SocketAddress(Client.gateway, port: 1701)),
                ])
                #expect(atClient == [.done, .done, .done, .done])
            }

            // A control message of each arrives on that client's own socket, and the answer finds the way back.
            for (client, node) in zip(clients, nodes) {
                let hello: [UInt8] = [0xC8, 2, 0, 13, 0, 0, 0, 0, 0, 0, 0, 0, UInt8(client.number)]
                Node.enter(client.name)
                node.plane.send(hello, on: client.ownRequestID, to: SocketAddress(Client.gateway, port: 1701))
                gateway.run { gateway.datagrams.last?.bytes == hello }
                let received = try #require(gateway.datagrams.last)
                #expect(received.on == client.requestID)
                #expect(received.from == SocketAddress(Client.nat, port: 1701))
                #expect(gateway.perform([.connectSocket(client.requestID, to: received.from)]) == [.done])
                gateway.plane.send(hello, on: client.requestID, to: received.from)
                node.run { node.datagrams.last?.bytes == hello }
                #expect(node.datagrams.last?.from == SocketAddress(Client.gateway, port: 1701))
            }

            // Sessions: the gateway's both at once, and removal of a third while it is being made.
            let outcomes = gateway.perform(clients.map { .createSession($0.session(atGateway: true)) })
            #expect(outcomes.allSatisfy { isCreated($0) }, "\(outcomes)")
            for (client, node) in zip(clients, nodes) {
                let made = node.perform([.createSession(client.session(atGateway: false))])
                #expect(made.allSatisfy { isCreated($0) }, "\(made)")
            }
            var third = clients[0].session(atGateway: true)
            third.id.session = 12
            third.peerID.session = 102
            let create = gateway.submit(.createSession(third))
            let remove = gateway.submit(.removeSession(third.id))
            gateway.run { gateway.answers[remove] != nil }
            #expect(isCreated(gateway.answers[create]))
            #expect(gateway.answers[remove] == .done)

            // LCP arrives on the channel, IPCP on the unit; both are frames.
            for (client, node) in zip(clients, nodes) {
                let session = client.session(atGateway: false).id
                for frame: [UInt8] in [[0xC0, 0x21, 9, 1, 0, 8, 0, 0, 0, 1], [0x80, 0x21, 1, 1, 0, 4]] {
                    Node.enter(client.name)
                    node.plane.write(frame, to: session)
                    gateway.run { gateway.frames.last?.bytes == frame }
                    #expect(gateway.frames.last?.session == client.session(atGateway: true).id)
                }
            }

            // Up, and a ping through, both ways.
            for (client, node) in zip(clients, nodes) {
                let there = gateway.perform([
                    .bringUp(
                        PPPInterface(
                            session: client.session(atGateway: true).id,
                            localAddress: client.innerGateway,
                            peerAddress: client.innerAddress
                        )
                    )
                ])
                Node.enter(client.name)
                try node.plane.addGatewayAddress(client.innerAddress)
                let here = node.perform([
                    .bringUp(
                        PPPInterface(
                            session: client.session(atGateway: false).id,
                            localAddress: client.innerAddress,
                            peerAddress: client.innerGateway
                        )
                    )
                ])
                #expect(there == [.done] && here == [.done], "\(there) \(here)")
            }
            for client in clients {
                let ping = RealKernel.shell("ip netns exec \(client.name) ping -c 3 -i 0.2 -W 2 -s 1300 10.99.0.1")
                print(ping)
                #expect(ping.contains(" 0% packet loss"))
                let back = RealKernel.shell("ip netns exec S ping -c 3 -i 0.2 -W 2 \(client.innerAddress)")
                #expect(back.contains(" 0% packet loss"))
                Node.enter("S")
                let counters = try #require(gateway.plane.counters(of: client.session(atGateway: true).id))
                #expect(counters.receivedPackets >= 6 && counters.sentPackets >= 6, "\(counters)")
            }
            Node.enter("S")

            // Clear text: from outside, to 1701 and to a private port, whether or not anybody listens.
            let before = gateway.plane.portShift.refusedInClear()
            Node.enter("N")
            let outsider = culvert_udp_socket(4)
            for port: UInt16 in [1701, 20_001, 30_000] {
                var target = culvert_address(SocketAddress(Client.gateway, port: port))
                #expect(culvert_sendto(outsider, [1, 2, 3], 3, &target) == 3)
            }
            _ = close(outsider)
            gateway.run(milliseconds: 200)
            #expect(gateway.plane.portShift.refusedInClear() == before.map { $0 + 3 })
            let shifted = try #require(gateway.plane.portShift.packets(.shiftedIn))
            #expect(shifted >= 2 + 4 + 12)
            print(RealKernel.shell("ip netns exec S nft list ruleset | head -60; ip -n S -s -d -o link show type ppp"))
            print(
                RealKernel.shell(
                    "ip -n S route; ip -n S addr show culvert0; ip netns exec S cat /proc/net/xfrm_stat | grep -v '\\t0$'"
                )
            )
            // Seen on the wire at the NAT: only our own three (one had the L2TP port).
            print(RealKernel.shell("ip netns exec N nft list table inet wire"))

            try moveAndExpire(clients[0], nodes[0], gateway)
            try goDown(clients, nodes, gateway)
        }

        /// The NAT gives the client another port; then an association of ours reaches its lifetimes.
        private func moveAndExpire(_ client: Client, _ node: Node, _ gateway: Node) throws {
            RealKernel.shell(
                "ip netns exec N nft flush chain ip nat post; ip netns exec N nft add rule ip nat post "
                    + "oif x0 ip saddr 10.1.1.2 udp sport 4500 snat to 203.0.113.1:40007; ip netns exec N conntrack -F"
            )
            Node.enter(client.name)
            let hello: [UInt8] = [0xC8, 2, 0, 13, 0, 0, 0, 0, 0, 0, 0, 0, 99]
            for _ in 0..<3 {
                node.plane.send(hello, on: client.ownRequestID, to: SocketAddress(Client.gateway, port: 1701))
            }
            gateway.run(milliseconds: 900)
            let inbound = try client.association(towardsGateway: true, atGateway: true).id
            let outbound = try client.association(towardsGateway: false, atGateway: true).id
            let byPort = SocketAddress(Client.nat, port: 40_007)
            func notice(_ place: SocketAddress) -> DataPlaneNotice {
                .mappingChanged(inbound, requestID: client.requestID.rawValue, to: place)
            }
            // Three packets, one notice; two if this machine took more than a second for them.
            let told = gateway.takeOthers()
            #expect(Set(told) == [notice(byPort)] && told.count <= 2, "\(told)")
            #expect(!ping(client).contains(" 0% packet loss"), "the answers go to where the client was")
            gateway.run(milliseconds: 100)
            #expect(gateway.takeOthers().count <= 4)
            #expect(
                gateway.perform([.move(inbound, .inbound, to: byPort), .move(outbound, .outbound, to: byPort)])
                    == [.done, .done]
            )
            #expect(ping(client).contains(" 0% packet loss"))
            gateway.run(milliseconds: 100)
            #expect(gateway.takeOthers() == [], "it is where it should be")

            // The NAT gives it another address.
            RealKernel.shell(
                "ip -n N addr add 203.0.113.9/24 dev x0; ip netns exec N nft flush chain ip nat post; "
                    + "ip netns exec N nft add rule ip nat post oif x0 ip saddr 10.1.1.2 udp sport 4500 "
                    + "snat to 203.0.113.9:40008; ip netns exec N nft add rule ip nat post oif x0 ip saddr 10.1.1.3 "
                    + "udp sport 4500 snat to 203.0.113.1:40002; ip netns exec N conntrack -F"
            )
            node.plane.send(hello, on: client.ownRequestID, to: SocketAddress(Client.gateway, port: 1701))
            gateway.run(milliseconds: 5000) { !gateway.others.isEmpty }
            let byAddress = SocketAddress(.v4(0xCB00_7109), port: 40_008)
            #expect(gateway.takeOthers() == [notice(byAddress)])
            let before = RealKernel.shell("ip -n S -s xfrm state get dst 203.0.113.2 proto esp spi 0x1101")
            let outcomes = gateway.perform([
                .connectSocket(client.requestID, to: SocketAddress(byAddress.address, port: 1701)),
                .move(inbound, .inbound, to: byAddress), .move(outbound, .outbound, to: byAddress),
            ])
            #expect(outcomes == [.done, .done, .done], "\(outcomes)")
            let after = RealKernel.shell("ip -n S -s xfrm state get dst 203.0.113.2 proto esp spi 0x1101")
            print(before, after)
            // Keys, sequence numbers and lifetimes live on; only the source has changed.
            func lasting(_ text: String) -> [Substring] {
                text.split(separator: "\n").filter { !$0.contains("203.0.113") && !$0.contains("encap") }
            }
            #expect(lasting(before) == lasting(after) && after.contains("src 203.0.113.9"))
            let moved = SecurityAssociation.ID(destination: byAddress.address, spi: outbound.spi)
            print(RealKernel.shell("ip -n S -s xfrm state get dst 203.0.113.9 proto esp spi 0x2101"))
            #expect(ping(client).contains(" 0% packet loss"))
            let back = RealKernel.shell("ip netns exec S ping -c 3 -i 0.2 -W 2 \(client.innerAddress)")
            #expect(back.contains(" 0% packet loss"))
            Node.enter("S")
            gateway.plane.send(hello, on: client.requestID, to: SocketAddress(byAddress.address, port: 1701))
            let had = node.datagrams.count
            node.run { node.datagrams.count > had }
            #expect(node.datagrams.last?.bytes == hello)
            #expect(ping(clients[1]).contains(" 0% packet loss"))
            // And back, so that what follows finds it where it was.
            let home = SocketAddress(Client.nat, port: 40_007)
            #expect(
                gateway.perform([
                    .move(moved, .outbound, to: home), .move(inbound, .inbound, to: home),
                    .connectSocket(client.requestID, to: SocketAddress(home.address, port: 1701)),
                ]) == [.done, .done, .done]
            )
            gateway.run(milliseconds: 100)
            _ = gateway.takeOthers()

            var brief = try client.association(towardsGateway: true, atGateway: true)
            brief.spi = try #require(ESPSPI(rawValue: 0x9999))
            brief.lifetime.softSeconds = 1
            brief.lifetime.hardSeconds = 2
            #expect(gateway.perform([.install(brief)]) == [.done])
            gateway.run(milliseconds: 5000) { gateway.others.count >= 2 }
            #expect(
                gateway.takeOthers() == [
                    .expired(brief.id, requestID: client.requestID.rawValue, isHard: false),
                    .expired(brief.id, requestID: client.requestID.rawValue, isHard: true),
                ]
            )
        }

        private func ping(_ client: Client) -> String {
            RealKernel.shell("ip netns exec \(client.name) ping -c 3 -i 0.2 -W 1 -s 1300 10.99.0.1")
        }

        private func goDown(_ clients: [Client], _ nodes: [Node], _ gateway: Node) throws {
            // The first client goes step by step; a new one takes its address at once; the rest goes with shutDown.
            let first = clients[0].session(atGateway: true)
            var next = clients[1].session(atGateway: true)
            next.id.session = 13
            next.peerID.session = 103
            let interface = PPPInterface(
                session: next.id,
                localAddress: clients[0].innerGateway,
                peerAddress: clients[0].innerAddress
            )
            let outcomes = gateway.perform([
                .removeSession(first.id), .createSession(next), .bringUp(interface), .closeSocket(first.socket),
                .remove(try clients[0].association(towardsGateway: true, atGateway: true).id),
                .remove(try clients[0].association(towardsGateway: false, atGateway: true).id),
            ])
            #expect(outcomes.count == 6)
            #expect(isCreated(outcomes[1]))
            #expect(
                [outcomes[0], outcomes[2], outcomes[3], outcomes[4], outcomes[5]] == Array(repeating: .done, count: 5)
            )
            #expect(gateway.perform([.removeSession(first.id)]) == [.done])
            #expect(RealKernel.shell("ip -n S route show proto 193").contains("10.99.0.11"))

            for node in nodes + [gateway] {
                node.shutDown()
                #expect(node.remains() == "")
            }
        }

        @Test func aCallOverIPv6WithoutEncapsulationComesUpAndGoes() throws {
            try RealKernel.onThread {
                print(RealKernel.shell(topology))
                defer { print(RealKernel.shell(teardown)) }
                try self.callOverIPv6()
            }
        }

        private func callOverIPv6() throws {
            let gateway = try Node("S")
            let client = try Node("N")
            let addresses = (
                gateway: try #require(IPAddress("2001:db8::2")), client: try #require(IPAddress("2001:db8::1"))
            )
            let requestIDs = (gateway: RequestID(serial: 77, port: 32_767), client: RequestID(serial: 78, port: 16_384))
            let inner = (gateway: IPAddress.v4(0x0A63_0001), client: IPAddress.v4(0x0A63_0009))
            func requests(atGateway: Bool) throws -> [DataPlaneRequest] {
                let requestID = atGateway ? requestIDs.gateway : requestIDs.client
                let own = atGateway ? addresses.gateway : addresses.client
                let far = atGateway ? addresses.client : addresses.gateway
                let transform = ESPTransform(cipher: .aesCBC(keyBits: 256), integrity: .hmacSHA256_128)
                func association(outbound: Bool) throws -> SecurityAssociation {
                    SecurityAssociation(
                        direction: outbound ? .outbound : .inbound,
                        source: outbound ? own : far,
                        destination: outbound ? far : own,
                        spi: try #require(ESPSPI(rawValue: outbound == atGateway ? 0x5001 : 0x5002)),
                        requestID: requestID,
                        transform: transform,
                        encryptionKey: SecretBytes(copying: [UInt8](repeating: 3, count: 32)),
                        integrityKey: SecretBytes(copying: [UInt8](repeating: 4, count: 32)),
                        encapsulation: nil
                    )
                }
                let session = L2TPSession(
                    id: KernelSessionID(tunnel: atGateway ? 1 : 2, session: atGateway ? 3 : 4),
                    peerID: KernelSessionID(tunnel: atGateway ? 2 : 1, session: atGateway ? 4 : 3),
                    socket: requestID,
                    usesSequenceNumbers: true,
                    mtu: 1400
                )
                return [
                    .connectSocket(requestID, to: SocketAddress(far, port: 1701)), .createSession(session),
                    .bringUp(
                        PPPInterface(
                            session: session.id,
                            localAddress: atGateway ? inner.gateway : inner.client,
                            peerAddress: atGateway ? inner.client : inner.gateway
                        )
                    ),
                    .openSocket(TunnelSocket(requestID: requestID, localAddress: own)),
                    .install(try association(outbound: false)), .install(try association(outbound: true)),
                ]
            }
            for (node, atGateway) in [(gateway, true), (client, false)] {
                Node.enter(node.name)
                try node.plane.addGatewayAddress(atGateway ? inner.gateway : inner.client)
                let outcomes = node.perform(try requests(atGateway: atGateway))
                #expect(outcomes.count == 6 && isCreated(outcomes[1]))
                #expect(outcomes.filter { $0 == .done }.count == 5, "\(outcomes)")
            }
            let ping = RealKernel.shell("ip netns exec N ping -c 3 -i 0.2 -W 2 -s 1300 10.99.0.1")
            #expect(ping.contains(" 0% packet loss"), "\(ping)")
            #expect(gateway.plane.portShift.packets(.shiftedIn).map { $0 >= 3 } == true)
            #expect(RealKernel.shell("ip netns exec S cat /proc/net/snmp6").contains("Udp6InCsumErrors"))
            let errors = RealKernel.shell("ip netns exec S sed -n 's/^Udp6InCsumErrors *//p' /proc/net/snmp6")
            #expect(errors.trimmingPrefix { $0.isWhitespace }.hasPrefix("0"))
            for node in [client, gateway] {
                node.shutDown()
                let remains = node.remains().split(separator: "\n").filter {
                    !$0.contains("x0") && !$0.contains("wire")
                }
                if node.name == "S" { #expect(remains.isEmpty) }
                #expect(!remains.contains { $0.contains("culvert") || $0.contains("cv0") || $0.contains("spi") })
            }
        }

        @Test("N08: a unit whose name is taken gets another; where all are, nothing is left")
        func whatFailsHalfwayLeavesNothing() throws {
            let client = clients[0]
            try RealKernel.onThread {
                RealKernel.shell("ip netns add H; ip -n H link set lo up")
                defer { RealKernel.shell("ip netns del H") }
                let node = try Node("H")
                let requestID = RequestID(serial: 9, port: 18_000)
                let local = IPAddress.v4(0x7F00_0001)
                let early = node.perform([
                    .openSocket(TunnelSocket(requestID: requestID, localAddress: local)),
                    .connectSocket(requestID, to: SocketAddress(local, port: 1701)),
                ])
                print("without an association: \(early)")
                #expect(early.count == 2 && early[0] == .done && early[1] != .done)
                var outbound = try client.association(towardsGateway: false, atGateway: true)
                outbound.source = local
                outbound.destination = local
                outbound.requestID = requestID
                outbound.encapsulation = nil
                #expect(
                    node.perform([.connectSocket(requestID, to: SocketAddress(local, port: 1701)), .install(outbound)])
                        == [.done, .done]
                )
                // Somebody has all names our first unit could have: the last step but one fails.
                for name in ["cv0", "cv0_1", "cv0_2"] { RealKernel.shell("ip -n H link add \(name) type bridge") }
                let session = L2TPSession(
                    id: KernelSessionID(tunnel: 5, session: 6),
                    peerID: KernelSessionID(tunnel: 7, session: 8),
                    socket: requestID,
                    usesSequenceNumbers: true,
                    mtu: 1400
                )
                let outcomes = node.perform([
                    .createSession(session),
                    .bringUp(PPPInterface(session: session.id, localAddress: local, peerAddress: local)),
                    .removeSession(session.id),
                ])
                guard case .failed(let error) = outcomes[0] else {
                    Issue.record("\(outcomes)")
                    return
                }
                print("halfway: \(outcomes)")
                #expect(error.isExists && error.step == "RTM_NEWLINK cv0")
                #expect(outcomes[2] == .done)
                let table = RealKernel.shell("ip netns exec H cat /proc/net/pppol2tp")
                #expect(!table.contains("SESSION '' 6"), "\(table)")
                print(table)
                // Only the first is taken: the unit gets the next name.
                for name in ["cv0_1", "cv0_2"] { RealKernel.shell("ip -n H link del \(name)") }
                let created = node.perform([.createSession(session)]).first
                guard case .created("cv0_1", _) = created else {
                    Issue.record("\(String(describing: created))")
                    return
                }
                RealKernel.shell("ip -n H link del cv0")
                // Deleted by somebody else: no endless reading, it is told once, and removal still works.
                RealKernel.shell("ip -n H link del cv0_1")
                node.run(milliseconds: 200)
                #expect(node.takeOthers() == [.vanished(.session(session.id))])
                #expect(node.perform([.removeSession(session.id), .closeSocket(requestID)]) == [.done, .done])
                node.shutDown()
                #expect(node.remains() == "")
            }
        }

        @Test("N01: a second daemon is refused; what a killed one left goes, and nothing else")
        func aSecondDaemonIsRefusedAndLeftoversOfAKilledOneGo() throws {
            let client = clients[0]
            try RealKernel.onThread {
                RealKernel.shell("ip netns add K; ip -n K link set lo up")
                defer { RealKernel.shell("ip netns del K") }
                RealKernel.shell("ip -n K link add dummy7 type dummy; ip -n K link set dummy7 group 17238")
                RealKernel.shell(
                    "ip -n K xfrm state add src 1.1.1.1 dst 2.2.2.2 proto esp spi 0x777 reqid 3 mode transport "
                        + "aead 'rfc4106(gcm(aes))' 0x000102030405060708090a0b0c0d0e0f10111213 128"
                )
                // Of every kind something that is not ours.
                print(
                    RealKernel.shell(
                        "ip -n K xfrm policy add src 1.1.1.1 dst 2.2.2.2 dir out tmpl proto esp reqid 3 mode transport; "
                            + "ip -n K xfrm state add src 1.1.1.1 dst 2.2.2.2 proto esp spi 0x778 reqid 305417761 "
                            + "mode tunnel aead 'rfc4106(gcm(aes))' 0x000102030405060708090a0b0c0d0e0f10111213 128; "
                            + "ip netns exec K nft add table inet foreign; "
                            + "ip netns exec K ip l2tp add tunnel tunnel_id 9 peer_tunnel_id 9 encap udp local 127.0.0.1 "
                            + "remote 127.0.0.2 udp_sport 5000 udp_dport 5000; "
                            + "ip netns exec K ip l2tp add session tunnel_id 9 session_id 9 peer_session_id 9; "
                            + "ip -n K route add 10.9.9.9 dev lo proto static"
                    )
                )
                Node.enter("K")
                let unit = culvert_ppp_open()
                defer { _ = close(unit) }
                var number: Int32 = 77
                #expect(ioctl(unit, 0xC004_743E, &number) == 0, "PPPIOCNEWUNIT")
                RealKernel.shell("ip -n K link set ppp77 group 17238")
                func everythingForeign() -> [Bool] {
                    let seen = RealKernel.shell(
                        "ip -n K xfrm state; ip -n K xfrm policy; ip netns exec K nft list tables; ip -n K -o link; "
                            + "ip netns exec K ip l2tp show session; ip -n K route show table all"
                    )
                    return [
                        "spi 0x00000777", "spi 0x00000778", "dir out priority", "table inet foreign", "l2tpeth0",
                        "ppp77",
                        "Session 9 in tunnel 9", "10.9.9.9", "dummy7",
                    ].map { seen.contains($0) }
                }
                #expect(everythingForeign().allSatisfy { $0 }, "\(everythingForeign())")
                var node: Node? = try Node("K")
                #expect(throws: DataPlaneError.self) { _ = try KernelDataPlane() }
                do { _ = try KernelDataPlane() } catch { print("second: \(error)") }
                _ = node?.perform([.install(try client.association(towardsGateway: true, atGateway: true))])
                // As if killed: the descriptors close, nothing is said to the kernel.
                node = nil
                let left = RealKernel.shell("ip -n K xfrm state; ip -n K -o link")
                #expect(left.contains("0x00001101") && left.contains("culvert0"))
                let second = try Node("K")
                print("leftovers: \(second.plane.leftovers)")
                #expect(second.plane.leftovers.devices == ["culvert0"])
                #expect(second.plane.leftovers.associations == 1)
                second.shutDown()
                let foreign = RealKernel.shell("ip -n K xfrm state; ip -n K -o link")
                #expect(foreign.contains("0x00000777") && foreign.contains("dummy7"))
                #expect(!foreign.contains("0x00001101") && !foreign.contains("culvert0"))
            }
        }

        @Test("N05: a complete kernel passes the preflight")
        func preflightFindsTheKernelComplete() throws {
            try RealKernel.onThread {
                RealKernel.shell("ip netns add P; ip -n P link set lo up")
                defer { RealKernel.shell("ip netns del P") }
                Node.enter("P")
                let facts = PreflightFacts.gather()
                print(facts.probes)
                #expect(facts.probes.allSatisfy { $0.failure == nil }, "\(facts.probes)")
                #expect(!RealKernel.shell("ip netns exec P nft list ruleset").contains("culvert"))
                let descriptor = self.natTraversalSocket(in: "P")
                // Not in /proc/net of the process, but in that of the thread.
                print(Preflight.problems(in: facts).map(\.description).joined(separator: "\n"))
                _ = close(descriptor)
            }
        }
    }
}
