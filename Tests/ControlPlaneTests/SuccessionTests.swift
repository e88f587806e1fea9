// SPDX-License-Identifier: Apache-2.0
import ControlPlane
import Cryptography
import DataPlane
import Primitives
import Simulation
import Testing

/// A peer's keys grow old and are followed by others; its tunnel and its call do not notice.
struct SuccessionTests {
    private func network() throws -> SimulatedNetwork {
        var network = try Fixture.network(clients: [Fixture.client(1, behindNAT: true)])
        network.dial(0)
        #expect(network.run(for: .seconds(10)) { !$0.kernel.interfaces.isEmpty })
        network.run(for: .seconds(1))
        return network
    }

    /// Main mode and quick mode anew, with everything above as it is.
    private func renewKeys(_ network: inout SimulatedNetwork, seed: UInt64) {
        network.act(0) { client, now in
            client.ike = SimulatedIKEInitiator(client.ike.settings, entropy: SeededEntropy(seed: seed))
            return client.start(at: now)
        }
    }

    private func isCallAlive(_ network: inout SimulatedNetwork) -> Bool {
        network.act(0) { client, now in client.sayHello(at: now) }
        return network.run(for: .seconds(10)) { $0.clients[0].lac.isSettled } && network.kernel.interfaces.count == 1
    }

    @Test func aNewIKESAJoinsItsPeersAssociation() throws {
        var network = try network()
        let (sockets, sessions) = (network.kernel.sockets, network.kernel.sessions)
        for round in 1...5 {
            renewKeys(&network, seed: UInt64(100 + round))
            #expect(network.run(for: .seconds(10)) { !$0.clients[0].ike.children.isEmpty })
            network.run(for: .seconds(1))
            #expect(isCallAlive(&network))
        }
        #expect(network.kernel.sockets == sockets)
        #expect(network.kernel.sessions == sessions)
        #expect(network.gateway.calls(at: network.now).count == 1)
        #expect(!network.eventNames.contains("control call-down"))
    }

    @Test func whoDeletesBeforeItRenewsKeepsItsCall() throws {
        var network = try network()
        let (sockets, sessions) = (network.kernel.sockets, network.kernel.sessions)
        network.act(0) { $0.closeKeys(at: $1) }
        network.run(for: .seconds(2))
        #expect(network.kernel.associations.isEmpty)
        #expect(network.kernel.interfaces.count == 1)
        renewKeys(&network, seed: 99)
        #expect(network.run(for: .seconds(10)) { !$0.clients[0].ike.children.isEmpty })
        network.run(for: .seconds(1))
        #expect(isCallAlive(&network))
        network.run(for: .seconds(600))
        #expect(isCallAlive(&network))
        #expect(network.kernel.sockets == sockets)
        #expect(network.kernel.sessions == sessions)
        #expect(!network.eventNames.contains("control call-down"))
        #expect(network.kernel.violations.isEmpty)
    }

    @Test func whoDeletesAndDoesNotRenewLosesItsCallOnce() throws {
        var network = try network()
        network.act(0) { $0.closeKeys(at: $1) }
        #expect(network.run(for: .seconds(60)) { $0.kernel.isClean })
        network.run(for: .seconds(300))
        #expect(network.eventNames.count { $0 == "control call-down" } == 1)
        #expect(network.gateway.isIdle)
        #expect(network.gateway.nextDeadline == nil)
        #expect(network.gateway.status(at: network.now).pools.first?.used == 0)
    }

    /// With another address the peer's next IKE SA is a stranger's; what it left ends at its own time.
    @Test func whoMovesAndRenewsMovesItsTunnelToo() throws {
        var network = try network()
        let elsewhere = try #require(IPAddress("198.51.100.9"))
        network.clients[0].moveNAT(to: elsewhere, ports: [500: 500, 4500: 4500])
        #expect(isCallAlive(&network))
        renewKeys(&network, seed: 99)
        #expect(network.run(for: .seconds(10)) { !$0.clients[0].ike.children.isEmpty })
        network.run(for: .seconds(1))
        #expect(isCallAlive(&network))
        #expect(network.kernel.sockets.count == 1)
        #expect(network.gateway.calls(at: network.now).count == 1)
        #expect(network.kernel.violations.isEmpty)
    }
}
