// SPDX-License-Identifier: Apache-2.0
import Cryptography
import L2TP
import Primitives
import Testing

/// The fixed values were computed apart from this code, from the formula of RFC 2661 §4.3.
struct HiddenAVPTests {
    private static let vector = [UInt8](0..<16)

    private static let cases:
        [(attribute: AttributeType, hiding: Hiding, value: [UInt8], padding: [UInt8], hidden: String)] = [
            (.assignedTunnelID, Hiding(secret: secret("secret"), randomVector: vector), [0x12, 0x34], [], "be6a0ff3"),
            (
                .callingNumber, Hiding(secret: secret("secret"), randomVector: vector),
                Array("+49 30 901820 and a longer caller text".utf8), [UInt8](repeating: 0xAA, count: 5),
                "75e32cc2ab08867b68dc4727275329d4cd82a2d3a2a6746bc4bfebb1a24e09e1751e65628ae5e6169987bf67c2"
            ),
            // Exactly one block.
            (
                .proxyAuthenticationName, Hiding(secret: secret("tunnel-pass"), randomVector: hex("deadbeef")),
                Array("14 bytes long!".utf8), [], "fc1b2fa16e98af1fcba06bb92b5eb656"
            ),
        ]

    @Test(arguments: cases.indices)
    func hides(_ index: Int) {
        let example = Self.cases[index]
        #expect(
            example.hiding.hide(example.value, of: example.attribute, padding: example.padding) == hex(example.hidden)
        )
    }

    @Test(arguments: cases.indices)
    func reveals(_ index: Int) throws {
        let example = Self.cases[index]
        #expect(try example.hiding.reveal(hex(example.hidden)[...], of: example.attribute) == example.value)
    }

    /// b1 = MD5(AV + S + RV), bi = MD5(S + c(i-1)), step by step as the RFC writes it.
    @Test func followsTheChainOfTheRFC() {
        let value = [UInt8](repeating: 0x5A, count: 40)
        let shared = Array("shared".utf8)
        let plain: [UInt8] = [0, 40] + value
        let b1 = Hash.digest(.md5, [0, 33], shared, Self.vector)
        let c1 = zip(plain[0..<16], b1).map { $0 ^ $1 }
        let c2 = zip(plain[16..<32], Hash.digest(.md5, shared, c1)).map { $0 ^ $1 }
        let c3 = zip(plain[32..<42], Hash.digest(.md5, shared, c2)).map { $0 ^ $1 }
        let hiding = Hiding(secret: secret("shared"), randomVector: Self.vector)
        #expect(hiding.hide(value, of: .proxyAuthenticationResponse) == c1 + c2 + c3)
    }

    @Test func everyLengthComesBack() throws {
        let hiding = Hiding(secret: secret("s"), randomVector: Self.vector)
        for count in 0...100 {
            let value = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 7) }
            let hidden = hiding.hide(value, of: .hostName)
            #expect(hidden.count == count + 2)
            #expect(try hiding.reveal(hidden[...], of: .hostName) == value)
        }
    }

    /// The length inside is cipher output: an attacker, or another secret, makes it anything at all.
    @Test(
        "L04: the length inside a hidden AVP is anything at all, and never trusted",
        arguments: [
            (0, true), (1, true), (13, true), (14, true), (15, false), (16, false), (0x3FF, false), (0xFFFF, false),
        ]
    )
    func neverTrustsTheLengthInside(_ length: Int, isGood: Bool) {
        let hiding = Hiding(secret: secret("s"), randomVector: Self.vector)
        var hidden = hiding.hide([UInt8](repeating: 1, count: 14), of: .hostName)
        hidden[0] ^= UInt8(length >> 8)
        hidden[1] ^= 14 ^ UInt8(length & 0xFF)
        let revealed = try? hiding.reveal(hidden[...], of: .hostName)
        #expect(revealed?.count == (isGood ? length : nil))
    }

    @Test(
        "L04: a hidden AVP without room for a length is refused",
        arguments: [0, 1]
    ) func refusesAValueWithoutRoomForALength(_ count: Int) {
        let hiding = Hiding(secret: secret("s"), randomVector: Self.vector)
        #expect(throws: HidingError.impossibleLength) {
            try hiding.reveal([UInt8](repeating: 0, count: count)[...], of: .hostName)
        }
    }
}
