// SPDX-License-Identifier: Apache-2.0

/// A control message, with what of its AVPs somebody acts on or shows.
///
/// - SeeAlso: RFC 2661 §6
package enum ControlMessage: Hashable, Sendable {
    case sccrq(TunnelOffer)
    /// With the answer to the challenge of the SCCRQ.
    case sccrp(TunnelOffer, challengeResponse: [UInt8]?)
    case scccn(challengeResponse: [UInt8]?)
    case stopCCN(assigned: TunnelID, ResultCode)
    case hello
    case ocrq(assigned: SessionID, callSerialNumber: UInt32)
    case ocrp(assigned: SessionID)
    case occn
    case icrq(IncomingCall)
    case icrp(assigned: SessionID)
    case iccn(ConnectedCall)
    case cdn(assigned: SessionID, ResultCode)
    case wen(CallErrors)
    /// The two character maps.
    case sli(send: UInt32, receive: UInt32)
    /// Of a type that we do not know and need not know.
    case unknown(MessageType)

    package var type: MessageType {
        switch self {
        case .sccrq: .sccrq
        case .sccrp: .sccrp
        case .scccn: .scccn
        case .stopCCN: .stopCCN
        case .hello: .hello
        case .ocrq: .ocrq
        case .ocrp: .ocrp
        case .occn: .occn
        case .icrq: .icrq
        case .icrp: .icrp
        case .iccn: .iccn
        case .cdn: .cdn
        case .wen: .wen
        case .sli: .sli
        case .unknown(let type): type
        }
    }

    /// Version 1, revision 0: the only one there is.
    ///
    /// - SeeAlso: RFC 2661 §4.4.3, Protocol Version
    package static let protocolVersion: UInt16 = 0x0100
}

/// What both ends say of themselves in SCCRQ and SCCRP.
///
/// - SeeAlso: RFC 2661 §6.1, §6.2
package struct TunnelOffer: Hashable, Sendable {
    package var assigned: TunnelID
    package var hostName: String
    package var vendorName: String?
    package var framing: Framing = [.asynchronous, .synchronous]
    /// Control messages the sender takes at once; absent on the wire it is 4.
    package var receiveWindowSize: UInt16 = 4
    package var challenge: [UInt8]?
    package var firmwareRevision: UInt16?
    /// SCCRQ only. We never open a tunnel ourselves, so nothing is ever tied.
    package var tieBreaker: UInt64?

    package init(assigned: TunnelID, hostName: String) {
        self.assigned = assigned
        self.hostName = hostName
    }
}

/// Kinds of PPP framing: what an end can do, or what a call uses.
///
/// - SeeAlso: RFC 2661 §4.4.3, Framing Capabilities; §4.4.4, Framing Type
package struct Framing: OptionSet, Hashable, Sendable {
    package var rawValue: UInt32

    package init(rawValue: UInt32) {
        self.rawValue = rawValue
    }

    package static let synchronous = Self(rawValue: 1)
    package static let asynchronous = Self(rawValue: 2)
}

/// - SeeAlso: RFC 2661 §6.6
package struct IncomingCall: Hashable, Sendable {
    package var assigned: SessionID
    package var callSerialNumber: UInt32
    package var calledNumber: String?
    package var callingNumber: String?
    package var subAddress: String?

    package init(assigned: SessionID, callSerialNumber: UInt32) {
        self.assigned = assigned
        self.callSerialNumber = callSerialNumber
    }
}

/// What LCP and authentication between the LAC and its caller came to (the proxy AVPs) is accepted and not kept:
/// we negotiate ourselves.
///
/// - SeeAlso: RFC 2661 §6.8
package struct ConnectedCall: Hashable, Sendable {
    /// In bits per second.
    package var txConnectSpeed: UInt32
    /// In bits per second; `nil` if it is the same as the other.
    package var rxConnectSpeed: UInt32?
    package var framing: Framing
    package var requiresSequencing = false

    package init(txConnectSpeed: UInt32, framing: Framing) {
        self.txConnectSpeed = txConnectSpeed
        self.framing = framing
    }
}

/// Cumulative since the call was established.
///
/// - SeeAlso: RFC 2661 §4.4.6
package struct CallErrors: Hashable, Sendable {
    package var crcErrors: UInt32
    package var framingErrors: UInt32
    package var hardwareOverruns: UInt32
    package var bufferOverruns: UInt32
    package var timeoutErrors: UInt32
    package var alignmentErrors: UInt32

    package init(
        crcErrors: UInt32,
        framingErrors: UInt32,
        hardwareOverruns: UInt32,
        bufferOverruns: UInt32,
        timeoutErrors: UInt32,
        alignmentErrors: UInt32
    ) {
        self.crcErrors = crcErrors
        self.framingErrors = framingErrors
        self.hardwareOverruns = hardwareOverruns
        self.bufferOverruns = bufferOverruns
        self.timeoutErrors = timeoutErrors
        self.alignmentErrors = alignmentErrors
    }
}
