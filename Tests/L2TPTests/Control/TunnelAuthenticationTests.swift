// SPDX-License-Identifier: Apache-2.0
import L2TP
import Primitives
import Testing

/// The fixed values were computed apart from this code: MD5(type + secret + challenge).
struct TunnelAuthenticationTests {
    @Test(
        arguments: [
            (.sccrp, "4b70dce87d3df35da19cdda9873ac3e8"), (.scccn, "d3776537e116356a60d5b181d29ec9f9"),
        ] as [(MessageType, String)]
    )
    func respondsWithTheTypeOfTheMessage(_ type: MessageType, response: String) {
        let challenge = [UInt8](1...16)
        #expect(TunnelAuthentication.response(to: challenge, in: type, secret: secret("secret")) == hex(response))
    }
}
