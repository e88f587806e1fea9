// SPDX-License-Identifier: Apache-2.0
import ControlPlane
import Cryptography
import DataPlane
import IKE
import L2TP
import PPP
import Primitives
import Simulation

/// Carries packets between clients and one gateway at once and without loss, and counts the CPU time
/// of the gateway alone.
struct Pump {
    private var gateway: ControlPlane
    private var kernel = SimulatedKernel()
    private let now = MonotonicTime(nanoseconds: 1_000_000_000)
    private let group: DiffieHellmanGroup
    var seconds = 0.0

    var listing: Listing { Listing(gateway: gateway, now: now) }
    var associationCount: Int { kernel.associations.count }
    var interfaceCount: Int { kernel.interfaces.count }

    init(group: DiffieHellmanGroup) {
        self.group = group
        let profile = Profile(
            name: "bench",
            preSharedKey: SecretBytes(copying: Array("bench".utf8)),
            ikeProposals: [IKETransform(cipher: .aesCBC(keyBits: 256), hash: .sha256, group: group)],
            espProposals: [ESPTransform(cipher: .aesCBC(keyBits: 256), integrity: .hmacSHA256_128)],
            pfsGroups: []
        )
        var ike = IKE.Configuration(profiles: [profile])
        ike.halfOpenLimit = 1_000_000
        ike.halfOpenPerSourceLimit = 1_000_000
        ike.ikeSALimit = 1_000_000
        gateway = ControlPlane(
            configuration: ControlPlane.Configuration(
                ike: ike,
                l2tp: L2TP.Configuration(hostName: "gw"),
                ppp: PPP.Configuration(name: "gw", authentication: [.mschapv2], mru: 1500),
                pools: [
                    AddressPoolConfiguration(
                        name: "bench",
                        range: IPPrefix(.v4(0x0A00_0000), length: 8)!,
                        gateway: .v4(0x0A00_0001)
                    )
                ],
                users: [User(name: "alice", secret: .password(SecretBytes(copying: Array("secret".utf8))))]
            ),
            entropy: SystemEntropy()
        )
    }

    private func client(_ number: Int) -> SimulatedClient {
        let own = IPAddress.v4(0xC612_0000 + UInt32(number))
        return SimulatedClient(
            ike: SimulatedIKEInitiator.Settings(
                preSharedKey: Array("bench".utf8),
                ikeOffer: [IKETransform(cipher: .aesCBC(keyBits: 256), hash: .sha256, group: group)],
                espOffer: [ESPTransform(cipher: .aesCBC(keyBits: 256), integrity: .hmacSHA256_128)],
                ownAddress: SocketAddress(own, port: 500),
                gateway: SocketAddress(.v4(0xCB00_7101), port: 500)
            ),
            user: "alice",
            password: "secret",
            seed: UInt64(number) + 1
        )
    }

    /// Leaves nothing on the heap but what the gateway itself keeps.
    mutating func forgetKernel() {
        kernel = SimulatedKernel()
    }

    /// Main and quick mode of a client that is forgotten afterwards.
    mutating func key(_ number: Int) {
        _ = keyedClient(number)
    }

    mutating func keyedClient(_ number: Int) -> SimulatedClient {
        var client = client(number)
        var packets = client.start(at: now)
        while !packets.isEmpty {
            let batch = packets.filter { if case .ike = $0 { true } else { false } }
            packets = []
            for packet in batch { packets += carry(packet, &client) }
        }
        return client
    }

    /// SCCRQ to IPCP of a client that has its keys: its tunnel and its call were asked for when quick
    /// mode ended, and the requests come again with the first retransmission.
    mutating func call(_ client: inout SimulatedClient) {
        var packets: [SimulatedClient.Packet] = []
        while packets.isEmpty, let deadline = client.nextDeadline { packets = client.advance(to: deadline) }
        while !packets.isEmpty {
            let batch = packets
            packets = []
            for packet in batch { packets += carry(packet, &client) }
        }
    }

    private mutating func carry(
        _ packet: SimulatedClient.Packet,
        _ client: inout SimulatedClient
    ) -> [SimulatedClient.Packet] {
        switch packet {
        case .ike(let outgoing):
            let datagram = IKE.Datagram(
                bytes: outgoing.bytes,
                port: outgoing.port,
                local: client.ike.settings.gateway,
                peer: client.outer(outgoing.port)
            )
            return handle(.datagram(datagram), &client)
        case .protected(let bytes, let spi):
            guard let spi = ESPSPI(rawValue: spi),
                let association = kernel.associations[
                    .init(destination: client.ike.settings.gateway.address, spi: spi)
                ]
            else { return [] }
            let peer = SocketAddress(client.outerAddress, port: 1701)
            return handle(.notice(.datagram(association.requestID, from: peer, bytes)), &client)
        }
    }

    private mutating func handle(
        _ input: ControlPlane.Input,
        _ client: inout SimulatedClient
    ) -> [SimulatedClient.Packet] {
        var inputs = [input]
        var packets: [SimulatedClient.Packet] = []
        while !inputs.isEmpty {
            let start = Meter.now()
            let effects = gateway.handle(inputs.removeFirst(), at: now)
            seconds += Meter.now() - start - Meter.ownCost
            for effect in effects {
                switch effect {
                case .transmit(let datagram):
                    packets += client.receive(datagram.bytes, on: datagram.port, at: now)
                case .send(let bytes, _, _):
                    packets += client.receiveProtected(bytes, at: now)
                case .write(let frame, let id):
                    guard let session = kernel.sessions[id] else { continue }
                    packets += client.receiveProtected(Samples.dataMessage(frame, session.peerID), at: now)
                case .request(let request, let ticket):
                    inputs.append(.notice(.answered(ticket, kernel.perform(request))))
                case .report:
                    break
                }
            }
        }
        return packets
    }
}
