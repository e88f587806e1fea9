// SPDX-License-Identifier: Apache-2.0
import IKE
import Primitives
import Testing

struct ISAKMPHeaderTests {
    static let bytes = hex("0102030405060708 1112131415161718 01 10 02 01 DEADBEEF 00000054")

    @Test func readsEveryField() throws {
        var reader = ByteReader(Self.bytes)
        let header = try ISAKMPHeader(from: &reader)
        #expect(header.initiatorCookie == Cookie(rawValue: 0x0102_0304_0506_0708))
        #expect(header.responderCookie.bytes == hex("1112131415161718"))
        #expect(header.nextPayload == .securityAssociation)
        #expect(header.majorVersion == 1 && header.minorVersion == 0)
        #expect(header.exchange == .identityProtection)
        #expect(header.flags == .encryption)
        #expect(header.messageID == 0xDEAD_BEEF)
        #expect(header.length == 84)
        #expect(reader.isAtEnd)
    }

    @Test func writesWhatItRead() throws {
        var reader = ByteReader(Self.bytes)
        let header = try ISAKMPHeader(from: &reader)
        var writer = ByteWriter()
        header.encode(into: &writer)
        #expect(writer.bytes == Self.bytes)
    }

    @Test(arguments: 0..<28)
    func isRefusedWhenCut(at length: Int) {
        var reader = ByteReader(Array(Self.bytes.prefix(length)))
        #expect(throws: DecodeError.self) { try ISAKMPHeader(from: &reader) }
    }
}

struct PayloadChainTests {
    static func read(_ bytes: [UInt8], first: PayloadType = .nonce) throws -> PayloadChain {
        var reader = ByteReader(bytes)
        return try PayloadChain(first: first, from: &reader)
    }

    @Test func walksToTheEnd() throws {
        let chain = try Self.read(hex("0D 00 0006 AABB 00 FF 0005 CC 99"))
        #expect(chain == PayloadChain([Payload(.nonce, [0xAA, 0xBB]), Payload(.vendorID, [0xCC])]))
    }

    @Test func writesWhatItRead() throws {
        let bytes = hex("0D 00 0006 AABB 00 00 0005 CC")
        var writer = ByteWriter()
        try Self.read(bytes).encode(into: &writer)
        #expect(writer.bytes == bytes)
    }

    @Test(
        "A06: a payload shorter than its header or longer than the message ends the reading",
        arguments: [
            (0, DecodeError.invalidLength(0)), (1, .invalidLength(1)), (3, .invalidLength(3)),
            (9, .truncated(needed: 5, available: 4)), (0xFFFF, .truncated(needed: 0xFFFB, available: 4)),
        ]
    )
    func lengthThatCannotBe(_ length: Int, _ error: DecodeError) {
        let bytes: [UInt8] = [0, 0, UInt8(length >> 8), UInt8(length & 0xFF), 1, 2, 3, 4]
        #expect(throws: error) { try Self.read(bytes) }
    }

    @Test("A06: a length that fits is read", arguments: [4, 5, 8])
    func lengthThatFits(_ length: Int) throws {
        let bytes: [UInt8] = [0, 0, 0, UInt8(length), 1, 2, 3, 4]
        #expect(try Self.read(bytes).payloads.first?.body.count == length - 4)
    }

    @Test("A06: a next payload without bytes is refused") func nextPayloadWithoutBytesIsRefused() {
        #expect(throws: DecodeError.truncated(needed: 1, available: 0)) { try Self.read(hex("0D 00 0004")) }
    }

    @Test("A07: sixty-four payloads are read, sixty-five are not", arguments: [(63, true), (64, true), (65, false)])
    func countIsBounded(_ count: Int, _ isRead: Bool) {
        var bytes: [UInt8] = []
        for index in 0..<count { bytes += [index + 1 < count ? 13 : 0, 0, 0, 4] }
        #expect(((try? Self.read(bytes, first: .vendorID)) != nil) == isRead)
    }

