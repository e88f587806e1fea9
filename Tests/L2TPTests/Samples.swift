// SPDX-License-Identifier: Apache-2.0
import Cryptography
import DataPlane
import L2TP
import Primitives

/// Bytes out of hexadecimal digits; blanks are for the reader.
func hex(_ text: String) -> [UInt8] {
    let digits = text.filter { !$0.isWhitespace }
    return stride(from: 0, to: digits.count, by: 2).map { start in
        let from = digits.index(digits.startIndex, offsetBy: start)
        return UInt8(digits[from..<digits.index(from, offsetBy: 2)], radix: 16)!
    }
}

func tunnel(_ number: UInt16) -> TunnelID { TunnelID(rawValue: number)! }
func session(_ number: UInt16) -> SessionID { SessionID(rawValue: number)! }
func seconds(_ count: Double) -> MonotonicTime { MonotonicTime(sinceBoot: .milliseconds(Int64(count * 1000))) }
func secret(_ text: String) -> SecretBytes { SecretBytes(copying: Array(text.utf8)) }

func socket(_ number: UInt16) -> RequestID { RequestID(serial: 7, port: 20_000 + number) }
func address(_ number: UInt16, port: UInt16 = 1701) -> SocketAddress {
    SocketAddress(IPAddress(bytes: [10, 0, UInt8(number >> 8), UInt8(number & 0xFF)])!, port: port)
}

let someTrace = TraceID(rawValue: 1)

/// One of each message, with everything in it that it can have.
let everyMessage: [ControlMessage] = {
    var offer = TunnelOffer(assigned: tunnel(0x1234), hostName: "lac.example.net")
    offer.vendorName = "Vendor"
    offer.receiveWindowSize = 8
    offer.challenge = hex("000102030405060708090a0b0c0d0e0f")
    offer.firmwareRevision = 0x0600
    var request = offer
    request.tieBreaker = 0x0102_0304_0506_0708
    let response = hex("4b70dce87d3df35da19cdda9873ac3e8")
    var call = IncomingCall(assigned: session(0x4321), callSerialNumber: 77)
    call.calledNumber = "100"
    call.callingNumber = "+49 30 901820"
    call.subAddress = "sub"
    var connected = ConnectedCall(txConnectSpeed: 100_000_000, framing: .synchronous)
    connected.rxConnectSpeed = 50_000_000
    connected.requiresSequencing = true
    return [
        .sccrq(request), .sccrp(offer, challengeResponse: response), .scccn(challengeResponse: response),
        .stopCCN(assigned: tunnel(9), ResultCode(2, error: .unknownMandatoryAVP, message: "what is 99")),
        .hello, .ocrq(assigned: session(3), callSerialNumber: 4), .ocrp(assigned: session(5)), .occn,
        .icrq(call), .icrp(assigned: session(0x1111)), .iccn(connected),
        .cdn(assigned: session(0x4321), ResultCode(3)),
        .wen(
            CallErrors(
                crcErrors: 1,
                framingErrors: 2,
                hardwareOverruns: 3,
                bufferOverruns: 4,
                timeoutErrors: 5,
                alignmentErrors: 6
            )
        ),
        .sli(send: 0xFFFF_FFFF, receive: 0),
    ]
}()

extension ControlMessage {
    /// Decodes all of `bytes` with nothing to ignore.
    static func decode(_ bytes: [UInt8], secret: SecretBytes? = nil) throws(MessageFailure) -> ControlMessage {
        var ignored: [MessageError] = []
        var reader = ByteReader(bytes)
        return try ControlMessage(from: &reader, secret: secret, ignored: &ignored)
    }
}

/// The message of a control datagram; `nil` for a ZLB or anything else.
func message(in datagram: [UInt8], secret: SecretBytes? = nil) -> ControlMessage? {
    var reader = ByteReader(datagram)
    guard case .control(_, let body)? = try? Datagram(from: &reader), !body.isAtEnd else { return nil }
    var rest = body
    var ignored: [MessageError] = []
    return try? ControlMessage(from: &rest, secret: secret, ignored: &ignored)
}

/// What a datagram is, in one word.
func name(of datagram: [UInt8]) -> String {
    var reader = ByteReader(datagram)
    switch try? Datagram(from: &reader) {
    case .control(_, let body): return body.isAtEnd ? "ZLB" : message(in: datagram).map { "\($0.type)" } ?? "unreadable"
    case .data: return "data"
    case nil: return "garbage"
    }
}

extension Endpoint.Effect {
    /// For tables: the case, and what a transmitted datagram is.
    var name: String {
        switch self {
        case .transmit(let datagram, _, _): L2TPTests.name(of: datagram)
        case .connectionOpening: "connectionOpening"
        case .connectionEstablished: "connectionEstablished"
        case .connectionClosed: "connectionClosed"
        case .sessionOpening: "sessionOpening"
        case .sessionEstablished: "sessionEstablished"
        case .sessionClosed: "sessionClosed"
        case .frame: "frame"
        case .unanswered: "unanswered"
        case .report(let event): "(\(event.description.name))"
        }
    }
}
