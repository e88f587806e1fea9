// SPDX-License-Identifier: Apache-2.0
package import ControlPlane
internal import DataPlane
internal import IKE
internal import L2TP
internal import PPP
internal import Primitives

/// What a message is, in the words of whoever orders a fault for it. One message is of several
/// kinds: `data`, `ppp` and `echo-request`, say.
package enum MessageKind: String, Hashable, Sendable, CaseIterable {
    /// Every message of IKE.
    case ike
    case mainMode = "main-mode"
    case quickMode = "quick-mode"
    case informational
    case keepalive

    /// Every message of L2TP.
    case l2tp
    case sccrq
    case sccrp
    case scccn
    case stopccn
    case hello
    case icrq
    case icrp
    case iccn
    case cdn
    case zlb
    case data

    /// Every frame of PPP, in L2TP data messages and through the kernel's channels.
    case ppp
    case lcp
    case lcpConfigureRequest = "lcp-configure-request"
    case lcpConfigureAck = "lcp-configure-ack"
    case lcpConfigureNak = "lcp-configure-nak"
    case lcpConfigureReject = "lcp-configure-reject"
    case terminateRequest = "terminate-request"
    case terminateAck = "terminate-ack"
    case echoRequest = "echo-request"
    case echoReply = "echo-reply"
    case pap
    case papRequest = "pap-request"
    case papAck = "pap-ack"
    case papNak = "pap-nak"
    case chap
    case chapChallenge = "chap-challenge"
    case chapResponse = "chap-response"
    case chapSuccess = "chap-success"
    case chapFailure = "chap-failure"
    case ipcp
    case ipcpConfigureRequest = "ipcp-configure-request"
    case ipcpConfigureAck = "ipcp-configure-ack"
    case ipcpConfigureNak = "ipcp-configure-nak"
    case ipcpConfigureReject = "ipcp-configure-reject"
}

/// Reads only as far as a kind needs, and takes what it cannot read for the most general kind.
extension MessageKind {
    package static func kinds(of input: ControlPlane.Input) -> [MessageKind] {
        switch input {
        case .datagram(let datagram): kinds(ofIKE: datagram)
        case .notice(.datagram(_, from: _, let bytes)): kinds(ofL2TP: bytes)
        case .notice(.frame(_, let bytes)): kinds(ofPPP: bytes[...])
        case .notice, .command, .calendar: []
        }
    }

    package static func kinds(of effect: ControlPlane.Effect) -> [MessageKind] {
        switch effect {
        case .transmit(let datagram): kinds(ofIKE: datagram)
        case .send(let bytes, on: _, to: _): kinds(ofL2TP: bytes)
        case .write(let bytes, to: _): kinds(ofPPP: bytes[...])
        case .request, .report: []
        }
    }

    private static func kinds(ofIKE datagram: IKE.Datagram) -> [MessageKind] {
        if datagram.port == .natTraversal, datagram.bytes.count == 1 { return [.ike, .keepalive] }
        var reader = ByteReader(datagram.bytes)
        guard (try? reader.take(datagram.port == .natTraversal ? 4 : 0)) != nil,
            let header = try? ISAKMPHeader(from: &reader)
        else { return [.ike] }
        switch header.exchange {
        case .identityProtection: return [.ike, .mainMode]
        case .quickMode: return [.ike, .quickMode]
        case .informational: return [.ike, .informational]
        case _: return [.ike]
        }
    }

    private static func kinds(ofL2TP bytes: [UInt8]) -> [MessageKind] {
        var reader = ByteReader(bytes)
        switch try? L2TP.Datagram(from: &reader) {
        case nil: return [.l2tp]
        case .data(_, let frame): return [.l2tp, .data] + kinds(ofPPP: frame)
        case .control(_, var body):
            guard !body.isAtEnd else { return [.l2tp, .zlb] }
            // The first AVP is the message type: flags and length, vendor, attribute, value.
            guard (try? body.take(6)) != nil, let type = try? body.integer(UInt16.self) else { return [.l2tp] }
            return [.l2tp] + (byMessageType[MessageType(rawValue: type)].map { [$0] } ?? [])
        }
    }

    private static let byMessageType: [MessageType: MessageKind] = [
        .sccrq: .sccrq, .sccrp: .sccrp, .scccn: .scccn, .stopCCN: .stopccn, .hello: .hello, .icrq: .icrq,
        .icrp: .icrp, .iccn: .iccn, .cdn: .cdn,
    ]

    private static func kinds(ofPPP bytes: ArraySlice<UInt8>) -> [MessageKind] {
        var reader = ByteReader(bytes)
        guard let frame = try? PPP.Frame(from: &reader), let code = frame.information.first else { return [.ppp] }
        guard let (general, particular) = byProtocol[frame.protocolNumber] else { return [.ppp] }
        return [.ppp, general] + (particular[code].map { [$0] } ?? [])
    }

    private static let byProtocol: [ProtocolNumber: (MessageKind, [UInt8: MessageKind])] = [
        .lcp: (
            .lcp,
            [
                1: .lcpConfigureRequest, 2: .lcpConfigureAck, 3: .lcpConfigureNak, 4: .lcpConfigureReject,
                5: .terminateRequest, 6: .terminateAck, 9: .echoRequest, 10: .echoReply,
            ]
        ),
        .pap: (.pap, [1: .papRequest, 2: .papAck, 3: .papNak]),
        .chap: (.chap, [1: .chapChallenge, 2: .chapResponse, 3: .chapSuccess, 4: .chapFailure]),
        .ipcp: (
            .ipcp,
            [
                1: .ipcpConfigureRequest, 2: .ipcpConfigureAck, 3: .ipcpConfigureNak, 4: .ipcpConfigureReject,
                5: .terminateRequest, 6: .terminateAck,
            ]
        ),
    ]
}
