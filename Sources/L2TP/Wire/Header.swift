// SPDX-License-Identifier: Apache-2.0
package import Primitives

/// What a UDP datagram of L2TP turned out to be.
///
/// - SeeAlso: RFC 2661 §3.1
package enum Datagram: Sendable {
    /// The AVPs are left in the reader. There are none in a zero-length body (ZLB) acknowledgement.
    case control(ControlHeader, ByteReader)
    /// With the PPP frame.
    case data(DataHeader, ArraySlice<UInt8>)
}

/// The header of a control message. What is `nil` here is zero on the wire: not assigned yet.
///
/// - SeeAlso: RFC 2661 §3.1
package struct ControlHeader: Hashable, Sendable {
    /// The receiver's.
    package var tunnel: TunnelID?
    /// The receiver's.
    package var session: SessionID?
    package var ns: SequenceNumber
    package var nr: SequenceNumber

    package init(tunnel: TunnelID?, session: SessionID?, ns: SequenceNumber, nr: SequenceNumber) {
        self.tunnel = tunnel
        self.session = session
        self.ns = ns
        self.nr = nr
    }
}

/// The header of a data message. Nr means nothing there and is not kept.
///
/// - SeeAlso: RFC 2661 §3.1
package struct DataHeader: Hashable, Sendable {
    /// The receiver's.
    package var tunnel: TunnelID?
    /// The receiver's.
    package var session: SessionID?
    package var ns: SequenceNumber?
    package var hasPriority = false

    package init(tunnel: TunnelID?, session: SessionID?, ns: SequenceNumber? = nil) {
        self.tunnel = tunnel
        self.session = session
        self.ns = ns
    }
}

/// The first sixteen bits of every message.
private struct HeaderFlags {
    static let control: UInt16 = 0x8000
    static let length: UInt16 = 0x4000
    static let sequence: UInt16 = 0x0800
    static let offset: UInt16 = 0x0200
    static let priority: UInt16 = 0x0100
    static let version: UInt16 = 0x000F
    static let version2: UInt16 = 2
}

extension Datagram {
    /// Decodes a whole datagram. Reserved bits are ignored, as the RFC wants it.
    ///
    /// A control message fills its datagram; behind a data message with a Length field more may follow, and is dropped.
    ///
    /// - Throws: ``DecodeError`` for a version other than 2, a control message without Length or sequence numbers or
    ///   with an Offset, a Length that the datagram does not have, and what is cut short.
    package init(from reader: inout ByteReader) throws(DecodeError) {
        let size = reader.remaining
        let flags = try reader.integer(UInt16.self)
        guard flags & HeaderFlags.version == HeaderFlags.version2 else {
            throw .invalidValue(field: "Ver", value: UInt64(flags & HeaderFlags.version))
        }
        let isControl = flags & HeaderFlags.control != 0
        var body = reader
        if flags & HeaderFlags.length != 0 {
            let length = Int(try reader.integer(UInt16.self))
            guard length >= 4 else { throw .invalidLength(length) }
            body = try reader.reader(length - 4)
        } else if isControl {
            throw .invalidValue(field: "L", value: 0)
        }
        let tunnel = TunnelID(rawValue: try body.integer())
        let session = SessionID(rawValue: try body.integer())
        guard isControl else {
            var header = DataHeader(tunnel: tunnel, session: session)
            header.hasPriority = flags & HeaderFlags.priority != 0
            if flags & HeaderFlags.sequence != 0 {
                header.ns = SequenceNumber(try body.integer())
                _ = try body.integer(UInt16.self)
            }
            if flags & HeaderFlags.offset != 0 {
                _ = try body.take(Int(try body.integer(UInt16.self)))
            }
            self = .data(header, body.rest())
            return
        }
        guard flags & HeaderFlags.sequence != 0 else { throw .invalidValue(field: "S", value: 0) }
        guard flags & HeaderFlags.offset == 0 else { throw .invalidValue(field: "O", value: 1) }
        guard reader.isAtEnd else { throw .invalidLength(size - reader.remaining) }
        let ns = SequenceNumber(try body.integer())
        let nr = SequenceNumber(try body.integer())
        self = .control(ControlHeader(tunnel: tunnel, session: session, ns: ns, nr: nr), body)
    }
}

extension ControlHeader {
    /// A whole control message: this header around encoded AVPs.
    package func datagram(around body: [UInt8]) -> [UInt8] {
        var writer = ByteWriter(reservingCapacity: 12 + body.count)
        writer.lengthDelimited(lengthAt: 2) { writer in
            writer.integer(
                HeaderFlags.control | HeaderFlags.length | HeaderFlags.sequence | HeaderFlags.version2
            )
            writer.integer(UInt16(0))
            writer.integer(tunnel?.rawValue ?? 0)
            writer.integer(session?.rawValue ?? 0)
            writer.integer(ns.rawValue)
            writer.integer(nr.rawValue)
            writer.append(body)
        }
        return writer.bytes
    }
}

extension DataHeader {
    /// A whole data message: this header in its shortest form before a PPP frame.
    package func datagram(around frame: [UInt8]) -> [UInt8] {
        var writer = ByteWriter(reservingCapacity: 10 + frame.count)
        writer.integer(
            HeaderFlags.version2 | (ns == nil ? 0 : HeaderFlags.sequence)
                | (hasPriority ? HeaderFlags.priority : 0)
        )
        writer.integer(tunnel?.rawValue ?? 0)
        writer.integer(session?.rawValue ?? 0)
        if let ns {
            writer.integer(ns.rawValue)
            writer.integer(UInt16(0))
        }
        writer.append(frame)
        return writer.bytes
    }
}
