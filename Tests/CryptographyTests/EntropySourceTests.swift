// SPDX-License-Identifier: Apache-2.0
import Cryptography
import Primitives
import Testing

@Suite struct EntropySourceTests {
    /// Always the same bytes, over and over.
    private struct Fixed: EntropySource {
        var pattern: [UInt8]

        func bytes(_ count: Int) -> [UInt8] { (0..<count).map { pattern[$0 % pattern.count] } }
    }

    @Test("The system gives as many bytes as asked for, and others each time")
    func system() {
        let entropy = SystemEntropy()
        #expect(entropy.bytes(0) == [])
        for count in [1, 7, 16, 1000] { #expect(entropy.bytes(count).count == count) }
        #expect(entropy.bytes(16) != entropy.bytes(16))
        #expect(Set(entropy.bytes(1000)).count > 200)
    }

    @Test("An integer is the bytes in network order")
    func integers() {
        let entropy = Fixed(pattern: [1, 2, 3, 4, 5, 6, 7, 8])
        #expect(entropy.integer(UInt8.self) == 0x01)
        #expect(entropy.integer(UInt16.self) == 0x0102)
        #expect(entropy.integer() as UInt64 == 0x0102_0304_0506_0708)
    }

    @Test("A secret is the bytes, kept apart")
    func secrets() {
        #expect(Fixed(pattern: [1, 2, 3]).secret(5) == SecretBytes(copying: [1, 2, 3, 1, 2] as [UInt8]))
    }

    @Test("An integer in a range can be any of it and nothing else")
    func ranges() {
        let entropy = SeededEntropy(seed: 5)
        var counts: [UInt32: Int] = [:]
        for _ in 0..<6000 { counts[entropy.integer(in: 10...15), default: 0] += 1 }
        #expect(counts.keys.sorted() == [10, 11, 12, 13, 14, 15])
        #expect(counts.values.allSatisfy { (850...1150).contains($0) })
        #expect(entropy.integer(in: 7...7) == 7)
        #expect(Fixed(pattern: [0xFF]).integer(in: 0...UInt32.max) == UInt32.max)
        #expect(Fixed(pattern: [0]).integer(in: 5...UInt32.max) == 5)
    }

    @Test("What would favour the lower end of a range is drawn again")
    func unbiased() {
        /// 2^32 - 1 once, then 2^32 - 2.
        final class Falling: EntropySource, @unchecked Sendable {
            private var next: UInt8 = 0xFF
            func bytes(_ count: Int) -> [UInt8] {
                defer { next = 0xFE }
                return [UInt8](repeating: 0xFF, count: count - 1) + [next]
            }
        }
        // 2^32 = 3 * 0x5555_5555 + 1: the largest draw has no place.
        #expect(Falling().integer(in: 0...2) == 0xFFFF_FFFE % 3)
    }
}
