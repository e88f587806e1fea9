// SPDX-License-Identifier: Apache-2.0
package import Primitives

extension ControlMessage {
    /// Decodes the AVPs behind the header of a control message.
    ///
    /// - Parameters:
    ///   - secret: What hidden AVPs are revealed with.
    ///   - ignored: Gets what was wrong with AVPs that need not be understood.
    package init(
        from reader: inout ByteReader,
        secret: SecretBytes?,
        ignored: inout [MessageError]
    ) throws(MessageFailure) {
        let list = AVPList(from: &reader, secret: secret)
        ignored += list.ignored
        do throws(MessageError) {
            if let error = list.error { throw error }
            guard let type = list.type else { throw .messageType }
            self = try Self.message(of: type, list)
        } catch {
            throw MessageFailure(
                error,
                type: list.type,
                assignedTunnel: list.assignedTunnel,
                assignedSession: list.assignedSession
            )
        }
    }

    private static func message(of type: MessageType, _ list: AVPList) throws(MessageError) -> ControlMessage {
        switch type {
        case .sccrq: .sccrq(try TunnelOffer(from: list))
        case .sccrp: .sccrp(try TunnelOffer(from: list), challengeResponse: list.bytes(.challengeResponse))
        case .scccn: .scccn(challengeResponse: list.bytes(.challengeResponse))
        case .stopCCN: .stopCCN(assigned: try list.requiredTunnel(), try resultCode(from: list))
        case .hello: .hello
        case .ocrq:
            .ocrq(assigned: try list.requiredSession(), callSerialNumber: try list.required(.callSerialNumber))
        case .ocrp: .ocrp(assigned: try list.requiredSession())
        case .occn: .occn
        case .icrq: .icrq(try IncomingCall(from: list))
        case .icrp: .icrp(assigned: try list.requiredSession())
        case .iccn: .iccn(try ConnectedCall(from: list))
        case .cdn: .cdn(assigned: try list.requiredSession(), try resultCode(from: list))
        case .wen: .wen(try CallErrors(from: list))
        case .sli: try characterMaps(from: list)
        default:
            if list.typeIsMandatory { throw .unknownMessage(type) } else { .unknown(type) }
        }
    }

    private static func resultCode(from list: AVPList) throws(MessageError) -> ResultCode {
        var reader = ByteReader(try list.requiredBytes(.resultCode))
        do throws(DecodeError) {
            return try ResultCode(from: &reader)
        } catch {
            throw .malformed(error)
        }
    }

    private static func characterMaps(from list: AVPList) throws(MessageError) -> ControlMessage {
        var reader = ByteReader(try list.requiredBytes(.accm))
        do throws(DecodeError) {
            _ = try reader.integer(UInt16.self)
            return .sli(send: try reader.integer(), receive: try reader.integer())
        } catch {
            throw .malformed(error)
        }
    }
}

/// Of names and numbers of a peer we keep so many characters.
private enum TextLimit {
    static let name = 64
    static let number = 64
}

extension TunnelOffer {
    init(from list: AVPList) throws(MessageError) {
        let version: UInt16 = try list.required(.protocolVersion)
        guard version >> 8 == ControlMessage.protocolVersion >> 8 else { throw .versionNotSupported(version) }
        hostName = String(peerText: try list.requiredBytes(.hostName), limit: TextLimit.name)
        framing = Framing(rawValue: try list.required(.framingCapabilities))
        assigned = try list.requiredTunnel()
        vendorName = list.text(.vendorName, limit: TextLimit.name)
        if let size: UInt16 = list.integer(.receiveWindowSize) {
            guard size > 0 else { throw .invalidValue(.receiveWindowSize, 0) }
            receiveWindowSize = size
        }
        challenge = list.bytes(.challenge)
        firmwareRevision = list.integer(.firmwareRevision)
        tieBreaker = list.integer(.tieBreaker)
    }
}

extension IncomingCall {
    init(from list: AVPList) throws(MessageError) {
        assigned = try list.requiredSession()
        callSerialNumber = try list.required(.callSerialNumber)
        calledNumber = list.text(.calledNumber, limit: TextLimit.number)
        callingNumber = list.text(.callingNumber, limit: TextLimit.number)
        subAddress = list.text(.subAddress, limit: TextLimit.number)
    }
}

extension ConnectedCall {
    init(from list: AVPList) throws(MessageError) {
        txConnectSpeed = try list.required(.txConnectSpeed)
        rxConnectSpeed = list.integer(.rxConnectSpeed)
        framing = Framing(rawValue: try list.required(.framingType))
        requiresSequencing = list[.sequencingRequired] != nil
    }
}

extension CallErrors {
    init(from list: AVPList) throws(MessageError) {
        var reader = ByteReader(try list.requiredBytes(.callErrors))
        do throws(DecodeError) {
            _ = try reader.integer(UInt16.self)
            crcErrors = try reader.integer()
            framingErrors = try reader.integer()
            hardwareOverruns = try reader.integer()
            bufferOverruns = try reader.integer()
            timeoutErrors = try reader.integer()
            alignmentErrors = try reader.integer()
        } catch {
            throw .malformed(error)
        }
    }
}
