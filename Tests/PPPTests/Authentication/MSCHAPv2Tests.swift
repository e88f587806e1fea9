// SPDX-License-Identifier: Apache-2.0
import PPP
import Primitives
import Testing

/// RFC 2759 §9.2.
struct MSCHAPv2Tests {
    private let authenticatorChallenge = hex("5B 5D 7C 7D 7B 3F 2F 3E 3C 2C 60 21 32 26 26 28")
    private let peerChallenge = hex("21 40 23 24 25 5E 26 2A 28 29 5F 2B 3A 33 7C 7E")
    private let challenge = hex("D0 2E 43 86 BC E9 12 26")
    private let passwordHash = hex("44 EB BA 8D 53 12 B8 D6 11 47 44 11 F5 69 89 AE")
    private let ntResponse = hex("82 30 9E CD 8D 70 8B 5E A0 8F AA 39 81 CD 83 54 42 33 11 4A 3D 85 D6 DF")
    private let password = SecretBytes(copying: "clientPass".utf8)

    @Test func challengeHash() {
        for name in ["User", "DOMAIN\\User", "a\\b\\User"] {
            let hash = MSCHAPv2.challengeHash(
                peerChallenge: peerChallenge,
                authenticatorChallenge: authenticatorChallenge,
                userName: name
            )
            #expect(hash == challenge)
        }
    }

    @Test func ntPasswordHash() {
        #expect(MSCHAPv2.ntPasswordHash(password) == SecretBytes(copying: passwordHash))
    }

    @Test func passwordHashHash() {
        let twice = MSCHAPv2.passwordHashHash(SecretBytes(copying: passwordHash))
        #expect(twice == SecretBytes(copying: hex("41 C0 0C 58 4B D2 D9 1C 40 17 A2 A1 2F A5 9F 3F")))
    }

    @Test func challengeResponse() {
        let response = MSCHAPv2.challengeResponse(
            challenge: challenge,
            passwordHash: SecretBytes(copying: passwordHash)
        )
        #expect(response == ntResponse)
    }

    @Test func authenticatorResponse() {
        let proof = MSCHAPv2.authenticatorResponse(
            passwordHash: SecretBytes(copying: passwordHash),
            ntResponse: ntResponse,
            challenge: challenge
        )
        #expect(proof == hex("407A5589115FD0D6209F510FE9C04566932CDA56"))
    }

    /// Computed apart from this code (UTF-16LE, then MD4 after RFC 1320).
    @Test func hashesLettersBeyondASCIIAndBeyondTheBasicPlane() {
        let hash = MSCHAPv2.ntPasswordHash(SecretBytes(copying: "gr\u{FC}\u{DF}e\u{1F511}".utf8))
        #expect(hash == SecretBytes(copying: hex("15CE74D6750FA648C13E8170FAC29E66")))
    }

    @Test func refusesAPasswordThatIsNotUTF8() {
        #expect(MSCHAPv2.ntPasswordHash(SecretBytes(copying: [0x61, 0xFF])) == nil)
    }

    @Test func verdictAcceptsTheRFCsExampleAndProvesUs() {
        let attempt = AuthenticationAttempt.mschapv2(
            userName: "DOMAIN\\User",
            authenticatorChallenge: authenticatorChallenge,
            peerChallenge: peerChallenge,
            ntResponse: ntResponse
        )
        let accepted = AuthenticationVerdict.accepted(
            authenticatorResponse: hex("407A5589115FD0D6209F510FE9C04566932CDA56")
        )
        #expect(attempt.verdict(against: .password(password)) == accepted)
        #expect(attempt.verdict(against: .ntHash(SecretBytes(copying: passwordHash))) == accepted)
        #expect(attempt.verdict(against: .password(SecretBytes(copying: "x".utf8))) == .refused(.wrongPassword))
        #expect(attempt.verdict(against: .ntHash(SecretBytes(copying: [1, 2]))) == .refused(.methodUnsuitable))
        #expect(attempt.verdict(against: .password(SecretBytes(copying: [0xFF]))) == .refused(.methodUnsuitable))
    }
}
