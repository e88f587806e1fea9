// SPDX-License-Identifier: Apache-2.0
package import Primitives

extension ControlMessage {
    /// The AVPs, in the order in which they are sent.
    package var avps: [AVP] {
        var list = AVPBuilder(type)
        switch self {
        case .sccrq(let offer):
            list.append(offer)
        case .sccrp(let offer, let challengeResponse):
            list.append(offer)
            list.append(.challengeResponse, challengeResponse)
        case .scccn(let challengeResponse):
            list.append(.challengeResponse, challengeResponse)
        case .stopCCN(let assigned, let result):
            list.append(.assignedTunnelID, assigned.rawValue)
            list.append(result)
        case .hello, .occn, .unknown:
            break
        case .ocrq(let assigned, let callSerialNumber):
            list.append(.assignedSessionID, assigned.rawValue)
            list.append(.callSerialNumber, callSerialNumber)
        case .ocrp(let assigned), .icrp(let assigned):
            list.append(.assignedSessionID, assigned.rawValue)
        case .icrq(let call):
            list.append(.assignedSessionID, call.assigned.rawValue)
            list.append(.callSerialNumber, call.callSerialNumber)
            list.append(.callingNumber, call.callingNumber)
            list.append(.calledNumber, call.calledNumber)
            list.append(.subAddress, call.subAddress)
        case .iccn(let call):
            list.append(.txConnectSpeed, call.txConnectSpeed)
            list.append(.framingType, call.framing.rawValue)
            list.append(.rxConnectSpeed, call.rxConnectSpeed)
            if call.requiresSequencing { list.append(.sequencingRequired, []) }
        case .cdn(let assigned, let result):
            list.append(result)
            list.append(.assignedSessionID, assigned.rawValue)
        case .wen(let errors):
            list.append(errors)
        case .sli(let send, let receive):
            list.append(.accm) { writer in
                writer.zeros(2)
                writer.integer(send)
                writer.integer(receive)
            }
        }
        return list.avps
    }

    /// Encodes what goes behind the header of a control message.
    ///
    /// - Parameter hiding: Hides every AVP that may be hidden.
    package func encode(into writer: inout ByteWriter, hiding: Hiding? = nil) {
        for (index, avp) in avps.enumerated() {
            if let hiding, avp.attribute.properties?.mayBeHidden == true {
                var hidden = avp
                hidden.isHidden = true
                hidden.value = hiding.hide(avp.value, of: avp.attribute)[...]
                hidden.encode(into: &writer)
            } else {
                avp.encode(into: &writer)
            }
            if let hiding, index == 0 { AVP(.randomVector, value: hiding.randomVector).encode(into: &writer) }
        }
    }

    package func encoded(hiding: Hiding? = nil) -> [UInt8] {
        var writer = ByteWriter(reservingCapacity: 128)
        encode(into: &writer, hiding: hiding)
        return writer.bytes
    }
}

private struct AVPBuilder {
    private(set) var avps: [AVP]

    /// Of a text as many bytes are sent.
    private static let textLimit = 255

    init(_ type: MessageType) {
        avps = []
        append(.messageType, type.rawValue)
    }

    mutating func append(_ attribute: AttributeType, _ value: [UInt8]?) {
        if let value { avps.append(AVP(attribute, value: value)) }
    }

    mutating func append(_ attribute: AttributeType, _ body: (inout ByteWriter) -> Void) {
        var writer = ByteWriter()
        body(&writer)
        append(attribute, writer.bytes)
    }

    mutating func append(_ attribute: AttributeType, _ value: (some FixedWidthInteger & UnsignedInteger)?) {
        if let value { append(attribute) { $0.integer(value) } }
    }

    mutating func append(_ attribute: AttributeType, _ text: String?) {
        append(attribute, text?.utf8Prefix(Self.textLimit))
    }

    mutating func append(_ result: ResultCode) {
        append(.resultCode) { result.encode(into: &$0) }
    }

    mutating func append(_ offer: TunnelOffer) {
        append(.protocolVersion, ControlMessage.protocolVersion)
        append(.framingCapabilities, offer.framing.rawValue)
        append(.tieBreaker, offer.tieBreaker)
        append(.firmwareRevision, offer.firmwareRevision)
        append(.hostName, offer.hostName)
        append(.vendorName, offer.vendorName)
        append(.assignedTunnelID, offer.assigned.rawValue)
        append(.receiveWindowSize, offer.receiveWindowSize)
        append(.challenge, offer.challenge)
    }

    mutating func append(_ errors: CallErrors) {
        append(.callErrors) { writer in
            writer.zeros(2)
            writer.integer(errors.crcErrors)
            writer.integer(errors.framingErrors)
            writer.integer(errors.hardwareOverruns)
            writer.integer(errors.bufferOverruns)
            writer.integer(errors.timeoutErrors)
            writer.integer(errors.alignmentErrors)
        }
    }
}
