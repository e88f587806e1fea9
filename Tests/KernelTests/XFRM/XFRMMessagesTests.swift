// SPDX-License-Identifier: Apache-2.0
import DataPlane
import Kernel
import Primitives
import Testing

/// The expected bytes were put together by hand from the structures in <linux/xfrm.h>, not by this code.
struct XFRMMessagesTests {
    private func bytes(_ message: consuming NetlinkMessage) -> [UInt8] {
        var bytes: [UInt8] = []
        message.write(to: &bytes, sequence: 0)
        return bytes
    }

    @Test func anInboundAssociationBehindNATHasEncapsulationReplayWindowAndMappingThreshold() throws {
        var association = SecurityAssociation(
            direction: .inbound,
            source: .v4(0xCB00_7101),
            destination: .v4(0xCB00_7102),
            spi: try #require(ESPSPI(rawValue: 0x1001)),
            requestID: RequestID(serial: 1, port: 20_001),
            transform: ESPTransform(cipher: .aesGCM16(keyBits: 128), integrity: nil),
            encryptionKey: SecretBytes(copying: (0..<20).map { UInt8($0) }),
            integrityKey: nil,
            encapsulation: .init(sourcePort: 40_001, destinationPort: 4500)
        )
        #expect(bytes(XFRMMessages.install(association)) == inboundGCM)
        // Outbound there is no window and no threshold: what is left is shorter by those two attributes.
        association.direction = .outbound
        #expect(bytes(XFRMMessages.install(association)).count == inboundGCM.count - 156 - 8)
        association.direction = .inbound
        association.encapsulation = nil
        #expect(bytes(XFRMMessages.install(association)).count == inboundGCM.count - 28 - 8)
        association.replayWindow = 4096
        #expect(bytes(XFRMMessages.install(association)).count == inboundGCM.count - 28 - 8 + (4096 - 1024) / 8)
    }

    @Test func anOutboundAssociationOverIPv6HasCipherIntegrityAndLifetimes() throws {
        var association = SecurityAssociation(
            direction: .outbound,
            source: try #require(IPAddress("2001:db8::2")),
            destination: try #require(IPAddress("2001:db8::1")),
            spi: try #require(ESPSPI(rawValue: 0xCAFE_F00D)),
            requestID: RequestID(serial: 0xFFFF, port: 32_767),
            transform: ESPTransform(cipher: .aesCBC(keyBits: 128), integrity: .hmacSHA256_96),
            encryptionKey: SecretBytes(copying: (0..<16).map { UInt8($0) }),
            integrityKey: SecretBytes(copying: (0..<32).map { UInt8($0) }),
            encapsulation: nil
        )
        association.lifetime.softSeconds = 3000
        association.lifetime.hardSeconds = 3600
        association.lifetime.softBytes = 1 << 40
        association.lifetime.hardBytes = 1 << 41
        #expect(bytes(XFRMMessages.install(association)) == outboundCBC)
    }

    @Test(arguments: [
        (ESPTransform.Integrity.hmacMD5_96, "hmac(md5)", 96), (.hmacSHA1_96, "hmac(sha1)", 96),
        (.hmacSHA256_128, "hmac(sha256)", 128), (.hmacSHA256_96, "hmac(sha256)", 96),
        (.hmacSHA384_192, "hmac(sha384)", 192), (.hmacSHA512_256, "hmac(sha512)", 256),
    ])
    func everyIntegrityAlgorithmHasTheKernelsNameAndTruncation(
        _ integrity: ESPTransform.Integrity,
        _ name: String,
        _ bits: UInt32
    ) throws {
        let transform = ESPTransform(cipher: .tripleDESCBC, integrity: integrity)
        let association = SecurityAssociation(
            direction: .outbound,
            source: .v4(1),
            destination: .v4(2),
            spi: try #require(ESPSPI(rawValue: 256)),
            requestID: RequestID(serial: 1, port: 20_000),
            transform: transform,
            encryptionKey: SecretBytes(copying: [UInt8](repeating: 1, count: transform.encryptionKeyLength)),
            integrityKey: SecretBytes(copying: [UInt8](repeating: 2, count: transform.integrityKeyLength)),
            encapsulation: nil
        )
        var cursor = NetlinkCursor(bytes(XFRMMessages.install(association))[...])
        try cursor.skip(16 + 224)
        let attributes = try cursor.attributes()
        let cipher = try #require(attributes[2])
        #expect(cipher.starts(with: Array("cbc(des3_ede)".utf8) + [0]))
        #expect(cipher.count == 64 + 4 + 24)
        let algorithm = try #require(attributes[20])
        #expect(algorithm.starts(with: Array(name.utf8) + [0]))
        var tail = NetlinkCursor(algorithm.dropFirst(64))
        #expect(try tail.integer(UInt32.self) == UInt32(transform.integrityKeyLength * 8))
        #expect(try tail.integer(UInt32.self) == bits)
        #expect(Int(bits) == transform.icvLength * 8)
        #expect(Array(tail.rest()) == [UInt8](repeating: 2, count: transform.integrityKeyLength))
    }

    @Test func removalNamesDestinationAndSPI() throws {
        let id = SecurityAssociation.ID(
            destination: .v4(0xCB00_7102),
            spi: try #require(ESPSPI(rawValue: 0x1001))
        )
        #expect(
            bytes(XFRMMessages.remove(id))
                == hex("28000000110001000000000000000000cb0071020000000000000000000000000000100102003200")
        )
    }
}

private let inboundGCM = hex(
    """
    100200001000010600000000000000000000000000000000000000000000000000000000000000000000000000000000
    000000000000000002000000000000000000000000000000cb0071020000000000000000000000000000100132000000
    cb007101000000000000000000000000ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff
    000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000
    0000000000000000000000000000000000000000000000000000000000000000214e0100020000000000000000000000
    60001200726663343130362867636d286165732929000000000000000000000000000000000000000000000000000000
    0000000000000000000000000000000000000000a000000080000000000102030405060708090a0b0c0d0e0f10111213
    1c00040002009c4111940000000000000000000000000000000000009c00170020000000000000000000000000000000
    000000000004000000000000000000000000000000000000000000000000000000000000000000000000000000000000
    000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000
    000000000000000000000000000000000000000000000000000000000000000000000000000000000800200001000000
    """
)

private let outboundCBC = hex(
    """
    b40100001000010600000000000000000000000000000000000000000000000000000000000000000000000000000000
    00000000000000000a00000000000000000000000000000020010db8000000000000000000000001cafef00d32000000
    20010db800000000000000000000000200000000000100000000000000020000ffffffffffffffffffffffffffffffff
    b80b000000000000100e0000000000000000000000000000000000000000000000000000000000000000000000000000
    0000000000000000000000000000000000000000000000000000000000000000ff7fffff0a0000000000000000000000
    580002006362632861657329000000000000000000000000000000000000000000000000000000000000000000000000
    000000000000000000000000000000000000000080000000000102030405060708090a0b0c0d0e0f6c001400686d6163
    287368613235362900000000000000000000000000000000000000000000000000000000000000000000000000000000
    0000000000000000000000000001000060000000000102030405060708090a0b0c0d0e0f101112131415161718191a1b
    1c1d1e1f
    """
)
