// SPDX-License-Identifier: Apache-2.0

/// The same bytes for the same seed: for tests and simulations, never for keys that matter (splitmix64).
///
/// The state is not guarded: the one thread that runs the test or the simulation owns it, which is why it may
/// say it is sendable.
package final class SeededEntropy: EntropySource, @unchecked Sendable {
    private var state: UInt64

    package init(seed: UInt64) {
        state = seed
    }

    package func bytes(_ count: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count)
        while bytes.count < count {
            let word = next()
            for shift in stride(from: UInt64(0), to: 64, by: 8) where bytes.count < count {
                bytes.append(UInt8(truncatingIfNeeded: word >> shift))
            }
        }
        return bytes
    }

    private func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var word = state
        word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
        return word ^ (word >> 31)
    }
}
