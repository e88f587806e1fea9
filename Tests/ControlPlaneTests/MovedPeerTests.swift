// SPDX-License-Identifier: Apache-2.0
import ControlPlane
import DataPlane
import L2TP
import Primitives
import Simulation
import Testing

/// A NAT forgets a client that was idle, and gives it another port or another address (Z10).
struct MovedPeerTests {
    private let elsewhere = IPAddress("198.51.100.20")!

    private func network() throws -> SimulatedNetwork {
        var network = try Fixture.network(clients: [Fixture.client(1, behindNAT: true)])
        network.dial(0)
        #expect(network.run(for: .seconds(10)) { !$0.kernel.interfaces.isEmpty })
        network.run(for: .seconds(1))
        return network
    }

    /// The client says HELLO, and is answered.
    private func isHeardAndAnswered(_ network: inout SimulatedNetwork) -> Bool {
        network.act(0) { client, now in client.sayHello(at: now) }
        return network.run(for: .seconds(5)) { $0.clients[0].lac.isSettled }
    }

    private func peers(_ network: SimulatedNetwork) -> Set<SocketAddress?> {
        Set(
            network.kernel.associations.values.map { association in
                guard let encapsulation = association.encapsulation else { return nil }
                switch association.direction {
                case .inbound: return SocketAddress(association.source, port: encapsulation.sourcePort)
                case .outbound: return SocketAddress(association.destination, port: encapsulation.destinationPort)
                }
            }
        )
    }

    @Test("Z10 a new port is followed, and nothing else changes")
    func aNewPort() throws {
        var network = try network()
        let sockets = network.kernel.sockets
        let address = network.clients[0].outerAddress
        network.clients[0].moveNAT(to: address, ports: [500: 50_000, 4500: 50_001])
        #expect(isHeardAndAnswered(&network))
        #expect(peers(network) == [SocketAddress(address, port: 50_001)])
        #expect(network.kernel.sockets == sockets)
        #expect(network.eventNames.filter { $0 == "ike peer-moved" }.count == 1)
        #expect(network.kernel.interfaces.count == 1)
        #expect(network.gateway.calls(at: network.now).count == 1)
        #expect(network.kernel.violations.isEmpty)
    }

    @Test("Z10 a new address is followed by keys, socket and tunnel")
    func aNewAddress() throws {
        var network = try network()
        network.clients[0].moveNAT(to: elsewhere, ports: [500: 50_000, 4500: 50_001])
        #expect(isHeardAndAnswered(&network))
        #expect(peers(network) == [SocketAddress(elsewhere, port: 50_001)])
        #expect(network.kernel.sockets.values.map(\.peer) == [SocketAddress(elsewhere, port: 1701)])
        #expect(network.kernel.interfaces.count == 1)
        #expect(network.kernel.violations.isEmpty)
        // And what is made later is made there.
        network.act(0) { client, now in client.ike.startQuickMode(at: now).map(SimulatedClient.Packet.ike) }
        #expect(network.run(for: .seconds(5)) { $0.kernel.associations.count == 4 })
        #expect(peers(network) == [SocketAddress(elsewhere, port: 50_001)])
        network.act(0) { $0.hangUp(at: $1) }
        network.run(for: .seconds(2))
        network.act(0) { $0.closeKeys(at: $1) }
        network.run(for: .seconds(120))
        #expect(network.kernel.isClean)
        #expect(network.gateway.isIdle)
        #expect(network.kernel.violations.isEmpty)
    }

    @Test func aClientThatMovesTenTimesKeepsItsCall() throws {
        var network = try network()
        for step in 1...10 {
            let address = try #require(IPAddress("198.51.100.\(step)"))
            network.clients[0].moveNAT(to: address, ports: [500: 500, 4500: UInt16(4500 + step % 3)])
            #expect(isHeardAndAnswered(&network))
            network.run(for: .seconds(3))
        }
        #expect(network.clients[0].isUp)
        #expect(network.kernel.associations.count == 2)
        #expect(network.kernel.violations.isEmpty)
    }

    /// The kernel's word is taken once in a while only.
    @Test func whoWaversIsFollowedOnceInTwoSeconds() throws {
        var network = try network()
        let inbound = try #require(network.kernel.associations.values.first { $0.direction == .inbound })
        let before = network.kernel.log.count
        for port in UInt16(1000)..<1050 {
            let peer = SocketAddress(network.clients[0].outerAddress, port: port)
            network.notify(.mappingChanged(inbound.id, requestID: inbound.requestID.rawValue, to: peer))
            network.run(for: .milliseconds(100))
        }
        // Both halves, at 0, 2 and 4 seconds.
        #expect(network.kernel.log.dropFirst(before).filter { $0.hasPrefix("move") }.count == 6)
    }

