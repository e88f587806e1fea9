// SPDX-License-Identifier: Apache-2.0
import ControlPlane
import Cryptography
import DataPlane
import IKE
import L2TP
import PPP
import Primitives
import Simulation
import Testing

/// Whole calls, from the first IKE message to the last Delete, in virtual time.
struct FirstCallTests {
    @Test func aClientDialsInAndHasAnAddress() throws {
        var network = try Fixture.network(clients: [Fixture.client(1)])
        network.dial(0)
        #expect(network.run(for: .seconds(10)) { $0.clients[0].isUp && !$0.kernel.interfaces.isEmpty })
        #expect(network.kernel.sockets.values.map(\.omitsChecksum) == [false])
        #expect(network.clients[0].ppp.address == IPAddress("10.99.0.2"))
        #expect(network.clients[0].ppp.dns == [IPAddress("192.0.2.53")].compactMap(\.self))
        #expect(network.kernel.violations.isEmpty)
        #expect(
            network.kernel.log == [
                "openSocket", "install inbound", "install outbound", "connectSocket", "readPathMTU", "createSession",
                "bringUp", "probePath",
            ]
        )
        #expect(network.eventNames.contains("control call-up"))
    }

    @Test func aClientBehindNATHasItsESPInUDP() throws {
        var network = try Fixture.network(clients: [Fixture.client(1, behindNAT: true)])
        network.dial(0)
        #expect(network.run(for: .seconds(10)) { !$0.kernel.interfaces.isEmpty })
        let encapsulations = network.kernel.associations.values.map { ($0.direction, $0.encapsulation) }
        for (direction, encapsulation) in encapsulations {
            let ports =
                direction == .inbound
                ? [encapsulation?.sourcePort, encapsulation?.destinationPort]
                : [encapsulation?.destinationPort, encapsulation?.sourcePort]
            #expect(ports == [40_001, 4500])
        }
        #expect(encapsulations.count == 2)
        // Addresses change on the way, out of the sight of checksums.
        #expect(network.kernel.sockets.values.map(\.omitsChecksum) == [true])
        #expect(network.kernel.violations.isEmpty)
    }

    @Test func twoClientsBehindOneAddressDoNotMeet() throws {
        var network = try Fixture.network(
            clients: [Fixture.client(1, behindNAT: true), Fixture.client(2, behindNAT: true, user: "bob")]
        )
        network.dial(0)
        network.dial(1)
        #expect(
            network.run(for: .seconds(10)) { $0.kernel.interfaces.count == 2 && $0.clients.allSatisfy(\.isUp) }
        )
        #expect(network.clients[0].ppp.address != network.clients[1].ppp.address)
        #expect(Set(network.kernel.sockets.keys.map(\.port)).count == 2)
        #expect(network.kernel.violations.isEmpty)
    }

    @Test(arguments: AuthenticationMethod.allCases)
    func everyMethodOfAuthenticationWorks(_ method: AuthenticationMethod) throws {
        var network = try Fixture.network(clients: [Fixture.client(1, methods: [method])])
        network.dial(0)
        #expect(network.run(for: .seconds(20)) { !$0.kernel.interfaces.isEmpty })
        #expect(network.gateway.calls(at: network.now).first?.ppp?.authentication == method.rawValue)
    }

    @Test func theClientsGoodbyeLeavesNothing() throws {
        var network = try Fixture.network(clients: [Fixture.client(1)])
        network.dial(0)
        #expect(network.run(for: .seconds(10)) { !$0.kernel.interfaces.isEmpty })
        network.act(0) { $0.hangUp(at: $1) }
        network.run(for: .seconds(2))
        network.act(0) { $0.closeKeys(at: $1) }
        network.run(for: .seconds(120))
        #expect(network.kernel.isClean)
        #expect(network.kernel.violations.isEmpty)
        #expect(network.gateway.calls(at: network.now).isEmpty)
        #expect(network.gateway.status(at: network.now).pools.first?.used == 0)
        #expect(network.gateway.nextDeadline == nil)
    }

    /// Also while our end of the tunnel still waits for copies of its goodbye.
    @Test func theClientsLastWordLeavesNothingAtOnce() throws {
        var network = try Fixture.network(clients: [Fixture.client(1)])
        network.dial(0)
        #expect(network.run(for: .seconds(10)) { !$0.kernel.interfaces.isEmpty })
        network.act(0) { $0.hangUp(at: $1) }
        network.run(for: .milliseconds(30))
        network.act(0) { $0.closeKeys(at: $1) }
        network.run(for: .seconds(1))
        #expect(network.kernel.isClean)
        #expect(network.gateway.isIdle)
        #expect(network.eventNames.count { $0 == "control call-down" } == 1)
        #expect(network.kernel.violations.isEmpty)
    }

    @Test func keysThatGoFirstTakeTheCallWithThem() throws {
        var network = try Fixture.network(clients: [Fixture.client(1)])
        network.dial(0)
        #expect(network.run(for: .seconds(10)) { !$0.kernel.interfaces.isEmpty })
        network.act(0) { $0.closeKeys(at: $1) }
        network.run(for: .seconds(120))
        #expect(network.kernel.isClean)
        #expect(network.kernel.violations.isEmpty)
        #expect(network.gateway.status(at: network.now).pools.first?.used == 0)
    }

    @Test func theGatewaysGoodbyeIsHeardOnEveryLayerAndLeavesNothing() throws {
        var network = try Fixture.network(clients: [Fixture.client(1), Fixture.client(2, user: "bob")])
        network.dial(0)
        network.dial(1)
        #expect(network.run(for: .seconds(10)) { $0.kernel.interfaces.count == 2 })
        network.command(.shutDown)
        #expect(network.run(for: .seconds(5)) { $0.gateway.isIdle })
        #expect(network.kernel.isClean)
        #expect(network.kernel.violations.isEmpty)
        network.run(for: .seconds(1))
        for client in network.clients {
            #expect(client.ike.state == .closed)
            #expect(client.lac.state != .established)
        }
    }

    @Test func terminateEndsOneCallAndNoOther() throws {
        var network = try Fixture.network(clients: [Fixture.client(1), Fixture.client(2, user: "bob")])
        network.dial(0)
        network.dial(1)
        #expect(network.run(for: .seconds(10)) { $0.kernel.interfaces.count == 2 })
        network.command(.terminate(.user("bob")))
        network.run(for: .seconds(40))
        #expect(network.clients[1].ike.state == .closed)
        #expect(network.clients[0].isUp)
        #expect(network.kernel.interfaces.count == 1)
        #expect(network.kernel.sockets.count == 1)
        #expect(network.kernel.violations.isEmpty)
    }

    @Test func aWrongPasswordIsSaidOnceAndLeavesNoSession() throws {
        var network = try Fixture.network(clients: [Fixture.client(1, password: "wrong")])
        network.dial(0)
        network.run(for: .seconds(60))
        #expect(network.eventNames.contains("authentication user-refused"))
        #expect(network.kernel.sessions.isEmpty)
        #expect(!network.kernel.log.contains("createSession"))
        #expect(network.kernel.violations.isEmpty)
    }

    @Test func aWrongPreSharedKeyAsksNothingOfTheKernel() throws {
        var network = try Fixture.network(clients: [Fixture.client(1, preSharedKey: "other")])
        network.dial(0)
        network.run(for: .seconds(60))
        #expect(network.eventNames.filter { $0 == "ike authentication-failed" }.count == 1)
        #expect(network.kernel.log.isEmpty)
        #expect(network.gateway.status(at: network.now).ikeCount == 0)
    }

    @Test func noCommonProposalIsSaidAndAsksNothingOfTheKernel() throws {
        let legacy = IKETransform(cipher: .tripleDESCBC, hash: .md5, group: .modp1024)
        var network = try Fixture.network(clients: [Fixture.client(1, ikeOffer: [legacy])])
        network.dial(0)
        network.run(for: .seconds(60))
        #expect(network.eventNames.contains("ike no-proposal-chosen"))
        #expect(network.clients[0].ike.state == .failed("NO-PROPOSAL-CHOSEN"))
        #expect(network.kernel.log.isEmpty)
    }

    @Test func aFullPoolRefusesOneCallerAndKeepsTheOther() throws {
        var network = try Fixture.network(
            clients: [Fixture.client(1), Fixture.client(2, user: "bob")],
            pool: "10.99.0.0/30"
        )
        network.dial(0)
        #expect(network.run(for: .seconds(10)) { $0.kernel.interfaces.count == 1 })
        network.dial(1)
        network.run(for: .seconds(30))
        #expect(network.eventNames.contains("control no-address"))
        #expect(network.clients[0].isUp)
        #expect(!network.clients[1].isUp)
        #expect(network.kernel.violations.isEmpty)
    }
}
