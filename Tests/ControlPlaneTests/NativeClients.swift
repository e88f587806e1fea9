// SPDX-License-Identifier: Apache-2.0
import ControlPlane
import Cryptography
import IKE
import Primitives
import Simulation
import Testing

/// What each client agrees on with a gateway that has the preset `l2tp-clients`.
struct NativeAgreement: Sendable, CustomTestStringConvertible {
    var name: String
    var ike: String
    var esp: String
    var pfs: DiffieHellmanGroup?
    /// The encapsulation mode behind a NAT; without one it is 2.
    var udpTransport: UInt16 = 4
    /// What `allow-legacy` has to name.
    var legacy: Set<LegacyAlgorithm> = []

    var testDescription: String { name }

    static let mainMode: [NativeAgreement] = [
        .init(
            name: "windows-xp",
            ike: "3des-sha1-modp2048",
            esp: "3des-sha1",
            udpTransport: 61_444,
            legacy: [.tripleDES]
        ),
        .init(name: "windows7", ike: "aes256-sha1-ecp384", esp: "aes128-sha1"),
        .init(name: "windows10", ike: "aes256-sha1-ecp384", esp: "aes256-sha1"),
        .init(name: "windows11", ike: "aes256-sha1-ecp384", esp: "aes256-sha1"),
        .init(name: "macos", ike: "aes256-sha256-modp2048", esp: "aes256-sha256"),
        .init(name: "macos-old", ike: "aes256-sha1-modp1024", esp: "aes256-sha1", legacy: [.modp1024]),
        .init(name: "ios", ike: "aes256-sha256-modp2048", esp: "aes256-sha256"),
        .init(name: "ios-old", ike: "aes256-sha1-modp1024", esp: "aes256-sha1", legacy: [.modp1024]),
        .init(name: "android2", ike: "aes128-sha1-modp1024", esp: "aes128-sha1", legacy: [.modp1024]),
        .init(name: "android4", ike: "aes256-sha1-modp1024", esp: "aes256-sha1", legacy: [.modp1024]),
        .init(name: "android6", ike: "aes256-sha256-modp1024", esp: "aes256-sha256_96", legacy: [.modp1024]),
        .init(name: "android7", ike: "aes256-sha256-modp1024", esp: "aes256-sha256", legacy: [.modp1024]),
        .init(name: "chromeos", ike: "aes128-sha256-modp3072", esp: "aes128gcm16"),
        .init(name: "networkmanager", ike: "aes256-sha256-modp2048", esp: "aes256-sha1"),
        .init(name: "networkmanager-libreswan", ike: "aes256-sha256-modp2048", esp: "aes256-sha1", pfs: .modp2048),
        .init(name: "strongswan", ike: "aes128-sha256-modp3072", esp: "aes128-sha256"),
        .init(
            name: "routeros",
            ike: "aes128-sha1-modp2048",
            esp: "aes256-sha1",
            pfs: .modp1024,
            legacy: [.modp1024]
        ),
        .init(name: "softether", ike: "aes256-sha1-modp2048", esp: "aes256-sha1"),
    ]

    /// With a group name in clear.
    static let aggressiveMode: [NativeAgreement] = [
        .init(name: "macos-group", ike: "aes256-sha256-modp2048", esp: "aes256-sha256"),
        .init(name: "ios-group", ike: "aes256-sha256-modp2048", esp: "aes256-sha256"),
        .init(name: "android7-group", ike: "aes256-sha256-modp1024", esp: "aes256-sha256", legacy: [.modp1024]),
        .init(name: "chromeos-group", ike: "aes128-sha256-modp3072", esp: "aes128gcm16"),
    ]

    static func named(_ name: String) throws -> NativeAgreement {
        try #require((mainMode + aggressiveMode).first { $0.name == name })
    }

    func vector() throws -> ClientVector { try #require(ClientVector.named(name)) }
}

/// A gateway for whatever comes, and the clients that come.
enum NativeClients {
    /// - Parameter aggressive: For clients with a group name.
    static func configuration(
        allowLegacy: Set<LegacyAlgorithm>,
        aggressive: Bool = false
    ) throws -> ControlPlane.Configuration {
        var profile = Profile(
            name: "remote-access",
            preSharedKey: SecretBytes(copying: Array("labpsk".utf8)),
            ikeProposals: Profile.l2tpClientsIKE,
            espProposals: Profile.l2tpClientsESP,
            pfsGroups: Profile.l2tpClientsPFS,
            allowLegacy: allowLegacy
        )
        if aggressive {
            profile.allowsAggressiveMode = true
            profile.identities = [IdentityPattern("staff")]
        }
        var configuration = try Fixture.configuration()
        configuration.ike = IKE.Configuration(profiles: [profile])
        return configuration
    }

    /// - Parameters:
    ///   - number: From 1 to 250; tells clients apart.
    ///   - behindNAT: The NAT of all of them has changed their ports.
    static func client(
        _ vector: ClientVector,
        _ number: Int = 1,
        behindNAT: Bool = false,
        user: String = "alice",
        seed: UInt64? = nil
    ) throws -> SimulatedClient {
        let gateway = try #require(IPAddress("203.0.113.1"))
        let own = try #require(IPAddress(behindNAT ? "192.168.7.\(number)" : "203.0.113.\(10 + number)"))
        let nat = try #require(IPAddress("203.0.113.254"))
        return SimulatedClient(
            vector,
            preSharedKey: Array("labpsk".utf8),
            ownAddress: SocketAddress(own, port: 500),
            gateway: SocketAddress(gateway, port: 500),
            user: user,
            password: "secret of \(user)",
            outerAddress: behindNAT ? nat : nil,
            outerPorts: behindNAT ? [500: UInt16(30_000 + number), 4500: UInt16(40_000 + number)] : [:],
            seed: seed ?? UInt64(number)
        )
    }

    /// Has dialled, if `isUp`.
    static func network(
        _ vector: ClientVector,
        behindNAT: Bool = true,
        allowLegacy: Set<LegacyAlgorithm> = [],
        isUp: Bool = true
    ) throws -> SimulatedNetwork {
        var network = try Fixture.network(
            clients: [client(vector, behindNAT: behindNAT)],
            configuration: configuration(allowLegacy: allowLegacy, aggressive: vector.phase1.groupName != nil)
        )
        guard isUp else { return network }
        network.dial(0)
        #expect(network.run(for: .seconds(20)) { !$0.kernel.interfaces.isEmpty && $0.clients[0].isUp })
        network.run(for: .seconds(1))
        return network
    }

    static func isCallAlive(_ network: inout SimulatedNetwork) -> Bool {
        network.act(0) { client, now in client.sayHello(at: now) }
        return network.run(for: .seconds(10)) { $0.clients[0].lac.isSettled } && network.kernel.interfaces.count == 1
    }

    /// All that was made is gone.
    static func expectNothingLeft(_ network: SimulatedNetwork, _ location: SourceLocation = #_sourceLocation) {
        #expect(network.kernel.isClean, sourceLocation: location)
        #expect(network.kernel.violations.isEmpty, sourceLocation: location)
        #expect(network.gateway.calls(at: network.now).isEmpty, sourceLocation: location)
        #expect(network.gateway.status(at: network.now).pools.first?.used == 0, sourceLocation: location)
        #expect(network.gateway.isIdle, sourceLocation: location)
        #expect(network.gateway.nextDeadline == nil, sourceLocation: location)
    }
}
