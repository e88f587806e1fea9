// SPDX-License-Identifier: Apache-2.0
import Testing

/// Bytes from hexadecimal digits; white space is ignored.
func hex(_ text: String) -> [UInt8] {
    let digits = text.filter { !$0.isWhitespace }.compactMap(\.hexDigitValue)
    #expect(digits.count.isMultiple(of: 2))
    return stride(from: 0, to: digits.count, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
}

extension Array where Element == UInt8 {
    /// A little-endian integer, as the kernel of every machine we build for has it.
    static func integer<T: FixedWidthInteger>(_ value: T) -> [UInt8] {
        Swift.withUnsafeBytes(of: value.littleEndian) { Array($0) }
    }

    /// A netlink message around a payload.
    static func message(type: UInt16, flags: UInt16 = 0, sequence: UInt32 = 0, _ payload: [UInt8]) -> [UInt8] {
        integer(UInt32(16 + payload.count)) + integer(type) + integer(flags) + integer(sequence) + integer(UInt32(0))
            + payload
    }

    static func attribute(_ type: UInt16, _ value: [UInt8]) -> [UInt8] {
        integer(UInt16(4 + value.count)) + integer(type) + value
            + Array(repeating: 0, count: (4 - value.count % 4) % 4)
    }
}
