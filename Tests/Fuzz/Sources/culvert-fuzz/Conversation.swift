// SPDX-License-Identifier: Apache-2.0
import ControlPlane
import DataPlane
import IKE
import L2TP
import PPP
import Primitives
import Simulation

/// Whole conversations with the whole control plane: clients that dial and hang up, a wire that loses, doubles, delays
/// and mangles, a kernel that refuses and tells tales, an operator who terminates.
///
/// Afterwards everybody goes, time runs out, and everything must be clean: the kernel's books, the pool, the gauges.
enum Conversation: FuzzTarget {
    static let name = "conversation"
    private static let entropy = RepeatableEntropy()

    static func run(_ script: Script) {
        var script = script
        // First what becomes of which packet.
        var fates: [Int: SimulatedNetwork.Fate] = [:]
        var number = 0
        for _ in 0..<Int(script.byte() % 16) {
            number += Int(script.byte() % 64)
            let kind = script.byte()
            let seed = UInt64(script.byte())
            fates[number] =
                switch kind % 8 {
                case 0: .lost
                case 1: .doubled
                case 2: .delayed(.milliseconds(100 * Int64(seed)))
                case 3: .repeated(after: .milliseconds(100 * Int64(seed)))
                case 4: .swapped(twice: seed & 1 == 1)
                case 5: .truncated
                case 6: .flipped(seed &* 0x9E37_79B9_7F4A_7C15 >> 8)
                default: .mangled(seed)
                }
        }
        entropy.restart()
        var network = SimulatedNetwork(gateway: ControlPlane(configuration: configuration, entropy: entropy))
        network.clients = [client(1, "alice"), client(2, "bob")]
        network.fate = { [fates] in fates[$0] ?? .arrives }
        var hasLied = false
        var dials = 0
        while let order = script.order() {
            let index = Int(order >> 3) % 2
            switch order % 8 {
            case 0, 1: network.run(for: .milliseconds(50 * (1 + Int64(script.byte()))))
            case 2 where dials < 6:
                dials += 1
                if network.clients[index].ike.state != .idle {
                    network.clients[index] = client(
                        UInt64(index) + 1,
                        index == 0 ? "alice" : "bob",
                        again: UInt64(dials)
                    )
                }
                network.dial(index)
            case 3:
                network.act(index) { $0.hangUp(at: $1) }
            case 4:
                network.act(index) { $0.closeKeys(at: $1) }
            case 5:
                let selectors: [CallSelector] = [
                    .user("alice"), .user("bob"), .all, .peer(World.address("203.0.113.254")), .interface("cv0"),
                    .innerAddress(World.address("10.99.0.2")),
                ]
                network.command(.terminate(selectors[Int(script.byte()) % selectors.count]))
            case 6:
                let (kind, code) = (script.byte() % 12, Int32(script.byte() % 40))
                network.kernel.failing = { request in
                    kindNumber(request) == kind && code > 0 ? DataPlaneError(step: "step", code: code) : nil
                }
                if kind < 12, code > 0 { hasLied = true }
            default:
                hasLied = true
                tellTale(&network, &script)
            }
        }
        finish(&network, hasLied: hasLied)
    }

    private static func finish(_ network: inout SimulatedNetwork, hasLied: Bool) {
        defer { Tally.packets += network.carried }
        network.fate = { _ in .arrives }
        network.kernel.failing = { _ in nil }
        for index in network.clients.indices { network.act(index) { $0.closeKeys(at: $1) } }
        network.run(for: .seconds(30))
        network.command(.shutDown)
        network.run(for: .seconds(200)) { $0.gateway.isIdle }
        network.run(for: .seconds(200)) { $0.gateway.nextDeadline == nil }
        let status = network.gateway.status(at: network.now)
        check(network.gateway.isIdle, "not idle: \(network.gateway.calls(at: network.now))")
        check(network.gateway.nextDeadline == nil, "deadlines stay")
        check(status.pools.allSatisfy { $0.used == 0 }, "addresses stay")
        check(
            status.callCount + status.ikeCount + status.childCount + status.tunnelCount + status.sessionCount == 0,
            "something stays: \(status)"
        )
        // Whoever was lied to may leave things behind; that nothing else stays, the gauges say.
        if !hasLied {
            check(network.kernel.isClean, "the kernel is not clean")
            // Packets for keys that somebody has given up, or whose first half has come before the second, go nowhere:
            // the policies see to it.
            let harmless = ["cannot decrypt", "datagram without an association"]
            let violations = network.kernel.violations.filter { note in !harmless.contains { note.contains($0) } }
            check(violations.isEmpty, "\(violations)")
        }
    }

    private static func kindNumber(_ request: DataPlaneRequest) -> UInt8 {
        switch request {
        case .openSocket: 0
        case .connectSocket: 1
        case .closeSocket: 2
        case .install(let association): association.direction == .inbound ? 3 : 4
        case .remove: 5
        case .createSession: 6
        case .bringUp: 7
        case .removeSession: 8
        case .move: 9
        case .readCounters: 10
        case .takeInventory: 11
        case .setMTU: 12
        case .readPathMTU: 13
        case .probePath: 14
        case .addGatewayAddress: 15
        case .removeGatewayAddress: 16
        }
    }