    @Test func aWordAboutKeysThatNobodyHasProvedToHaveChangesNothing() throws {
        var network = try Fixture.network(clients: [Fixture.client(1, behindNAT: true)])
        // Quick mode's third message, and all after it, are lost.
        network.dial(0)
        #expect(network.run(for: .seconds(5)) { !$0.kernel.associations.isEmpty })
        network.fate = { _ in .lost }
        let inbound = try #require(network.kernel.associations.values.first)
        let peer = SocketAddress(elsewhere, port: 4500)
        network.notify(.mappingChanged(inbound.id, requestID: inbound.requestID.rawValue, to: peer))
        #expect(!network.kernel.log.contains { $0.hasPrefix("move") })
    }

    @Test func aWordAboutSomethingElseChangesNothing() throws {
        var network = try network()
        let inbound = try #require(network.kernel.associations.values.first { $0.direction == .inbound })
        let outbound = try #require(network.kernel.associations.values.first { $0.direction == .outbound })
        let number = inbound.requestID.rawValue
        let peer = SocketAddress(elsewhere, port: 4500)
        let otherFamily = SocketAddress(try #require(IPAddress("2001:db8::1")), port: 4500)
        let stranger = SecurityAssociation.ID(destination: elsewhere, spi: inbound.spi)
        network.notify(.mappingChanged(outbound.id, requestID: number, to: peer))
        network.notify(.mappingChanged(stranger, requestID: number, to: peer))
        network.notify(.mappingChanged(inbound.id, requestID: number &+ 1, to: peer))
        network.notify(.mappingChanged(inbound.id, requestID: number, to: otherFamily))
        #expect(!network.kernel.log.contains { $0.hasPrefix("move") })
        #expect(!network.eventNames.contains("ike peer-moved"))
    }

    @Test func aPlaceWhereNoPeerOfItsProfileMayBeIsNotFollowed() throws {
        var configuration = try Fixture.configuration()
        configuration.ike.profiles[0].remote = [try #require(IPPrefix("203.0.113.0/24"))]
        var network = try Fixture.network(
            clients: [Fixture.client(1, behindNAT: true)],
            configuration: configuration
        )
        network.dial(0)
        #expect(network.run(for: .seconds(10)) { !$0.kernel.interfaces.isEmpty })
        network.clients[0].moveNAT(to: elsewhere, ports: [500: 50_000, 4500: 50_001])
        #expect(!isHeardAndAnswered(&network))
        #expect(!network.kernel.log.contains { $0.hasPrefix("move") })
    }

    @Test func aClientWithoutNATHasNoMappingToLose() throws {
        var network = try Fixture.network(clients: [Fixture.client(1)])
        network.dial(0)
        #expect(network.run(for: .seconds(10)) { !$0.kernel.interfaces.isEmpty })
        let inbound = try #require(network.kernel.associations.values.first { $0.direction == .inbound })
        let peer = SocketAddress(elsewhere, port: 4500)
        network.notify(.mappingChanged(inbound.id, requestID: inbound.requestID.rawValue, to: peer))
        #expect(!network.kernel.log.contains { $0.hasPrefix("move") })
    }

    @Test(arguments: [SecurityAssociation.Direction.inbound, .outbound])
    func aMoveThatTheKernelRefusesEndsTheCallWithAWord(_ direction: SecurityAssociation.Direction) throws {
        var network = try network()
        network.kernel.failing = { request in
            guard case .move(_, direction, _) = request else { return nil }
            return DataPlaneError(step: "XFRM_MSG_MIGRATE", code: 12)
        }
        network.clients[0].moveNAT(to: elsewhere, ports: [500: 50_000, 4500: 50_001])
        _ = isHeardAndAnswered(&network)
        network.run(for: .seconds(120))
        #expect(network.eventNames.filter { $0 == "kernel move-refused" }.count == 1)
        #expect(network.eventNames.filter { $0 == "control call-down" }.count == 1)
        #expect(network.kernel.isClean)
        #expect(network.gateway.isIdle)
        #expect(network.gateway.status(at: network.now).pools.first?.used == 0)
    }
}
