// SPDX-License-Identifier: Apache-2.0
import Cryptography
import Testing

@Suite struct DiffieHellmanGroupTests {
    @Test(
        "Lengths on the wire are those of the standards",
        arguments: [
            (DiffieHellmanGroup.modp1024, 2, 128, 128), (.modp1536, 5, 192, 192), (.modp2048, 14, 256, 256),
            (.modp3072, 15, 384, 384), (.modp4096, 16, 512, 512), (.modp6144, 17, 768, 768),
            (.modp8192, 18, 1024, 1024), (.ecp256, 19, 64, 32), (.ecp384, 20, 96, 48), (.ecp521, 21, 132, 66),
        ]
    ) func lengths(group: DiffieHellmanGroup, number: UInt16, publicValue: Int, sharedSecret: Int) {
        #expect(group.rawValue == number)
        #expect(group.publicValueLength == publicValue)
        #expect(group.sharedSecretLength == sharedSecret)
    }

    @Test("The modulus of group 2 is that of RFC 2409 §6.2")
    func secondOakleyGroup() {
        #expect(
            DiffieHellmanGroup.modp1024.modulus
                == hex(
                    """
                    FFFFFFFF FFFFFFFF C90FDAA2 2168C234 C4C6628B 80DC1CD1
                    29024E08 8A67CC74 020BBEA6 3B139B22 514A0879 8E3404DD
                    EF9519B3 CD3A431B 302B0A6D F25F1437 4FE1356D 6D51C245
                    E485B576 625E7EC6 F44C42E9 A637ED6B 0BFF5CB6 F406B7ED
                    EE386BFB 5A899FA5 AE9F2411 7C4B1FE6 49286651 ECE65381
                    FFFFFFFF FFFFFFFF
                    """
                )
        )
    }

    @Test(
        "Every modulus is 2^n - 2^(n-64) - 1 + 2^64 * ([2^(n-130) pi] + c), as RFC 2409 and RFC 3526 define it",
        arguments: [
            (DiffieHellmanGroup.modp1024, 1024, UInt32(129_093)), (.modp1536, 1536, 741_804),
            (.modp2048, 2048, 124_476), (.modp3072, 3072, 1_690_314), (.modp4096, 4096, 240_904),
            (.modp6144, 6144, 929_484), (.modp8192, 8192, 4_743_158),
        ]
    ) func formula(group: DiffieHellmanGroup, bits: Int, constant: UInt32) {
        // What lies between the two rows of ones is the bracket less one, n - 128 bits of it: the fraction of
        // pi/4 cut off after n - 130 + 2 bits.
        var middle = Array(Pi.quarter.prefix((bits - 128) / 32))
        FixedPoint.add(constant - 1, to: &middle)
        let ones = [UInt8](repeating: 0xFF, count: 8)
        let bytes = middle.flatMap { limb in [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: limb >> UInt32($0)) } }
        #expect(group.modulus == ones + bytes + ones)
    }

    @Test("A curve has no modulus to show")
    func curves() {
        #expect(DiffieHellmanGroup.ecp256.modulus == nil)
    }
}

/// Fractions as 32-bit limbs, the most significant first.
private enum FixedPoint {
    static func divide(_ number: inout [UInt32], by divisor: UInt32) {
        var remainder: UInt64 = 0
        for index in number.indices {
            let value = remainder << 32 | UInt64(number[index])
            number[index] = UInt32(value / UInt64(divisor))
            remainder = value % UInt64(divisor)
        }
    }

    /// Modulo 1: what overflows is dropped.
    static func add(_ other: [UInt32], to number: inout [UInt32]) {
        var carry: UInt64 = 0
        for index in number.indices.reversed() {
            let sum = UInt64(number[index]) + UInt64(other[index]) + carry
            number[index] = UInt32(truncatingIfNeeded: sum)
            carry = sum >> 32
        }
    }

    static func subtract(_ other: [UInt32], from number: inout [UInt32]) {
        add(other.map { ~$0 }, to: &number)
        add(1, to: &number)
    }

    static func add(_ small: UInt32, to number: inout [UInt32]) {
        add([UInt32](repeating: 0, count: number.count - 1) + [small], to: &number)
    }
}

/// pi/4 to 8192 bits, by Machin's formula: 4 arctan(1/5) - arctan(1/239).
private enum Pi {
    static let quarter: [UInt32] = {
        var sum = arctangent(ofInverse: 5, times: 4)
        FixedPoint.subtract(arctangent(ofInverse: 239, times: 1), from: &sum)
        return sum
    }()

    private static func arctangent(ofInverse x: UInt32, times factor: UInt32) -> [UInt32] {
        // factor / x, with four limbs more than are used, to absorb the rounding.
        var power = [factor] + [UInt32](repeating: 0, count: 260)
        FixedPoint.divide(&power, by: x)
        var sum = power
        var odd: UInt32 = 1
        while power.contains(where: { $0 != 0 }) {
            FixedPoint.divide(&power, by: x * x)
            odd += 2
            var term = power
            FixedPoint.divide(&term, by: odd)
            if odd % 4 == 3 { FixedPoint.subtract(term, from: &sum) } else { FixedPoint.add(term, to: &sum) }
        }
        return Array(sum.dropFirst())
    }
}
