// SPDX-License-Identifier: Apache-2.0
import Primitives
import Testing

@Suite struct ByteReaderTests {
    @Test("Integers are read in network order, one after the other")
    func integers() throws {
        var reader = ByteReader([
            0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0A, 0x0B, 0x0C, 0x0D, 0x0E, 0xFF,
        ])
        #expect(try reader.integer(UInt8.self) == 0x01)
        #expect(try reader.integer(UInt16.self) == 0x0203)
        #expect(try reader.integer(UInt32.self) == 0x0405_0607)
        #expect(reader.offset == 7)
        #expect(reader.remaining == 8)
        #expect(try reader.integer() as UInt64 == 0x0809_0A0B_0C0D_0EFF)
        #expect(reader.isAtEnd)
        try reader.finish()
    }

    @Test("An integer that is cut off throws and moves nothing", arguments: 0..<8)
    func truncatedInteger(length: Int) {
        var reader = ByteReader([UInt8](repeating: 1, count: length))
        #expect(throws: DecodeError.truncated(needed: 8, available: length)) { try reader.integer(UInt64.self) }
        #expect(reader.offset == 0)
        #expect(reader.remaining == length)
    }

    @Test(
        "Taking gives exactly what was asked for, or throws and moves nothing",
        arguments: [-1, 0, 1, 3, 4, 5, Int.max]
    )
    func take(count: Int) throws {
        var reader = ByteReader([9, 1, 2, 3, 4])
        _ = try reader.integer(UInt8.self)
        if (0...4).contains(count) {
            #expect(try Array(reader.take(count)) == Array([1, 2, 3, 4].prefix(count)))
            #expect(reader.remaining == 4 - count)
        } else {
            #expect(throws: DecodeError.truncated(needed: count, available: 4)) { try reader.take(count) }
            #expect(throws: DecodeError.truncated(needed: count, available: 4)) { try reader.reader(count) }
            #expect(reader.offset == 1)
        }
    }

    @Test("A child reader cannot reach past its end, and its parent goes on behind it")
    func child() throws {
        var reader = ByteReader([1, 2, 3, 4, 5])
        _ = try reader.integer(UInt8.self)
        var child = try reader.reader(2)
        #expect(child.offset == 1)
        #expect(child.remaining == 2)
        #expect(reader.remaining == 2)
        #expect(throws: DecodeError.truncated(needed: 4, available: 2)) { try child.integer(UInt32.self) }
        #expect(throws: DecodeError.truncated(needed: 3, available: 2)) { try child.reader(3) }
        #expect(Array(child.rest()) == [2, 3])
        #expect(child.isAtEnd)
        #expect(child.rest().isEmpty)
        #expect(try reader.integer(UInt16.self) == 0x0405)
    }

    @Test("A copy reads on its own")
    func copies() throws {
        var reader = ByteReader([1, 2])
        var copy = reader
        #expect(try copy.integer(UInt16.self) == 0x0102)
        #expect(try reader.integer(UInt8.self) == 1)
    }

    @Test("The next byte is looked at, not taken")
    func next() throws {
        var reader = ByteReader([7])
        #expect(reader.next == 7)
        #expect(reader.remaining == 1)
        _ = try reader.integer(UInt8.self)
        #expect(reader.next == nil)
        var parent = ByteReader([1, 2])
        var child = try parent.reader(1)
        _ = try child.integer(UInt8.self)
        #expect(child.next == nil)
    }

    @Test("What is left over is an error")
    func trailing() throws {
        let reader = ByteReader([1, 2, 3])
        #expect(throws: DecodeError.trailing(3)) { try reader.finish() }
        try ByteReader([UInt8]()).finish()
    }

    @Test("A slice is read from its own start")
    func slice() throws {
        var reader = ByteReader([1, 2, 3, 4][1...2])
        #expect(reader.offset == 0)
        #expect(reader.remaining == 2)
        #expect(try reader.integer(UInt16.self) == 0x0203)
        try reader.finish()
    }

    @Test("Every error says in words what was wrong")
    func descriptions() {
        #expect(DecodeError.truncated(needed: 4, available: 2).description == "4 bytes needed where 2 are left")
        #expect(DecodeError.invalidLength(3).description == "impossible length 3")
        #expect(DecodeError.trailing(2).description == "2 bytes too many")
        #expect(
            DecodeError.invalidValue(field: "Major Version", value: 3).description
                == "Major Version has the impossible value 3"
        )
    }
}
