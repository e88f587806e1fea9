// SPDX-License-Identifier: Apache-2.0
internal import Primitives

/// The AVPs of one control message: told apart, revealed, and sifted by the rules that hold for all of them.
///
/// - SeeAlso: RFC 2661 §4.1, §4.2, §7.1
struct AVPList {
    private(set) var type: MessageType?
    /// The M bit of the Message Type, which speaks of the message.
    private(set) var typeIsMandatory = false
    /// The first thing wrong that the message cannot be acted on with.
    private(set) var error: MessageError?
    /// What was wrong with AVPs that need not be understood.
    private(set) var ignored: [MessageError] = []
    private var values: [(attribute: AttributeType, value: ArraySlice<UInt8>)] = []

    /// Reads to the end, or to where AVPs cannot be told apart any more.
    init(from reader: inout ByteReader, secret: SecretBytes?) {
        values.reserveCapacity(8)
        var randomVector: [UInt8]?
        while !reader.isAtEnd, error == nil || type != nil {
            do throws(DecodeError) {
                take(try AVP(from: &reader), secret: secret, randomVector: &randomVector)
            } catch {
                fail(.malformed(error))
                _ = reader.rest()
            }
        }
    }

    private mutating func take(_ avp: AVP, secret: SecretBytes?, randomVector: inout [UInt8]?) {
        guard type != nil else {
            guard avp.isRecognized, avp.attribute == .messageType, !avp.isHidden, avp.value.count == 2 else {
                fail(.messageType)
                return
            }
            type = MessageType(rawValue: Self.integer(avp.value))
            typeIsMandatory = avp.isMandatory
            return
        }
        do throws(MessageError) {
            guard avp.isRecognized, let properties = avp.attribute.properties else {
                throw .unknownMandatory(vendor: avp.vendor, avp.attribute)
            }
            guard avp.attribute != .messageType else { throw .messageType }
            let value = try Self.reveal(avp, secret: secret, randomVector: randomVector)
            guard properties.valueLength.contains(value.count) else { throw .wrongLength(avp.attribute, value.count) }
            if avp.attribute == .randomVector {
                randomVector = Array(value)
            } else {
                values.append((avp.attribute, value))
            }
        } catch {
            if avp.isMandatory { fail(error) } else { ignored.append(error) }
        }
    }

    private static func reveal(
        _ avp: AVP,
        secret: SecretBytes?,
        randomVector: [UInt8]?
    ) throws(MessageError) -> ArraySlice<UInt8> {
        guard avp.isHidden else { return avp.value }
        guard let secret else { throw .unreadable(avp.attribute, .noSecret) }
        guard let randomVector else { throw .unreadable(avp.attribute, .noRandomVector) }
        do throws(HidingError) {
            return try Hiding(secret: secret, randomVector: randomVector).reveal(avp.value, of: avp.attribute)[...]
        } catch {
            throw .unreadable(avp.attribute, error)
        }
    }

    private mutating func fail(_ error: MessageError) {
        if self.error == nil { self.error = error }
    }

    private static func integer<T: FixedWidthInteger & UnsignedInteger>(_ value: ArraySlice<UInt8>) -> T {
        value.reduce(0) { $0 << 8 | T(truncatingIfNeeded: $1) }
    }

    /// The value of an attribute; of several, the first one.
    subscript(attribute: AttributeType) -> ArraySlice<UInt8>? {
        values.first { $0.attribute == attribute }?.value
    }

    func requiredBytes(_ attribute: AttributeType) throws(MessageError) -> ArraySlice<UInt8> {
        guard let value = self[attribute] else { throw .missing(attribute) }
        return value
    }

    /// An integer whose length was checked when the list was read.
    func integer<T: FixedWidthInteger & UnsignedInteger>(_ attribute: AttributeType) -> T? {
        guard let value = self[attribute] else { return nil }
        return Self.integer(value)
    }

    func required<T: FixedWidthInteger & UnsignedInteger>(_ attribute: AttributeType) throws(MessageError) -> T {
        Self.integer(try requiredBytes(attribute))
    }

    func bytes(_ attribute: AttributeType) -> [UInt8]? {
        self[attribute].map(Array.init)
    }

    func text(_ attribute: AttributeType, limit: Int) -> String? {
        self[attribute].map { String(peerText: $0, limit: limit) }
    }

    /// As good as it can be had, whatever else is wrong.
    var assignedTunnel: TunnelID? { integer(.assignedTunnelID).flatMap(TunnelID.init) }
    var assignedSession: SessionID? { integer(.assignedSessionID).flatMap(SessionID.init) }

    func requiredTunnel() throws(MessageError) -> TunnelID {
        guard let id = TunnelID(rawValue: try required(.assignedTunnelID)) else {
            throw .invalidValue(.assignedTunnelID, 0)
        }
        return id
    }

    func requiredSession() throws(MessageError) -> SessionID {
        guard let id = SessionID(rawValue: try required(.assignedSessionID)) else {
            throw .invalidValue(.assignedSessionID, 0)
        }
        return id
    }
}
