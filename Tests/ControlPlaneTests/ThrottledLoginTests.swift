// SPDX-License-Identifier: Apache-2.0
import ControlPlane
import DataPlane
import PPP
import Primitives
import Simulation
import Testing

/// Wrong passwords, from clients that dial again and again.
struct ThrottledLoginTests {
    /// Dials as client `number` with this password, and hangs up.
    ///
    /// - Returns: Whether it got an address.
    private func dial(
        _ network: inout SimulatedNetwork,
        _ number: Int,
        password: String?,
        round: Int,
        user: String = "alice"
    ) throws -> Bool {
        network.clients = [
            try Fixture.client(
                number,
                user: user,
                password: password,
                methods: [.chapMD5],
                seed: UInt64(1000 * number + round)
            )
        ]
        network.dial(0)
        let isUp = network.run(for: .seconds(10)) { $0.clients[0].isUp && !$0.kernel.interfaces.isEmpty }
        network.act(0) { $0.hangUp(at: $1) }
        network.run(for: .seconds(1))
        network.act(0) { $0.closeKeys(at: $1) }
        network.run(for: .seconds(1))
        return isUp
    }

    @Test func whoFailsFiveTimesIsNotHeardForFiveMinutesAndItsVictimIsNotHurt() throws {
        var network = try Fixture.network(clients: [])
        for round in 0..<5 { #expect(try !dial(&network, 1, password: "guess \(round)", round: round)) }
        let locked = network.now
        // Even the right password is not looked at.
        #expect(try !dial(&network, 1, password: nil, round: 6))
        #expect(network.eventNames.filter { $0 == "authentication throttled-user" }.count == 1)
        // The victim dials from elsewhere, and another user from there.
        #expect(try dial(&network, 2, password: nil, round: 7))
        #expect(try dial(&network, 1, password: nil, round: 8, user: "bob"))
        network.run(for: .seconds(301) - locked.duration(to: network.now))
        #expect(try dial(&network, 1, password: nil, round: 9))
        #expect(network.kernel.violations.isEmpty)
        #expect(network.gateway.status(at: network.now).pools.first?.used == 0)
    }

    @Test func aRefusalComesLateAndAWelcomeAtOnce() throws {
        func time(_ network: SimulatedNetwork, of name: String) throws -> MonotonicTime {
            var network = network
            network.dial(0)
            #expect(network.run(for: .seconds(20)) { $0.eventNames.contains(name) })
            return network.now
        }
        let right = try Fixture.network(clients: [Fixture.client(1)])
        let wrong = try Fixture.network(clients: [Fixture.client(1, password: "wrong")])
        let welcome = try time(right, of: "authentication user-authenticated")
        let refusal = try time(wrong, of: "authentication user-refused")
        #expect(welcome.duration(to: refusal) == .milliseconds(500))
    }

    @Test func aCallThatEndsBeforeItsVerdictLeavesNothing() throws {
        var network = try Fixture.network(clients: [Fixture.client(1, password: "wrong")])
        network.dial(0)
        // The Response is there when the proof was compared; the refusal waits.
        network.run(for: .milliseconds(600))
        network.act(0) { $0.closeKeys(at: $1) }
        network.run(for: .seconds(120))
        #expect(network.gateway.isIdle)
        #expect(network.gateway.nextDeadline == nil)
        #expect(network.kernel.isClean)
    }
}
