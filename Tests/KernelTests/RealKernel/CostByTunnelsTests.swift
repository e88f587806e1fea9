// SPDX-License-Identifier: Apache-2.0
import CLinux
import DataPlane
import Glibc
import Kernel
import Primitives
import Testing

/// What a packet costs, and how many calls a second the kernel makes, with 1, 100, 1,000 and 10,000 calls. Under
/// `qemu -icount shift=0` with one CPU times are counts of instructions and repeat; elsewhere they are only indicative.
///
/// One call has a peer, over whose own kernel pings go; every second of the others seems to be behind that peer's
/// address, on a port of its NAT, the rest have addresses of their own. Nobody speaks for them.
///
/// `CULVERT_KERNEL_TUNNELS` says how many: numbers that grow, with commas. Without it a few do, and nothing is judged.
extension RealKernelTests {
    @Suite(.serialized) struct CostByTunnelsTests {
        private static let wanted = getenv("CULVERT_KERNEL_TUNNELS").map { String(cString: $0) }
        private static let counts = (wanted ?? "1,20").split(separator: ",").compactMap { Int($0) }
        private static let rounds = 400

        private static let topology = """
            ip netns add C; ip -n C link set lo up; ip netns add G; ip -n G link set lo up
            ip -n G link add e0 type veth peer name e0 netns C
            ip -n G addr add 203.0.113.1/24 dev e0; ip -n G link set e0 up; ip -n G route add default via 203.0.113.2
            ip -n C addr add 203.0.113.2/24 dev e0; ip -n C link set e0 up
            """

        @Test func whatAPacketAndACallCost() throws {
            try RealKernel.onThread {
                RealKernel.shell(Self.topology)
                defer { RealKernel.shell("ip netns del C; ip netns del G") }
                try Self.measure()
            }
        }

        private static func measure() throws {
            _ = culvert_raise_file_limit(1 << 20)
            Node.enter("G")
            let encapsulation = [natTraversalSocket(in: "G"), natTraversalSocket(in: "C")]
            defer { for descriptor in encapsulation { _ = close(descriptor) } }
            let gateway = try Node("G")
            try gateway.plane.addGatewayAddress(OneOfMany.innerGateway)
            let ports = RequestID.privatePorts.shuffled()
            let peer = try OneOfMany(0, port: ports[0])
            #expect(perform(gateway, [peer]))
            let client = try Node("C")
            try client.plane.addGatewayAddress(peer.innerAddress)
            #expect(client.perform(peer.openingOfThePeer).allSatisfy { $0 == .done })
            #expect(client.perform([.createSession(peer.sessionOfThePeer)]).count == 1)
            #expect(client.perform([.bringUp(peer.interfaceOfThePeer)]) == [.done])

            var standing = 1
            var costs: [Int] = []
            print("calls   microseconds for a packet there and back   calls set up a second   milliseconds for one")
            for count in counts {
                let missing = count - standing
                let start = RealKernel.milliseconds
                for first in stride(from: standing, to: count, by: 100) {
                    let peers = try (first..<min(first + 100, count)).map {
                        try OneOfMany(UInt32($0), port: ports[$0])
                    }
                    #expect(perform(gateway, peers))
                }
                let milliseconds = max(RealKernel.milliseconds - start, 1)
                standing = max(count, standing)
                let cost = try roundTrip()
                costs.append(cost)
                let rate = missing > 0 ? "\(missing * 1000 / milliseconds)" : "-"
                let each = missing > 0 ? "\(Double(milliseconds * 100 / missing) / 100)" : "-"
                print("cost: \(count) \(cost) \(rate) \(each)")
            }
            // With one there is nothing to look through; twice that would be a search that grows.
            if wanted != nil, let least = costs.min(), let most = costs.max() { #expect(most < 2 * least, "\(costs)") }
            #expect(gateway.plane.portShift.refusedInClear() == 0)
            client.shutDown()
            let start = RealKernel.milliseconds
            gateway.shutDown()
            print("all \(standing) calls are gone after \(RealKernel.milliseconds - start) ms")
            #expect(gateway.remains() == "")
        }

        /// UDP 4500 as IKE has it: takes ESP out of UDP for the whole namespace.
        private static func natTraversalSocket(in name: String) -> Int32 {
            Node.enter(name)
            var address = culvert_address(SocketAddress(.v4(0), port: 4500))
            let descriptor = culvert_udp_open(&address, 1 << 20, 1)
            #expect(descriptor >= 0)
            return descriptor
        }

        private static func perform(_ node: Node, _ peers: [OneOfMany]) -> Bool {
            let opened = node.perform(peers.flatMap(\.opening))
            let created = node.perform(peers.map { .createSession($0.session) })
            let up = node.perform(peers.map { .bringUp($0.interface) })
            let failures = (opened + created + up).filter { if case .failed = $0 { true } else { false } }
            if let first = failures.first { Issue.record("\(failures.count) failed, the first: \(first)") }
            return failures.isEmpty && up.allSatisfy { $0 == .done }
        }

        /// Microseconds that ping says on average; the first time tables and caches are filled.
        private static func roundTrip() throws -> Int {
            var average = 0.0
            for _ in 0..<2 {
                let ping = RealKernel.shell("ip netns exec C ping -q -f -s 1000 -c \(rounds) \(OneOfMany.innerGateway)")
                #expect(ping.contains(" 0% packet loss"), "\(ping)")
                // rtt min/avg/max/mdev = 0.123/0.234/0.345/0.045 ms
                let times = ping.split(separator: "\n").first { $0.hasPrefix("rtt") }?.split(separator: " ")
                let words = try #require(times)
                average = try #require(Double(words[3].split(separator: "/")[1]))
            }
            return Int((average * 1000).rounded())
        }
    }
}

/// One call of many at a gateway; that of number 0 has a peer.
private struct OneOfMany {
    static let gateway = IPAddress.v4(0xCB00_7101)
    static let nat = IPAddress.v4(0xCB00_7102)
    static let innerGateway = IPAddress.v4(0x0A63_0001)

