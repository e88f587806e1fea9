// SPDX-License-Identifier: Apache-2.0
import ControlPlane
import DataPlane
import IKE
import Primitives
import Simulation
import Testing

/// Who is silent, and who is gone: IKE, L2TP, PPP and the kernel's counters judge together.
struct LivenessTests {
    private func network(knowsDPD: Bool = false) throws -> SimulatedNetwork {
        var network = try Fixture.network(clients: [Fixture.client(1, behindNAT: true, knowsDPD: knowsDPD)])
        network.dial(0)
        #expect(network.run(for: .seconds(10)) { !$0.kernel.interfaces.isEmpty })
        network.run(for: .seconds(1))
        return network
    }

    private func isUp(_ network: SimulatedNetwork) -> Bool {
        network.kernel.interfaces.count == 1 && network.gateway.calls(at: network.now).first?.state == "up"
    }

    private func count(_ network: SimulatedNetwork, _ name: String) -> Int {
        network.eventNames.count { $0 == name }
    }

    @Test(arguments: [false, true])
    func aQuietPeerThatAnswersKeepsItsCallForADay(_ knowsDPD: Bool) throws {
        var network = try network(knowsDPD: knowsDPD)
        // Children are replaced by the gateway, the IKE SA by the client.
        for _ in 0..<4 {
            network.run(for: .seconds(20_000))
            network.act(0) { client, now in client.ike.rekeyIKE(at: now).map(SimulatedClient.Packet.ike) }
        }
        #expect(isUp(network))
        #expect(count(network, "control call-down") == 0)
        #expect(network.kernel.violations.isEmpty)
    }

    @Test("Z12 a dead peer's call is gone at the limit, once, and its address is back", arguments: [false, true])
    func deadPeer(_ knowsDPD: Bool) throws {
        var network = try network(knowsDPD: knowsDPD)
        // It has spoken for the last time just now.
        network.run(for: .seconds(200))
        let last = network.now
        network.blocked[0] = Set(SimulatedNetwork.Layer.allCases)
        #expect(network.run(for: .seconds(180)) { $0.kernel.interfaces.isEmpty })
        #expect(last.duration(to: network.now) >= .seconds(115))
        network.run(for: .seconds(400))
        #expect(count(network, "control call-down") == 1)
        #expect(network.kernel.isClean)
        #expect(network.gateway.status(at: network.now).pools.first?.used == 0)
        #expect(network.gateway.isIdle)
        #expect(network.gateway.nextDeadline == nil)
        #expect(network.kernel.violations.isEmpty)
    }

    @Test(arguments: [false, true])
    func aPhoneThatSleepsForTwoMinutesKeepsItsCall(_ knowsDPD: Bool) throws {
        var network = try network(knowsDPD: knowsDPD)
        for _ in 0..<5 {
            network.blocked[0] = Set(SimulatedNetwork.Layer.allCases)
            network.run(for: .seconds(110))
            network.blocked[0] = nil
            network.run(for: .seconds(90))
        }
        #expect(isUp(network))
        #expect(count(network, "control call-down") == 0)
        #expect(network.kernel.violations.isEmpty)
    }

    @Test(arguments: [
        Set(SimulatedNetwork.Layer.allCases), [.ike], [.control], [.frames], [.control, .frames], [.ike, .frames],
    ])
    func whoCarriesTrafficIsAliveWhateverControlPacketsAreLost(_ lost: Set<SimulatedNetwork.Layer>) throws {
        var network = try network(knowsDPD: true)
        let id = try #require(network.kernel.sessions.keys.first)
        network.blocked[0] = lost
        for _ in 0..<200 {
            network.run(for: .seconds(5))
            network.kernel.carry(3, for: id)
        }
        #expect(isUp(network))
        #expect(count(network, "control call-down") == 0)
        // And when that ends, so does the call.
        guard lost.count == 3 else { return }
        #expect(network.run(for: .seconds(240)) { $0.kernel.interfaces.isEmpty })
    }

