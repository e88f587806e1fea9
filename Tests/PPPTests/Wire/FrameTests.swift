// SPDX-License-Identifier: Apache-2.0
import PPP
import Primitives
import Testing

struct FrameTests {
    @Test(
        arguments: [
            ("C021 01", 0xC021, "01"),
            ("FF03 C021 01", 0xC021, "01"),
            ("FF03 21 45", 0x0021, "45"),
            ("0021 45", 0x0021, "45"),
            ("80FD", 0x80FD, ""),
        ] as [(String, UInt16, String)]
    )
    func decodesWhatPeersSend(_ bytes: String, _ number: UInt16, _ information: String) throws {
        var reader = ByteReader(hex(bytes))
        let frame = try Frame(from: &reader)
        #expect(frame == Frame(ProtocolNumber(rawValue: number), hex(information)[...]))
        #expect(reader.isAtEnd)
    }

    @Test(
        "P13: an even protocol, or one cut short, is refused",
        arguments: ["", "FF", "FF04 C021", "FF03", "FF03 C0", "C0", "C022", "0020", "80"]
    )
    func refusesWhatCannotBeAFrame(_ bytes: String) {
        var reader = ByteReader(hex(bytes))
        #expect(throws: DecodeError.self) { try Frame(from: &reader) }
    }

    @Test func encodesWithoutCompression() throws {
        var writer = ByteWriter()
        Frame(.ipv4, [0x45]).encode(into: &writer)
        #expect(writer.bytes == hex("0021 45"))
        var reader = ByteReader(writer.bytes)
        #expect(try Frame(from: &reader) == Frame(.ipv4, [0x45]))
    }

    @Test func namesTheProtocolsItKnows() {
        #expect(ProtocolNumber.ccp.description == "CCP")
        #expect(ProtocolNumber(rawValue: 0x802B).description == "0x802b")
    }
}
