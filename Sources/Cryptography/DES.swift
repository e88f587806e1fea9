// SPDX-License-Identifier: Apache-2.0

/// Single DES of one block, for the challenge response of MS-CHAP and nothing else.
///
/// Our own, because libcrypto has moved it to a provider that newer systems do not install.
///
/// - SeeAlso: FIPS 46-3, RFC 2759 §8.5
package enum DES {
    /// - Parameters:
    ///   - block: 8 bytes.
    ///   - key7: 7 bytes; the parity bit that DES wants after every seventh bit is inserted here.
    /// - Returns: 8 bytes.
    /// - Precondition: Both have that length.
    package static func encryptBlock(_ block: [UInt8], key7: [UInt8]) -> [UInt8] {
        precondition(block.count == 8 && key7.count == 7, "DES takes a block of 8 bytes and a key of 7")
        let packed = key7.reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        // The value of a parity bit is ignored by the first permutation, so zero will do.
        var key: UInt64 = 0
        for shift in stride(from: UInt64(49), through: 0, by: -7) {
            key = key << 8 | (packed >> shift & 0x7F) << 1
        }
        let plaintext = block.reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        let ciphertext = encrypt(plaintext, key: key)
        return (0..<8).map { UInt8(truncatingIfNeeded: ciphertext >> UInt64(56 - 8 * $0)) }
    }

    private static func encrypt(_ block: UInt64, key: UInt64) -> UInt64 {
        let start = permute(block, from: 64, by: initialPermutation)
        var (left, right) = (start >> 32, start & 0xFFFF_FFFF)
        let chosen = permute(key, from: 64, by: permutedChoice1)
        var (c, d) = (chosen >> 28, chosen & 0xFFF_FFFF)
        for shift in keyShifts {
            c = (c << shift | c >> (28 - shift)) & 0xFFF_FFFF
            d = (d << shift | d >> (28 - shift)) & 0xFFF_FFFF
            let roundKey = permute(c << 28 | d, from: 56, by: permutedChoice2)
            (left, right) = (right, left ^ round(right, roundKey))
        }
        return permute(right << 32 | left, from: 64, by: finalPermutation)
    }

    private static func round(_ half: UInt64, _ roundKey: UInt64) -> UInt64 {
        // The expansion: every four bits with their neighbours, the ends being neighbours too.
        let ring = (half & 1) << 33 | half << 1 | half >> 31
        var result: UInt64 = 0
        for box in 0..<8 {
            let six = (ring >> UInt64(28 - 4 * box) ^ roundKey >> UInt64(42 - 6 * box)) & 0x3F
            result |= permutedBoxes[64 * box + Int(truncatingIfNeeded: six)]
        }
        return result
    }

    /// What each of the six-bit inputs of each box adds to the result: substitution and permutation in one step.
    private static let permutedBoxes: [UInt64] = substitutionBoxes.indices.flatMap { box in
        (0..<64).map { six in
            let row = (six >> 4 & 2) | (six & 1)
            let column = six >> 1 & 0xF
            let substituted = UInt64(substitutionBoxes[box][16 * row + column])
            return permute(substituted << UInt64(28 - 4 * box), from: 32, by: permutation)
        }
    }

    /// Takes the bits that `table` names, counted from 1 at the most significant of `width`.
    private static func permute(_ value: UInt64, from width: UInt64, by table: [UInt8]) -> UInt64 {
        table.reduce(0) { $0 << 1 | (value >> (width - UInt64($1)) & 1) }
    }
}

// The tables of FIPS 46-3.
extension DES {
    private static let keyShifts: [UInt64] = [1, 1, 2, 2, 2, 2, 2, 2, 1, 2, 2, 2, 2, 2, 2, 1]

    private static let initialPermutation: [UInt8] = [
        58, 50, 42, 34, 26, 18, 10, 2, 60, 52, 44, 36, 28, 20, 12, 4,
        62, 54, 46, 38, 30, 22, 14, 6, 64, 56, 48, 40, 32, 24, 16, 8,
        57, 49, 41, 33, 25, 17, 9, 1, 59, 51, 43, 35, 27, 19, 11, 3,
        61, 53, 45, 37, 29, 21, 13, 5, 63, 55, 47, 39, 31, 23, 15, 7,
    ]

    private static let finalPermutation: [UInt8] = [
        40, 8, 48, 16, 56, 24, 64, 32, 39, 7, 47, 15, 55, 23, 63, 31,
        38, 6, 46, 14, 54, 22, 62, 30, 37, 5, 45, 13, 53, 21, 61, 29,
        36, 4, 44, 12, 52, 20, 60, 28, 35, 3, 43, 11, 51, 19, 59, 27,
        34, 2, 42, 10, 50, 18, 58, 26, 33, 1, 41, 9, 49, 17, 57, 25,
    ]

    private static let permutation: [UInt8] = [
        16, 7, 20, 21, 29, 12, 28, 17, 1, 15, 23, 26, 5, 18, 31, 10,
        2, 8, 24, 14, 32, 27, 3, 9, 19, 13, 30, 6, 22, 11, 4, 25,
    ]

