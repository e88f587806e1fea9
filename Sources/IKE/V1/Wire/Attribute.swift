// SPDX-License-Identifier: Apache-2.0
package import Primitives

extension IKEv1 {
    /// An attribute of a transform: two bytes in place (TV) or any number of them (TLV).
    ///
    /// - SeeAlso: RFC 2408 §3.3
    package struct Attribute: Hashable, Sendable {
        package enum Value: Hashable, Sendable {
            case basic(UInt16)
            case variable([UInt8])
        }

        /// 15 bits. What it names depends on the protocol of the proposal.
        package var type: UInt16
        package var value: Value

        package init(type: UInt16, value: Value) {
            self.type = type
            self.value = value
        }

        package init(_ type: UInt16, _ value: UInt16) {
            self.init(type: type, value: .basic(value))
        }

        /// The value as a number, however it was written; `nil` if it has no bytes or does not fit.
        package var number: UInt64? {
            switch value {
            case .basic(let value):
                return UInt64(value)
            case .variable(let bytes):
                let significant = bytes.drop { $0 == 0 }
                guard !bytes.isEmpty, significant.count <= 8 else { return nil }
                return significant.reduce(0) { $0 << 8 | UInt64($1) }
            }
        }

        package init(from reader: inout ByteReader) throws(DecodeError) {
            let formatAndType = try reader.integer(UInt16.self)
            let field = try reader.integer(UInt16.self)
            type = formatAndType & 0x7FFF
            value =
                if formatAndType & 0x8000 != 0 {
                    .basic(field)
                } else {
                    .variable(Array(try reader.take(Int(field))))
                }
        }

        /// - Precondition: A variable value has at most 65,535 bytes.
        package func encode(into writer: inout ByteWriter) {
            switch value {
            case .basic(let value):
                writer.integer(type | 0x8000)
                writer.integer(value)
            case .variable(let bytes):
                writer.integer(type & 0x7FFF)
                writer.integer(UInt16(bytes.count))
                writer.append(bytes)
            }
        }
    }
}
