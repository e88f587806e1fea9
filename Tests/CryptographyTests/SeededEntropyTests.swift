// SPDX-License-Identifier: Apache-2.0
import Cryptography
import Testing

@Suite struct SeededEntropyTests {
    @Test("The bytes are the outputs of splitmix64")
    func reference() {
        let expected: [UInt64] = [
            6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423,
            4_593_380_528_125_082_431, 16_408_922_859_458_223_821,
        ]
        let entropy = SeededEntropy(seed: 1_234_567)
        for word in expected {
            #expect(entropy.integer(UInt64.self).byteSwapped == word)
        }
    }

    @Test("The same seed gives the same bytes, another seed gives others")
    func seeds() {
        #expect(SeededEntropy(seed: 1).bytes(100) == SeededEntropy(seed: 1).bytes(100))
        #expect(SeededEntropy(seed: 1).bytes(100) != SeededEntropy(seed: 2).bytes(100))
        let entropy = SeededEntropy(seed: 1)
        #expect(entropy.bytes(8) != entropy.bytes(8))
        #expect(entropy.bytes(0) == [])
        #expect(entropy.bytes(13).count == 13)
    }
}