    private static let permutedChoice1: [UInt8] = [
        57, 49, 41, 33, 25, 17, 9, 1, 58, 50, 42, 34, 26, 18, 10, 2, 59, 51, 43, 35, 27, 19, 11, 3, 60, 52, 44, 36,
        63, 55, 47, 39, 31, 23, 15, 7, 62, 54, 46, 38, 30, 22, 14, 6, 61, 53, 45, 37, 29, 21, 13, 5, 28, 20, 12, 4,
    ]

    private static let permutedChoice2: [UInt8] = [
        14, 17, 11, 24, 1, 5, 3, 28, 15, 6, 21, 10, 23, 19, 12, 4, 26, 8, 16, 7, 27, 20, 13, 2,
        41, 52, 31, 37, 47, 55, 30, 40, 51, 45, 33, 48, 44, 49, 39, 56, 34, 53, 46, 42, 50, 36, 29, 32,
    ]

    private static let substitutionBoxes: [[UInt8]] = [
        [
            14, 4, 13, 1, 2, 15, 11, 8, 3, 10, 6, 12, 5, 9, 0, 7, 0, 15, 7, 4, 14, 2, 13, 1, 10, 6, 12, 11, 9, 5, 3, 8,
            4, 1, 14, 8, 13, 6, 2, 11, 15, 12, 9, 7, 3, 10, 5, 0, 15, 12, 8, 2, 4, 9, 1, 7, 5, 11, 3, 14, 10, 0, 6, 13,
        ],
        [
            15, 1, 8, 14, 6, 11, 3, 4, 9, 7, 2, 13, 12, 0, 5, 10, 3, 13, 4, 7, 15, 2, 8, 14, 12, 0, 1, 10, 6, 9, 11, 5,
            0, 14, 7, 11, 10, 4, 13, 1, 5, 8, 12, 6, 9, 3, 2, 15, 13, 8, 10, 1, 3, 15, 4, 2, 11, 6, 7, 12, 0, 5, 14, 9,
        ],
        [
            10, 0, 9, 14, 6, 3, 15, 5, 1, 13, 12, 7, 11, 4, 2, 8, 13, 7, 0, 9, 3, 4, 6, 10, 2, 8, 5, 14, 12, 11, 15, 1,
            13, 6, 4, 9, 8, 15, 3, 0, 11, 1, 2, 12, 5, 10, 14, 7, 1, 10, 13, 0, 6, 9, 8, 7, 4, 15, 14, 3, 11, 5, 2, 12,
        ],
        [
            7, 13, 14, 3, 0, 6, 9, 10, 1, 2, 8, 5, 11, 12, 4, 15, 13, 8, 11, 5, 6, 15, 0, 3, 4, 7, 2, 12, 1, 10, 14, 9,
            10, 6, 9, 0, 12, 11, 7, 13, 15, 1, 3, 14, 5, 2, 8, 4, 3, 15, 0, 6, 10, 1, 13, 8, 9, 4, 5, 11, 12, 7, 2, 14,
        ],
        [
            2, 12, 4, 1, 7, 10, 11, 6, 8, 5, 3, 15, 13, 0, 14, 9, 14, 11, 2, 12, 4, 7, 13, 1, 5, 0, 15, 10, 3, 9, 8, 6,
            4, 2, 1, 11, 10, 13, 7, 8, 15, 9, 12, 5, 6, 3, 0, 14, 11, 8, 12, 7, 1, 14, 2, 13, 6, 15, 0, 9, 10, 4, 5, 3,
        ],
        [
            12, 1, 10, 15, 9, 2, 6, 8, 0, 13, 3, 4, 14, 7, 5, 11, 10, 15, 4, 2, 7, 12, 9, 5, 6, 1, 13, 14, 0, 11, 3, 8,
            9, 14, 15, 5, 2, 8, 12, 3, 7, 0, 4, 10, 1, 13, 11, 6, 4, 3, 2, 12, 9, 5, 15, 10, 11, 14, 1, 7, 6, 0, 8, 13,
        ],
        [
            4, 11, 2, 14, 15, 0, 8, 13, 3, 12, 9, 7, 5, 10, 6, 1, 13, 0, 11, 7, 4, 9, 1, 10, 14, 3, 5, 12, 2, 15, 8, 6,
            1, 4, 11, 13, 12, 3, 7, 14, 10, 15, 6, 8, 0, 5, 9, 2, 6, 11, 13, 8, 1, 4, 10, 7, 9, 5, 0, 15, 14, 2, 3, 12,
        ],
        [
            13, 2, 8, 4, 6, 15, 11, 1, 10, 9, 3, 14, 5, 0, 12, 7, 1, 15, 13, 8, 10, 3, 7, 4, 12, 5, 6, 11, 0, 14, 9, 2,
            7, 11, 4, 1, 9, 12, 14, 2, 0, 6, 10, 13, 15, 3, 5, 8, 2, 1, 14, 7, 4, 10, 8, 13, 15, 12, 9, 0, 3, 5, 6, 11,
        ],
    ]
}
