// SPDX-License-Identifier: Apache-2.0
import ControlPlane
import IKE
import Primitives
import Simulation
import Testing

/// What clients do that no RFC asks for.
struct NativeClientsQuirksTests {
    private func count(_ network: SimulatedNetwork, _ name: String) -> Int {
        network.eventNames.count { $0 == name }
    }

    /// Its tunnel is not answered twice; the third pair of ESP SAs carries the call.
    @Test(arguments: ["windows7", "windows10", "windows11"], [false, true])
    func windowsDeletesAndAsksAgainUntilTheTunnelIsAnswered(_ name: String, _ behindNAT: Bool) throws {
        let vector = try #require(ClientVector.named(name))
        var network = try NativeClients.network(vector, behindNAT: behindNAT, isUp: false)
        network.wiretap = Wiretap()
        network.blocked[0] = [.control]
        network.dial(0)
        network.run(for: .seconds(15))
        #expect(count(network, "ike child-established") == 3)
        #expect(count(network, "ike child-deleted-by-peer") == 2)
        #expect(network.kernel.associations.count == 2)
        network.blocked[0] = nil
        #expect(network.run(for: .seconds(10)) { !$0.kernel.interfaces.isEmpty && $0.clients[0].isUp })
        #expect(count(network, "ike phase1-established") == 1)
        #expect(network.clients[0].ike.quickModeIDs == [1, 2, 3])
        network.run(for: .seconds(60))
        #expect(NativeClients.isCallAlive(&network))
        #expect(network.kernel.associations.count == 2)
        #expect(count(network, "control call-down") == 0)
        #expect(network.kernel.violations.isEmpty)
    }

    @Test func windowsGivesUpAfter35SecondsAndLeavesNothing() throws {
        var network = try NativeClients.network(.windows10, isUp: false)
        network.blocked[0] = [.control]
        network.dial(0)
        #expect(network.run(for: .seconds(10)) { !$0.clients[0].ike.children.isEmpty })
        let began = network.now
        #expect(network.run(for: .seconds(60)) { $0.clients[0].ike.state == .closed })
        #expect(began.duration(to: network.now) == .seconds(35))
        #expect(network.clients[0].ike.quickModeIDs == [1, 2, 3, 4, 5])
        network.run(for: .seconds(1))
        #expect(network.kernel.associations.isEmpty)
        #expect(count(network, "ike deleted-by-peer") == 1)
        network.run(for: .seconds(300))
        NativeClients.expectNothingLeft(network)
    }

    @Test(arguments: ["windows10", "macos", "android7", "routeros"])
    func whoDeletesBeforeItRekeysKeepsItsCall(_ name: String) throws {
        let agreement = try NativeAgreement.named(name)
        var vector = try agreement.vector()
        vector.phase2.deletesBeforeRekeying = true
        var network = try NativeClients.network(vector, allowLegacy: agreement.legacy)
        let (sockets, sessions) = (network.kernel.sockets, network.kernel.sessions)
        for round in 1...5 {
            let former = Set(network.kernel.associations.keys)
            network.act(0) { client, now in client.ike.rekeyChild(at: now).map(SimulatedClient.Packet.ike) }
            network.run(for: .seconds(20))
            #expect(network.kernel.associations.count == 2)
            #expect(former.isDisjoint(with: network.kernel.associations.keys))
            #expect(NativeClients.isCallAlive(&network))
            #expect(count(network, "ike child-deleted-by-peer") == round)
        }
        #expect(network.kernel.sockets == sockets)
        #expect(network.kernel.sessions == sessions)
        #expect(count(network, "control call-down") == 0)
        #expect(network.kernel.violations.isEmpty)
    }

    /// The former pair stays beside the new one until its own end, and then goes without harm.
    @Test(arguments: ["macos", "macos-old", "ios"])
    func appleRekeysAndLeavesTheFormerPairToItsEnd(_ name: String) throws {
        let agreement = try NativeAgreement.named(name)
        var network = try NativeClients.network(agreement.vector(), allowLegacy: agreement.legacy)
        let former = Set(network.kernel.associations.keys)
        network.run(for: .seconds(2880))
        // Its IKE SA lives as long.
        network.act(0) { client, now in
            client.ike.rekeyIKE(withChild: false, at: now).map(SimulatedClient.Packet.ike)
        }
        network.run(for: .seconds(5))
        network.act(0) { client, now in client.ike.rekeyChild(at: now).map(SimulatedClient.Packet.ike) }
        network.run(for: .seconds(60))
        #expect(network.kernel.associations.count == 4)
        #expect(former.isSubset(of: network.kernel.associations.keys))
        #expect(NativeClients.isCallAlive(&network))
        network.run(for: .seconds(900))
        #expect(network.kernel.associations.count == 2)
        #expect(former.isDisjoint(with: network.kernel.associations.keys))
        #expect(NativeClients.isCallAlive(&network))
        #expect(count(network, "control call-down") == 0)
        #expect(network.kernel.violations.isEmpty)
    }

