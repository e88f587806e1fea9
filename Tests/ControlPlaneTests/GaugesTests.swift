// SPDX-License-Identifier: Apache-2.0
import ControlPlane
import DataPlane
import IKE
import Primitives
import Simulation
import Testing

/// The gateway in numbers.
struct GaugesTests {
    @Test func everyCallIsInOneStateAndTheStatesAreThoseOfTheSnapshots() throws {
        let network = try Fixture.networkInSeveralStates()
        let gauges = network.gateway.gauges()
        #expect(
            gauges.callsByState
                == ["keying": 1, "keyed": 1, "tunnel": 0, "negotiating": 0, "up": 2, "closing": 0]
        )
        let snapshots = network.gateway.calls(at: network.now) + network.gateway.halfOpenPeers(at: network.now)
        #expect(
            gauges.callsByState.filter { $0.value > 0 }
                == Dictionary(grouping: snapshots, by: \.state).mapValues(\.count)
        )
        #expect(Set(gauges.callsByState.keys) == Set(ControlPlane.callStates))
        let status = network.gateway.status(at: network.now)
        #expect(gauges.ikeCount == status.ikeCount)
        #expect(gauges.childCount == status.childCount)
        #expect(gauges.tunnelCount == status.tunnelCount)
        #expect(gauges.sessionCount == status.sessionCount)
        #expect(gauges.pools == status.pools)
        #expect(gauges.ikeTransforms == [Fixture.ikeOffer[0]: 3])
        #expect(gauges.espTransforms == [Fixture.espOffer[0]: 3])
        #expect(network.gateway.kernelSessions.count == 2)
    }

    @Test func theNewestCallsComeFirst() throws {
        var network = try Fixture.network(
            clients: [Fixture.client(1), Fixture.client(2, user: "bob"), Fixture.client(3)]
        )
        for client in 0..<3 {
            network.dial(client)
            network.run(for: .seconds(3))
        }
        let all = network.gateway.newestCalls(10, at: network.now)
        #expect(all.map(\.user) == ["alice", "bob", "alice"])
        #expect(all.map(\.age) == all.map(\.age).sorted())
        #expect(network.gateway.newestCalls(2, at: network.now) == Array(all.prefix(2)))
        #expect(network.gateway.newestCalls(1, at: network.now) == Array(all.prefix(1)))
        let snapshots = network.gateway.calls(at: network.now)
        for call in all {
            let snapshot = try #require(snapshots.first { $0.trace == call.trace.description })
            #expect(snapshot.state == call.state)
            #expect(snapshot.innerAddress == call.innerAddress?.description)
            #expect(snapshot.interface == call.interface)
        }
    }

    @Test func keysThatTakeThePlaceOfOthersAreCountedByWhoBegan() throws {
        var network = try Fixture.network(clients: [Fixture.client(1)])
        network.dial(0)
        network.run(for: .seconds(5))
        var gauges = network.gateway.gauges()
        #expect(gauges.childrenReplaced == ControlPlane.ByInitiator())
        #expect(gauges.ikeReplaced == ControlPlane.ByInitiator())
        network.act(0) { client, now in client.ike.rekeyChild(at: now).map(SimulatedClient.Packet.ike) }
        network.run(for: .seconds(5))
        #expect(network.gateway.gauges().childrenReplaced == .init(byPeer: 1, byUs: 0))
        network.act(0) { client, now in client.ike.rekeyIKE(at: now).map(SimulatedClient.Packet.ike) }
        network.run(for: .seconds(5))
        // It makes a new child under the new IKE SA.
        gauges = network.gateway.gauges()
        #expect(gauges.ikeReplaced == .init(byPeer: 1, byUs: 0))
        #expect(gauges.childrenReplaced == .init(byPeer: 2, byUs: 0))
        // Nobody else does it for the next hours.
        network.run(for: .seconds(7_200))
        gauges = network.gateway.gauges()
        #expect(gauges.childrenReplaced.byPeer == 2)
        #expect(gauges.childrenReplaced.byUs > 0)
    }

    @Test func whatIsSentAgainIsCounted() throws {
        var network = try Fixture.network(clients: [Fixture.client(1), Fixture.client(2, user: "bob")])
        network.dial(0)
        network.run(for: .seconds(5))
        let before = network.gateway.gauges()
        #expect(before.l2tpRetransmissions == 0)
        #expect(before.pppRetransmissions == 0)
        // The first goes silent, the second never answers what PPP asks.
        network.blocked[0] = Set(SimulatedNetwork.Layer.allCases)
        network.blocked[1] = [.frames]
        network.dial(1)
        network.run(for: .seconds(120))
        let after = network.gateway.gauges()
        #expect(after.l2tpRetransmissions > 0)
        #expect(after.pppRetransmissions > 0)
    }

    @Test func aRekeyingOfOursThatNobodyAnswersIsRepeated() throws {
        var network = try Fixture.network(clients: [Fixture.client(1)])
        network.dial(0)
        network.run(for: .seconds(5))
        let before = network.gateway.gauges().ikeRetransmissions
        network.blocked[0] = [.ike]
        network.run(for: .seconds(7_200))
        #expect(network.gateway.gauges().ikeRetransmissions > before)
    }
}