    /// What the kernel carried an hour ago says nothing about now.
    @Test func trafficOfLongAgoDoesNotDelayTheVerdict() throws {
        var network = try network()
        let id = try #require(network.kernel.sessions.keys.first)
        network.run(for: .seconds(600))
        network.kernel.carry(1_000_000, for: id)
        network.blocked[0] = Set(SimulatedNetwork.Layer.allCases)
        #expect(network.run(for: .seconds(180)) { $0.kernel.interfaces.isEmpty })
    }

    @Test func oneQuestionAboutCountersIsEnoughAtATime() throws {
        let network = try network()
        var gateway = network.gateway
        var now = network.now
        var asked = 0
        for _ in 0..<2000 {
            guard let next = gateway.nextDeadline, network.now.duration(to: next) < .seconds(140) else { break }
            now = max(now, next)
            for effect in gateway.advance(to: now) {
                if case .request(.readCounters, _) = effect { asked += 1 }
            }
        }
        #expect(asked == 1)
    }

    @Test func aTunnelThatIsDeadGoesByItsOwnVerdictWhileIKEAnswers() throws {
        var network = try network(knowsDPD: true)
        network.blocked[0] = [.control, .frames]
        #expect(network.run(for: .seconds(240)) { $0.kernel.interfaces.isEmpty })
        network.run(for: .seconds(200))
        #expect(count(network, "control call-down") == 1)
        #expect(network.gateway.status(at: network.now).tunnelCount == 0)
        #expect(network.gateway.status(at: network.now).pools.first?.used == 0)
        // The keys of a peer that answers stay.
        #expect(network.gateway.status(at: network.now).childCount == 1)
        #expect(network.kernel.violations.isEmpty)
    }

    @Test func keysWithoutATunnelGoWhenTheirPeerIsSilent() throws {
        var network = try Fixture.network(clients: [Fixture.client(1)])
        network.blocked[0] = [.control, .frames]
        network.dial(0)
        #expect(network.run(for: .seconds(10)) { $0.kernel.associations.count == 2 })
        network.run(for: .seconds(140))
        #expect(network.kernel.associations.count == 2)
        network.run(for: .seconds(20))
        #expect(network.kernel.isClean)
        #expect(network.gateway.isIdle)
        #expect(count(network, "control no-tunnel") == 1)
        #expect(network.clients[0].ike.state == .closed)
    }

    /// As somebody does who brings up the keys by hand, and dials later.
    @Test func keysWithoutATunnelStayWhileTheirPeerIsHeard() throws {
        var network = try Fixture.network(clients: [Fixture.client(1, knowsDPD: true)])
        network.blocked[0] = [.control, .frames]
        network.dial(0)
        network.run(for: .seconds(2000))
        #expect(network.gateway.status(at: network.now).ikeCount == 1)
        #expect(count(network, "control no-tunnel") == 0)
    }

    @Test func stoppedTimersPassUnnoticedAndDoNotSpin() throws {
        var network = try network()
        network.command(.stopTimers(Set(ControlPlane.TimedLayer.allCases)))
        // Nothing but the path is looked at.
        #expect(network.gateway.nextDeadline.map { $0 > network.now } ?? false)
        network.blocked[0] = Set(SimulatedNetwork.Layer.allCases)
        network.run(for: .seconds(1000))
        #expect(isUp(network))
        network.command(.stopTimers([]))
        #expect(network.gateway.nextDeadline != nil)
        #expect(network.run(for: .seconds(300)) { $0.kernel.interfaces.isEmpty })
    }

    @Test(arguments: ControlPlane.TimedLayer.allCases)
    func oneStoppedLayerDoesNotStopTheOthers(_ layer: ControlPlane.TimedLayer) throws {
        var network = try network()
        network.command(.stopTimers([layer]))
        network.blocked[0] = Set(SimulatedNetwork.Layer.allCases)
        #expect(network.run(for: .seconds(300)) { $0.kernel.interfaces.isEmpty })
        #expect(count(network, "control call-down") == 1)
    }
}