    /// A notice of the kernel, about what there is or about something else.
    private static func tellTale(_ network: inout SimulatedNetwork, _ script: inout Script) {
        let kind = script.byte()
        let ids = network.kernel.associations.keys.sorted { $0.spi.rawValue < $1.spi.rawValue }
        let sessions = network.kernel.sessions.keys.sorted { ($0.tunnel, $0.session) < ($1.tunnel, $1.session) }
        let which = Int(script.byte())
        let association = ids.isEmpty ? nil : ids[which % ids.count]
        let requestID = association.flatMap { network.kernel.associations[$0]?.requestID.rawValue } ?? 0
        switch kind % 6 {
        case 0: network.hear(.noticesLost)
        case 1, 2:
            guard let association else { return }
            network.hear(.expired(association, requestID: requestID, isHard: kind % 6 == 1))
        case 3:
            guard let association else { return }
            let port = UInt16(1 + which)
            network.hear(
                .mappingChanged(association, requestID: requestID, to: SocketAddress(World.client, port: port))
            )
        case 4:
            guard let association else { return }
            if which & 1 == 0 { network.kernel.forget(.association(association)) }
            network.hear(.vanished(.association(association)))
        default:
            guard !sessions.isEmpty else { return }
            let session = sessions[which % sessions.count]
            if which & 1 == 0 { network.kernel.forget(.session(session)) }
            network.hear(.vanished(.session(session)))
        }
    }

    private static let ikeOffer = [IKETransform(cipher: .aesCBC(keyBits: 256), hash: .sha256, group: .ecp256)]
    private static let espOffer = [ESPTransform(cipher: .aesCBC(keyBits: 256), integrity: .hmacSHA256_128)]

    private static let configuration: ControlPlane.Configuration = {
        let profile = Profile(
            name: "remote-access",
            preSharedKey: SecretBytes(copying: Array("labpsk".utf8)),
            ikeProposals: ikeOffer,
            espProposals: espOffer,
            pfsGroups: [.ecp256]
        )
        guard let range = IPPrefix("10.99.0.0/29") else { fatalError("the pool") }
        return ControlPlane.Configuration(
            ike: IKE.Configuration(profiles: [profile]),
            l2tp: L2TP.Configuration(hostName: "gw"),
            ppp: PPP.Configuration(name: "gw", authentication: [.mschapv2, .chapMD5, .pap], mru: 1500),
            pools: [AddressPoolConfiguration(name: "office", range: range, gateway: World.address("10.99.0.1"))],
            users: ["alice", "bob"].map {
                User(name: $0, secret: .password(SecretBytes(copying: Array("secret of \($0)".utf8))))
            }
        )
    }()

    /// The first behind a NAT, the second not.
    private static func client(_ number: UInt64, _ user: String, again: UInt64 = 0) -> SimulatedClient {
        let own = World.address(number == 1 ? "192.168.7.1" : "203.0.113.12")
        return SimulatedClient(
            ike: SimulatedIKEInitiator.Settings(
                preSharedKey: Array("labpsk".utf8),
                ikeOffer: ikeOffer,
                espOffer: espOffer,
                ownAddress: SocketAddress(own, port: 500),
                gateway: SocketAddress(World.gateway, port: 500)
            ),
            user: user,
            password: "secret of \(user)",
            outerAddress: number == 1 ? World.address("203.0.113.254") : nil,
            outerPorts: number == 1 ? [500: 30_001, 4500: 40_001] : [:],
            seed: number + 100 * again
        )
    }

    static func seeds() -> [(name: String, bytes: [UInt8])] {
        /// Dial, wait, and then what the name says.
        func seed(_ name: String, _ orders: [UInt8], fates: [[UInt8]] = []) -> (name: String, bytes: [UInt8]) {
            (name, [UInt8(fates.count)] + fates.joined() + orders)
        }
        let dial: [UInt8] = [2, 0, 60]
        var seeds = [
            seed("call", dial + [3, 0, 40, 4, 0, 100]),
            seed("two-calls", [2, 10, 0, 80, 5, 2, 0, 100, 3, 11, 0, 100]),
            seed("keys-go-first", dial + [4, 0, 200]),
            seed("terminate", dial + [5, 0, 0, 200]),
            seed("dial-again", dial + dial + dial + [3, 4]),
            seed("notices", dial + [7, 0, 0, 7, 1, 0, 7, 2, 1, 7, 3, 40, 7, 4, 1, 7, 5, 0, 0, 200]),
            seed("long", dial + [0, 255, 0, 255, 0, 255, 0, 255, 0, 255, 0, 255, 3, 4]),
        ]
        for kind in UInt8(0)..<8 {
            let fates = (UInt8(0)..<6).map { [5, kind, $0 &* 37] }
            seeds.append(seed("wire-\(kind)", dial + [0, 255, 0, 255, 3, 4], fates: fates))
        }
        for kind in UInt8(0)..<12 {
            let refusal: [UInt8] = [6, kind, 12]
            seeds.append(seed("kernel-\(kind)", refusal + dial + [0, 255, 6, 0, 0] + dial + [3, 0, 40, 4]))
        }
        return seeds
    }
}
