// SPDX-License-Identifier: Apache-2.0
import ControlPlane
import Cryptography
import DataPlane
import IKE
import Primitives
import Simulation
import Testing

/// Somebody else on the machine removes what is ours, or notices of the kernel are lost (N06, Z01).
struct ReconciliationTests {
    private func network(clients: Int = 1) throws -> SimulatedNetwork {
        var network = try Fixture.network(
            clients: (1...clients).map { try Fixture.client($0, user: $0 == 1 ? "alice" : "bob") }
        )
        for client in 0..<clients { network.dial(client) }
        #expect(network.run(for: .seconds(10)) { $0.kernel.interfaces.count == clients })
        // Until the path has been looked at.
        network.run(for: .seconds(3))
        return network
    }

    private func count(_ network: SimulatedNetwork, _ name: String) -> Int {
        network.eventNames.count { $0 == name }
    }

    @Test func nothingChangesWhenKernelAndBooksAgree() throws {
        var network = try network(clients: 2)
        let (associations, sessions) = (network.kernel.associations, network.kernel.sessions)
        network.notify(.noticesLost)
        network.run(for: .seconds(1))
        #expect(network.kernel.log.last == "takeInventory")
        #expect(network.kernel.associations == associations)
        #expect(network.kernel.sessions == sessions)
        #expect(count(network, "kernel reconciled") == 1)
    }

    @Test("N06 a removed session ends its call and no other")
    func aRemovedSession() throws {
        var network = try network(clients: 2)
        let id = try #require(network.kernel.sessions.keys.first)
        network.kernel.lose(id)
        network.notify(.vanished(.session(id)))
        network.run(for: .seconds(1))
        #expect(count(network, "kernel session-vanished") == 1)
        #expect(count(network, "control call-down") == 1)
        #expect(network.gateway.status(at: network.now).pools.first?.used == 1)
        // Tunnel and keys stay.
        #expect(network.gateway.status(at: network.now).tunnelCount == 2)
        #expect(network.gateway.status(at: network.now).childCount == 2)
        #expect(network.clients.count(where: \.isUp) == 2)
        #expect(network.kernel.violations.isEmpty)
        // The notice of our own tidying up.
        network.notify(.vanished(.session(id)))
        #expect(count(network, "control call-down") == 1)
    }

    @Test("Z01 a removed session whose notice was lost is found by asking")
    func aLostNotice() throws {
        var network = try network(clients: 2)
        let id = try #require(network.kernel.sessions.keys.first)
        network.kernel.lose(id)
        network.notify(.noticesLost)
        network.run(for: .seconds(1))
        #expect(count(network, "kernel session-vanished") == 1)
        #expect(count(network, "control call-down") == 1)
        #expect(network.kernel.sessions.count == 1)
        #expect(network.kernel.violations.isEmpty)
    }

    @Test func strangersWithOurMarkAreRemoved() throws {
        var network = try network()
        var association = try #require(network.kernel.associations.values.first)
        association.spi = try #require(ESPSPI(rawValue: 0xDEAD_BEEF))
        var session = try #require(network.kernel.sessions.values.first)
        session.id.session = 0xBEEF
        let before = (network.kernel.associations, network.kernel.sessions)
        network.kernel.stray(association)
        network.kernel.stray(session)
        network.notify(.noticesLost)
        network.run(for: .seconds(1))
        #expect(network.kernel.associations == before.0)
        #expect(network.kernel.sessions == before.1)
        #expect(network.kernel.violations.isEmpty)
    }

