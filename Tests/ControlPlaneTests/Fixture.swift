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

/// A gateway as a small office has it, and clients that know its key.
enum Fixture {
    static let ikeOffer = [IKETransform(cipher: .aesCBC(keyBits: 256), hash: .sha256, group: .ecp256)]
    static let espOffer = [ESPTransform(cipher: .aesCBC(keyBits: 256), integrity: .hmacSHA256_128)]

    /// Two calls, a peer with keys but no tunnel, and one in the middle of main mode.
    static func networkInSeveralStates() throws -> SimulatedNetwork {
        var network = try Self.network(clients: [client(1), client(2, user: "bob"), client(3), client(4)])
        network.blocked[2] = [.control]
        network.dial(0)
        network.dial(1)
        network.dial(2)
        network.run(for: .seconds(3))
        network.dial(3)
        network.run(for: .milliseconds(70))
        network.blocked[3] = [.ike]
        return network
    }

    static func network(
        clients: [SimulatedClient],
        pool: String = "10.99.0.0/24",
        configuration given: ControlPlane.Configuration? = nil
    ) throws -> SimulatedNetwork {
        let configuration = try given ?? configuration(pool: pool)
        var network = SimulatedNetwork(
            gateway: ControlPlane(configuration: configuration, entropy: SeededEntropy(seed: 42))
        )
        network.clients = clients
        return network
    }

    static func configuration(pool: String = "10.99.0.0/24") throws -> ControlPlane.Configuration {
        let profile = Profile(
            name: "remote-access",
            preSharedKey: SecretBytes(copying: Array("labpsk".utf8)),
            ikeProposals: ikeOffer,
            espProposals: espOffer,
            pfsGroups: [.ecp256]
        )
        var configuration = ControlPlane.Configuration(
            ike: IKE.Configuration(profiles: [profile]),
            l2tp: L2TP.Configuration(hostName: "gw"),
            ppp: PPP.Configuration(name: "gw", authentication: [.mschapv2, .chapMD5, .pap], mru: 1500),
            pools: [
                AddressPoolConfiguration(
                    name: "office",
                    range: try #require(IPPrefix(pool)),
                    gateway: try #require(IPAddress("10.99.0.1"))
                )
            ],
            users: ["alice", "bob"].map { name in
                User(name: name, secret: .password(SecretBytes(copying: Array("secret of \(name)".utf8))))
            }
        )
        configuration.dns = [try #require(IPAddress("192.0.2.53"))]
        return configuration
    }

    /// - Parameters:
    ///   - number: From 1 to 250; tells clients apart.
    ///   - natPorts: Those of client `number` if not given.
    ///   - seed: Of cookies and keys; `number` if not given.
    static func client(
        _ number: Int,
        behindNAT: Bool = false,
        user: String = "alice",
        password: String? = nil,
        methods: [AuthenticationMethod] = [.mschapv2],
        preSharedKey: String = "labpsk",
        ikeOffer: [IKETransform] = Fixture.ikeOffer,
        natPorts: [UInt16: UInt16]? = nil,
        knowsDPD: Bool = false,
        seed: UInt64? = nil
    ) throws -> SimulatedClient {
        let gateway = try #require(IPAddress("203.0.113.1"))
        let own = try #require(IPAddress(behindNAT ? "192.168.7.\(number)" : "203.0.113.\(10 + number)"))
        let nat = try #require(IPAddress("203.0.113.254"))
        var settings = SimulatedIKEInitiator.Settings(
            preSharedKey: Array(preSharedKey.utf8),
            ikeOffer: ikeOffer,
            espOffer: espOffer,
            ownAddress: SocketAddress(own, port: 500),
            gateway: SocketAddress(gateway, port: 500)
        )
        if knowsDPD { settings.vendorIDs.append(SimulatedIKEInitiator.deadPeerDetection) }
        return SimulatedClient(
            ike: settings,
            user: user,
            password: password ?? "secret of \(user)",
            methods: methods,
            outerAddress: behindNAT ? nat : nil,
            outerPorts: behindNAT
                ? natPorts ?? [500: UInt16(30_000 + number), 4500: UInt16(40_000 + number)] : [:],
            seed: seed ?? UInt64(number)
        )
    }
}

extension ControlPlane {
    /// Peers that have no keys for traffic yet.
    func halfOpenPeers(at now: MonotonicTime) -> [CallSnapshot] {
        var listing = listing(.all, includesHalfOpen: true)
        while !listing.isComplete { advance(&listing, by: 1_000, at: now) }
        return listing.calls.filter { $0.state == "keying" }
    }
}
