// SPDX-License-Identifier: Apache-2.0
internal import Cryptography
internal import IKE
internal import L2TP
internal import PPP
internal import Primitives

/// A message by what it is, so that its repetitions have the same name: `→ SCCRQ 1`, `← LCP Echo-Request 2`.
package struct PacketName: Hashable, Sendable, CustomStringConvertible {
    package var isToGateway: Bool
    package var kind: String
    /// Among different messages of this kind in this direction, from 1.
    package var ordinal: Int

    package var direction: String { isToGateway ? "→" : "←" }
    package var description: String { "\(direction) \(kind) \(ordinal)" }
}

/// One copy of a message on its way.
package struct Passage: Hashable, Sendable {
    package var name: PacketName
    /// From zero: how often this message has been sent before.
    package var copy: Int
    /// In this direction, from zero: how often one of this kind has been sent before.
    package var copyOfKind: Int
    /// Under the keys of an ESP association.
    package var isProtected: Bool
}

/// Looks into what the network carries and gives it names.
package struct Wiretap: Sendable {
    private struct Kind: Hashable {
        var isToGateway: Bool
        var text: String
    }

    private struct Message: Hashable {
        var kind: Kind
        /// What is the same in every copy.
        var identity: [UInt8]
    }

    private var ordinals: [Message: Int] = [:]
    private var copies: [PacketName: Int] = [:]
    private var copiesOfKind: [Kind: Int] = [:]
    private var kinds: [Kind: Int] = [:]
    private var quickModes: [UInt32: [UInt8]] = [:]
    package private(set) var passages: [Passage] = []

    package init() {}

    mutating func note(_ bytes: [UInt8], isToGateway: Bool, isProtected: Bool) -> Passage {
        let (text, identity) = isProtected ? Self.nameOfL2TP(bytes) : nameOfIKE(bytes, isToGateway)
        let kind = Kind(isToGateway: isToGateway, text: text)
        let message = Message(kind: kind, identity: identity)
        if ordinals[message] == nil {
            kinds[kind, default: 0] += 1
            ordinals[message] = kinds[kind, default: 0]
        }
        let name = PacketName(isToGateway: isToGateway, kind: text, ordinal: ordinals[message, default: 0])
        let passage = Passage(
            name: name,
            copy: copies[name, default: 0],
            copyOfKind: copiesOfKind[kind, default: 0],
            isProtected: isProtected
        )
        copies[name, default: 0] += 1
        copiesOfKind[kind, default: 0] += 1
        passages.append(passage)
        return passage
    }

    private mutating func nameOfIKE(_ bytes: [UInt8], _ isToGateway: Bool) -> (String, [UInt8]) {
        var reader = ByteReader(bytes)
        if bytes.starts(with: [0, 0, 0, 0]) { _ = try? reader.take(4) }
        let digest = Hash.digest(.sha256, bytes)
        guard let header = try? ISAKMPHeader(from: &reader) else { return ("datagram", digest) }
        switch header.exchange {
        case .identityProtection where header.flags.contains(.encryption):
            return (isToGateway ? "main 5" : "main 6", digest)
        case .identityProtection where header.nextPayload == .securityAssociation:
            return (isToGateway ? "main 1" : "main 2", digest)
        case .identityProtection:
            return (isToGateway ? "main 3" : "main 4", digest)
        case .quickMode where isToGateway:
            let first = quickModes[header.messageID, default: digest]
            quickModes[header.messageID] = first
            return (first == digest ? "quick 1" : "quick 3", digest)
        case .quickMode:
            return ("quick 2", digest)
        default:
            return (header.exchange.description, digest)
        }
    }

    private static func nameOfL2TP(_ bytes: [UInt8]) -> (String, [UInt8]) {
        var reader = ByteReader(bytes)
        switch try? L2TP.Datagram(from: &reader) {
        case .control(let header, var body):
            guard !body.isAtEnd else { return ("ZLB", [UInt8(truncatingIfNeeded: header.nr.rawValue)]) }
            // The Message Type AVP is the first one.
            guard (try? body.take(6)) != nil, let type = try? body.integer(UInt16.self) else { return ("L2TP", bytes) }
            return (MessageType(rawValue: type).description, [UInt8(truncatingIfNeeded: header.ns.rawValue)])
        case .data(_, let information):
            var frame = ByteReader(information)
            guard let frame = try? PPP.Frame(from: &frame) else { return ("PPP", bytes) }
            var packet = ByteReader(frame.information)
            guard let packet = try? ControlPacket(from: &packet) else { return ("\(frame.protocolNumber)", bytes) }
            return ("\(frame.protocolNumber) \(name(packet.code, frame.protocolNumber))", [packet.identifier])
        case nil:
            return ("L2TP", bytes)
        }
    }

    private static func name(_ code: ControlPacket.Code, _ number: ProtocolNumber) -> String {
        let names =
            switch number {
            case .pap: ["Request", "Ack", "Nak"]
            case .chap: ["Challenge", "Response", "Success", "Failure"]
            default:
                [
                    "Configure-Request", "Configure-Ack", "Configure-Nak", "Configure-Reject", "Terminate-Request",
                    "Terminate-Ack", "Code-Reject", "Protocol-Reject", "Echo-Request", "Echo-Reply",
                ]
            }
        let index = Int(code.rawValue) - 1
        return names.indices.contains(index) ? names[index] : "\(code.rawValue)"
    }
}
