// SPDX-License-Identifier: Apache-2.0
package import Primitives

/// The value of a Response under MS-CHAPv2.
///
/// - SeeAlso: RFC 2759 §4
package struct MSCHAPv2Response: Hashable, Sendable {
    package static let length = 49

    /// 16 bytes.
    package var peerChallenge: [UInt8]
    /// 24 bytes.
    package var ntResponse: [UInt8]

    /// - Precondition: The sizes are right.
    package init(peerChallenge: [UInt8], ntResponse: [UInt8]) {
        precondition(peerChallenge.count == 16 && ntResponse.count == 24, "a challenge of 16 bytes, a response of 24")
        self.peerChallenge = peerChallenge
        self.ntResponse = ntResponse
    }

    /// The reserved bytes and the flags are not looked at: some peers leave something in them.
    package init(from reader: inout ByteReader) throws(DecodeError) {
        guard reader.remaining == Self.length else { throw .invalidLength(reader.remaining) }
        peerChallenge = Array(try reader.take(16))
        _ = try reader.take(8)
        ntResponse = Array(try reader.take(24))
        _ = try reader.take(1)
    }

    package func encode(into writer: inout ByteWriter) {
        writer.append(peerChallenge)
        writer.zeros(8)
        writer.append(ntResponse)
        writer.zeros(1)
    }
}