    @Test func onlyDemandsExactlyOne() throws {
        let chain = PayloadChain([Payload(.nonce, [1]), Payload(.hash, [2]), Payload(.hash, [3])])
        #expect(try chain.only(.nonce) == [1])
        #expect(throws: DecodeError.invalidValue(field: "number of HASH payloads", value: 2)) { try chain.only(.hash) }
        #expect(throws: DecodeError.invalidValue(field: "number of KE payloads", value: 0)) {
            try chain.only(.keyExchange)
        }
        #expect(try chain.atMostOne(.keyExchange) == nil)
        #expect(chain.all(.hash, .nonce) == [[1], [2], [3]])
    }
}

struct MessageTests {
    @Test func lengthAndNextPayloadAreFilledIn() throws {
        let header = ISAKMPHeader(
            initiatorCookie: Cookie(rawValue: 1),
            responderCookie: .zero,
            exchange: .identityProtection
        )
        let bytes = Message(header: header, payloads: [Payload(.nonce, [1, 2, 3])]).encode()
        #expect(bytes.count == 35)
        #expect(bytes[16] == PayloadType.nonce.rawValue)
        #expect(Array(bytes[24..<28]) == [0, 0, 0, 35])
        var reader = ByteReader(bytes)
        #expect(try Message(from: &reader).chain.only(.nonce) == [1, 2, 3])
    }

    @Test(arguments: [0, 27, 34, 36, 0x7FFF_FFFF, 0xFFFF_FFFF])
    func anotherLengthIsRefused(_ length: UInt32) {
        let header = ISAKMPHeader(
            initiatorCookie: Cookie(rawValue: 1),
            responderCookie: .zero,
            exchange: .identityProtection
        )
        var bytes = Message(header: header, payloads: [Payload(.nonce, [1, 2, 3])]).encode()
        bytes.replaceSubrange(24..<28, with: RawInitiator.bytes(length))
        var reader = ByteReader(bytes)
        #expect(throws: DecodeError.invalidLength(Int(length))) { try Message(from: &reader) }
    }

    @Test func bytesAfterTheLastPayloadAreRefused() {
        let header = ISAKMPHeader(
            initiatorCookie: Cookie(rawValue: 1),
            responderCookie: .zero,
            exchange: .identityProtection
        )
        var bytes = Message(header: header, payloads: [Payload(.nonce, [1, 2, 3])]).encode() + [0]
        bytes[27] += 1
        var reader = ByteReader(bytes)
        #expect(throws: DecodeError.trailing(1)) { try Message(from: &reader) }
    }
}

struct AttributeTests {
    @Test(arguments: [
        ("8001 0007", IKEv1.Attribute(1, 7), UInt64(7)),
        ("000C 0004 00007080", IKEv1.Attribute(type: 12, value: .variable([0, 0, 0x70, 0x80])), 28_800),
        ("000C 0002 0E10", IKEv1.Attribute(type: 12, value: .variable([0x0E, 0x10])), 3600),
        (
            "0002 0009 000000000003D0900F", IKEv1.Attribute(type: 2, value: .variable(hex("000000000003D0900F"))),
            0x3D0_900F
        ),
    ])
    func readsBothForms(_ text: String, _ attribute: IKEv1.Attribute, _ number: UInt64) throws {
        var reader = ByteReader(hex(text))
        let read = try IKEv1.Attribute(from: &reader)
        #expect(read == attribute)
        #expect(read.number == number)
        var writer = ByteWriter()
        read.encode(into: &writer)
        #expect(writer.bytes == hex(text))
    }

    @Test func aValueWithoutBytesOrTooLongIsNoNumber() {
        #expect(IKEv1.Attribute(type: 1, value: .variable([])).number == nil)
        #expect(IKEv1.Attribute(type: 1, value: .variable(Array(repeating: 1, count: 9))).number == nil)
        #expect(IKEv1.Attribute(type: 1, value: .variable(Array(repeating: 0xFF, count: 8))).number == .max)
    }

    @Test(arguments: [5, 6, 0xFFFF])
    func aLengthBeyondTheEndIsRefused(_ length: UInt16) {
        var reader = ByteReader([0, 12, UInt8(length >> 8), UInt8(length & 0xFF), 0, 0, 0x70, 0x80])
        #expect(throws: DecodeError.truncated(needed: Int(length), available: 4)) {
            try IKEv1.Attribute(from: &reader)
        }
    }
}

