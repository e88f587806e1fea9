// SPDX-License-Identifier: Apache-2.0
package import Primitives

/// A payload without its generic header: what kind it is, and its bytes.
package struct Payload: Hashable, Sendable {
    package var type: PayloadType
    package var body: ArraySlice<UInt8>

    package init(_ type: PayloadType, _ body: ArraySlice<UInt8>) {
        self.type = type
        self.body = body
    }

    package init(_ type: PayloadType, _ body: [UInt8]) {
        self.init(type, body[...])
    }

    /// The generic header: next payload, RESERVED, length.
    package static let headerLength = 4
}

/// Payloads one after the other, each saying what the next one is.
///
/// - SeeAlso: RFC 2408 §3.2
package struct PayloadChain: Hashable, Sendable {
    package var payloads: [Payload]

    /// A message with more payloads is refused as a whole.
    package static let longest = 64

    package init(_ payloads: [Payload]) {
        self.payloads = payloads
    }

    /// Walks the chain to its end and leaves the cursor there. RESERVED bytes are ignored: several
    /// implementations send what they please in them.
    ///
    /// - Parameter first: What the header says the first payload is.
    /// - Throws: ``DecodeError/invalidLength(_:)`` for a payload shorter than its header,
    ///   ``DecodeError/truncated(needed:available:)`` for one that reaches past the end, and
    ///   ``DecodeError/invalidValue(field:value:)`` for more than ``longest`` of them.
    package init(first: PayloadType, from reader: inout ByteReader) throws(DecodeError) {
        payloads = []
        payloads.reserveCapacity(8)
        var type = first
        while type != .none {
            guard payloads.count < Self.longest else {
                throw .invalidValue(field: "number of payloads", value: UInt64(Self.longest) + 1)
            }
            let next = PayloadType(rawValue: try reader.integer())
            _ = try reader.integer(UInt8.self)
            let length = Int(try reader.integer(UInt16.self))
            guard length >= Payload.headerLength else { throw .invalidLength(length) }
            payloads.append(Payload(type, try reader.take(length - Payload.headerLength)))
            type = next
        }
    }

    /// What a header in front of this chain has to say.
    package var firstType: PayloadType { payloads.first?.type ?? .none }

    /// - Precondition: No payload is longer than a 16-bit length can say.
    package func encode(into writer: inout ByteWriter) {
        for (index, payload) in payloads.enumerated() {
            let next = index + 1 < payloads.count ? payloads[index + 1].type : .none
            writer.lengthDelimited(lengthAt: 2) { writer in
                writer.integer(next.rawValue)
                writer.integer(UInt8(0))
                writer.integer(UInt16(0))
                writer.append(payload.body)
            }
        }
    }

    /// The body of the only payload of this type.
    ///
    /// - Throws: ``DecodeError/invalidValue(field:value:)`` with how many there are, if not one.
    package func only(_ type: PayloadType) throws(DecodeError) -> ArraySlice<UInt8> {
        guard let body = try atMostOne(type) else {
            throw .invalidValue(field: "number of \(type) payloads", value: 0)
        }
        return body
    }

    /// The body of the only payload of this type, or `nil` if there is none.
    ///
    /// - Throws: ``DecodeError/invalidValue(field:value:)`` with how many there are, if several.
    package func atMostOne(_ type: PayloadType) throws(DecodeError) -> ArraySlice<UInt8>? {
        var found: ArraySlice<UInt8>?
        var count: UInt64 = 0
        for payload in payloads where payload.type == type {
            found = payload.body
            count += 1
        }
        guard count <= 1 else { throw .invalidValue(field: "number of \(type) payloads", value: count) }
        return found
    }

    /// The bodies of all payloads of these types, in order.
    package func all(_ types: PayloadType...) -> [ArraySlice<UInt8>] {
        payloads.compactMap { types.contains($0.type) ? $0.body : nil }
    }
}

/// The layout of one kind of payload, generic header excluded.
package protocol PayloadBody {
    /// Reads to the end of `reader`.
    init(from reader: inout ByteReader) throws(DecodeError)
    func encode(into writer: inout ByteWriter)
}

extension PayloadBody {
    /// Reads a body and demands that nothing is left over.
    package init(_ bytes: ArraySlice<UInt8>) throws(DecodeError) {
        var reader = ByteReader(bytes)
        try self.init(from: &reader)
        try reader.finish()
    }
}

extension Payload {
    package init(_ type: PayloadType, _ value: some PayloadBody) {
        var writer = ByteWriter()
        value.encode(into: &writer)
        self.init(type, writer.bytes)
    }
}
