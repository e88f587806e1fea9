// SPDX-License-Identifier: Apache-2.0
import L2TP
import Primitives
import Testing

struct ResultCodeTests {
    @Test(
        "L07: a Result Code has 2 bytes, or 4, or a message behind them",
        arguments: [
            ("0001", ResultCode(1)), ("000200", ResultCode(2)),
            ("00020004", ResultCode(2, error: .insufficientResources)),
            ("0002000868690a", ResultCode(2, error: .unknownMandatoryAVP, message: "hi\u{FFFD}")),
            // An Apple client's little-endian 6, with and without an error.
            ("0600", ResultCode(6)), ("06000000", ResultCode(6, error: GeneralError(rawValue: 0))),
            ("0000", ResultCode(0)),
        ]
    ) func decodes(_ bytes: String, code: ResultCode) throws {
        var reader = ByteReader(hex(bytes))
        #expect(try ResultCode(from: &reader) == code)
    }

    @Test func encodesWhatIsThere() {
        func encoded(_ code: ResultCode) -> [UInt8] {
            var writer = ByteWriter()
            code.encode(into: &writer)
            return writer.bytes
        }
        #expect(encoded(ResultCode(6)) == hex("0006"))
        #expect(encoded(ResultCode(2, error: .wrongLength)) == hex("0002 0002"))
        #expect(encoded(ResultCode(3, message: "bye")) == hex("0003 0000 627965"))
        #expect(encoded(ResultCode(3, message: String(repeating: "é", count: 500))).count == 4 + 254)
    }

    @Test(
        arguments: [
            (.generalRequest, ResultCode(1)),
            (.generalError(.wrongLength, message: "short"), ResultCode(2, error: .wrongLength, message: "short")),
            (.alreadyExists, ResultCode(3)), (.notAuthorized, ResultCode(4)),
            (.versionNotSupported, ResultCode(5, error: GeneralError(rawValue: 0x0100))),
            (.shuttingDown, ResultCode(6)), (.stateMachineError, ResultCode(7)),
        ] as [(StopResult, ResultCode)]
    )
    func saysWhyAConnectionEnds(_ stop: StopResult, code: ResultCode) {
        #expect(ResultCode(stop) == code)
    }

    @Test(
        arguments: [
            (.administrative, ResultCode(3)), (.ppp("no"), ResultCode(2, error: .vendorSpecific, message: "no")),
            (.byPeer(result: 9, error: nil, message: nil), ResultCode(1)), (.connectionEnded, ResultCode(1)),
            (.noResources("full"), ResultCode(4, error: .insufficientResources, message: "full")),
            (.protocolError("what"), ResultCode(2, error: .valueOutOfRange, message: "what")),
        ] as [(SessionEnd, ResultCode)]
    )
    func saysWhyASessionEnds(_ end: SessionEnd, code: ResultCode) {
        #expect(ResultCode(end) == code)
    }
}
