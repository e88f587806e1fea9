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

/// Another configuration while calls are up: nobody is dropped who may still be here.
struct ReconfigurationTests {
    private let base: ControlPlane.Configuration

    init() throws {
        base = try Fixture.configuration()
    }

    /// Alice and bob, both up.
    private func network(_ configuration: ControlPlane.Configuration? = nil) throws -> SimulatedNetwork {
        var network = try Fixture.network(
            clients: [Fixture.client(1), Fixture.client(2, user: "bob")],
            configuration: configuration ?? base
        )
        network.kernel.gatewayAddresses = [base.pools[0].gateway]
        network.dial(0)
        network.dial(1)
        #expect(network.run(for: .seconds(10)) { $0.kernel.interfaces.count == 2 })
        network.run(for: .seconds(2))
        return network
    }

    private func reasons(_ network: SimulatedNetwork) -> [String] {
        network.events.compactMap { event in
            guard case .call(let call) = event, case .down(_, _, let reason, _) = call.kind else { return nil }
            return reason
        }
    }

    private func secret(_ text: String) -> SecretBytes { SecretBytes(copying: Array(text.utf8)) }

    /// Every call answers, and nothing of it was made anew.
    private func expectUntouched(
        _ body: (inout ControlPlane.Configuration) throws -> Void,
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        var network = try network()
        let kernel = network.kernel
        var other = base
        try body(&other)
        #expect(network.gateway.departures(under: other) == [], sourceLocation: sourceLocation)
        network.command(.reconfigure(other))
        network.run(for: .seconds(1))
        for client in 0...1 { network.act(client) { $0.sayHello(at: $1) } }
        #expect(
            network.run(for: .seconds(10)) { $0.clients.allSatisfy(\.lac.isSettled) },
            sourceLocation: sourceLocation
        )
        // Long enough for every question that is asked of silent peers.
        network.run(for: .seconds(400))
        #expect(network.kernel.sockets == kernel.sockets, sourceLocation: sourceLocation)
        #expect(network.kernel.sessions == kernel.sessions, sourceLocation: sourceLocation)
        #expect(network.kernel.interfaces == kernel.interfaces, sourceLocation: sourceLocation)
        #expect(network.kernel.associations == kernel.associations, sourceLocation: sourceLocation)
        #expect(reasons(network) == [], sourceLocation: sourceLocation)
        #expect(network.kernel.violations.isEmpty, sourceLocation: sourceLocation)
    }

    @Test func whatChangesForOthersIsNotFelt() throws {
        try expectUntouched { _ in }
        try expectUntouched { $0.users.append(User(name: "carol", secret: .password(secret("s")))) }
        try expectUntouched { $0.users.reverse() }
        try expectUntouched { $0.users[0].secret = .password(secret("another")) }
        try expectUntouched { $0.users[0].address = IPAddress("10.99.0.200") }
        try expectUntouched { $0.dns = [.v4(0xC000_0201)] }
        try expectUntouched { $0.mtu = .fixed(1280) }
        try expectUntouched { $0.outerMTU = 1300 }
        try expectUntouched { $0.ppp.authentication = [.pap] }
        try expectUntouched { $0.l2tp.secret = secret("tunnel") }
        try expectUntouched { $0.l2tp.hostName = "other" }
        try expectUntouched { $0.callLimit = 1 }
        try expectUntouched { $0.ike.ikeSALimit = 1 }
        try expectUntouched { $0.l2tp.tunnelLimit = 1 }
        try expectUntouched { $0.traceLimits.traces = 1 }
        try expectUntouched { $0.ike.exchangeTimeout = .seconds(10) }
        try expectUntouched { $0.ike.profiles[0].preSharedKeys = [PreSharedKey(secret: secret("new"))] }
        try expectUntouched {
            $0.ike.profiles[0].preSharedKeys = [
                PreSharedKey(name: "x", secret: secret("xx")), PreSharedKey(name: "all", secret: secret("labpsk")),
            ]
        }
        try expectUntouched { $0.ike.profiles[0].ikeProposals = [IKETransform("aes128-sha1-modp2048")!] }
        try expectUntouched { $0.ike.profiles[0].ikeLifetime = .seconds(300) }
        try expectUntouched { $0.ike.profiles[0].identities = [IdentityPattern("nobody")] }
        try expectUntouched { $0.ike.profiles[0].name = "renamed" }
        try expectUntouched { $0.ike.profiles[0].remote = [IPPrefix("203.0.113.0/24")!] }
        try expectUntouched {
            var first = $0.ike.profiles[0]
            first.name = "first"
            $0.ike.profiles.insert(first, at: 0)
        }
        try expectUntouched { $0.pools = [] }
        try expectUntouched { $0.pools[0].range = IPPrefix("10.98.0.0/24")! }
        try expectUntouched { $0.pools[0].gateway = IPAddress("10.97.0.1")! }
    }

    @Test func aRemovedUserEndsAloneAndSaysSo() throws {
        var network = try network()
        var other = base
        other.users.removeFirst()
        let departures = network.gateway.departures(under: other)
        #expect(departures.map(\.userName) == ["alice"])
        #expect(departures.map(\.reason) == [.userRemoved("alice")])
        network.command(.reconfigure(other))
        #expect(network.run(for: .seconds(30)) { $0.kernel.sockets.count == 1 })
        #expect(!network.clients[0].isUp)
        #expect(network.clients[1].isUp)
        #expect(reasons(network) == ["a reload removed the user alice"])
        // Nothing tells her peer that she is gone but our goodbye: it has to be one.
        network.run(for: .seconds(300))
        #expect(network.gateway.calls(at: network.now).map(\.user) == ["bob"])
        #expect(network.gateway.status(at: network.now).pools.first?.used == 1)
        #expect(network.kernel.violations.isEmpty)
    }

    @Test func aDisabledUserEndsToo() throws {
        var network = try network()
        var other = base
        other.users[1].isDisabled = true
        network.command(.reconfigure(other))
        #expect(network.run(for: .seconds(30)) { $0.kernel.sockets.count == 1 })
        #expect(reasons(network) == ["a reload disabled the user bob"])
        #expect(network.clients[0].isUp)
    }

    /// The reason is a sentence of an event: it must name her as the event's field does, or privacy finds no name in it.
    @Test func aDisabledUserIsNamedAsShePresentedHerself() throws {
        var network = try Fixture.network(
            clients: [Fixture.client(1, user: "OFFICE\\alice", password: "secret of alice")],
            configuration: base
        )
        network.kernel.gatewayAddresses = [base.pools[0].gateway]
        network.dial(0)
        #expect(network.run(for: .seconds(10)) { $0.kernel.interfaces.count == 1 })
        var other = base
        other.users[0].isDisabled = true
        #expect(network.gateway.departures(under: other).map(\.reason) == [.userDisabled("OFFICE\\alice")])
        network.command(.reconfigure(other))
        #expect(network.run(for: .seconds(30)) { $0.kernel.sockets.isEmpty })
        #expect(reasons(network) == ["a reload disabled the user OFFICE\\alice"])
    }

    @Test func aRemovedProfileEndsItsCallsWithAGoodbye() throws {
        var network = try network()
        var other = base
        other.ike.profiles[0].name = "other"
        other.ike.profiles[0].preSharedKeys = [PreSharedKey(secret: secret("other"))]
        network.command(.reconfigure(other))
        #expect(network.run(for: .seconds(60)) { $0.kernel.isClean })
        #expect(
            reasons(network) == [
                "a reload removed the profile remote-access", "a reload removed the profile remote-access",
            ]
        )
        #expect(network.clients.allSatisfy { !$0.isUp })
        network.run(for: .seconds(300))
        #expect(network.gateway.isIdle)
        #expect(network.gateway.nextDeadline == nil)
        #expect(network.gateway.status(at: network.now).ikeCount == 0)
    }

    @Test func aProfileThatIsNotForAnAddressAnyMoreEndsThatCall() throws {
        var network = try network()
        var other = base
        other.ike.profiles[0].remote = [try #require(IPPrefix("203.0.113.12/32"))]
        network.command(.reconfigure(other))
        #expect(network.run(for: .seconds(60)) { $0.kernel.sockets.count == 1 })
        #expect(reasons(network) == ["since a reload the profile remote-access is not for 203.0.113.11"])
        #expect(network.clients[1].isUp)
    }

    @Test func keysWithoutACallOfARemovedProfileGo() throws {
        var network = try Fixture.network(clients: [Fixture.client(1)], configuration: base)
        network.blocked = [0: [.control, .frames]]
        network.dial(0)
        #expect(network.run(for: .seconds(10)) { $0.kernel.associations.count == 2 })
        var other = base
        other.ike.profiles = []
        network.command(.reconfigure(other))
        #expect(network.run(for: .seconds(10)) { $0.kernel.isClean })
        #expect(network.gateway.status(at: network.now).ikeCount == 0)
    }

    @Test func phaseOneUnderAnotherProfileBeginsAnew() throws {
        for messages in 1...5 {
            var network = try Fixture.network(clients: [Fixture.client(1)], configuration: base)
            network.dial(0)
            _ = network.run(for: .seconds(10)) { $0.carried >= messages }
            var other = base
            other.ike.profiles[0].espProposals.append(
                ESPTransform(cipher: .aesCBC(keyBits: 128), integrity: .hmacSHA1_96)
            )
            network.command(.reconfigure(other))
            network.run(for: .seconds(60))
            #expect(network.gateway.status(at: network.now).ikeCount <= 1)
            network.clients[0] = try Fixture.client(1, seed: 50)
            network.dial(0)
            #expect(network.run(for: .seconds(20)) { $0.clients[0].isUp })
            #expect(network.kernel.violations.filter { !$0.contains("cannot decrypt") }.isEmpty)
        }
    }

    @Test func phaseOneUnderTheSameProfileGoesOn() throws {
        for messages in 1...12 {
            var network = try Fixture.network(clients: [Fixture.client(1)], configuration: base)
            network.dial(0)
            _ = network.run(for: .seconds(10)) { $0.carried >= messages }
            var other = base
            var first = other.ike.profiles[0]
            if messages > 6 {
                // Its place is another one from now on.
                first.name = "first"
                first.remote = [try #require(IPPrefix("192.0.2.0/24"))]
                other.ike.profiles.insert(first, at: 0)
            }
            other.users.append(User(name: "carol", secret: .password(secret("s"))))
            network.command(.reconfigure(other))
            #expect(network.run(for: .seconds(20)) { $0.clients[0].isUp })
        }
    }

    @Test func theNewPasswordCountsTheNextTime() throws {
        var network = try network()
        var other = base
        other.users[0].secret = .password(secret("another"))
        network.command(.reconfigure(other))
        network.act(0) { $0.hangUp(at: $1) }
        network.run(for: .seconds(5))
        network.clients[0] = try Fixture.client(3)
        network.dial(0)
        #expect(!network.run(for: .seconds(15)) { $0.clients[0].isUp })
        network.clients[0] = try Fixture.client(4, password: "another")
        network.dial(0)
        #expect(network.run(for: .seconds(15)) { $0.clients[0].isUp })
    }

    @Test func aRekeyingAfterAReloadKeepsTheCall() throws {
        for change in 0...4 {
            var network = try network()
            let (sockets, sessions) = (network.kernel.sockets, network.kernel.sessions)
            var other = base
            var unrelated = other.ike.profiles[0]
            unrelated.name = "elsewhere"
            unrelated.remote = [try #require(IPPrefix("192.0.2.0/24"))]
            switch change {
            case 0: other.ike.profiles.insert(unrelated, at: 0)
            case 1: other.ike.profiles[0].ikeLifetime = .seconds(600)
            case 2: other.ike.profiles[0].name = "renamed"
            case 3:
                // The one key is one of two from now on, and the second of them.
                other.ike.profiles[0].preSharedKeys = [
                    PreSharedKey(name: "x", secret: secret("xx")), PreSharedKey(name: "y", secret: secret("labpsk")),
                ]
            case _: other.users.removeLast()
            }
            network.command(.reconfigure(other))
            network.run(for: .seconds(20))
            for withChild in [true, false, true] {
                network.act(0) { client, now in
                    client.ike.rekeyIKE(withChild: withChild, at: now).map(SimulatedClient.Packet.ike)
                }
                network.run(for: .seconds(10))
            }
            network.act(0) { $0.sayHello(at: $1) }
            #expect(network.run(for: .seconds(10)) { $0.clients[0].lac.isSettled })
            #expect(network.clients[0].isUp)
            #expect(network.kernel.sockets.keys.filter { sockets[$0] != nil }.count == network.kernel.sockets.count)
            #expect(network.kernel.sessions.values.allSatisfy { sessions.values.contains($0) })
            #expect(reasons(network) == (change > 3 ? ["a reload removed the user bob"] : []))
            #expect(network.kernel.violations.isEmpty)
        }
    }

    /// We rekey: with the key that is now in the place of the former one.
    @Test func weRekeyWithTheNewKey() throws {
        var network = try Fixture.network(clients: [Fixture.client(1, knowsDPD: true)], configuration: base)
        network.dial(0)
        #expect(network.run(for: .seconds(10)) { !$0.kernel.interfaces.isEmpty })
        var other = base
        other.ike.profiles[0].preSharedKeys = [PreSharedKey(secret: secret("new"))]
        network.command(.reconfigure(other))
        network.run(for: .seconds(5))
        #expect(network.clients[0].isUp)
        // A peer that has the former key still cannot begin anew.
        network.clients[0] = try Fixture.client(1, seed: 9)
        network.dial(0)
        #expect(!network.run(for: .seconds(10)) { $0.clients[0].isUp })
        #expect(network.eventNames.contains("ike authentication-failed"))
        network.clients[0] = try Fixture.client(2, preSharedKey: "new")
        network.dial(0)
        #expect(network.run(for: .seconds(10)) { $0.clients[0].isUp })
    }

    @Test func leasesLiveOnOutsideEveryPoolAndAreNotGivenTwice() throws {
        var network = try network()
        let addresses = Set(network.kernel.interfaces.values.map(\.peerAddress))
        var other = base
        // Another gateway, and a range that begins with what is in use.
        other.pools = [
            AddressPoolConfiguration(
                name: "small",
                range: try #require(IPPrefix("10.99.0.0/29")),
                gateway: try #require(IPAddress("10.98.0.1"))
            )
        ]
        network.command(.reconfigure(other))
        #expect(network.kernel.gatewayAddresses == [IPAddress("10.98.0.1")!, base.pools[0].gateway])
        for number in 3...7 {
            network.clients.append(try Fixture.client(number))
            network.dial(network.clients.count - 1)
            network.run(for: .seconds(10))
        }
        // Six addresses, two of them in use before; the former gateway's is still its own.
        #expect(network.kernel.interfaces.count == 5)
        #expect(Set(network.kernel.interfaces.values.map(\.peerAddress)).count == 5)
        #expect(!network.kernel.interfaces.values.contains { $0.peerAddress == base.pools[0].gateway })
        #expect(Set(network.kernel.interfaces.values.map(\.peerAddress)).isSuperset(of: addresses))
        #expect(network.gateway.status(at: network.now).pools.first?.used == 5)
        network.command(.reconfigure(base))
        for client in network.clients.indices {
            network.act(client) { $0.hangUp(at: $1) }
            network.run(for: .seconds(1))
            network.act(client) { $0.closeKeys(at: $1) }
        }
        #expect(network.run(for: .seconds(120)) { $0.kernel.isClean })
        #expect(network.kernel.gatewayAddresses == [base.pools[0].gateway])
        #expect(network.gateway.status(at: network.now).pools.map(\.used) == [0])
        #expect(network.kernel.violations.isEmpty)
    }

    @Test func aFormerGatewayAddressGoesWithItsLastCall() throws {
        var other = base
        other.pools[0].gateway = try #require(IPAddress("10.98.0.1"))
        other.pools[0].range = try #require(IPPrefix("10.98.0.0/24"))
        var network = try Fixture.network(clients: [Fixture.client(1), Fixture.client(2)], configuration: base)
        network.kernel.gatewayAddresses = [base.pools[0].gateway]
        network.dial(0)
        #expect(network.run(for: .seconds(10)) { $0.kernel.interfaces.count == 1 })
        network.command(.reconfigure(other))
        network.dial(1)
        #expect(network.run(for: .seconds(10)) { $0.kernel.interfaces.count == 2 })
        network.command(.reconfigure(base))
        #expect(network.kernel.gatewayAddresses == [IPAddress("10.98.0.1")!, base.pools[0].gateway])
        network.act(1) { $0.hangUp(at: $1) }
        #expect(network.run(for: .seconds(30)) { $0.kernel.gatewayAddresses == [base.pools[0].gateway] })
        #expect(network.kernel.log.last { $0.hasSuffix("GatewayAddress") } == "removeGatewayAddress")
    }

    /// As the log advises when the kernel refuses one.
    @Test func aRefusedGatewayAddressIsAskedForByEveryReload() throws {
        let wanted = try #require(IPAddress("10.98.0.1"))
        var other = base
        other.pools[0].gateway = wanted
        var network = try network()
        network.kernel.failing = { request in
            request == .addGatewayAddress(wanted) ? DataPlaneError(step: "RTM_NEWADDR", code: 17) : nil
        }
        func refusals() -> Int { network.eventNames.count { $0 == "kernel gateway-address-refused" } }
        network.command(.reconfigure(other))
        #expect(refusals() == 1)
        network.command(.reconfigure(other))
        #expect(refusals() == 2)
        network.kernel.failing = { _ in nil }
        network.command(.reconfigure(other))
        #expect(refusals() == 2)
        #expect(network.kernel.gatewayAddresses == [wanted, base.pools[0].gateway])
        let requests = network.kernel.log.count
        network.command(.reconfigure(other))
        #expect(network.kernel.log.count == requests)
        let areUp = network.clients.allSatisfy { $0.isUp }
        #expect(areUp)
    }

    @Test func aGatewayAddressThatACallHasIsAnObstacle() throws {
        var network = try network()
        let address = try #require(network.clients[0].ppp.address)
        var other = base
        other.pools[0].gateway = address
        #expect(
            network.gateway.obstacles(to: other)
                == ["\(address), the gateway of the pool office, is the address of a call of alice"]
        )
        // Whoever does not ask is refused all the same: nothing changes.
        let before = network.gateway.status(at: network.now)
        network.command(.reconfigure(other))
        #expect(network.gateway.status(at: network.now) == before)
        #expect(network.kernel.gatewayAddresses == [base.pools[0].gateway])
    }

    @Test func whoHasAnAddressThatIsKeptForSomebodyFromNowOnIsNamed() throws {
        var network = try network()
        let address = try #require(network.clients[0].ppp.address)
        var other = base
        other.users[1].address = address
        #expect(network.gateway.occupants(under: other) == [address: "alice"])
        network.command(.reconfigure(other))
        // It is so: bob's next call finds no address.
        network.act(1) { $0.hangUp(at: $1) }
        network.run(for: .seconds(5))
        network.clients[1] = try Fixture.client(2, user: "bob", seed: 60)
        network.dial(1)
        #expect(!network.run(for: .seconds(15)) { $0.clients[1].isUp })
        #expect(network.eventNames.contains("control no-address"))
        #expect(network.clients[0].isUp)
    }

    @Test func ownCallsAndThoseThatEndAreInNobodysWay() throws {
        let network = try network()
        let address = try #require(network.clients[0].ppp.address)
        #expect(network.gateway.occupants(under: base) == [:])
        var other = base
        // Her call has it from the pool, and knows nothing of whose it is now.
        other.users[0].address = address
        #expect(network.gateway.occupants(under: other) == [address: "alice"])
        other = base
        other.users.removeFirst()
        other.users[0].address = address
        #expect(network.gateway.occupants(under: other) == [:])
        var configuration = base
        configuration.users[0].address = IPAddress("10.99.0.77")
        let own = try self.network(configuration)
        configuration.users.append(User(name: "carol", secret: .password(secret("s"))))
        #expect(own.gateway.occupants(under: configuration) == [:])
    }

    @Test func anotherFixedAddressCountsFromTheNextDial() throws {
        let (first, second) = (IPAddress("10.99.0.77")!, IPAddress("10.99.0.78")!)
        var configuration = base
        configuration.users[0].address = first
        var network = try network(configuration)
        var other = configuration
        other.users[0].address = second
        network.command(.reconfigure(other))
        network.run(for: .seconds(5))
        #expect(network.clients[0].ppp.address == first)
        network.clients.append(try Fixture.client(3))
        network.dial(2)
        #expect(network.run(for: .seconds(10)) { $0.clients[2].isUp })
        #expect(network.clients[2].ppp.address == second)
        #expect(network.clients[0].isUp)
        for client in network.clients.indices {
            network.act(client) { $0.hangUp(at: $1) }
            network.run(for: .seconds(1))
            network.act(client) { $0.closeKeys(at: $1) }
        }
        #expect(network.run(for: .seconds(120)) { $0.kernel.isClean })
        #expect(network.gateway.status(at: network.now).pools.map(\.used) == [0])
        // Both addresses are free again.
        network.command(.reconfigure(configuration))
        network.clients[0] = try Fixture.client(1, seed: 70)
        network.dial(0)
        #expect(network.run(for: .seconds(10)) { $0.clients[0].isUp })
        #expect(network.clients[0].ppp.address == first)
    }

    @Test func theCensusCountsWhatStandsOnWhat() throws {
        let network = try network()
        let census = network.gateway.census
        #expect(census.calls == 2)
        #expect(census.byUser == ["alice": 1, "bob": 1])
        #expect(census.byProfile == ["remote-access": 2])
        #expect(census.byPool == ["office": 2])
    }

    @Test(arguments: 1...12)
    func aDayOfReloadsEndsWhereItBegan(seed: UInt64) throws {
        let entropy = SeededEntropy(seed: seed)
        func number(_ bound: Int) -> Int { Int(entropy.integer(in: 0...UInt32(bound - 1))) }
        var network = try network()
        for _ in 0..<30 {
            var other = base
            for _ in 0...number(3) { try change(&other, number(12), number(200)) }
            network.command(.reconfigure(number(3) == 0 ? base : other))
            switch number(4) {
            case 0:
                let client = number(2)
                network.clients[client] = try Fixture.client(10 + number(200), user: client == 0 ? "alice" : "bob")
                network.dial(client)
            case 1:
                network.act(number(2)) { client, now in client.ike.rekeyIKE(at: now).map(SimulatedClient.Packet.ike) }
            case 2: network.act(number(2)) { $0.hangUp(at: $1) }
            case _: break
            }
            network.run(for: .seconds(Double(number(20))))
        }
        network.command(.terminate(.all))
        network.run(for: .seconds(600))
        // Now nothing is in its way.
        network.command(.reconfigure(base))
        network.run(for: .seconds(5))
        #expect(network.gateway.isIdle)
        #expect(network.kernel.isClean)
        #expect(network.kernel.gatewayAddresses == [base.pools[0].gateway])
        let status = network.gateway.status(at: network.now)
        #expect(status.pools.map(\.used) == [0])
        #expect(status.ikeCount == 0)
        // And whoever dials is let in.
        network.clients[0] = try Fixture.client(1, seed: 1_000)
        network.dial(0)
        #expect(network.run(for: .seconds(10)) { $0.clients[0].isUp })
        let harmless = ["cannot decrypt"]
        #expect(network.kernel.violations.filter { note in !harmless.contains { note.contains($0) } } == [])
    }

    private func change(_ other: inout ControlPlane.Configuration, _ what: Int, _ value: Int) throws {
        // Without a profile nothing else of it can change.
        guard !other.ike.profiles.isEmpty else { return }
        switch what {
        case 0: other.users.removeFirst(min(1, other.users.count))
        case 1: if !other.users.isEmpty { other.users[other.users.count - 1].isDisabled = true }
        case 2: if !other.users.isEmpty { other.users[0].address = IPAddress("10.99.0.\(210 + value % 20)") }
        case 3: other.pools[0].range = try #require(IPPrefix("10.\(90 + value % 5).0.0/\(24 + value % 5)"))
        case 4: other.pools[0].gateway = try #require(IPAddress("10.\(80 + value % 5).0.1"))
        case 5: other.ike.profiles[0].name = "renamed"
        case 6: other.ike.profiles[0].remote = [try #require(IPPrefix("203.0.113.0/\(25 + value % 4)"))]
        case 7:
            var first = other.ike.profiles[0]
            first.name = "profile \(value)"
            other.ike.profiles.insert(first, at: 0)
        case 8: other.ike.profiles[0].preSharedKeys.insert(PreSharedKey(name: "x", secret: secret("\(value)")), at: 0)
        case 9: other.ike.profiles = []
        case 10: other.callLimit = 1
        case _: other.traceLimits.traces = 1 + value
        }
    }
}
