// SPDX-License-Identifier: Apache-2.0
package import Primitives

extension IKEv1 {
    /// SAs that the sender no longer has.
    ///
    /// - SeeAlso: RFC 2408 §3.15
    package struct DeletePayload: PayloadBody, Hashable, Sendable {
        package var doi: UInt32 = IKEv1.ipsecDOI
        package var protocolID: ProtocolID
        package var spiSize: UInt8
        /// Each ``spiSize`` long: four bytes for ESP, both cookies for ISAKMP.
        package var spis: [[UInt8]]

        /// - Precondition: All SPIs have the same length, at most 255 bytes.
        package init(protocolID: ProtocolID, spis: [[UInt8]]) {
            self.protocolID = protocolID
            spiSize = UInt8(spis.first?.count ?? 0)
            self.spis = spis
        }

        /// - Throws: ``DecodeError/invalidValue(field:value:)`` for SPIs of no bytes: any number of those would fit.
        package init(from reader: inout ByteReader) throws(DecodeError) {
            doi = try reader.integer()
            protocolID = ProtocolID(rawValue: try reader.integer())
            spiSize = try reader.integer()
            let count = Int(try reader.integer(UInt16.self))
            guard spiSize > 0 || count == 0 else { throw .invalidValue(field: "SPI Size", value: 0) }
            let needed = count * Int(spiSize)
            guard needed <= reader.remaining else {
                throw .truncated(needed: needed, available: reader.remaining)
            }
            spis = []
            spis.reserveCapacity(count)
            for _ in 0..<count { spis.append(Array(try reader.take(Int(spiSize)))) }
        }

        /// - Precondition: There are at most 65,535 SPIs.
        package func encode(into writer: inout ByteWriter) {
            writer.integer(doi)
            writer.integer(protocolID.rawValue)
            writer.integer(spiSize)
            writer.integer(UInt16(spis.count))
            for spi in spis { writer.append(spi) }
        }
    }
}
