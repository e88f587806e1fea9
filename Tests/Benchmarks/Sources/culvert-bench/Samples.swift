// SPDX-License-Identifier: Apache-2.0
import Cryptography
import DataPlane
import IKE
import L2TP
import Primitives
import Simulation

/// Messages as peers send them.
enum Samples {
    /// Five transforms and six vendor ids: what a Windows client offers, in length.
    static func mainModeOffer() -> [UInt8] {
        var settings = SimulatedIKEInitiator.Settings(
            preSharedKey: [1],
            ikeOffer: [DiffieHellmanGroup.ecp384, .ecp256, .modp2048, .modp1536, .modp1024].map {
                IKETransform(cipher: .aesCBC(keyBits: 256), hash: .sha1, group: $0)
            },
            espOffer: [],
            ownAddress: SocketAddress(.v4(1), port: 500),
            gateway: SocketAddress(.v4(2), port: 500)
        )
        settings.vendorIDs = Array(repeating: SimulatedIKEInitiator.rfc3947, count: 6)
        var initiator = SimulatedIKEInitiator(settings, entropy: SeededEntropy(seed: 1))
        return initiator.start(at: MonotonicTime(nanoseconds: 0)).first?.bytes ?? []
    }

    static func sccrq() -> [UInt8] {
        var lac = SimulatedLAC(hostName: "client", secret: nil, entropy: SeededEntropy(seed: 1))
        return lac.start(at: MonotonicTime(nanoseconds: 0)).first ?? []
    }

    static func decodeIKE(_ bytes: [UInt8], _ count: Int) {
        for _ in 0..<count {
            var reader = ByteReader(bytes)
            guard let message = try? Message(from: &reader),
                let sa = try? message.chain.only(.securityAssociation), (try? IKEv1.SAPayload(sa)) != nil
            else { fatalError("the sample does not decode") }
        }
    }

    static func decodeL2TP(_ bytes: [UInt8], _ count: Int) {
        for _ in 0..<count {
            var reader = ByteReader(bytes)
            guard case .control(_, var body)? = try? L2TP.Datagram(from: &reader) else {
                fatalError("no control message")
            }
            var ignored: [MessageError] = []
            guard (try? ControlMessage(from: &body, secret: nil, ignored: &ignored)) != nil else {
                fatalError("the sample does not decode")
            }
        }
    }

    static func dataMessage(_ frame: [UInt8], _ peer: KernelSessionID) -> [UInt8] {
        var writer = ByteWriter()
        writer.integer(UInt16(0x0002))
        writer.integer(UInt16(truncatingIfNeeded: peer.tunnel))
        writer.integer(UInt16(truncatingIfNeeded: peer.session))
        writer.append(frame)
        return writer.bytes
    }
}
