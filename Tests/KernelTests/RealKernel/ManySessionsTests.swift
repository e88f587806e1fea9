// SPDX-License-Identifier: Apache-2.0
import CLinux
import DataPlane
import Glibc
import Kernel
import Primitives
import Testing

/// Many sessions with a tunnel each come up and go; what each step costs is printed. Under `qemu -icount shift=0` with
/// one CPU the costs are instruction counts and repeat; elsewhere they are only indicative.
///
/// `CULVERT_KERNEL_SESSIONS` says how many, `CULVERT_KERNEL_WORKERS` with how many threads.
extension RealKernelTests {
    @Suite(.serialized) struct ManySessionsTests {
        private static func number(_ name: String, default value: Int) -> Int {
            getenv(name).flatMap { Int(String(cString: $0)) } ?? value
        }

        /// One peer of many.
        private struct Peer {
            let requestID: RequestID
            let address: IPAddress
            let inner: IPAddress
            let session: L2TPSession
            let inbound: SecurityAssociation
            let outbound: SecurityAssociation

            init(_ number: UInt32, port: UInt16) throws {
                let local = IPAddress.v4(0x7F00_0001)
                let requestID = RequestID(serial: .random(in: 1 ... .max), port: port)
                let address = IPAddress.v4(0x7F01_0000 + number)
                func association(_ direction: SecurityAssociation.Direction) throws -> SecurityAssociation {
                    SecurityAssociation(
                        direction: direction,
                        source: direction == .inbound ? address : local,
                        destination: direction == .inbound ? local : address,
                        spi: try #require(ESPSPI(rawValue: .random(in: 256 ... .max))),
                        requestID: requestID,
                        transform: ESPTransform(cipher: .aesCBC(keyBits: 256), integrity: .hmacSHA1_96),
                        encryptionKey: SecretBytes(copying: (0..<32).map { _ in UInt8.random(in: 0 ... .max) }),
                        integrityKey: SecretBytes(copying: (0..<20).map { _ in UInt8.random(in: 0 ... .max) }),
                        encapsulation: nil
                    )
                }
                self.requestID = requestID
                self.address = address
                inner = .v4(0x0A63_0100 + number)
                inbound = try association(.inbound)
                outbound = try association(.outbound)
                session = L2TPSession(
                    id: KernelSessionID(tunnel: number, session: 1),
                    peerID: KernelSessionID(tunnel: number, session: 1),
                    socket: requestID,
                    usesSequenceNumbers: false,
                    mtu: 1400
                )
            }
        }

        /// Nanoseconds that tasks, the kernel's included, have run on all processors.
        private static var work: UInt64 {
            RealKernel.shell("cat /proc/schedstat").split(separator: "\n")
                .filter { $0.hasPrefix("cpu") }
                .compactMap { UInt64($0.split(separator: " ")[7]) }
                .reduce(0, +)
        }

        private static func measure(_ what: String, _ count: Int, _ body: () -> Void) {
            // Reading the figure costs something itself.
            let overhead = work
            let before = work
            let start = RealKernel.milliseconds
            body()
            let milliseconds = max(RealKernel.milliseconds - start, 1)
            let after = work
            let each = Int(after - before) - Int(before - overhead)
            let perSession = Double(each) / Double(count) / 1e6
            print("\(what): \(perSession) M each, \(milliseconds) ms, \(count * 1000 / milliseconds)/s")
        }

