// SPDX-License-Identifier: Apache-2.0
import Primitives

/// The bytes of hexadecimal text, in which white space does not count.
func hex(_ text: String) -> [UInt8] {
    let digits = text.compactMap(\.hexDigitValue).map { UInt8($0) }
    return stride(from: 0, to: digits.count - 1, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
}

func ascii(_ text: String) -> [UInt8] { Array(text.utf8) }

extension SecretBytes {
    /// The bytes, for comparison with a vector.
    var revealed: [UInt8] {
        var writer = ByteWriter()
        writer.append(self)
        return writer.bytes
    }
}
