// SPDX-License-Identifier: Apache-2.0
import ControlPlane
import Cryptography
import DataPlane
import IKE
import Primitives
import Simulation
import Testing

/// Who shares a request id, and so a tunnel socket, with whom.
struct AssociationTests {
    /// A client behind the NAT, with the NAT's ports of client 1 and a private address of its own.
    private func client(own: Int, seed: UInt64) throws -> SimulatedClient {
        try Fixture.client(own, behindNAT: true, natPorts: [500: 30_001, 4500: 40_001], seed: seed)
    }

    @Test func whoDialsAgainFromTheSamePathComesBackToItsSocket() throws {
        var network = try Fixture.network(clients: [client(own: 1, seed: 1)])
        network.dial(0)
        #expect(network.run(for: .seconds(10)) { !$0.kernel.interfaces.isEmpty })
        network.clients[0] = try client(own: 1, seed: 2)
        network.dial(0)
        #expect(network.run(for: .seconds(10)) { $0.clients[0].isUp })
        #expect(network.kernel.sockets.count == 1)
    }

    @Test func anotherClientThatANATGivesTheSamePortDoesNotMeetTheFirst() throws {
        var network = try Fixture.network(clients: [client(own: 1, seed: 1)])
        network.dial(0)
        #expect(network.run(for: .seconds(10)) { !$0.kernel.interfaces.isEmpty })
        let first = try #require(network.kernel.sockets.keys.first)
        let outbound = try #require(network.kernel.outbound(first))
        network.clients[0] = try client(own: 2, seed: 2)
        network.dial(0)
        #expect(network.run(for: .seconds(10)) { !$0.clients[0].ike.children.isEmpty })
        network.run(for: .milliseconds(100))
        #expect(network.kernel.sockets.count == 2)
        #expect(network.kernel.outbound(first) == outbound)
    }

    /// Somebody who knows the pre-shared key, and can send packets with a victim's address but not receive any there.
    @Test func whoseFirstQuickModeBearsAnotherAddressBringsInNothingElse() throws {
        let entropy = SeededEntropy(seed: 5)
        var gateway = ControlPlane(configuration: try Fixture.configuration(), entropy: entropy)
        let now = MonotonicTime(nanoseconds: 1_000_000_000)
        let own = try Fixture.client(3, behindNAT: true)
        let victim = try Fixture.client(1, behindNAT: true)
        let local = own.ike.settings.gateway.address
        var attacker = SimulatedIKEInitiator(own.ike.settings, entropy: entropy)
        var requests: [DataPlaneRequest] = []
        var names: [String] = []
        /// Until nobody says anything; quick modes are returned, not sent.
        func send(
            _ first: [SimulatedIKEInitiator.Outgoing],
            from source: SimulatedClient
        ) -> [SimulatedIKEInitiator.Outgoing] {
            var queue = first
            var kept: [SimulatedIKEInitiator.Outgoing] = []
            while !queue.isEmpty {
                let message = queue.removeFirst()
                let datagram = Datagram(
                    bytes: message.bytes,
                    port: message.port,
                    local: SocketAddress(local, port: message.port == .ike ? 500 : 4500),
                    peer: source.outer(message.port)
                )
                var effects = gateway.handle(.datagram(datagram), at: now)
                while !effects.isEmpty {
                    switch effects.removeFirst() {
                    case .transmit(let answer):
                        for reply in attacker.receive(answer.bytes, on: answer.port, at: now) {
                            if reply.bytes[4 + 18] == 32 { kept.append(reply) } else { queue.append(reply) }
                        }
                    case .request(let request, let ticket):
                        requests.append(request)
                        effects += gateway.handle(.notice(.answered(ticket, .done)), at: now)
                    case .report(let event): names.append(event.description.name)
                    case .send, .write: break
                    }
                }
            }
            return kept
        }
        let first = try #require(send(attacker.start(at: now), from: own).first)
        _ = send([first], from: victim)
        #expect(requests.count == 2)
        _ = send(attacker.startQuickMode(at: now), from: own)
        #expect(requests.count == 2)
        #expect(names.last == "invalid-identity")
    }

    @Test func aSocketThatIsBeingRenewedIsNotRenewedAgain() throws {
        var network = try Fixture.network(clients: [Fixture.client(1)])
        network.dial(0)
        #expect(network.run(for: .seconds(10)) { !$0.kernel.interfaces.isEmpty })
        let socket = try #require(network.kernel.sockets.first)
        let peer = try #require(socket.value.peer)
        var gateway = network.gateway
        let now = network.now
        var closings: [DataPlaneTicket] = []
        func hear(_ datagrams: [[UInt8]], _ lac: inout SimulatedLAC) {
            for datagram in datagrams {
                for effect in gateway.handle(.notice(.datagram(socket.key, from: peer, datagram)), at: now) {
                    switch effect {
                    case .send(let bytes, _, _): hear(lac.receive(bytes, at: now), &lac)
                    case .request(.closeSocket, let ticket): closings.append(ticket)
                    case .request, .transmit, .write, .report: break
                    }
                }
            }
        }
        // All this was read in one go, before the kernel has closed anything.
        hear(network.clients[0].lac.hangUp(at: now), &network.clients[0].lac)
        var next = SimulatedLAC(hostName: "again", secret: nil, entropy: SeededEntropy(seed: 77))
        hear(next.start(at: now), &next)
        // Its answer waits for the new socket.
        #expect(next.state == .waitReply)
        hear(next.hangUp(at: now), &next)
        #expect(closings.count == 1)
    }

    @Test func whoOpensATunnelWhileWeSayGoodbyeDoesNotHoldUsUp() throws {
        var network = try Fixture.network(clients: [Fixture.client(1)])
        network.dial(0)
        #expect(network.run(for: .seconds(10)) { !$0.kernel.interfaces.isEmpty })
        network.command(.shutDown)
        network.clients[0].lac = SimulatedLAC(hostName: "again", secret: nil, entropy: SeededEntropy(seed: 77))
        let child = try #require(network.clients[0].ike.children.last)
        network.act(0) { client, now in
            client.lac.start(at: now).map { .protected($0, spi: child.outboundSPI.rawValue) }
        }
        #expect(network.run(for: .seconds(40)) { $0.gateway.isIdle })
        #expect(network.kernel.isClean)
    }
}
