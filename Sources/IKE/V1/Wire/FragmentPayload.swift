// SPDX-License-Identifier: Apache-2.0
package import Primitives

extension IKEv1 {
    /// A piece of a message, that message's header included. It is the only payload of its own message.
    ///
    /// - SeeAlso: [MS-IKEE] §2.2.3.1
    package struct FragmentPayload: PayloadBody, Hashable, Sendable {
        /// The same for all pieces of one message, and with many peers for those of all messages. Never zero.
        package var id: UInt16
        /// From 1 on.
        package var number: UInt8
        package var isLast: Bool
        /// Never empty.
        package var data: [UInt8]

        /// Of what stands before the data.
        package static let headerLength = 4
        private static let last: UInt8 = 1

        package init(id: UInt16, number: UInt8, isLast: Bool, data: [UInt8]) {
            self.id = id
            self.number = number
            self.isLast = isLast
            self.data = data
        }

        package init(from reader: inout ByteReader) throws(DecodeError) {
            id = try reader.integer()
            guard id != 0 else { throw .invalidValue(field: "Fragment ID", value: 0) }
            number = try reader.integer()
            guard number != 0 else { throw .invalidValue(field: "Fragment Number", value: 0) }
            isLast = try reader.integer(UInt8.self) & Self.last != 0
            data = Array(reader.rest())
            guard !data.isEmpty else { throw .invalidLength(0) }
        }

        package func encode(into writer: inout ByteWriter) {
            writer.integer(id)
            writer.integer(number)
            writer.integer(isLast ? Self.last : 0)
            writer.append(data)
        }
    }
}
