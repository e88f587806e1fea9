// SPDX-License-Identifier: Apache-2.0
package import Primitives

extension IKEv1 {
    /// Something one end wants the other to know about an SA.
    ///
    /// - SeeAlso: RFC 2408 §3.14
    package struct NotificationPayload: PayloadBody, Hashable, Sendable {
        package var doi: UInt32 = IKEv1.ipsecDOI
        package var protocolID: ProtocolID
        package var spi: [UInt8]
        package var type: NotifyType
        package var data: [UInt8]

        package init(protocolID: ProtocolID, spi: [UInt8], type: NotifyType, data: [UInt8] = []) {
            self.protocolID = protocolID
            self.spi = spi
            self.type = type
            self.data = data
        }

        package init(from reader: inout ByteReader) throws(DecodeError) {
            doi = try reader.integer()
            protocolID = ProtocolID(rawValue: try reader.integer())
            let spiSize = try reader.integer(UInt8.self)
            type = NotifyType(rawValue: try reader.integer())
            spi = Array(try reader.take(Int(spiSize)))
            data = Array(reader.rest())
        }

        /// - Precondition: The SPI has at most 255 bytes.
        package func encode(into writer: inout ByteWriter) {
            writer.integer(doi)
            writer.integer(protocolID.rawValue)
            writer.integer(UInt8(spi.count))
            writer.integer(type.rawValue)
            writer.append(spi)
            writer.append(data)
        }
    }
}
