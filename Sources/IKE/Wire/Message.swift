// SPDX-License-Identifier: Apache-2.0
package import Primitives

/// A whole message in clear: header and payloads.
package struct Message: Hashable, Sendable {
    package var header: ISAKMPHeader
    package var chain: PayloadChain

    package init(header: ISAKMPHeader, payloads: [Payload]) {
        self.header = header
        chain = PayloadChain(payloads)
    }

    /// - Throws: Besides what the header and the chain throw: ``DecodeError/invalidLength(_:)`` when
    ///   the length in the header is not that of the datagram, ``DecodeError/trailing(_:)`` for bytes
    ///   after the last payload.
    package init(from reader: inout ByteReader) throws(DecodeError) {
        let available = reader.remaining
        header = try ISAKMPHeader(from: &reader)
        guard Int(header.length) == available else { throw .invalidLength(Int(header.length)) }
        chain = try PayloadChain(first: header.nextPayload, from: &reader)
        try reader.finish()
    }

    /// With the right next payload and length in the header, whatever they were.
    package func encode() -> [UInt8] {
        var writer = ByteWriter(reservingCapacity: 512)
        var header = header
        header.nextPayload = chain.firstType
        header.encode(into: &writer)
        chain.encode(into: &writer)
        writer.overwrite(UInt32(truncatingIfNeeded: writer.count), at: ISAKMPHeader.encodedLength - 4)
        return writer.bytes
    }
}
