// SPDX-License-Identifier: Apache-2.0
import Cryptography
import Primitives
import Testing

@Suite struct HMACTests {
    struct Vector: Sendable {
        var key: [UInt8]
        var message: [UInt8]
        var outputs: [HashAlgorithm: String]
    }

    private static func repeated(_ byte: UInt8, _ count: Int) -> [UInt8] { Array(repeating: byte, count: count) }
    private static let largeKey = ascii("Test Using Larger Than Block-Size Key - Hash Key First")

    static let rfc2202: [Vector] = [
        Vector(
            key: repeated(0x0B, 16),
            message: ascii("Hi There"),
            outputs: [.md5: "9294727a3638bb1c13f48ef8158bfc9d"]
        ),
        Vector(
            key: repeated(0x0B, 20),
            message: ascii("Hi There"),
            outputs: [.sha1: "b617318655057264e28bc0b6fb378c8ef146be00"]
        ),
        Vector(
            key: ascii("Jefe"),
            message: ascii("what do ya want for nothing?"),
            outputs: [
                .md5: "750c783e6ab0b503eaa86e310a5db738", .sha1: "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79",
            ]
        ),
        Vector(
            key: repeated(0xAA, 16),
            message: repeated(0xDD, 50),
            outputs: [.md5: "56be34521d144c88dbb8c733f0e8b3f6"]
        ),
        Vector(
            key: repeated(0xAA, 20),
            message: repeated(0xDD, 50),
            outputs: [.sha1: "125d7342b9ac11cd91a39af48aa17b4f63f175d3"]
        ),
        Vector(
            key: Array(0x01...0x19),
            message: repeated(0xCD, 50),
            outputs: [
                .md5: "697eaf0aca3a3aea3a75164746ffaa79", .sha1: "4c9007f4026250c6bc8414f9bf50c86c2d7235da",
            ]
        ),
        Vector(
            key: repeated(0x0C, 16),
            message: ascii("Test With Truncation"),
            outputs: [.md5: "56461ef2342edc00f9bab995690efd4c"]
        ),
        Vector(
            key: repeated(0x0C, 20),
            message: ascii("Test With Truncation"),
            outputs: [.sha1: "4c1a03424b55e07fe7f27be1d58bb9324a9a5a04"]
        ),
        Vector(
            key: repeated(0xAA, 80),
            message: largeKey,
            outputs: [
                .md5: "6b1ab7fe4bd7bf8f0b62e6ce61b9d0cd", .sha1: "aa4ae5e15272d00e95705637ce8a3b55ed402112",
            ]
        ),
        Vector(
            key: repeated(0xAA, 80),
            message: ascii("Test Using Larger Than Block-Size Key and Larger Than One Block-Size Data"),
            outputs: [
                .md5: "6f630fad67cda0ee1fb1f562db3aa53e", .sha1: "e8e99d0f45237d786d6bbaa7965c7808bbff1a91",
            ]
        ),
    ]