    let number: UInt32
    let requestID: RequestID
    let address: IPAddress
    let inbound: SecurityAssociation
    let outbound: SecurityAssociation

    var innerAddress: IPAddress { .v4(0x0A64_0000 + number) }

    init(_ number: UInt32, port: UInt16) throws {
        self.number = number
        let requestID = RequestID(serial: .random(in: 1 ... .max), port: port)
        self.requestID = requestID
        let isBehindNAT = number.isMultiple(of: 2)
        let address = isBehindNAT ? Self.nat : .v4(0xC612_0000 + number)
        self.address = address
        let natPort = number == 0 ? 4500 : UInt16(10_000 + number)
        func association(_ direction: SecurityAssociation.Direction) throws -> SecurityAssociation {
            let isInbound = direction == .inbound
            return SecurityAssociation(
                direction: direction,
                source: isInbound ? address : Self.gateway,
                destination: isInbound ? Self.gateway : address,
                spi: try #require(ESPSPI(rawValue: .random(in: 256 ... .max))),
                requestID: requestID,
                transform: ESPTransform(cipher: .aesCBC(keyBits: 256), integrity: .hmacSHA256_128),
                encryptionKey: SecretBytes(copying: (0..<32).map { UInt8($0) }),
                integrityKey: SecretBytes(copying: (0..<32).map { UInt8(100 + $0) }),
                encapsulation: !isBehindNAT
                    ? nil
                    : isInbound
                        ? .init(sourcePort: natPort, destinationPort: 4500)
                        : .init(sourcePort: 4500, destinationPort: natPort)
            )
        }
        inbound = try association(.inbound)
        outbound = try association(.outbound)
    }

    private var id: KernelSessionID { KernelSessionID(tunnel: number + 1, session: 1) }
    var session: L2TPSession {
        L2TPSession(id: id, peerID: id, socket: requestID, usesSequenceNumbers: false, mtu: 1400)
    }
    var interface: PPPInterface {
        PPPInterface(session: id, localAddress: Self.innerGateway, peerAddress: innerAddress)
    }
    var opening: [DataPlaneRequest] {
        [
            .openSocket(TunnelSocket(requestID: requestID, localAddress: Self.gateway)),
            .install(inbound), .install(outbound),
            .connectSocket(requestID, to: SocketAddress(address, port: 1701)),
        ]
    }

    // MARK: At the peer

    private var requestIDOfThePeer: RequestID { RequestID(serial: 7, port: 17_010) }
    var openingOfThePeer: [DataPlaneRequest] {
        var associations = [inbound, outbound]
        for index in associations.indices {
            associations[index].direction = associations[index].direction == .inbound ? .outbound : .inbound
            associations[index].requestID = requestIDOfThePeer
        }
        return [.openSocket(TunnelSocket(requestID: requestIDOfThePeer, localAddress: address))]
            + associations.map { .install($0) }
            + [.connectSocket(requestIDOfThePeer, to: SocketAddress(Self.gateway, port: 1701))]
    }
    var sessionOfThePeer: L2TPSession {
        L2TPSession(id: id, peerID: id, socket: requestIDOfThePeer, usesSequenceNumbers: false, mtu: 1400)
    }
    var interfaceOfThePeer: PPPInterface {
        PPPInterface(session: id, localAddress: innerAddress, peerAddress: Self.innerGateway)
    }
}
