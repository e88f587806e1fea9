// SPDX-License-Identifier: Apache-2.0
import ControlPlane
import IKE
import Primitives
import Simulation
import Testing

/// Every client dials a gateway that has the preset and, where it takes one, the legacy algorithm that it needs.
struct NativeClientsTests {
    @Test func everyClientHasItsLineInTheTable() {
        let lines = NativeAgreement.mainMode + NativeAgreement.aggressiveMode
        #expect(Set(lines.map(\.name)) == Set(ClientVector.all.map(\.name)))
        #expect(lines.count == ClientVector.all.count)
        for line in NativeAgreement.mainMode { #expect((try? line.vector())?.phase1.groupName == nil) }
        for line in NativeAgreement.aggressiveMode { #expect((try? line.vector())?.phase1.groupName != nil) }
    }

    @Test(arguments: NativeAgreement.mainMode, [false, true])
    func aClientDialsInAgreesOnWhatTheTableSaysAndLeavesNothing(
        _ agreement: NativeAgreement,
        _ behindNAT: Bool
    ) throws {
        try Self.dial(agreement, behindNAT)
    }

    static func dial(_ agreement: NativeAgreement, _ behindNAT: Bool) throws {
        let vector = try agreement.vector()
        var network = try NativeClients.network(vector, behindNAT: behindNAT, allowLegacy: agreement.legacy)
        try expectAgreement(network, 0, agreement, behindNAT)
        #expect(network.eventNames.contains("ike legacy-algorithm") == !agreement.legacy.isEmpty)
        network.act(0) { $0.hangUp(at: $1) }
        network.run(for: .seconds(2))
        network.act(0) { $0.closeKeys(at: $1) }
        network.run(for: .seconds(120))
        NativeClients.expectNothingLeft(network)
    }

    /// The other one came first, and stays when the first has gone.
    @Test(arguments: NativeAgreement.mainMode)
    func aClientIsOneOfTwoBehindOneNAT(_ agreement: NativeAgreement) throws {
        try Self.dialTogether(agreement)
    }

    static func dialTogether(_ agreement: NativeAgreement) throws {
        let vector = try agreement.vector()
        var network = try Fixture.network(
            clients: [
                NativeClients.client(vector, 1, behindNAT: true),
                NativeClients.client(vector, 2, behindNAT: true, user: "bob"),
            ],
            configuration: NativeClients.configuration(
                allowLegacy: agreement.legacy,
                aggressive: vector.phase1.groupName != nil
            )
        )
        network.dial(0)
        network.dial(1)
        #expect(network.run(for: .seconds(20)) { $0.kernel.interfaces.count == 2 && $0.clients.allSatisfy(\.isUp) })
        network.run(for: .seconds(1))
        try expectAgreement(network, 0, agreement, true)
        try expectAgreement(network, 1, agreement, true)
        #expect(network.clients[0].ppp.address != network.clients[1].ppp.address)
        network.act(1) { $0.hangUp(at: $1) }
        network.run(for: .seconds(1))
        network.act(1) { $0.closeKeys(at: $1) }
        network.run(for: .seconds(30))
        #expect(network.kernel.interfaces.count == 1)
        #expect(NativeClients.isCallAlive(&network))
        #expect(network.kernel.violations.isEmpty)
    }

    /// A cloud machine, with `conceal-nat` as it is without a word: nobody has to change a registry.
    @Test(arguments: NativeAgreement.mainMode, [false, true])
    func aClientDialsAGatewayBehindANAT(_ agreement: NativeAgreement, _ behindNAT: Bool) throws {
        let vector = try agreement.vector()
        var network = try NativeClients.network(
            vector,
            behindNAT: behindNAT,
            allowLegacy: agreement.legacy,
            isUp: false
        )
        network.gatewayInside = IPAddress.v4(0x0A00_0005)
        network.dial(0)
        #expect(network.run(for: .seconds(20)) { !$0.kernel.interfaces.isEmpty && $0.clients[0].isUp })
        #expect(network.kernel.associations.values.count { $0.encapsulation != nil } == 2)
        #expect(network.clients[0].ike.children.last?.encapsulation == agreement.udpTransport)
        #expect(network.eventNames.contains("ike nat-concealed") == vector.client.isMicrosoft)
        #expect(NativeClients.isCallAlive(&network))
        #expect(network.kernel.violations.isEmpty)
    }

    @Test(arguments: ["windows-xp", "windows7", "windows10", "windows11"])
    func windowsDoesNotDialAGatewayWhoseNATItSees(_ name: String) throws {
        let agreement = try NativeAgreement.named(name)
        var configuration = try NativeClients.configuration(allowLegacy: agreement.legacy)
        configuration.ike.profiles[0].concealsNAT = false
        var network = try Fixture.network(
            clients: [NativeClients.client(agreement.vector(), behindNAT: true)],
            configuration: configuration
        )
        network.gatewayInside = IPAddress.v4(0x0A00_0005)
        network.dial(0)
        network.run(for: .seconds(60))
        #expect(!network.clients[0].isUp)
        #expect(network.eventNames.contains("ike nat-shown"))
    }

    private static func expectAgreement(
        _ network: SimulatedNetwork,
        _ index: Int,
        _ agreement: NativeAgreement,
        _ behindNAT: Bool
    ) throws {
        let client = network.clients[index]
        let vector = try agreement.vector()
        let child = try #require(client.ike.children.last)
        #expect("\(try #require(client.ike.ikeTransform))" == agreement.ike)
        #expect("\(child.transform)" == agreement.esp)
        #expect(child.group == agreement.pfs)
        #expect(child.encapsulation == (behindNAT ? agreement.udpTransport : 2))
        let address = try #require(client.ppp.address)
        let call = try #require(network.gateway.calls(at: network.now).first { $0.innerAddress == "\(address)" })
        let groupName = vector.phase1.groupName.map { "key-id:\($0)" }
        #expect(call.ike.identity == groupName ?? "\(client.ike.settings.ownAddress.address)")
        #expect(call.ike.transform == agreement.ike)
        #expect(call.ike.peerBehindNAT == behindNAT)
        #expect(call.ike.client == vector.client.rawValue)
        #expect(call.esp.map(\.transform) == [agreement.esp])
        #expect(call.esp.map(\.encapsulated) == [behindNAT])
        #expect(
            network.kernel.sockets.values.contains { socket in
                socket.peer == SocketAddress(client.outerAddress, port: client.ike.settings.trafficPort)
            }
        )
        #expect((client.ike.settings.trafficPort == 1701) == (vector.phase2.trafficPort == .l2tp))
        #expect(network.kernel.violations.isEmpty)
    }

    @Test(arguments: NativeAgreement.mainMode.filter { !$0.legacy.isEmpty })
    func withoutTheLegacyItNeedsAClientIsRefusedByName(_ agreement: NativeAgreement) throws {
        try Self.dialWithoutLegacy(agreement)
    }

    static func dialWithoutLegacy(_ agreement: NativeAgreement) throws {
        var network = try NativeClients.network(agreement.vector(), isUp: false)
        network.dial(0)
        network.run(for: .seconds(60))
        #expect(!network.clients[0].isUp)
        let refusals = network.events.compactMap { event -> (IKE.Event.Phase, ProposalMismatch)? in
            guard case .ike(let event) = event, case .noProposalChosen(let phase, let mismatch) = event.kind else {
                return nil
            }
            return (phase, mismatch)
        }
        let refusal = try #require(refusals.first)
        #expect(refusal.0 == (agreement.pfs == nil ? .one : .two))
        #expect(refusal.1.missing == agreement.legacy.map { Objection.needsLegacy($0) })
        let description = try #require(network.events.first { $0.description.name == "no-proposal-chosen" }).description
        let name = try #require(agreement.legacy.first).rawValue
        #expect(description.remedy?.contains(name) == true)
        #expect(description.remedy?.contains("allow-legacy") == true)
        network.act(0) { $0.closeKeys(at: $1) }
        network.run(for: .seconds(300))
        NativeClients.expectNothingLeft(network)
    }
}
