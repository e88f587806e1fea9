// SPDX-License-Identifier: Apache-2.0
import Cryptography
import DataPlane
import IKE
import Primitives
import Simulation

/// A gateway's IKE in the middle of a negotiation with a client that does everything right.
struct ISAKMPStage {
    var endpoint: IKE.Endpoint
    var client: SimulatedIKEInitiator
    /// What the client says next.
    var next: [UInt8]
}

enum ISAKMPStages {
    static let entropy = RepeatableEntropy()
    static let peer = SocketAddress(World.client, port: 500)
    static let gateway = SocketAddress(World.gateway, port: 500)

    /// Before main mode's messages 1, 3 and 5, quick mode's 1 and 3, and after that.
    static let all: [ISAKMPStage] = stages(preSharedKey: "labpsk")
    /// Of a client with the wrong key: before main mode's messages 1, 3 and 5.
    static let strangers: [ISAKMPStage] = stages(preSharedKey: "other")
    /// Before aggressive mode's messages 1 and 3, and what follows.
    static let aggressive: [ISAKMPStage] = stages(preSharedKey: "labpsk", groupName: "sales")

    static func datagram(_ bytes: [UInt8], isNATTraversal: Bool = false, from peer: SocketAddress = peer) -> Datagram {
        Datagram(
            bytes: isNATTraversal ? [0, 0, 0, 0] + bytes : bytes,
            port: isNATTraversal ? .natTraversal : .ike,
            local: SocketAddress(World.gateway, port: isNATTraversal ? 4500 : 500),
            peer: peer
        )
    }

    static func transmitted(_ effects: [Endpoint.Effect]) -> [[UInt8]] {
        effects.compactMap { effect in
            guard case .transmit(let datagram) = effect else { return nil }
            return datagram.bytes
        }
    }

    private static func stages(preSharedKey: String, groupName: String? = nil) -> [ISAKMPStage] {
        entropy.restart()
        let transforms = [
            IKETransform(cipher: .aesCBC(keyBits: 256), hash: .sha256, group: .ecp256),
            IKETransform(cipher: .aesCBC(keyBits: 128), hash: .sha1, group: .modp2048),
        ]
        let esp = [
            ESPTransform(cipher: .aesCBC(keyBits: 256), integrity: .hmacSHA256_128),
            ESPTransform(cipher: .aesGCM16(keyBits: 128), integrity: nil),
        ]
        var profile = Profile(
            name: "remote-access",
            preSharedKey: SecretBytes(copying: Array("labpsk".utf8)),
            ikeProposals: transforms,
            espProposals: esp,
            pfsGroups: [.ecp256]
        )
        // The right one is not the first that is tried.
        profile.preSharedKeys.insert(
            PreSharedKey(name: "bob", secret: SecretBytes(copying: Array("key of bob".utf8))),
            at: 0
        )
        profile.preSharedKeys[1].name = "sales"
        if groupName != nil {
            profile.allowsAggressiveMode = true
            profile.identities = [IdentityPattern("sales")]
        }
        var endpoint = Endpoint(configuration: Configuration(profiles: [profile]), entropy: entropy)
        var settings = SimulatedIKEInitiator.Settings(
            preSharedKey: Array(preSharedKey.utf8),
            ikeOffer: groupName == nil ? transforms : [transforms[0]],
            espOffer: esp,
            ownAddress: peer,
            gateway: gateway
        )
        settings.groupName = groupName.map { Array($0.utf8) }
        settings.vendorIDs.append(VendorID.fragmentation)
        var client = SimulatedIKEInitiator(settings, entropy: SeededEntropy(seed: 7))
        var stages: [ISAKMPStage] = []
        var messages = client.dial(at: World.start).map(\.bytes)
        while let message = messages.first {
            messages.removeFirst()
            stages.append(ISAKMPStage(endpoint: endpoint, client: client, next: message))
            var effects = endpoint.receive(datagram(message), at: World.start)
            for case .installInbound(let child) in effects {
                effects += endpoint.inboundInstalled(child.id, outcome: .installed, at: World.start)
            }
            for answer in transmitted(effects) {
                messages += client.receive(answer, on: .ike, at: World.start).map(\.bytes)
            }
        }
        stages.append(ISAKMPStage(endpoint: endpoint, client: client, next: []))
        return stages
    }
}
