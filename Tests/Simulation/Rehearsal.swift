// SPDX-License-Identifier: Apache-2.0
package import ControlPlane
package import Cryptography
package import DataPlane
package import IKE
internal import L2TP
package import PPP
package import Primitives

/// One client dialling one configuration, without a network: what would come of it.
///
/// The client knows a pre-shared key of the profile that its address comes to, and the password of its user: a
/// rehearsal asks what can be agreed on, not whether somebody has mistyped.
package struct Rehearsal {
    package var vector: ClientVector
    package var configuration: ControlPlane.Configuration
    /// The client as the gateway sees it.
    package var peer: IPAddress
    /// What the client dials.
    package var gateway: IPAddress
    /// By name; `nil` for one that is made up.
    package var user: String?
    package var isBehindNAT: Bool
    /// For what ends on a date.
    package var today: WallClockTime

    package init(
        vector: ClientVector,
        configuration: ControlPlane.Configuration,
        peer: IPAddress,
        gateway: IPAddress,
        user: String?,
        isBehindNAT: Bool,
        today: WallClockTime
    ) {
        self.vector = vector
        self.configuration = configuration
        self.peer = peer
        self.gateway = gateway
        self.user = user
        self.isBehindNAT = isBehindNAT
        self.today = today
    }

    package enum Outcome: Hashable, Sendable {
        case agreed(Agreement)
        case refused(Refusal)
    }

    /// What was negotiated.
    package struct Agreement: Hashable, Sendable {
        package var profile: String
        /// The name of the pre-shared key, if the profile has several.
        package var key: String?
        /// As what the client's first message was recognised.
        package var recognised: Client
        package var isAggressive: Bool
        package var ike: IKETransform
        /// As the gateway gives it to its kernel.
        package var esp: ESPTransform
        package var pfsGroup: DiffieHellmanGroup?
        package var isEncapsulated: Bool
        package var method: AuthenticationMethod
        package var userName: String
        package var address: IPAddress
        /// `nil` for a fixed address outside of every pool.
        package var pool: String?
        package var dns: [IPAddress]
        package var mtu: Int
        package var mtuExplanation: String?
        /// What only `allow-legacy` let in.
        package var legacy: Set<LegacyAlgorithm>
    }

    /// Longer than any client waits.
    private static let patience: Duration = .seconds(90)
    private static let madeUpUser = "rehearsal"
    private static let password = "a password for the rehearsal"

    package func play() -> Outcome {
        guard let profile else { return .refused(.noProfile(for: peer)) }
        let key = profile.preSharedKeys.first { $0.until.map { $0.milliseconds > today.milliseconds } ?? true }
        guard let key else { return .refused(.noKey(in: profile.name)) }
        let (configuration, userName) = prepared()
        var network = SimulatedNetwork(
            gateway: ControlPlane(configuration: configuration, entropy: SeededEntropy(seed: 0xC0FFEE))
        )
        network.tell(today)
        network.clients = [client(key: key.secret.withBytes { span in span.indices.map { span[$0] } }, userName)]
        network.dial(0)
        let isUp = network.run(for: Self.patience) { $0.clients[0].isUp && $0.callUp != nil }
        guard isUp, let agreement = agreement(in: network, configuration) else {
            return .refused(Refusal(from: network, rehearsing: self, profile: profile))
        }
        // Nobody negotiates it, and the simulated kernel compares keys alone.
        if let is96 = agreement.esp.isSHA256CutTo96, is96 != vector.phase2.truncatesSHA256To96 {
            return .refused(.truncation(clientCutsTo96: vector.phase2.truncatesSHA256To96, profile))
        }
        return .agreed(agreement)
    }

    /// The one that the client's group name comes to, or its address.
    package var profile: Profile? { profileIndex.map { configuration.ike.profiles[$0] } }

    var profileIndex: Int? {
        let profiles = configuration.ike.profiles
        let fitting = profiles.indices.filter { index in
            profiles[index].remote.map { prefixes in prefixes.contains { $0.contains(peer) } } ?? true
        }
        let named = fitting.first { index in
            guard let name = vector.phase1.groupName else { return false }
            return profiles[index].allowsAggressiveMode && profiles[index].identities.contains { $0.text == name }
        }
        return named ?? fitting.first
    }

    /// With a password that we know in place of the user's, of the same kind: what a method makes of an NT hash stays.
    private func prepared() -> (ControlPlane.Configuration, userName: String) {
        var configuration = configuration
        let password = SecretBytes(copying: Self.password.utf8)
        guard let user, let place = configuration.users.firstIndex(where: { $0.name == user }) else {
            configuration.users.append(User(name: Self.madeUpUser, secret: .password(password)))
            return (configuration, user ?? Self.madeUpUser)
        }
        switch configuration.users[place].secret {
        case .password:
            configuration.users[place].secret = .password(password)
        case .ntHash:
            guard let hash = MSCHAPv2.ntPasswordHash(password) else { break }
            configuration.users[place].secret = .ntHash(hash)
        }
        return (configuration, user)
    }

    private func client(key: [UInt8], _ userName: String) -> SimulatedClient {
        let own = isBehindNAT && peer.isV4 ? IPAddress("192.168.43.77") ?? peer : peer
        return SimulatedClient(
            vector,
            preSharedKey: key,
            ownAddress: SocketAddress(own, port: 500),
            gateway: SocketAddress(gateway, port: 500),
            user: userName,
            password: Self.password,
            outerAddress: peer,
            outerPorts: isBehindNAT ? [500: 30_500, 4500: 34_500] : [:],
            seed: 7
        )
    }

    private func agreement(in network: SimulatedNetwork, _ configuration: ControlPlane.Configuration) -> Agreement? {
        let client = network.clients[0]
        guard let (userName, address, mtu) = network.callUp, let ike = client.ike.ikeTransform,
            let child = client.ike.children.last, var esp = client.ike.children.last?.transform,
            let method = client.ppp.agreedMethod,
            let call = network.gateway.calls(at: network.now).first(where: { $0.state == "up" })
        else { return nil }
        var recognised = Client.unknown
        var profile = call.ike.profile
        var key: String?
        var legacy: Set<LegacyAlgorithm> = []
        for case .ike(let event) in network.events {
            switch event.kind {
            case .phase1Established(let name, _, _, _, let client, let keyName):
                (profile, recognised, key) = (name, client, keyName)
            case .childEstablished(_, _, let transform, _):
                esp = transform
            case .legacyAlgorithm(let algorithms, _):
                legacy.formUnion(algorithms)
            default:
                break
            }
        }
        return Agreement(
            profile: profile,
            key: key,
            recognised: recognised,
            isAggressive: vector.phase1.groupName != nil,
            ike: ike,
            esp: esp,
            pfsGroup: child.group,
            isEncapsulated: child.isEncapsulated,
            method: method,
            userName: userName,
            address: address,
            pool: configuration.pools.first { $0.range.contains(address) }?.name,
            dns: client.ppp.dns,
            mtu: mtu,
            mtuExplanation: call.mtuExplanation,
            legacy: legacy
        )
    }
}

extension SimulatedNetwork {
    fileprivate var callUp: (userName: String, address: IPAddress, mtu: Int)? {
        for case .call(let event) in events {
            if case .up(let userName, let address, _, let mtu, _) = event.kind { return (userName, address, mtu) }
        }
        return nil
    }
}

extension ESPTransform {
    /// `nil` for another integrity.
    fileprivate var isSHA256CutTo96: Bool? {
        switch integrity {
        case .hmacSHA256_96: true
        case .hmacSHA256_128: false
        case .hmacMD5_96, .hmacSHA1_96, .hmacSHA384_192, .hmacSHA512_256, nil: nil
        }
    }
}
