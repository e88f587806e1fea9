// SPDX-License-Identifier: Apache-2.0
import Primitives
import Testing

@Suite struct TraceIDTests {
    @Test(
        "A trace id is written as sixteen digits and read back",
        arguments: [
            (UInt64(0), "0000000000000000"), (1, "0000000000000001"), (0x0123_4567_89AB_CDEF, "0123456789abcdef"),
            (.max, "ffffffffffffffff"),
        ]
    ) func roundTrip(value: UInt64, text: String) {
        #expect(TraceID(rawValue: value).description == text)
        #expect(TraceID(text) == TraceID(rawValue: value))
        #expect(TraceID(text.uppercased()) == TraceID(rawValue: value))
    }

    @Test(
        "Anything else is no trace id",
        arguments: [
            "", "0", "000000000000001", "00000000000000001", "+000000000000001", "-000000000000001", "000000000000000g",
            " 000000000000001", "0x00000000000001", "ａ0000000000000",
        ]
    ) func refused(text: String) {
        #expect(TraceID(text) == nil)
    }
}
