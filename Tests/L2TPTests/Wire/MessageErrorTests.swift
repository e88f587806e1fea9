// SPDX-License-Identifier: Apache-2.0
import L2TP
import Primitives
import Testing

struct MessageErrorTests {
    @Test(
        arguments: [
            (.malformed(.invalidLength(3)), .generalError(.wrongLength, message: "AVP with impossible length 3")),
            (.messageType, .generalError(.valueOutOfRange, message: "no single Message Type at its beginning")),
            (
                .unknownMessage(MessageType(rawValue: 99)),
                .generalError(.valueOutOfRange, message: "unknown mandatory message type 99")
            ),
            (
                .unknownMandatory(vendor: 0, AttributeType(rawValue: 99)),
                .generalError(.unknownMandatoryAVP, message: "unknown mandatory AVP: attribute 99")
            ),
            (
                .unknownMandatory(vendor: 311, .hostName),
                .generalError(.unknownMandatoryAVP, message: "unknown mandatory AVP: number 7 of vendor 311")
            ),
            (
                .unreadable(.challenge, .noSecret),
                .generalError(.valueOutOfRange, message: "hidden Challenge, and no secret is configured")
            ),
            (.missing(.hostName), .generalError(.valueOutOfRange, message: "Host Name missing")),
            (.wrongLength(.tieBreaker, 7), .generalError(.wrongLength, message: "Tie Breaker of 7 bytes")),
            (
                .invalidValue(.receiveWindowSize, 0),
                .generalError(.valueOutOfRange, message: "Receive Window Size with the impossible value 0")
            ),
            (.versionNotSupported(0x0200), .versionNotSupported),
        ] as [(MessageError, StopResult)]
    )
    func hasItsAnswer(_ error: MessageError, stop: StopResult) {
        #expect(StopResult(answering: error) == stop)
    }
}