    /// From whichever port its tunnel comes, with quick mode for port 0.
    @Test(arguments: ["android2", "android4", "android6", "android7"])
    func androidsPortZeroStandsForThePortItComesFrom(_ name: String) throws {
        let agreement = try NativeAgreement.named(name)
        let network = try NativeClients.network(agreement.vector(), allowLegacy: agreement.legacy)
        let port = network.clients[0].ike.settings.trafficPort
        #expect(port >= 49_152)
        #expect(network.kernel.sockets.values.map(\.peer?.port) == [port])
    }

    @Test func androidMaySleepFor110Seconds() throws {
        var network = try NativeClients.network(.android7, allowLegacy: [.modp1024])
        for _ in 0..<3 {
            network.blocked[0] = Set(SimulatedNetwork.Layer.allCases)
            network.run(for: .seconds(110))
            network.blocked[0] = nil
            network.run(for: .seconds(120))
            #expect(NativeClients.isCallAlive(&network))
        }
        #expect(count(network, "control call-down") == 0)
        #expect(network.kernel.violations.isEmpty)
    }

    /// The gateway is not there; it asks for half a minute.
    @Test func androidRepeatsTenTimesEveryThreeSeconds() throws {
        var network = try NativeClients.network(.android7, isUp: false)
        network.wiretap = Wiretap()
        network.fateOfMessage = { _ in .lost }
        network.dial(0)
        let began = network.now
        #expect(network.run(for: .seconds(60)) { $0.clients[0].ike.nextDeadline == nil })
        #expect(began.duration(to: network.now) == .seconds(33))
        #expect(network.wiretap?.passages.map(\.copy) == Array(0...10))
        #expect(network.clients[0].ike.state == .failed("no answer"))
    }

    @Test func androidThatSleepsOnIsGoneOnceAndLeavesNothing() throws {
        var network = try NativeClients.network(.android7, allowLegacy: [.modp1024])
        network.blocked[0] = Set(SimulatedNetwork.Layer.allCases)
        network.run(for: .seconds(900))
        #expect(count(network, "control call-down") == 1)
        NativeClients.expectNothingLeft(network)
    }

    /// Each of its quick modes has a key exchange, and so have ours when we replace its pair.
    @Test(arguments: ["routeros", "networkmanager-libreswan"])
    func whoWantsPerfectForwardSecrecyHasItInEveryQuickMode(_ name: String) throws {
        let agreement = try NativeAgreement.named(name)
        var network = try NativeClients.network(agreement.vector(), allowLegacy: agreement.legacy)
        network.act(0) { client, now in client.ike.rekeyChild(at: now).map(SimulatedClient.Packet.ike) }
        network.run(for: .seconds(30))
        #expect(network.clients[0].ike.children.last?.group == agreement.pfs)
        let former = Set(network.kernel.associations.keys)
        // By us, at the end of the lifetime.
        #expect(network.run(for: .seconds(28_800)) { former.isDisjoint(with: $0.kernel.associations.keys) })
        network.run(for: .seconds(30))
        #expect(network.clients[0].ike.children.last?.group == agreement.pfs)
        #expect(NativeClients.isCallAlive(&network))
        #expect(network.kernel.violations.isEmpty)
    }

    @Test(arguments: ["networkmanager", "networkmanager-libreswan", "windows10", "routeros"])
    func whoComesFromPort1701ComesFromItInsideANATToo(_ name: String) throws {
        let agreement = try NativeAgreement.named(name)
        let network = try NativeClients.network(agreement.vector(), allowLegacy: agreement.legacy)
        #expect(network.kernel.sockets.values.map(\.peer?.port) == [1701])
    }

    /// The gateway replaces every client's pair when the client does not, in the client's own words.
    @Test(arguments: NativeAgreement.mainMode)
    func aClientThatDoesNotRekeyIsRekeyed(_ agreement: NativeAgreement) throws {
        var network = try NativeClients.network(agreement.vector(), allowLegacy: agreement.legacy)
        let former = Set(network.kernel.associations.keys)
        #expect(
            network.run(for: .seconds(28_800)) {
                former.isDisjoint(with: $0.kernel.associations.keys) && $0.kernel.associations.count == 2
            }
        )
        #expect(network.clients[0].ike.children.last.map { "\($0.transform)" } == agreement.esp)
        #expect(NativeClients.isCallAlive(&network))
        #expect(count(network, "control call-down") == 0)
        #expect(network.kernel.violations.isEmpty)
    }
}
