// SPDX-License-Identifier: Apache-2.0
import ControlPlane
import DataPlane
import IKE
import Primitives
import Testing

struct EncapsulationOverheadTests {
    private func child(_ transform: ESPTransform, encapsulated: Bool, v6: Bool = false) throws -> ChildSA {
        let key = SecretBytes(copying: [UInt8](repeating: 1, count: 4))
        let address = try #require(IPAddress(v6 ? "2001:db8::1" : "192.0.2.1"))
        return ChildSA(
            id: ChildSA.ID(ike: IKESAID(rawValue: 1), inboundSPI: try #require(ESPSPI(rawValue: 1000))),
            trace: TraceID(rawValue: 1),
            outboundSPI: try #require(ESPSPI(rawValue: 1001)),
            transform: transform,
            inboundEncryptionKey: key,
            inboundIntegrityKey: nil,
            outboundEncryptionKey: key,
            outboundIntegrityKey: nil,
            local: SocketAddress(address, port: 4500),
            peer: SocketAddress(address, port: 4500),
            isEncapsulated: encapsulated,
            peerTrafficPort: 1701,
            lifetime: .seconds(3600),
            lifetimeKilobytes: nil
        )
    }

    /// Builds the packet from the inside out, as the kernel does, and says how long it gets.
    private func outerLength(of packet: Int, _ transform: ESPTransform, encapsulated: Bool, v6: Bool) -> Int {
        let inner = packet + 4 + 6 + 8
        let padded = (inner + 2 + transform.blockLength - 1) / transform.blockLength * transform.blockLength
        return (v6 ? 40 : 20) + (encapsulated ? 8 : 0) + 8 + transform.ivLength + padded + transform.icvLength
    }

    static let transforms: [ESPTransform] = [
        ESPTransform(cipher: .aesCBC(keyBits: 256), integrity: .hmacSHA256_128),
        ESPTransform(cipher: .aesCBC(keyBits: 256), integrity: .hmacSHA256_96),
        ESPTransform(cipher: .aesCBC(keyBits: 128), integrity: .hmacSHA1_96),
        ESPTransform(cipher: .aesCBC(keyBits: 256), integrity: .hmacSHA512_256),
        ESPTransform(cipher: .aesGCM16(keyBits: 256), integrity: nil),
        ESPTransform(cipher: .tripleDESCBC, integrity: .hmacSHA1_96),
    ]

    @Test(arguments: transforms, [true, false])
    func theLargestPacketFitsAndOneByteMoreDoesNot(_ transform: ESPTransform, encapsulated: Bool) throws {
        for v6 in [false, true] {
            let overhead = EncapsulationOverhead(
                of: try child(transform, encapsulated: encapsulated, v6: v6),
                usesSequenceNumbers: false,
                outerMTU: 1500
            )
            let fits = outerLength(of: overhead.mtu, transform, encapsulated: encapsulated, v6: v6)
            let spills = outerLength(of: overhead.mtu + 1, transform, encapsulated: encapsulated, v6: v6)
            #expect(fits <= 1500)
            #expect(spills > 1500)
        }
    }

    @Test func saysHowItWasReckoned() throws {
        let overhead = EncapsulationOverhead(
            of: try child(Self.transforms[0], encapsulated: true),
            usesSequenceNumbers: false,
            outerMTU: 1500
        )
        #expect(
            overhead.explanation
                == "1500 - IP 20 - UDP 8 - ESP 8 - IV 16 - ICV 16 - trailer 2 - block 8 - UDP 8 - L2TP 6 - PPP 4 = 1404"
        )
    }
}
