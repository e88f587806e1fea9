// SPDX-License-Identifier: Apache-2.0
import ControlPlane
import DataPlane
import Primitives
import Simulation
import Testing

/// A user with an address of its own has it in its newest call (Z11).
struct FixedAddressTests {
    private let own = IPAddress("10.99.0.77")!

    private func network(_ clients: [SimulatedClient]) throws -> SimulatedNetwork {
        var configuration = try Fixture.configuration()
        configuration.users[0].address = own
        var network = try Fixture.network(clients: clients, configuration: configuration)
        network.dial(0)
        #expect(network.run(for: .seconds(10)) { !$0.kernel.interfaces.isEmpty })
        network.run(for: .seconds(1))
        return network
    }

    @Test("Z11 a client that rebooted without a goodbye has its address back at once")
    func aRebootedClient() throws {
        var network = try network([Fixture.client(1)])
        #expect(network.clients[0].ppp.address == own)
        // Other keys from another address: nothing but the name says that it is the same.
        network.clients[0] = try Fixture.client(2, seed: 99)
        network.dial(0)
        #expect(network.run(for: .seconds(10)) { $0.clients[0].isUp && $0.kernel.interfaces.count == 1 })
        #expect(network.clients[0].ppp.address == own)
        #expect(network.eventNames.count { $0 == "control call-down" } == 1)
        let down = network.events.compactMap { event -> String? in
            guard case .call(let call) = event, case .down(_, _, let reason, _) = call.kind else { return nil }
            return reason
        }
        #expect(down == ["a newer call of the same user takes its address"])
        #expect(network.kernel.violations.isEmpty)
    }

    @Test func theAddressPassesOnOnlyWhenItsRouteIsGone() throws {
        var network = try network([Fixture.client(1), Fixture.client(2)])
        network.dial(1)
        #expect(network.run(for: .seconds(10)) { $0.clients[1].isUp })
        let last = network.kernel.log.filter { ["createSession", "bringUp", "removeSession"].contains($0) }
        #expect(last == ["createSession", "bringUp", "removeSession", "createSession", "bringUp"])
    }

    @Test func twoDevicesOfOneUserAreToldApartByTimeAlone() throws {
        var network = try network([Fixture.client(1), Fixture.client(2)])
        network.dial(1)
        #expect(network.run(for: .seconds(10)) { $0.clients[1].isUp && $0.kernel.interfaces.count == 1 })
        #expect(network.clients[1].ppp.address == own)
        #expect(network.gateway.calls(at: network.now).count { $0.user == "alice" } == 1)
        #expect(network.kernel.violations.isEmpty)
    }

    @Test func aUserWithoutAnAddressOfItsOwnHasAsManyCallsAsItLikes() throws {
        var network = try network([Fixture.client(1, user: "bob"), Fixture.client(2, user: "bob")])
        network.dial(1)
        #expect(network.run(for: .seconds(10)) { $0.kernel.interfaces.count == 2 && $0.clients.allSatisfy(\.isUp) })
    }

    @Test func whatIsOverLeavesTheAddressFree() throws {
        var network = try network([Fixture.client(1), Fixture.client(2), Fixture.client(3)])
        network.dial(1)
        network.dial(2)
        network.run(for: .seconds(20))
        #expect(network.kernel.interfaces.count == 1)
        for client in 0...2 {
            network.act(client) { $0.hangUp(at: $1) }
            network.run(for: .seconds(1))
            network.act(client) { $0.closeKeys(at: $1) }
        }
        network.run(for: .seconds(120))
        #expect(network.kernel.isClean)
        network.clients[0] = try Fixture.client(1, seed: 77)
        network.dial(0)
        #expect(network.run(for: .seconds(10)) { $0.clients[0].isUp })
        #expect(network.clients[0].ppp.address == own)
        #expect(network.kernel.violations.isEmpty)
    }
}
