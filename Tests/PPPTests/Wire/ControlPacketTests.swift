// SPDX-License-Identifier: Apache-2.0
import PPP
import Primitives
import Testing

struct ControlPacketTests {
    private let bytes = hex("01 07 0008 01 04 05 78")

    @Test func decodesAndEncodes() throws {
        var reader = ByteReader(bytes)
        let packet = try ControlPacket(from: &reader)
        #expect(packet == ControlPacket(.configureRequest, identifier: 7, data: hex("01 04 05 78")[...]))
        var writer = ByteWriter()
        packet.encode(into: &writer)
        #expect(writer.bytes == bytes)
        #expect(packet.frame(.lcp) == hex("C021") + bytes)
    }

    @Test func ignoresPaddingBehindTheDeclaredLength() throws {
        var reader = ByteReader(bytes + [0, 0, 0])
        #expect(try ControlPacket(from: &reader).data == hex("01 04 05 78")[...])
        #expect(reader.isAtEnd)
    }

    @Test(
        "P01: a packet length below 4 or beyond the frame is refused",
        arguments: sweep(header: 4, rest: 8, maximum: 0xFFFF)
    )
    func survivesEveryLength(_ length: Int) {
        var changed = bytes
        changed[2] = UInt8(length >> 8)
        changed[3] = UInt8(length & 0xFF)
        var reader = ByteReader(changed)
        do throws(DecodeError) {
            let packet = try ControlPacket(from: &reader)
            #expect((4...8).contains(length))
            #expect(packet.data.count == length - 4)
        } catch {
            #expect(!(4...8).contains(length))
            #expect(error == (length < 4 ? .invalidLength(length) : .truncated(needed: length - 4, available: 4)))
        }
    }

    @Test(arguments: 0..<8)
    func refusesAPacketCutAt(_ count: Int) {
        var reader = ByteReader(Array(bytes.prefix(count)))
        #expect(throws: DecodeError.self) { try ControlPacket(from: &reader) }
    }
}