struct SAPayloadTests {
    static let payload = IKEv1.SAPayload(
        proposals: [
            IKEv1.Proposal(
                number: 1,
                protocolID: .esp,
                spi: [1, 2, 3, 4],
                transforms: [
                    IKEv1.Transform(
                        number: 1,
                        id: 12,
                        attributes: [
                            IKEv1.Attribute(1, 1),
                            IKEv1.Attribute(type: 2, value: .variable([0, 0, 0x70, 0x80])),
                            IKEv1.Attribute(6, 256),
                        ]
                    ),
                    IKEv1.Transform(number: 2, id: 3, attributes: [IKEv1.Attribute(5, 2)]),
                ]
            ),
            IKEv1.Proposal(
                number: 2,
                protocolID: .esp,
                spi: [5, 6, 7, 8],
                transforms: [IKEv1.Transform(number: 1, id: 11, attributes: [])]
            ),
        ]
    )

    static var bytes: [UInt8] { Array(Payload(.securityAssociation, payload).body) }

    /// Written down by hand from RFC 2408 §3.4 to §3.6.
    static let byHand = hex(
        """
        00000001 00000001 \
        02 00 0030 01 03 04 02 01020304 \
        03 00 0018 01 0C 0000 80010001 00020004 00007080 80060100 \
        00 00 000C 02 03 0000 80050002 \
        00 00 0014 02 03 04 01 05060708 \
        00 00 0008 01 0B 0000
        """
    )

    @Test func isWrittenAsTheStandardSays() {
        #expect(Self.bytes.count == Self.byHand.count)
        #expect(Self.bytes == Self.byHand)
    }

    @Test func isReadBack() throws {
        #expect(try IKEv1.SAPayload(Self.byHand[...]) == Self.payload)
    }

    @Test func isRefusedWhenCutAnywhere() {
        for length in 0..<Self.byHand.count {
            #expect(throws: DecodeError.self) { try IKEv1.SAPayload(Self.byHand[..<length]) }
        }
    }

    /// Offset and width of every field that counts or measures, with what it has to be.
    static let lengthFields: [(offset: Int, width: Int, value: Int)] = [
        (10, 2, 0x30), (14, 1, 4), (15, 1, 2),
        (22, 2, 0x18), (34, 2, 4),
        (46, 2, 0x0C),
        (58, 2, 0x14), (62, 1, 4), (63, 1, 1),
        (70, 2, 8),
    ]

    @Test("B01: every length in an SA payload but the right one is refused") func everyLengthFieldIsSwept() {
        for field in Self.lengthFields {
            let rest = Self.byHand.count - field.offset - field.width
            let largest = field.width == 1 ? 0xFF : 0xFFFF
            #expect(Self.byHand[field.offset + field.width - 1] == UInt8(field.value & 0xFF), "at \(field.offset)")
            for value in [0, 1, 3, 4, 5, 7, 8, 9, field.value - 1, field.value + 1, rest, rest + 1, largest] {
                guard value != field.value, (0...largest).contains(value) else { continue }
                // Eight bytes of lifetime swallow the next attribute, which is a good reading.
                if field.offset == 34, value == 8 { continue }
                var bytes = Self.byHand
                bytes[field.offset + field.width - 1] = UInt8(value & 0xFF)
                if field.width == 2 { bytes[field.offset] = UInt8(value >> 8) }
                #expect(throws: DecodeError.self, "\(value) at \(field.offset)") { try IKEv1.SAPayload(bytes[...]) }
            }
        }
    }