        @Test func manySessionsComeUpAndGo() throws {
            try RealKernel.onThread {
                let count = Self.number("CULVERT_KERNEL_SESSIONS", default: 200)
                let workers = Self.number("CULVERT_KERNEL_WORKERS", default: 16)
                RealKernel.shell("ip netns add M; ip -n M link set lo up")
                defer { RealKernel.shell("ip netns del M") }
                _ = culvert_raise_file_limit(1 << 20)
                let node = try Node("M", workers: workers)
                try node.plane.addGatewayAddress(.v4(0x0A63_0001))
                let ports = RequestID.privatePorts.shuffled()
                let peers = try (1...count).map { try Peer(UInt32($0), port: ports[$0]) }
                // One call in peace, so that modules are there and threads run.
                let first = try Peer(UInt32(count + 1), port: ports[0])
                Self.comeUp(node, [first], prefix: "first")
                Self.go(node, [first], prefix: "first")
                print("\(count) sessions, \(workers) threads")
                Self.comeUp(node, peers, prefix: "all")
                Self.go(node, peers, prefix: "all")
                let start = RealKernel.milliseconds
                node.shutDown()
                print("shutDown: \(RealKernel.milliseconds - start) ms")
                #expect(node.remains() == "")
            }
        }

        private static func comeUp(_ node: Node, _ peers: [Peer], prefix: String) {
            var outcomes: [DataPlaneOutcome] = []
            measure("\(prefix) sockets and associations", peers.count) {
                outcomes = node.perform(
                    peers.flatMap { peer -> [DataPlaneRequest] in
                        [
                            .openSocket(TunnelSocket(requestID: peer.requestID, localAddress: .v4(0x7F00_0001))),
                            .install(peer.inbound), .install(peer.outbound),
                            .connectSocket(peer.requestID, to: SocketAddress(peer.address, port: 1701)),
                        ]
                    }
                )
            }
            #expect(outcomes.allSatisfy { $0 == .done })
            // The same once more: every single one is refused, and every refusal finds its request.
            outcomes = node.perform(peers.flatMap { [.install($0.inbound), .install($0.outbound)] })
            #expect(outcomes.count == 2 * peers.count)
            #expect(outcomes.allSatisfy { if case .failed(let error) = $0 { error.isExists } else { false } })
            measure("\(prefix) createSession and bringUp", peers.count) {
                outcomes = node.perform(peers.map { .createSession($0.session) })
                #expect(
                    outcomes.count == peers.count && !outcomes.contains { if case .failed = $0 { true } else { false } }
                )
                outcomes = node.perform(
                    peers.map {
                        .bringUp(
                            PPPInterface(session: $0.session.id, localAddress: .v4(0x0A63_0001), peerAddress: $0.inner)
                        )
                    }
                )
            }
            #expect(outcomes.allSatisfy { $0 == .done }, "\(outcomes.first { $0 != .done }.debugDescription)")
            measure("\(prefix) inventory", peers.count) { outcomes = node.perform([.takeInventory]) }
            let inventory = KernelInventory(
                associations: Set(peers.flatMap { [$0.inbound.id, $0.outbound.id] }),
                sessions: Set(peers.map(\.session.id))
            )
            #expect(outcomes == [.inventory(inventory)])
            // Beside one that does not exist, and one alone.
            let nobody = KernelSessionID(tunnel: 65_535, session: 9)
            measure("\(prefix) counters", peers.count) {
                outcomes = node.perform([
                    .readCounters(peers.map(\.session.id) + [nobody]), .readCounters([peers[0].session.id]),
                    .readCounters([nobody]),
                ])
            }
            #expect(outcomes.map(counted) == [Set(peers.map(\.session.id)), [peers[0].session.id], []])
        }

        private static func counted(_ outcome: DataPlaneOutcome) -> Set<KernelSessionID>? {
            if case .counters(let counters) = outcome { Set(counters.keys) } else { nil }
        }

        private static func go(_ node: Node, _ peers: [Peer], prefix: String) {
            var outcomes: [DataPlaneOutcome] = []
            measure("\(prefix) removeSession", peers.count) {
                outcomes = node.perform(peers.map { .removeSession($0.session.id) })
            }
            #expect(outcomes.allSatisfy { $0 == .done })
            measure("\(prefix) sockets and associations away", peers.count) {
                outcomes = node.perform(
                    peers.flatMap { peer -> [DataPlaneRequest] in
                        [.closeSocket(peer.requestID), .remove(peer.inbound.id), .remove(peer.outbound.id)]
                    }
                )
            }
            #expect(outcomes.allSatisfy { $0 == .done })
        }
    }
}
