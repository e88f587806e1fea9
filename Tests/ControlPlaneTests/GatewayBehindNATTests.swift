// SPDX-License-Identifier: Apache-2.0
import ControlPlane
import IKE
import Primitives
import Simulation
import Testing

enum WindowsVendorID {
    /// "MS NT5 ISAKMPOAKLEY", version 9.
    static let bytes: [UInt8] = [
        0x1E, 0x2B, 0x51, 0x69, 0x05, 0x99, 0x1C, 0x7D, 0x7C, 0x96, 0xFC, 0xBF, 0xB5, 0x87, 0xE4, 0x61, 0, 0, 0, 9,
    ]
}

/// A cloud machine: clients dial an address that its owner's NAT translates.
@Suite("Calls through a NAT before the gateway")
struct GatewayBehindNATTests {
    static let inside = IPAddress.v4(0x0A00_0005)

    private static func network(
        isWindows: Bool,
        dialsAnyway: Bool = false,
        isClientBehindNAT: Bool,
        conceals: Bool = true
    ) throws -> SimulatedNetwork {
        var client = try Fixture.client(1, behindNAT: isClientBehindNAT)
        if isWindows {
            client.ike.settings.vendorIDs.append(WindowsVendorID.bytes)
            client.ike.settings.dialsGatewayBehindNAT = dialsAnyway
        }
        var configuration = try Fixture.configuration()
        configuration.ike.profiles[0].concealsNAT = conceals
        var network = try Fixture.network(clients: [client], configuration: configuration)
        network.gatewayInside = inside
        return network
    }

    @Test("Windows connects, behind a NAT of its own or not, and its ESP is in UDP", arguments: [false, true])
    func windowsConnects(_ isClientBehindNAT: Bool) throws {
        var network = try Self.network(isWindows: true, isClientBehindNAT: isClientBehindNAT)
        network.dial(0)
        #expect(network.run(for: .seconds(10)) { $0.clients[0].isUp && !$0.kernel.interfaces.isEmpty })
        #expect(network.eventNames.count { $0 == "ike nat-concealed" } == 1)
        #expect(network.kernel.associations.values.count { $0.encapsulation != nil } == 2)
        #expect(network.kernel.violations.isEmpty)
    }

    @Test("With conceal-nat off it gives up, and the log names the line that mends it", arguments: [false, true])
    func windowsGivesUp(_ isClientBehindNAT: Bool) throws {
        var network = try Self.network(isWindows: true, isClientBehindNAT: isClientBehindNAT, conceals: false)
        network.dial(0)
        #expect(!network.run(for: .seconds(40)) { $0.clients[0].isUp })
        #expect(network.clients[0].ike.state == .failed("the gateway is behind a NAT"))
        let shown = network.events.map(\.description).filter { $0.name == "nat-shown" }
        #expect(shown.count == 1)
        #expect(shown.first?.remedy?.contains("AssumeUDPEncapsulationContextOnSendRule") == true)
    }

    @Test("With conceal-nat off and the registry key it connects", arguments: [false, true])
    func windowsConnectsByItsRegistry(_ isClientBehindNAT: Bool) throws {
        var network = try Self.network(
            isWindows: true,
            dialsAnyway: true,
            isClientBehindNAT: isClientBehindNAT,
            conceals: false
        )
        network.dial(0)
        #expect(network.run(for: .seconds(10)) { $0.clients[0].isUp })
    }

    @Test("Others connect by the book", arguments: [false, true])
    func othersConnect(_ isClientBehindNAT: Bool) throws {
        var network = try Self.network(isWindows: false, isClientBehindNAT: isClientBehindNAT)
        network.dial(0)
        #expect(network.run(for: .seconds(10)) { $0.clients[0].isUp })
        #expect(!network.eventNames.contains { $0.hasPrefix("ike nat-") })
        #expect(network.kernel.associations.values.count { $0.encapsulation != nil } == 2)
    }
}
