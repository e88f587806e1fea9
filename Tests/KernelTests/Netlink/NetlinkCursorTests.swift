// SPDX-License-Identifier: Apache-2.0
import Kernel
import Primitives
import Testing

struct NetlinkCursorTests {
    @Test func attributesAreReadWithoutFlagsAndPadding() throws {
        var cursor = NetlinkCursor(([UInt8].attribute(0x8003, [1, 2, 3]) + .attribute(4, []))[...])
        #expect(try cursor.attributes() == [3: [1, 2, 3], 4: []])
    }

    @Test func theLastAttributeNeedsNoPadding() throws {
        var cursor = NetlinkCursor([7, 0, 3, 0, 1, 2, 3][...])
        #expect(try cursor.attributes() == [3: [1, 2, 3]])
    }

    @Test(
        "N02: an attribute that says it is shorter than its header or longer than the rest is an error",
        arguments: [
            (UInt16(0), DecodeError.invalidLength(0)), (1, .invalidLength(1)), (3, .invalidLength(3)),
            (9, .truncated(needed: 9, available: 8)), (.max, .truncated(needed: 65_535, available: 8)),
        ]
    )
    func impossibleAttributeLengthsAreErrors(_ length: UInt16, _ error: DecodeError) {
        var bytes: [UInt8] = .attribute(1, [1, 2, 3, 4])
        bytes.replaceSubrange(0..<2, with: [UInt8].integer(length))
        #expect(throws: error) {
            var cursor = NetlinkCursor(bytes[...])
            _ = try cursor.attribute()
        }
    }

    @Test("N02: an attribute that stays within bounds is read", arguments: [UInt16(4), 5, 7, 8])
    func possibleAttributeLengthsBoundTheValue(_ length: UInt16) throws {
        var bytes: [UInt8] = .attribute(1, [1, 2, 3, 4])
        bytes.replaceSubrange(0..<2, with: [UInt8].integer(length))
        var cursor = NetlinkCursor(bytes[...])
        #expect(try cursor.attribute()?.value == [1, 2, 3, 4].prefix(Int(length) - 4))
    }

    @Test func integersComeInBothOrders() throws {
        var cursor = NetlinkCursor([1, 2, 3, 4, 1, 2][...])
        #expect(try cursor.integer(UInt32.self) == 0x0403_0201)
        #expect(try cursor.networkInteger(UInt16.self) == 0x0102)
        #expect(cursor.remaining == 0)
        #expect(throws: DecodeError.truncated(needed: 1, available: 0)) { try cursor.integer(UInt8.self) }
    }

    @Test func theEndIsNoMessage() throws {
        var cursor = NetlinkCursor([])
        #expect(try cursor.message()?.type == nil)
        #expect(try cursor.attribute()?.type == nil)
    }
}