    static let rfc4231: [Vector] = [
        Vector(
            key: repeated(0x0B, 20),
            message: ascii("Hi There"),
            outputs: [
                .sha256: "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
                .sha384:
                    """
                afd03944d84895626b0825f4ab46907f15f9dadbe4101ec682aa034c7cebc59c
                faea9ea9076ede7f4af152e8b2fa9cb6
                """,
                .sha512:
                    """
                87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cde
                daa833b7d6b8a702038b274eaea3f4e4be9d914eeb61f1702e696c203a126854
                """,
            ]
        ),
        Vector(
            key: ascii("Jefe"),
            message: ascii("what do ya want for nothing?"),
            outputs: [
                .sha256: "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
                .sha384:
                    """
                af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e
                8e2240ca5e69e2c78b3239ecfab21649
                """,
                .sha512:
                    """
                164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554
                9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737
                """,
            ]
        ),
        Vector(
            key: repeated(0xAA, 20),
            message: repeated(0xDD, 50),
            outputs: [
                .sha256: "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe",
                .sha384:
                    """
                88062608d3e6ad8a0aa2ace014c8a86f0aa635d947ac9febe83ef4e55966144b
                2a5ab39dc13814b94e3ab6e101a34f27
                """,
                .sha512:
                    """
                fa73b0089d56a284efb0f0756c890be9b1b5dbdd8ee81a3655f83e33b2279d39
                bf3e848279a722c806b485a47e67c807b946a337bee8942674278859e13292fb
                """,
            ]
        ),
        Vector(
            key: Array(0x01...0x19),
            message: repeated(0xCD, 50),
            outputs: [
                .sha256: "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b",
                .sha384:
                    """
                3e8a69b7783c25851933ab6290af6ca77a9981480850009cc5577c6e1f573b4e
                6801dd23c4a7d679ccf8a386c674cffb
                """,
                .sha512:
                    """
                b0ba465637458c6990e5a8c5f61d4af7e576d97ff94b872de76f8050361ee3db
                a91ca5c11aa25eb4d679275cc5788063a5f19741120c4f2de2adebeb10a298dd
                """,
            ]
        ),
        Vector(
            key: repeated(0xAA, 131),
            message: largeKey,
            outputs: [
                .sha256: "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
                .sha384:
                    """
                4ece084485813e9088d2c63a041bc5b44f9ef1012a2b588f3cd11f05033ac4c6
                0c2ef6ab4030fe8296248df163f44952
                """,
                .sha512:
                    """
                80b24263c7c1a3ebb71493c1dd7be8b49b46d1f41b4aeec1121b013783f8f352
                6b56d037e05f2598bd0fd2215d6a1e5295e64f73f63f0aec8b915a985d786598
                """,
            ]
        ),
        Vector(
            key: repeated(0xAA, 131),
            message: ascii(
                """
                This is a test using a larger than block-size key and a larger than block-size data. \
                The key needs to be hashed before being used by the HMAC algorithm.
                """
            ),
            outputs: [
                .sha256: "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2",
                .sha384:
                    """
                6617178e941f020d351e2f254e8fd32c602420feb0b8fb9adccebb82461e99c5
                a678cc31e799176d3860e6110c46523e
                """,
                .sha512:
                    """
                e37b6a775dc87dbaa4dfa9f96e5e3ffddebd71f8867289865df5a32d20cdc944
                b6022cac3c4982b10d5eeb55c3e4de15134676fb6de0446065c97440fa8c6a58
                """,
            ]
        ),
    ]

    @Test("HMAC gives the outputs of RFC 2202", arguments: rfc2202)
    func olderVectors(vector: Vector) {
        for (algorithm, output) in vector.outputs {
            #expect(HMAC(algorithm, key: vector.key).authenticate(vector.message) == hex(output))
        }
    }

    @Test("HMAC gives the outputs of RFC 4231", arguments: rfc4231)
    func sha2Vectors(vector: Vector) {
        #expect(vector.outputs.count == 3)
        for (algorithm, output) in vector.outputs {
            #expect(HMAC(algorithm, key: vector.key).authenticate(vector.message) == hex(output))
        }
    }

    @Test("An empty key is a key", arguments: HashAlgorithm.allCases)
    func emptyKey(algorithm: HashAlgorithm) {
        // RFC 2104 fills a short key with zeros, so that one zero byte is the same key as none.
        let output = HMAC(algorithm, key: [UInt8]()).authenticate(ascii("message"))
        #expect(output == HMAC(algorithm, key: [0]).authenticate(ascii("message")))
        #expect(output != HMAC(algorithm, key: [1]).authenticate(ascii("message")))
    }

    @Test("A kept key authenticates any number of messages independently", arguments: HashAlgorithm.allCases)
    func reuse(algorithm: HashAlgorithm) {
        let hmac = HMAC(algorithm, key: ascii("key"))
        let other = HMAC(algorithm, key: ascii("another key"))
        let first = hmac.authenticate(ascii("first"))
        _ = other.authenticate(ascii("first"))
        let second = hmac.authenticate(ascii("second"))
        #expect(hmac.authenticate() == HMAC(algorithm, key: ascii("key")).authenticate([]))
        #expect(hmac.authenticate(ascii("first")) == first)
        #expect(hmac.authenticate(ascii("second")) == second)
        #expect(first != second)
        #expect(other.authenticate(ascii("first")) != first)
        #expect(first.count == hmac.outputLength)
    }

    @Test("Parts and secrets are authenticated as if they were one message", arguments: HashAlgorithm.allCases)
    func parts(algorithm: HashAlgorithm) {
        let hmac = HMAC(algorithm, key: SecretBytes(copying: ascii("key")))
        let whole = hmac.authenticate(ascii("one two three"))
        #expect(hmac.authenticate(ascii("one "), [], ascii("two three")) == whole)
        let inputs: [HashInput] = [
            .bytes(ascii("one ")), .secret(SecretBytes(copying: ascii("two "))), .bytes([]), .bytes(ascii("three")),
        ]
        #expect(hmac.authenticate(inputs: inputs) == whole)
        #expect(hmac.deriveSecret(inputs: inputs).revealed == whole)
    }
}
