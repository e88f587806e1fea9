// SPDX-License-Identifier: Apache-2.0
import L2TP
import Primitives
import Testing

struct SessionTests {
    private func session(in state: String) -> Session {
        var result = Session(
            id: L2TPTests.session(1),
            accepting: IncomingCall(assigned: L2TPTests.session(2), callSerialNumber: 3)
        )
        switch state {
        case "established": _ = result.receive(.iccn(ConnectedCall(txConnectSpeed: 1, framing: .synchronous)))
        case "closed": _ = result.receive(.cdn(assigned: L2TPTests.session(2), ResultCode(3)))
        default: break
        }
        return result
    }

    private func name(_ effect: Session.Effect) -> String {
        switch effect {
        case .established: "established"
        case .disconnect: "disconnect"
        case .ended: "ended"
        case .report: "report"
        case .unexpected: "unexpected"
        }
    }

    /// The whole machine on one page: a change of behaviour is a change to this table.
    ///
    /// - SeeAlso: RFC 2661 §7.4.2
    @Test func everyStateMeetsEveryMessage() {
        var table: [String] = []
        for state in ["waitConnect", "established", "closed"] {
            for message in everyMessage + [.unknown(MessageType(rawValue: 99))] {
                var machine = session(in: state)
                #expect(machine.state.name == state)
                let effects = machine.receive(message).map(name).joined(separator: " ")
                table.append("\(state) + \(message.type): \(effects) > \(machine.state.name)")
            }
        }
        #expect(table.joined(separator: "\n") == golden)
    }

    @Test func sequenceNumbersAreUsedWhereTheLACRequiresThem() {
        var plain = session(in: "established")
        #expect(!plain.usesSequenceNumbers)
        #expect(plain.dataHeader(peerTunnel: tunnel(9)) == DataHeader(tunnel: tunnel(9), session: L2TPTests.session(2)))

        var numbered = session(in: "waitConnect")
        var call = ConnectedCall(txConnectSpeed: 1, framing: .synchronous)
        call.requiresSequencing = true
        #expect(numbered.receive(.iccn(call)) == [.established])
        #expect(numbered.usesSequenceNumbers)
        let numbers = (0..<3).map { _ in numbered.dataHeader(peerTunnel: tunnel(9)).ns }
        #expect(numbers == [0, 1, 2].map { SequenceNumber($0) })
    }
}

private let golden = """
    waitConnect + SCCRQ: unexpected > waitConnect
    waitConnect + SCCRP: unexpected > waitConnect
    waitConnect + SCCCN: unexpected > waitConnect
    waitConnect + StopCCN: unexpected > waitConnect
    waitConnect + HELLO: unexpected > waitConnect
    waitConnect + OCRQ: disconnect > closed
    waitConnect + OCRP: disconnect > closed
    waitConnect + OCCN: disconnect > closed
    waitConnect + ICRQ: disconnect > closed
    waitConnect + ICRP: disconnect > closed
    waitConnect + ICCN: established > established
    waitConnect + CDN: ended > closed
    waitConnect + WEN: report > waitConnect
    waitConnect + SLI: unexpected > waitConnect
    waitConnect + message type 99: unexpected > waitConnect
    established + SCCRQ: unexpected > established
    established + SCCRP: unexpected > established
    established + SCCCN: unexpected > established
    established + StopCCN: unexpected > established
    established + HELLO: unexpected > established
    established + OCRQ: disconnect > closed
    established + OCRP: disconnect > closed
    established + OCCN: disconnect > closed
    established + ICRQ: disconnect > closed
    established + ICRP: disconnect > closed
    established + ICCN: disconnect > closed
    established + CDN: ended > closed
    established + WEN: report > established
    established + SLI: unexpected > established
    established + message type 99: unexpected > established
    closed + SCCRQ: unexpected > closed
    closed + SCCRP: unexpected > closed
    closed + SCCCN: unexpected > closed
    closed + StopCCN: unexpected > closed
    closed + HELLO: unexpected > closed
    closed + OCRQ: unexpected > closed
    closed + OCRP: unexpected > closed
    closed + OCCN: unexpected > closed
    closed + ICRQ: unexpected > closed
    closed + ICRP: unexpected > closed
    closed + ICCN: unexpected > closed
    closed + CDN: unexpected > closed
    closed + WEN: unexpected > closed
    closed + SLI: unexpected > closed
    closed + message type 99: unexpected > closed
    """
