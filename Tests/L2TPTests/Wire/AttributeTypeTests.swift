// SPDX-License-Identifier: Apache-2.0
import L2TP
import Testing

struct AttributeTypeTests {
    /// A row of the registry stands at its own number.
    @Test(
        arguments: [
            (.messageType, "Message Type"), (.assignedTunnelID, "Assigned Tunnel ID"),
            (.challengeResponse, "Challenge Response"), (.framingType, "Framing Type"),
            (.calledNumber, "Called Number"), (.txConnectSpeed, "(Tx) Connect Speed"),
            (.proxyAuthenticationResponse, "Proxy Authen Response"), (.accm, "ACCM"), (.randomVector, "Random Vector"),
            (.sequencingRequired, "Sequencing Required"),
        ] as [(AttributeType, String)]
    )
    func hasTheNameOfTheRFC(_ attribute: AttributeType, name: String) {
        #expect(attribute.description == name)
    }

    /// "The M-bit for this AVP MUST be set to 0", collected from RFC 2661 §4.4.
    @Test func knowsWhatNeedNotBeUnderstood() {
        let optional = (0..<40).filter { AttributeType(rawValue: $0).properties?.isMandatory == false }
        #expect(optional == [5, 6, 8, 25, 26, 27, 28, 29, 30, 31, 32, 33, 37, 38])
    }

    /// "This AVP MUST NOT be hidden", collected from RFC 2661 §4.4.
    @Test func knowsWhatMustNotBeHidden() {
        let open = (0..<40).filter { AttributeType(rawValue: $0).properties?.mayBeHidden == false }
        #expect(open == [0, 1, 2, 5, 7, 10, 12, 36, 39])
    }
}
