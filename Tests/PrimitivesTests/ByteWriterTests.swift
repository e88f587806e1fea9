// SPDX-License-Identifier: Apache-2.0
import Primitives
import Testing

@Suite struct ByteWriterTests {
    @Test("Integers are written in network order")
    func integers() {
        var writer = ByteWriter()
        writer.integer(UInt8(0x01))
        writer.integer(UInt16(0x0203))
        writer.integer(UInt32(0x0405_0607))
        writer.integer(UInt64(0x0809_0A0B_0C0D_0EFF))
        #expect(writer.bytes == [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 255])
        #expect(writer.count == 15)
    }

    @Test("Sequences, secrets and zeros are appended as they are")
    func appending() {
        var writer = ByteWriter(reservingCapacity: 8)
        writer.append([1, 2])
        writer.append([3, 4, 5][1...])
        writer.append(SecretBytes(copying: [6, 7] as [UInt8]))
        writer.zeros(2)
        writer.zeros(0)
        #expect(writer.bytes == [1, 2, 4, 5, 6, 7, 0, 0])
    }

    @Test("A length field counts what was written in its scope, itself included")
    func lengthDelimited() {
        var writer = ByteWriter()
        writer.integer(UInt8(0xEE))
        writer.lengthDelimited(lengthAt: 1) { writer in
            writer.integer(UInt8(0x0A))
            writer.integer(UInt16(0))
            writer.append([1, 2, 3])
        }
        #expect(writer.bytes == [0xEE, 0x0A, 0x00, 0x06, 1, 2, 3])
    }

    @Test("Scopes nest, and flags stay above the length")
    func nestedLengths() {
        var writer = ByteWriter()
        writer.lengthDelimited(lengthAt: 0) { writer in
            writer.integer(UInt16(0))
            writer.lengthDelimited(lengthAt: 0, flags: 0x8000) { writer in
                writer.integer(UInt16(0))
                writer.append([7])
            }
        }
        #expect(writer.bytes == [0x00, 0x05, 0x80, 0x03, 7])
    }

    @Test("A length field holds up to 65535 bytes")
    func longest() {
        var writer = ByteWriter()
        writer.lengthDelimited(lengthAt: 0) { writer in writer.zeros(0xFFFF) }
        #expect(writer.count == 0xFFFF)
        #expect(Array(writer.bytes.prefix(3)) == [0xFF, 0xFF, 0])
    }

    @Test("Overwriting replaces the integer alone")
    func overwriting() {
        var writer = ByteWriter()
        writer.append([1, 2, 3, 4, 5, 6])
        writer.overwrite(UInt32(0xAABB_CCDD), at: 1)
        #expect(writer.bytes == [1, 0xAA, 0xBB, 0xCC, 0xDD, 6])
        writer.overwrite(UInt8(9), at: 5)
        #expect(writer.bytes == [1, 0xAA, 0xBB, 0xCC, 0xDD, 9])
    }

    @Test("What is written is read back", arguments: [UInt64(0), 1, 0x0123_4567_89AB_CDEF, .max])
    func roundTrip(value: UInt64) throws {
        var writer = ByteWriter()
        writer.integer(value)
        writer.integer(UInt32(truncatingIfNeeded: value))
        writer.integer(UInt16(truncatingIfNeeded: value))
        var reader = ByteReader(writer.bytes)
        #expect(try reader.integer(UInt64.self) == value)
        #expect(try reader.integer(UInt32.self) == UInt32(truncatingIfNeeded: value))
        #expect(try reader.integer(UInt16.self) == UInt16(truncatingIfNeeded: value))
        try reader.finish()
    }
}
