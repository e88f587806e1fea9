// SPDX-License-Identifier: Apache-2.0
package import Primitives

/// The Result Code AVP as it stands in a StopCCN or CDN.
///
/// - SeeAlso: RFC 2661 §4.4.2
package struct ResultCode: Hashable, Sendable {
    package var result: UInt16
    package var error: GeneralError?
    package var message: String?

    package init(_ result: UInt16, error: GeneralError? = nil, message: String? = nil) {
        self.result = result
        self.error = error
        self.message = message
    }

    /// In bytes of UTF-8; of a peer's message as many characters are kept.
    private static let messageLimit = 255

    /// Reads two bytes of result, then two of error if they are there, then text.
    ///
    /// Some versions of Apple's client send the result in little-endian order. No result above 255 was ever
    /// defined, so such a one with nothing in its low byte is turned round.
    package init(from reader: inout ByteReader) throws(DecodeError) {
        let raw = try reader.integer(UInt16.self)
        result = raw & 0xFF == 0 ? raw.byteSwapped : raw
        guard reader.remaining >= 2 else { return }
        error = GeneralError(rawValue: try reader.integer())
        let text = String(peerText: reader.rest(), limit: Self.messageLimit)
        message = text.isEmpty ? nil : text
    }

    /// A message without an error is sent with error 0, "no general error".
    package func encode(into writer: inout ByteWriter) {
        writer.integer(result)
        guard error != nil || message != nil else { return }
        writer.integer(error?.rawValue ?? 0)
        if let message { writer.append(message.utf8Prefix(Self.messageLimit)) }
    }
}

extension ResultCode: CustomStringConvertible {
    /// `result 2, error 8 (unknown attribute 99)`.
    package var description: String {
        "result \(result)" + (error.map { ", error \($0.rawValue)" } ?? "") + (message.map { " (\($0))" } ?? "")
    }
}

extension ResultCode {
    /// What a StopCCN says.
    package init(_ stop: StopResult) {
        self =
            switch stop {
            case .generalRequest: ResultCode(1)
            case .generalError(let error, let message): ResultCode(2, error: error, message: message)
            case .alreadyExists: ResultCode(3)
            case .notAuthorized: ResultCode(4)
            // The error code holds the highest version that we speak.
            case .versionNotSupported:
                ResultCode(5, error: GeneralError(rawValue: ControlMessage.protocolVersion))
            case .shuttingDown: ResultCode(6)
            case .stateMachineError: ResultCode(7)
            }
    }

    /// What a CDN says.
    package init(_ end: SessionEnd) {
        self =
            switch end {
            case .administrative: ResultCode(3)
            case .ppp(let text): ResultCode(2, error: .vendorSpecific, message: text)
            case .byPeer, .connectionEnded: ResultCode(1)
            case .noResources(let text): ResultCode(4, error: .insufficientResources, message: text)
            case .protocolError(let text): ResultCode(2, error: .valueOutOfRange, message: text)
            }
    }
}