    @Test("B02: another DOI or situation is named") func anotherDOIOrSituationIsNamed() {
        var bytes = Self.byHand
        bytes[3] = 2
        #expect(throws: DecodeError.invalidValue(field: "DOI", value: 2)) { try IKEv1.SAPayload(bytes[...]) }
        bytes[3] = 1
        bytes.replaceSubrange(4..<8, with: [0xFF, 0xFF, 0xFF, 0xFF])
        #expect(throws: DecodeError.invalidValue(field: "Situation", value: 0xFFFF_FFFF)) {
            try IKEv1.SAPayload(bytes[...])
        }
    }

    @Test(
        "B03: 128 transforms are read, one more is refused",
        arguments: [(1, 128, true), (2, 64, true), (1, 129, false), (2, 65, false), (32, 5, false)]
    )
    func theNumberOfTransformsIsBounded(_ proposals: Int, _ transforms: Int, _ isRead: Bool) {
        let payload = IKEv1.SAPayload(
            proposals: (0..<proposals).map { number in
                IKEv1.Proposal(
                    number: UInt8(number),
                    protocolID: .esp,
                    spi: [0, 0, 1, 0],
                    transforms: (0..<transforms).map { IKEv1.Transform(number: UInt8($0), id: 12, attributes: []) }
                )
            }
        )
        let bytes = Payload(.securityAssociation, payload).body
        #expect(((try? IKEv1.SAPayload(bytes)) != nil) == isRead)
    }

    @Test(arguments: [(32, true), (33, false)])
    func theNumberOfAttributesIsBounded(_ count: Int, _ isRead: Bool) {
        let attributes = (0..<count).map { IKEv1.Attribute(UInt16($0), 1) }
        let payload = IKEv1.SAPayload(
            proposals: [
                IKEv1.Proposal(
                    number: 1,
                    protocolID: .isakmp,
                    spi: [],
                    transforms: [IKEv1.Transform(number: 1, id: 1, attributes: attributes)]
                )
            ]
        )
        #expect(((try? IKEv1.SAPayload(Payload(.securityAssociation, payload).body)) != nil) == isRead)
    }
}

struct IDPayloadTests {
    @Test(arguments: [
        (IKEv1.IDPayload(.v4(0xC000_0207), protocolNumber: 17, port: 1701), "192.0.2.7", "192.0.2.7"),
        (
            IKEv1.IDPayload(type: .ipv4Subnet, protocolNumber: 0, port: 0, data: hex("C0000207FFFFFFFF")), "192.0.2.7",
            "192.0.2.7"
        ),
        (
            IKEv1.IDPayload(type: .ipv4Range, protocolNumber: 0, port: 0, data: hex("C0000207C0000207")), "192.0.2.7",
            "192.0.2.7"
        ),
        (
            IKEv1.IDPayload(type: .ipv4Subnet, protocolNumber: 0, port: 0, data: hex("C0000200FFFFFF00")), nil,
            "ipv4-subnet:c0000200ffffff00"
        ),
        (IKEv1.IDPayload(type: .ipv4Address, protocolNumber: 0, port: 0, data: [1, 2, 3]), nil, "ipv4:010203"),
        (IKEv1.IDPayload(type: .ipv4Address, protocolNumber: 0, port: 0, data: []), nil, "ipv4:"),
        (IKEv1.IDPayload(type: .fqdn, protocolNumber: 0, port: 0, data: Array("gw.example".utf8)), nil, "@gw.example"),
        (IKEv1.IDPayload(type: .userFQDN, protocolNumber: 0, port: 0, data: Array("a@b".utf8)), nil, "a@b"),
        (
            IKEv1.IDPayload(type: .keyID, protocolNumber: 0, port: 0, data: [0x61, 0x0A, 0x5C]), nil,
            "key-id:a\\x0a\\x5c"
        ),
        (IKEv1.IDPayload(type: .distinguishedName, protocolNumber: 0, port: 0, data: [0x30]), nil, "dn:30"),
        (
            IKEv1.IDPayload(type: IKEv1.IDType(rawValue: 99), protocolNumber: 0, port: 0, data: [1]), nil,
            "id-type-99:01"
        ),
    ])
    func namesAnAddressOnlyWhereThereIsOne(_ id: IKEv1.IDPayload, _ address: String?, _ text: String) throws {
        #expect(id.hostAddress.map { "\($0)" } == address)
        #expect(id.description == text)
        #expect(try IKEv1.IDPayload(Payload(.identification, id).body) == id)
    }

