// SPDX-License-Identifier: Apache-2.0
import ControlPlane
import Cryptography
import Primitives
import Simulation
import Testing

/// The same call on a wire that misbehaves: packet by packet, and at random.
struct LossyCallTests {
    /// More than a call takes from the first IKE message to its address.
    private static let packets = 0..<36

    private func comesUp(_ network: inout SimulatedNetwork, within limit: Duration) -> Bool {
        network.dial(0)
        return network.run(for: limit) { $0.clients[0].isUp && $0.kernel.interfaces.count == 1 }
    }

    @Test func theRangeCoversTheWholeCall() throws {
        var network = try Fixture.network(clients: [Fixture.client(1)])
        #expect(comesUp(&network, within: .seconds(5)))
        #expect(network.carried <= Self.packets.count)
        #expect(network.carried > 20)
    }

    @Test(arguments: packets)
    func comesUpWhenOnePacketIsLost(_ number: Int) throws {
        var network = try Fixture.network(clients: [Fixture.client(1)])
        network.fate = { $0 == number ? .lost : .arrives }
        #expect(comesUp(&network, within: .seconds(15)))
        #expect(network.kernel.violations.isEmpty)
    }

    @Test(arguments: packets)
    func comesUpWhenOnePacketIsDoubled(_ number: Int) throws {
        var network = try Fixture.network(clients: [Fixture.client(1, behindNAT: true)])
        network.fate = { $0 == number ? .doubled : .arrives }
        #expect(comesUp(&network, within: .seconds(15)))
        #expect(network.kernel.violations.isEmpty)
        #expect(network.gateway.status(at: network.now).tunnelCount == 1)
        #expect(network.gateway.status(at: network.now).childCount == 1)
    }

    @Test(arguments: packets)
    func comesUpWhenOnePacketIsOvertaken(_ number: Int) throws {
        var network = try Fixture.network(clients: [Fixture.client(1)])
        network.fate = { $0 == number ? .delayed(.milliseconds(1500)) : .arrives }
        #expect(comesUp(&network, within: .seconds(15)))
        #expect(network.kernel.violations.isEmpty)
    }

    @Test func everyPacketDoubledMakesOneTunnelAndOneCall() throws {
        var network = try Fixture.network(clients: [Fixture.client(1)])
        network.fate = { _ in .doubled }
        #expect(comesUp(&network, within: .seconds(15)))
        network.run(for: .seconds(5))
        #expect(network.gateway.status(at: network.now).tunnelCount == 1)
        #expect(network.gateway.status(at: network.now).sessionCount == 1)
        #expect(network.kernel.violations.isEmpty)
    }

    /// Up, or one verdict and nothing left: in between there is nothing.
    @Test(arguments: 1...60)
    func aThirdLostAtRandomEndsWellOrCleanly(_ seed: UInt64) throws {
        var network = try Fixture.network(clients: [Fixture.client(1)])
        network.fate = { number in
            SeededEntropy(seed: seed &* 1_000_003 &+ UInt64(number)).integer(in: 0...99) < 33 ? .lost : .arrives
        }
        let isUp = comesUp(&network, within: .seconds(120))
        #expect(network.kernel.violations.isEmpty)
        guard !isUp else { return }
        network.fate = { _ in .arrives }
        network.act(0) { $0.closeKeys(at: $1) }
        network.run(for: .seconds(400))
        #expect(network.kernel.sessions.isEmpty)
        #expect(network.gateway.status(at: network.now).sessionCount == 0)
    }

    @Test(arguments: 1...20)
    func mostCallsComeUpWithAFifthLost(_ seed: UInt64) throws {
        var network = try Fixture.network(clients: [Fixture.client(1)])
        network.fate = { number in
            SeededEntropy(seed: seed &* 7_919 &+ UInt64(number)).integer(in: 0...99) < 20 ? .lost : .arrives
        }
        #expect(comesUp(&network, within: .seconds(60)))
        #expect(network.kernel.violations.isEmpty)
    }

    /// Every tenth packet is something else than the client sent, also under its own keys. Whatever comes of it, nothing
    /// traps, nothing goes wrong in the kernel, and when the keys go nothing is left.
    @Test(arguments: 1...300)
    func mangledPacketsDoNoHarm(_ seed: UInt64) throws {
        var network = try Fixture.network(clients: [Fixture.client(1), Fixture.client(2, user: "bob")])
        network.fate = { number in
            let dice = SeededEntropy(seed: seed &* 104_729 &+ UInt64(number))
            return dice.integer(in: 0...9) == 0 ? .mangled(seed &* 31 &+ UInt64(number)) : .arrives
        }
        network.dial(0)
        network.dial(1)
        network.run(for: .seconds(90))
        network.fate = { _ in .arrives }
        for client in 0...1 { network.act(client) { $0.closeKeys(at: $1) } }
        network.run(for: .seconds(30))
        network.command(.shutDown)
        network.run(for: .seconds(120)) { $0.gateway.isIdle }
        #expect(network.kernel.isClean)
        #expect(network.kernel.violations.isEmpty)
        #expect(network.gateway.status(at: network.now).pools.first?.used == 0)
    }

    @Test func aClientThatRekeysKeepsItsCall() throws {
        var network = try Fixture.network(clients: [Fixture.client(1)])
        #expect(comesUp(&network, within: .seconds(5)))
        for round in 1...5 {
            network.act(0) { client, now in client.ike.startQuickMode(at: now).map(SimulatedClient.Packet.ike) }
            #expect(network.run(for: .seconds(5)) { $0.kernel.associations.count == 2 * (round + 1) })
        }
        #expect(Set(network.kernel.associations.values.map(\.requestID)).count == 1)
        #expect(network.kernel.interfaces.count == 1)
        #expect(network.kernel.violations.isEmpty)
    }

    @Test func aClientThatCrashedAndDialsAgainReplacesItsOldTunnel() throws {
        var network = try Fixture.network(clients: [Fixture.client(1)])
        #expect(comesUp(&network, within: .seconds(5)))
        network.clients[0] = try Fixture.client(1, seed: 99)
        network.dial(0)
        #expect(network.run(for: .seconds(20)) { $0.clients[0].isUp && $0.kernel.interfaces.count == 1 })
        #expect(network.gateway.status(at: network.now).tunnelCount == 1)
        #expect(network.gateway.status(at: network.now).pools.first?.used == 1)
        #expect(network.kernel.violations.isEmpty)
    }
}
