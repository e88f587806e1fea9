// SPDX-License-Identifier: Apache-2.0
internal import Cryptography
internal import Primitives

extension AuthenticationAttempt {
    package var userName: String {
        switch self {
        case .pap(let userName, _): userName
        case .chapMD5(let userName, _, _, _): userName
        case .mschapv2(let userName, _, _, _): userName
        }
    }

    package var method: AuthenticationMethod {
        switch self {
        case .pap: .pap
        case .chapMD5: .chapMD5
        case .mschapv2: .mschapv2
        }
    }

    /// Checks the proof against the stored secret, in constant time.
    package func verdict(against secret: UserSecret) -> AuthenticationVerdict {
        switch (self, secret) {
        case (.pap(_, let password), .password(let expected)):
            // Digests are compared, so that not even the length of the password shows.
            let given = Hash.digest(.sha256, inputs: [.secret(password)])
            let wanted = Hash.digest(.sha256, inputs: [.secret(expected)])
            return given.equalsInConstantTime(wanted) ? .accepted(authenticatorResponse: nil) : .refused(.wrongPassword)

        case (.chapMD5(_, let identifier, let challenge, let response), .password(let expected)):
            // RFC 1994 §4.1
            let wanted = Hash.digest(.md5, inputs: [.bytes([identifier]), .secret(expected), .bytes(challenge)])
            return wanted.equalsInConstantTime(response)
                ? .accepted(authenticatorResponse: nil) : .refused(.wrongPassword)

        case (.mschapv2, .password(let expected)):
            guard let hash = MSCHAPv2.ntPasswordHash(expected) else { return .refused(.methodUnsuitable) }
            return mschapv2Verdict(passwordHash: hash)

        case (.mschapv2, .ntHash(let hash)):
            return mschapv2Verdict(passwordHash: hash)

        case (.pap, .ntHash), (.chapMD5, .ntHash):
            return .refused(.methodUnsuitable)
        }
    }

    private func mschapv2Verdict(passwordHash: SecretBytes) -> AuthenticationVerdict {
        guard case .mschapv2(let userName, let authenticatorChallenge, let peerChallenge, let ntResponse) = self,
            passwordHash.count == 16
        else { return .refused(.methodUnsuitable) }
        let challenge = MSCHAPv2.challengeHash(
            peerChallenge: peerChallenge,
            authenticatorChallenge: authenticatorChallenge,
            userName: userName
        )
        let wanted = MSCHAPv2.challengeResponse(challenge: challenge, passwordHash: passwordHash)
        guard wanted.equalsInConstantTime(ntResponse) else { return .refused(.wrongPassword) }
        return .accepted(
            authenticatorResponse: MSCHAPv2.authenticatorResponse(
                passwordHash: passwordHash,
                ntResponse: ntResponse,
                challenge: challenge
            )
        )
    }
}
