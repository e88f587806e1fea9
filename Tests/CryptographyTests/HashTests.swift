// SPDX-License-Identifier: Apache-2.0
import Cryptography
import Primitives
import Testing

@Suite struct HashTests {
    static let alphabet = "abcdefghijklmnopqrstuvwxyz"
    static let alphanumeric = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
    static let digits = String(repeating: "1234567890", count: 8)

    @Test(
        "MD5 gives the digests of RFC 1321 §A.5",
        arguments: [
            ("", "d41d8cd98f00b204e9800998ecf8427e"),
            ("a", "0cc175b9c0f1b6a831c399e269772661"),
            ("abc", "900150983cd24fb0d6963f7d28e17f72"),
            ("message digest", "f96b697d7cb7938d525a2f31aaf161d0"),
            (alphabet, "c3fcd3d76192e4007dfb496cca67e13b"),
            (alphanumeric, "d174ab98d277d9f5a5611c2c9f419d9f"),
            (digits, "57edf4a22be3c955ac49da2e2107b67a"),
        ]
    ) func md5(message: String, digest: String) {
        #expect(Hash.digest(.md5, ascii(message)) == hex(digest))
    }

    @Test(
        "MD4 gives the digests of RFC 1320 §A.5",
        arguments: [
            ("", "31d6cfe0d16ae931b73c59d7e0c089c0"),
            ("a", "bde52cb31de33e46245e05fbdbd6fb24"),
            ("abc", "a448017aaf21d8525fc10ae87aa6729d"),
            ("message digest", "d9130a8164549fe818874806e1c7014b"),
            (alphabet, "d79e1c308aa5bbcdeea8ed63df412da9"),
            (alphanumeric, "043f8582f241db351ce627e153e7f0e4"),
            (digits, "e33b4ddc9c38f2199c3e7b164fcc0536"),
        ]
    ) func md4(message: String, digest: String) {
        #expect(Hash.md4(ascii(message)) == hex(digest))
    }

    @Test("MD4 pads right at every length around a block", arguments: [54, 55, 56, 57, 63, 64, 65, 119, 120, 128])
    func md4Padding(length: Int) {
        // The digests of `length` letters a, made with another implementation.
        let digests = [
            54: "10993f670d6d785f3e87bc46e8da89dc", 55: "c889c81dd86c4d2e025778944ea02881",
            56: "d5f9a9e9257077a5f08b0b92f348b0ad", 57: "872097e6f78e3b53f890459d03bc6fb7",
            63: "7ea3da77432d44c323671097d1348fc8", 64: "52f5076fabd22680234a3fa9f9dc5732",
            65: "330e377bf231f3cacfecc2c182fe7e5b",
            119: "e65dd227ccef97fa1d34d70189120f76", 120: "b03ddbd470b47c013e0c7ab2ddd763db",
            128: "cb4a20a561558e29460190c91dced59f",
        ]
        #expect(Hash.md4([UInt8](repeating: 0x61, count: length)) == digests[length].map(hex))
    }

    @Test("SHA-1 gives the digests of RFC 3174 §7.3")
    func sha1() {
        #expect(Hash.digest(.sha1, ascii("abc")) == hex("a9993e364706816aba3e25717850c26c9cd0d89d"))
        #expect(
            Hash.digest(.sha1, ascii("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"))
                == hex("84983e441c3bd26ebaae4aa1f95129e5e54670f1")
        )
        #expect(
            Hash.digest(.sha1, [UInt8](repeating: 0x61, count: 1_000_000))
                == hex("34aa973cd4c4daa4f61eeb2bdbad27316534016f")
        )
    }

    @Test("SHA-2 gives the digests of FIPS 180-4 for abc")
    func sha2() {
        #expect(
            Hash.digest(.sha256, ascii("abc"))
                == hex("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
        )
        #expect(
            Hash.digest(.sha384, ascii("abc"))
                == hex(
                    "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7"
                )
        )
        #expect(
            Hash.digest(.sha512, ascii("abc"))
                == hex(
                    """
                    ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a
                    2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f
                    """
                )
        )
    }

    @Test("A digest has the length its algorithm states", arguments: HashAlgorithm.allCases)
    func lengths(algorithm: HashAlgorithm) {
        #expect(Hash.digest(algorithm, ascii("x")).count == algorithm.digestLength)
    }

    @Test("Parts, lists and secrets are hashed as if they were one message", arguments: HashAlgorithm.allCases)
    func parts(algorithm: HashAlgorithm) {
        let whole = Hash.digest(algorithm, ascii("one two three"))
        #expect(Hash.digest(algorithm, ascii("one"), [], ascii(" two"), ascii(" three")) == whole)
        #expect(Hash.digest(algorithm, concatenating: [ascii("one two "), ascii("three")]) == whole)
        let secret = SecretBytes(copying: ascii(" two "))
        let empty = SecretBytes(copying: [UInt8]())
        #expect(
            Hash.digest(
                algorithm,
                inputs: [.bytes(ascii("one")), .secret(secret), .secret(empty), .bytes(ascii("three"))]
            )
                == whole
        )
        #expect(Hash.digest(algorithm) == Hash.digest(algorithm, inputs: []))
    }
}
