// SPDX-License-Identifier: Apache-2.0
import Cryptography
import DataPlane
import IKE
import Testing

struct TransformTests {
    @Test func everyPresetNameIsReadBack() {
        for transform in Profile.l2tpClientsIKE {
            #expect(IKETransform(transform.description) == transform)
        }
        for transform in Profile.l2tpClientsESP {
            #expect(ESPTransform(parsing: transform.description) == transform)
        }
        for group in DiffieHellmanGroup.allCases {
            #expect(DiffieHellmanGroup(operatorName: group.operatorName) == group)
        }
    }

    @Test(arguments: [
        "", "aes256", "aes256-sha256", "aes256-sha256-modp2048-", "aes257-sha256-modp2048", "aes256-sha3-modp2048",
        "aes256-sha256-modp768", "AES256-sha256-modp2048", "aes256-sha256-modp2048-ecp256", "des-sha1-modp1024",
    ])
    func aNameThatIsNoneIsRefused(_ name: String) {
        #expect(IKETransform(name) == nil)
    }

    @Test(arguments: ["", "aes256", "null-sha1", "aes256gcm16-sha1", "aes256gcm8", "des-sha1", "aes128-xcbc", "3des-"])
    func anESPNameThatIsNoneIsRefused(_ name: String) {
        #expect(ESPTransform(parsing: name) == nil)
    }

    @Test func otherSpellingsAreUnderstood() {
        #expect(IKETransform("aes-sha2_256-modp2048")?.description == "aes128-sha256-modp2048")
        #expect(ESPTransform(parsing: "aes-sha2_512")?.description == "aes128-sha512")
    }

    static let legacy: [(String, Set<LegacyAlgorithm>)] = [
        ("aes256-sha256-modp2048", []), ("3des-sha1-modp2048", [.tripleDES]), ("aes128-md5-modp1536", [.md5]),
        ("3des-md5-modp1024", [.tripleDES, .md5, .modp1024]),
    ]

    @Test(arguments: legacy)
    func legacyIsKnown(_ name: String, _ legacy: Set<LegacyAlgorithm>) {
        #expect(IKETransform(name)?.legacyAlgorithms == legacy)
    }

    /// Whatever needs `allow-legacy` comes after everything that does not.
    @Test func thePresetHasTheBestFirst() {
        #expect(Profile.l2tpClientsIKE.first?.description == "aes256-sha256-ecp256")
        #expect(Profile.l2tpClientsESP.first?.description == "aes256gcm16")
        let ike = Profile.l2tpClientsIKE.map(\.legacyAlgorithms.count)
        let esp = Profile.l2tpClientsESP.map(\.legacyAlgorithms.count)
        #expect(ike == ike.sorted())
        #expect(esp == esp.sorted())
        #expect(Set(Profile.l2tpClientsIKE).count == Profile.l2tpClientsIKE.count)
    }
}
