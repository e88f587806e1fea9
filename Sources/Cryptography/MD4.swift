// SPDX-License-Identifier: Apache-2.0
internal import Primitives

/// MD4, for the one place that still needs it: the password hash of MS-CHAP.
///
/// Our own, because libcrypto has moved it to a provider that newer systems do not install.
///
/// - SeeAlso: RFC 1320, RFC 2759 §8.3
extension Hash {
    package static func md4(_ bytes: [UInt8]) -> [UInt8] {
        var padded = bytes
        padded.append(0x80)
        while padded.count % 64 != 56 { padded.append(0) }
        let bitCount = UInt64(bytes.count) &* 8
        for shift in stride(from: UInt64(0), to: 64, by: 8) {
            padded.append(UInt8(truncatingIfNeeded: bitCount >> shift))
        }
        defer { padded.wipe() }

        var state: [UInt32] = [0x6745_2301, 0xEFCD_AB89, 0x98BA_DCFE, 0x1032_5476]
        for start in stride(from: 0, to: padded.count, by: 64) {
            let words = (0..<16).map { index in
                (0..<4).reduce(UInt32(0)) { $0 | UInt32(padded[start + 4 * index + $1]) << UInt32(8 * $1) }
            }
            md4Block(words, into: &state)
        }
        return state.flatMap { word in (0..<4).map { UInt8(truncatingIfNeeded: word >> UInt32(8 * $0)) } }
    }

    private static func md4Block(_ words: [UInt32], into state: inout [UInt32]) {
        var (a, b, c, d) = (state[0], state[1], state[2], state[3])
        for step in 0..<48 {
            let position = step % 16
            let mixed: UInt32
            let index: Int
            let shift: UInt32
            switch step / 16 {
            case 0:
                mixed = (b & c) | (~b & d)
                index = position
                shift = [3, 7, 11, 19][step % 4]
            case 1:
                mixed = ((b & c) | (b & d) | (c & d)) &+ 0x5A82_7999
                index = position % 4 * 4 + position / 4
                shift = [3, 5, 9, 13][step % 4]
            default:
                mixed = (b ^ c ^ d) &+ 0x6ED9_EBA1
                index = [0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13, 3, 11, 7, 15][position]
                shift = [3, 9, 11, 15][step % 4]
            }
            let sum = a &+ mixed &+ words[index]
            (a, b, c, d) = (d, sum << shift | sum >> (32 - shift), b, c)
        }
        state[0] &+= a
        state[1] &+= b
        state[2] &+= c
        state[3] &+= d
    }
}
