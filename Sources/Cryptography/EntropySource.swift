// SPDX-License-Identifier: Apache-2.0
internal import CLibcrypto
package import Primitives

/// Where randomness comes from: handed in, never taken, so that a test can say what it is.
///
/// Not mutating: a copy of the machine that holds the source would otherwise draw the same numbers again.
@usableFromInline
package protocol EntropySource: Sendable {
    func bytes(_ count: Int) -> [UInt8]
}

extension EntropySource {
    @inlinable
    package func integer<T: FixedWidthInteger & UnsignedInteger>(_: T.Type = T.self) -> T {
        bytes(T.bitWidth / 8).reduce(0) { $0 << 8 | T(truncatingIfNeeded: $1) }
    }

    package func secret(_ count: Int) -> SecretBytes {
        var bytes = bytes(count)
        return SecretBytes(consuming: &bytes)
    }

    /// Every value of `range` with the same probability.
    package func integer(in range: ClosedRange<UInt32>) -> UInt32 {
        let width = UInt64(range.upperBound - range.lowerBound) + 1
        // The part of 0..<2^32 that the width divides; the rest is drawn again, at worst every second time.
        let limit = (1 << 32) / width * width
        while true {
            let drawn = UInt64(integer(UInt32.self))
            if drawn < limit { return range.lowerBound + UInt32(drawn % width) }
        }
    }
}

/// libcrypto's generator, seeded by the kernel.
package struct SystemEntropy: EntropySource {
    package init() {}

    package func bytes(_ count: Int) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            // It fails only if the kernel gives no seed or memory runs out. There is no safe way to go on:
            // keys would be guessable.
            precondition(count == 0 || RAND_bytes(buffer.baseAddress, Int32(count)) == 1, "no randomness")
            filled = count
        }
    }
}