    @Test func anIPv6AddressIsOneToo() throws {
        let address = try #require(IPAddress("2001:db8::7"))
        #expect(IKEv1.IDPayload(address, protocolNumber: 17, port: 0).hostAddress == address)
    }

    @Test(arguments: 0..<4)
    func isRefusedWhenCut(at length: Int) {
        #expect(throws: DecodeError.self) { try IKEv1.IDPayload([1, 17, 6, 0xA5][..<length]) }
    }

    @Test func aHugeNameIsCutInText() {
        let id = IKEv1.IDPayload(type: .fqdn, protocolNumber: 0, port: 0, data: Array(repeating: 0x61, count: 60_000))
        #expect(id.description.count < 200)
    }
}

struct NotificationPayloadTests {
    static let payload = IKEv1.NotificationPayload(
        protocolID: .isakmp,
        spi: Array(1...16),
        type: .areYouThere,
        data: [0, 0, 0, 9]
    )

    @Test func isReadBack() throws {
        let bytes = Payload(.notification, Self.payload).body
        #expect(Array(bytes.prefix(8)) == hex("00000001 01 10 8D28"))
        #expect(try IKEv1.NotificationPayload(bytes) == Self.payload)
    }

    @Test func theSPISizeIsSwept() throws {
        let bytes = Array(Payload(.notification, Self.payload).body)
        for size in [0, 1, 15, 17, 20, 21, 255] {
            var changed = bytes
            changed[5] = UInt8(size)
            let read = try? IKEv1.NotificationPayload(changed[...])
            #expect((read != nil) == (size <= 20))
            #expect(read.map { $0.spi.count + $0.data.count } ?? 20 == 20)
        }
    }

    @Test(arguments: 0..<24)
    func isRefusedWhenCut(at length: Int) {
        #expect(throws: DecodeError.self) {
            try IKEv1.NotificationPayload(Array(Payload(.notification, Self.payload).body)[..<length])
        }
    }
}

struct DeletePayloadTests {
    static let payload = IKEv1.DeletePayload(protocolID: .esp, spis: [[1, 2, 3, 4], [5, 6, 7, 8]])

    @Test func isReadBack() throws {
        let bytes = Payload(.delete, Self.payload).body
        #expect(Array(bytes) == hex("00000001 03 04 0002 01020304 05060708"))
        #expect(try IKEv1.DeletePayload(bytes) == Self.payload)
    }

    @Test(arguments: [
        (4, 0, false), (4, 1, false), (4, 3, false), (4, 65_535, false), (0, 2, false), (0, 0, false), (255, 2, false),
        (1, 8, true), (8, 1, true), (4, 2, true),
    ])
    func sizeAndCountHaveToFit(_ size: Int, _ count: Int, _ isRead: Bool) {
        var bytes = Array(Payload(.delete, Self.payload).body)
        bytes[5] = UInt8(size)
        bytes[6] = UInt8(count >> 8)
        bytes[7] = UInt8(count & 0xFF)
        #expect(((try? IKEv1.DeletePayload(bytes[...])) != nil) == isRead)
    }

    @Test(arguments: 0..<16)
    func isRefusedWhenCut(at length: Int) {
        #expect(throws: DecodeError.self) {
            try IKEv1.DeletePayload(Array(Payload(.delete, Self.payload).body)[..<length])
        }
    }
}

struct NATOAPayloadTests {
    @Test func isReadBack() throws {
        for address in [IPAddress("192.0.2.7"), IPAddress("2001:db8::7")].compactMap({ $0 }) {
            let payload = IKEv1.NATOAPayload(address: address)
            #expect(try IKEv1.NATOAPayload(Payload(.natOriginalAddress, payload).body) == payload)
        }
    }

    @Test(arguments: [
        "01 000000", "01 000000 C00002", "01 000000 C0000207 00", "05 000000 C0000207", "02 000000 C0000207", "01 00",
        "",
    ])
    func anotherFamilyOrLengthIsRefused(_ text: String) {
        #expect(throws: DecodeError.self) { try IKEv1.NATOAPayload(hex(text)[...]) }
    }
}
