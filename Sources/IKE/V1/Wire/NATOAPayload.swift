// SPDX-License-Identifier: Apache-2.0
package import Primitives

extension IKEv1 {
    /// An address as its owner sees it, before any NAT: what checksums inside ESP were computed with.
    ///
    /// - SeeAlso: RFC 3947 §5.2
    package struct NATOAPayload: PayloadBody, Hashable, Sendable {
        package var address: IPAddress

        package init(address: IPAddress) {
            self.address = address
        }

        /// - Throws: ``DecodeError/invalidValue(field:value:)`` for any other form than a single address.
        package init(from reader: inout ByteReader) throws(DecodeError) {
            let type = IDType(rawValue: try reader.integer())
            _ = try reader.take(3)
            let length = type == .ipv4Address ? 4 : type == .ipv6Address ? 16 : 0
            guard length > 0, let address = IPAddress(bytes: try reader.take(length)) else {
                throw .invalidValue(field: "ID Type", value: UInt64(type.rawValue))
            }
            self.address = address
        }

        package func encode(into writer: inout ByteWriter) {
            writer.integer(address.isV4 ? IDType.ipv4Address.rawValue : IDType.ipv6Address.rawValue)
            writer.zeros(3)
            writer.append(address.bytes)
        }
    }
}
