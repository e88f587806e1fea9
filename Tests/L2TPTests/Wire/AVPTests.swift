// SPDX-License-Identifier: Apache-2.0
import L2TP
import Primitives
import Testing

struct AVPTests {
    private static let cases: [(bytes: [UInt8], avp: AVP)] = [
        (hex("8008 0000 0000 0001"), AVP(.messageType, value: [0, 1])),
        (hex("0009 0000 0008 414243"), AVP(.vendorName, value: Array("ABC".utf8))),
        (hex("c00a 0000 0009 be6a0ff3"), AVP(.assignedTunnelID, value: hex("be6a0ff3"), isHidden: true)),
        (hex("8006 0000 0027"), AVP(.sequencingRequired, value: [])),
        (hex("0006 0009 0001"), AVP(AttributeType(rawValue: 1), value: [], isMandatory: false, vendor: 9)),
    ]

    @Test(arguments: cases.indices)
    func decodes(_ index: Int) throws {
        var reader = ByteReader(Self.cases[index].bytes)
        #expect(try AVP(from: &reader) == Self.cases[index].avp)
        #expect(reader.isAtEnd)
    }

    @Test(arguments: cases.indices)
    func encodes(_ index: Int) {
        var writer = ByteWriter()
        Self.cases[index].avp.encode(into: &writer)
        #expect(writer.bytes == Self.cases[index].bytes)
    }

    @Test func carriesTheLongestValue() throws {
        let avp = AVP(.hostName, value: [UInt8](repeating: 0x61, count: AVP.longestValue))
        var writer = ByteWriter()
        avp.encode(into: &writer)
        #expect(writer.count == 1023)
        var reader = ByteReader(writer.bytes)
        #expect(try AVP(from: &reader) == avp)
    }

    /// 0, 1, header − 1, header, header + 1, rest, rest + 1, max.
    @Test(
        "L02: an AVP of length 0 to 5 or beyond the message is refused, and one that fits is read",
        arguments: [(0, nil), (1, nil), (5, nil), (6, 0), (7, 1), (10, 4), (11, nil), (0x3FF, nil)] as [(Int, Int?)]
    )
    func readsALengthThatTheMessageHas(_ length: Int, value: Int?) {
        let bytes = [0x80 | UInt8(length >> 8), UInt8(length & 0xFF)] + hex("0000 0007 61626364")
        var reader = ByteReader(bytes)
        #expect((try? AVP(from: &reader))?.value.count == value)
    }

    @Test("L02: a reserved bit makes an AVP unrecognized")
    func aReservedBitMakesItUnrecognized() throws {
        for bit in [0x20, 0x10, 0x08, 0x04] as [UInt8] {
            var reader = ByteReader([bit, 8] + hex("0000 0000 0001"))
            let avp = try AVP(from: &reader)
            #expect(avp.hasReservedBits)
            #expect(!avp.isRecognized)
        }
    }

    @Test func anotherVendorsOrUnassignedNumberIsUnrecognized() {
        #expect(AVP(.hostName, value: [1]).isRecognized)
        #expect(!AVP(.hostName, value: [1], vendor: 311).isRecognized)
        #expect(!AVP(AttributeType(rawValue: 20), value: []).isRecognized)
        #expect(!AVP(AttributeType(rawValue: 40), value: []).isRecognized)
        #expect(!AVP(AttributeType(rawValue: 0xFFFF), value: []).isRecognized)
    }
}