    @Test("N04 words about strangers are ignored")
    func wordsAboutStrangers() throws {
        var network = try network()
        let before = network.kernel.log
        let spi = try #require(ESPSPI(rawValue: 0xDEAD_BEEF))
        let id = SecurityAssociation.ID(destination: try #require(IPAddress("203.0.113.1")), spi: spi)
        network.notify(.vanished(.association(id)))
        network.notify(.vanished(.session(KernelSessionID(tunnel: 1, session: 2))))
        network.notify(.vanished(.session(KernelSessionID(tunnel: 70_000, session: 0))))
        network.notify(.expired(id, requestID: 77, isHard: true))
        network.notify(.expired(id, requestID: 0, isHard: false))
        network.run(for: .seconds(1))
        #expect(network.kernel.log == before)
        #expect(network.clients[0].isUp)
        #expect(count(network, "esp expired") == 0)
    }

    /// What was asked for, but not answered, is neither missing nor a stranger.
    @Test func requestsInFlightAreNotMisjudged() throws {
        let network = try network(clients: 2)
        var gateway = network.gateway
        let now = network.now
        var tickets: [DataPlaneRequest: DataPlaneTicket] = [:]
        var asked: [DataPlaneRequest] = []
        func tell(_ input: ControlPlane.Input) {
            for effect in gateway.handle(input, at: now) {
                guard case .request(let request, let ticket) = effect else { continue }
                tickets[request] = ticket
                asked.append(request)
            }
        }
        let inventory = KernelInventory(
            associations: Set(network.kernel.associations.keys),
            sessions: Set(network.kernel.sessions.keys)
        )
        // One session is on its way out when the question is put, the other goes after it.
        let sessions = network.kernel.sessions.keys.sorted { $0.tunnel < $1.tunnel }
        let users = try sessions.map { id in
            try #require(gateway.calls(at: now).first { $0.l2tp?.tunnel == UInt16(id.tunnel) }?.user)
        }
        tell(.notice(.vanished(.session(sessions[0]))))
        tell(.notice(.noticesLost))
        let question = try #require(tickets[.takeInventory])
        tell(.notice(.vanished(.session(sessions[1]))))
        asked = []
        // Lost again: asked again, but only after the answer.
        tell(.notice(.noticesLost))
        tell(.notice(.noticesLost))
        #expect(asked.isEmpty)
        tell(.notice(.answered(question, .inventory(inventory))))
        #expect(asked == [.takeInventory])
        #expect(Set(users) == ["alice", "bob"])
    }

    @Test func whatIsMadeAfterTheQuestionIsNotMissedInTheAnswer() throws {
        var network = try network()
        let now = network.now
        let effects = network.gateway.handle(.notice(.noticesLost), at: now)
        let tickets = effects.compactMap { effect -> DataPlaneTicket? in
            guard case .request(.takeInventory, let ticket) = effect else { return nil }
            return ticket
        }
        let question = try #require(tickets.first)
        let answer = network.kernel.perform(.takeInventory)
        network.act(0) { client, now in client.ike.startQuickMode(at: now).map(SimulatedClient.Packet.ike) }
        #expect(network.run(for: .seconds(5)) { $0.kernel.associations.count == 4 })
        network.notify(.answered(question, answer))
        network.run(for: .seconds(1))
        #expect(network.kernel.associations.count == 4)
        #expect(network.clients[0].isUp)
    }

    @Test func aQuestionThatFailsIsPutAgainButNotForEver() throws {
        var network = try network()
        network.kernel.failing = { $0 == .takeInventory ? DataPlaneError(step: "dump", code: 105) : nil }
        network.notify(.noticesLost)
        network.run(for: .seconds(60))
        #expect(network.kernel.log.count { $0 == "takeInventory" } == 5)
        #expect(count(network, "kernel inventory-refused") == 5)
        network.kernel.failing = { _ in nil }
        network.notify(.noticesLost)
        network.run(for: .seconds(1))
        #expect(count(network, "kernel reconciled") == 1)
        #expect(network.clients[0].isUp)
    }

    @Test func nothingIsReconciledWhileWeShutDown() throws {
        var network = try network()
        network.command(.shutDown)
        network.notify(.noticesLost)
        #expect(network.run(for: .seconds(60)) { $0.gateway.isIdle })
        #expect(!network.kernel.log.contains("takeInventory"))
        #expect(network.kernel.isClean)
    }
}
