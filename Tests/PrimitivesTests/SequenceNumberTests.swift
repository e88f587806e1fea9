// SPDX-License-Identifier: Apache-2.0
import Primitives
import Testing

@Suite struct SequenceNumberTests {
    @Test("The number after 65535 is 0")
    func wrapping() {
        #expect(SequenceNumber(0xFFFF).next == SequenceNumber(0))
        #expect(SequenceNumber(0).next == SequenceNumber(1))
        #expect(SequenceNumber(0x7FFF).next == SequenceNumber(0x8000))
    }

    @Test(
        "Distances are counted the short way round",
        arguments: [
            (UInt16(0), UInt16(0), 0), (0, 1, 1), (1, 0, -1), (0xFFFF, 0, 1), (0, 0xFFFF, -1), (0, 0x7FFF, 32767),
            (0, 0x8000, -32768), (0x8000, 0, -32768), (0x8001, 0, 32767), (0xFFF0, 0x000F, 31), (0x000F, 0xFFF0, -31),
        ]
    ) func distances(from: UInt16, to: UInt16, distance: Int) {
        #expect(SequenceNumber(from).distance(to: SequenceNumber(to)) == distance)
    }

    @Test("As RFC 2661 §5.8 has it, the 32767 numbers behind one are before it, and it is not before itself")
    func before() {
        let number = SequenceNumber(15)
        #expect(SequenceNumber(14).isBefore(number))
        #expect(SequenceNumber(15 &- 32767).isBefore(number))
        #expect(!number.isBefore(number))
        #expect(!SequenceNumber(16).isBefore(number))
        #expect(!SequenceNumber(15 + 32767).isBefore(number))
    }

    @Test("Every number is before the next one and not the other way round")
    func everyNumber() {
        var wrong = 0
        for value in UInt16.min...UInt16.max {
            let number = SequenceNumber(value)
            if !number.isBefore(number.next) || number.next.isBefore(number) { wrong += 1 }
        }
        #expect(wrong == 0)
    }
}
