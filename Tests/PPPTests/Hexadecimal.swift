// SPDX-License-Identifier: Apache-2.0

/// Bytes from pairs of digits; spaces are for the reader.
func hex(_ text: String) -> [UInt8] {
    let digits = text.filter { !$0.isWhitespace }.map { UInt8($0.hexDigitValue!) }
    return stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
}

/// What a length field is swept over, in a message where `header` bytes come first and `rest` would be right.
func sweep(header: Int, rest: Int, maximum: Int) -> [Int] {
    [0, 1, header - 1, header, header + 1, rest, rest + 1, maximum].filter { $0 >= 0 && $0 <= maximum }
}
