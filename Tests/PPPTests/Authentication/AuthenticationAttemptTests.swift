// SPDX-License-Identifier: Apache-2.0
import PPP
import Primitives
import Testing

struct AuthenticationAttemptTests {
    /// RFC 1994 §4.1: identifier, secret, challenge. The digest was computed apart from this code.
    private func chap(_ response: [UInt8]) -> AuthenticationAttempt {
        .chapMD5(
            userName: "alice",
            identifier: 0x2A,
            challenge: Array(0..<16),
            response: response
        )
    }

    @Test func chapResponseIsTheDigestOfIdentifierSecretAndChallenge() {
        let right = hex("C26509FED6BAB294085336FE900671F5")
        let secret = UserSecret.password(SecretBytes(copying: "s3cr3t".utf8))
        #expect(chap(right).verdict(against: secret) == .accepted(authenticatorResponse: nil))
        for index in right.indices {
            var wrong = right
            wrong[index] ^= 1
            #expect(chap(wrong).verdict(against: secret) == .refused(.wrongPassword))
        }
        #expect(chap([]).verdict(against: secret) == .refused(.wrongPassword))
    }

    @Test func papComparesPasswords() {
        let attempt = AuthenticationAttempt.pap(userName: "alice", password: SecretBytes(copying: "s3cr3t".utf8))
        let verdict = { (text: String) in attempt.verdict(against: .password(SecretBytes(copying: text.utf8))) }
        #expect(verdict("s3cr3t") == .accepted(authenticatorResponse: nil))
        for wrong in ["", "s3cr3", "s3cr3tt", "S3cr3t"] {
            #expect(verdict(wrong) == .refused(.wrongPassword))
        }
    }

    @Test func anNTHashServesMSCHAPv2Alone() {
        let hash = UserSecret.ntHash(SecretBytes(copying: [UInt8](repeating: 7, count: 16)))
        let pap = AuthenticationAttempt.pap(userName: "alice", password: SecretBytes(copying: "s3cr3t".utf8))
        #expect(pap.verdict(against: hash) == .refused(.methodUnsuitable))
        #expect(chap([]).verdict(against: hash) == .refused(.methodUnsuitable))
    }

    @Test func nothingPrintsAPassword() {
        let attempt = AuthenticationAttempt.pap(userName: "alice", password: SecretBytes(copying: "s3cr3t".utf8))
        #expect(!"\(attempt)".contains("s3cr3t"))
        var dumped = ""
        dump(attempt, to: &dumped)
        #expect(!dumped.contains("s3cr3t"))
    }
}
