// SPDX-License-Identifier: Apache-2.0
import L2TP
import Primitives
import Testing

struct HeaderTests {
    private static let hello = hex("c802 0014 1234 0000 0005 0007 8008 0000 0000 0006")

    private func decode(_ bytes: [UInt8]) throws(DecodeError) -> Datagram {
        var reader = ByteReader(bytes)
        return try Datagram(from: &reader)
    }

    private func isRefused(_ bytes: [UInt8]) -> Bool { (try? decode(bytes)) == nil }

    @Test func decodesAControlHeader() throws {
        guard case .control(let header, let body) = try decode(Self.hello) else {
            Issue.record("not a control message")
            return
        }
        #expect(
            header
                == ControlHeader(tunnel: tunnel(0x1234), session: nil, ns: SequenceNumber(5), nr: SequenceNumber(7))
        )
        #expect(body.remaining == 8)
    }

    @Test func encodesAControlHeader() {
        let header = ControlHeader(tunnel: tunnel(0x1234), session: nil, ns: SequenceNumber(5), nr: SequenceNumber(7))
        #expect(header.datagram(around: hex("8008 0000 0000 0006")) == Self.hello)
    }

    @Test(
        arguments: [
            // Nothing; L; S; O with two bytes of padding; P; all; reserved bits.
            ("0002 0001 0002", nil, false), ("4002 000a 0001 0002", nil, false),
            ("0802 0001 0002 0009 ffff", 9, false), ("0202 0001 0002 0002 0000", nil, false),
            ("0102 0001 0002", nil, true), ("4b02 0012 0001 0002 0009 0000 0002 0000", 9, true),
            ("34f2 0001 0002", nil, false),
        ] as [(String, UInt16?, Bool)]
    )
    func decodesADataHeader(_ bytes: String, ns: UInt16?, priority: Bool) throws {
        guard case .data(let header, let frame) = try decode(hex(bytes) + [0xC0, 0x21]) else {
            Issue.record("not a data message")
            return
        }
        #expect(header.tunnel == tunnel(1))
        #expect(header.session == session(2))
        #expect(header.ns == ns.map { SequenceNumber($0) })
        #expect(header.hasPriority == priority)
        #expect(Array(frame) == [0xC0, 0x21])
    }

    @Test func whatFollowsTheLengthOfADataMessageIsDropped() throws {
        guard case .data(_, let frame) = try decode(hex("4002 000a 0001 0002 c021 ffff")) else {
            Issue.record("not a data message")
            return
        }
        #expect(Array(frame) == [0xC0, 0x21])
    }

    @Test func encodesDataMessages() {
        var header = DataHeader(tunnel: tunnel(1), session: session(2))
        #expect(header.datagram(around: [0xC0, 0x21]) == hex("0002 0001 0002 c021"))
        header.ns = SequenceNumber(0xFFFF)
        header.hasPriority = true
        #expect(header.datagram(around: [0xC0, 0x21]) == hex("0902 0001 0002 ffff 0000 c021"))
    }

    @Test(
        "L01: another version than 2 is refused",
        arguments: [0, 1, 3, 4, 15] as [UInt8]
    )
    func refusesOtherVersions(_ version: UInt8) {
        var bytes = Self.hello
        bytes[1] = version
        #expect(throws: DecodeError.invalidValue(field: "Ver", value: UInt64(version))) { try decode(bytes) }
    }

    @Test("L01: a control message without L or S bit or with O bit is refused")
    func refusesControlMessagesWithoutLengthOrSequenceOrWithOffset() {
        #expect(throws: DecodeError.invalidValue(field: "L", value: 0)) { try decode(hex("8802 0001 0000 0000 0000")) }
        #expect(throws: DecodeError.invalidValue(field: "S", value: 0)) { try decode(hex("c002 0008 0001 0000")) }
        #expect(throws: DecodeError.invalidValue(field: "O", value: 1)) {
            try decode(hex("ca02 000e 0001 0000 0000 0000 0000"))
        }
    }

    @Test(
        "L01: a Length that is not the datagram's is refused",
        arguments: [0, 1, 3, 4, 11, 12, 19, 21, 0xFFFF] as [UInt16]
    )
    func refusesAControlLengthThatIsNotTheDatagrams(_ length: UInt16) {
        var bytes = Self.hello
        bytes[2] = UInt8(length >> 8)
        bytes[3] = UInt8(length & 0xFF)
        #expect(isRefused(bytes))
    }

    @Test(arguments: [
        (0, false), (1, false), (7, false), (8, true), (9, true), (10, true), (11, false), (0xFFFF, false),
    ])
    func readsADataLengthThatTheDatagramHas(_ length: Int, isGood: Bool) {
        let bytes = hex("4002") + [UInt8(length >> 8), UInt8(length & 0xFF)] + hex("0001 0002 c021")
        #expect(isRefused(bytes) != isGood)
    }

    @Test(arguments: [(0, 4), (1, 3), (3, 1), (4, 0), (5, nil), (0xFFFF, nil)] as [(Int, Int?)])
    func skipsAnOffsetThatTheDatagramHas(_ offset: Int, rest: Int?) {
        let bytes = hex("0202 0001 0002") + [UInt8(offset >> 8), UInt8(offset & 0xFF)] + [1, 2, 3, 4]
        guard case .data(_, let frame)? = try? decode(bytes) else {
            #expect(rest == nil)
            return
        }
        #expect(frame.count == rest)
    }

    @Test("L01: a header that is cut anywhere is refused")
    func refusesWhatIsCutShort() {
        for count in 0..<Self.hello.count { #expect(isRefused(Array(Self.hello.prefix(count)))) }
        let data = hex("4b02 0012 0001 0002 0009 0000 0002 0000 c021")
        for count in 0..<data.count { #expect(isRefused(Array(data.prefix(count)))) }
    }
}
