// SPDX-License-Identifier: Apache-2.0
import ControlPlane
import IKE
import Primitives
import Simulation
import Testing

/// Clients that have a group name, or an IPsec identifier.
struct NativeClientsAggressiveModeTests {
    @Test(arguments: NativeAgreement.aggressiveMode, [false, true])
    func aClientWithAGroupNameDialsInAndLeavesNothing(_ agreement: NativeAgreement, _ behindNAT: Bool) throws {
        try NativeClientsTests.dial(agreement, behindNAT)
    }

    @Test(arguments: NativeAgreement.aggressiveMode)
    func aClientWithAGroupNameIsOneOfTwoBehindOneNAT(_ agreement: NativeAgreement) throws {
        try NativeClientsTests.dialTogether(agreement)
    }

    /// Nothing of group 14 is taken here; the second try has group 2.
    @Test(arguments: ["macos-group", "ios-group"])
    func applesSecondTryIsHeard(_ name: String) throws {
        let vector = try #require(ClientVector.named(name))
        var configuration = try NativeClients.configuration(allowLegacy: [.modp1024], aggressive: true)
        configuration.ike.profiles[0].ikeProposals.removeAll { $0.group != .modp1024 }
        var network = try Fixture.network(
            clients: [NativeClients.client(vector, behindNAT: true)],
            configuration: configuration
        )
        network.dial(0)
        #expect(network.run(for: .seconds(20)) { !$0.kernel.interfaces.isEmpty && $0.clients[0].isUp })
        #expect(network.eventNames.count { $0 == "ike no-proposal-chosen" } == 1)
        #expect(network.clients[0].ike.ikeTransform.map { "\($0)" } == "aes256-sha256-modp1024")
        #expect(network.kernel.violations.isEmpty)
    }

    /// Two tries, two refusals, and no third.
    @Test(arguments: ["macos-group", "ios-group"])
    func appleGivesUpAfterItsSecondTry(_ name: String) throws {
        let vector = try #require(ClientVector.named(name))
        var configuration = try NativeClients.configuration(allowLegacy: [], aggressive: true)
        configuration.ike.profiles[0].ikeProposals.removeAll { $0.group != .ecp256 }
        var network = try Fixture.network(
            clients: [NativeClients.client(vector, behindNAT: true)],
            configuration: configuration
        )
        network.dial(0)
        network.run(for: .seconds(120))
        #expect(network.eventNames.count { $0 == "ike no-proposal-chosen" } == 2)
        NativeClients.expectNothingLeft(network)
    }

    /// A profile that does not ask for it has main mode only.
    @Test(arguments: NativeAgreement.aggressiveMode)
    func withoutLeaveAClientWithAGroupNameIsRefused(_ agreement: NativeAgreement) throws {
        var network = try Fixture.network(
            clients: [NativeClients.client(agreement.vector(), behindNAT: true)],
            configuration: NativeClients.configuration(allowLegacy: agreement.legacy)
        )
        network.dial(0)
        network.run(for: .seconds(120))
        #expect(!network.clients[0].isUp)
        #expect(!network.events.isEmpty)
        NativeClients.expectNothingLeft(network)
    }
}
