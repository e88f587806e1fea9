// SPDX-License-Identifier: Apache-2.0
package import Primitives

/// An attribute-value pair as it stands in a message: possibly hidden, possibly unknown.
///
/// - SeeAlso: RFC 2661 §4.1
package struct AVP: Hashable, Sendable {
    package static let headerLength = 6
    package static let longestValue = 0x03FF - headerLength

    package var isMandatory: Bool
    package var isHidden: Bool
    /// An AVP with reserved bits counts as unrecognized, which is for the reader of the message to decide.
    package var hasReservedBits: Bool
    /// SMI enterprise code; 0 is the IETF.
    package var vendor: UInt16
    package var attribute: AttributeType
    package var value: ArraySlice<UInt8>

    package init(
        _ attribute: AttributeType,
        value: [UInt8],
        isMandatory: Bool? = nil,
        isHidden: Bool = false,
        vendor: UInt16 = 0
    ) {
        self.isMandatory = isMandatory ?? (attribute.properties?.isMandatory ?? false)
        self.isHidden = isHidden
        hasReservedBits = false
        self.vendor = vendor
        self.attribute = attribute
        self.value = value[...]
    }

    /// Whether we know what it means.
    package var isRecognized: Bool { vendor == 0 && !hasReservedBits && attribute.properties != nil }
}

extension AVP {
    private static let mandatory: UInt16 = 0x8000
    private static let hidden: UInt16 = 0x4000
    private static let reserved: UInt16 = 0x3C00
    private static let length: UInt16 = 0x03FF

    /// Decodes the AVP at the cursor and leaves the cursor on the next one.
    ///
    /// - Throws: ``DecodeError/truncated(needed:available:)`` if the length points past the end of the message;
    ///   ``DecodeError/invalidLength(_:)`` if it is shorter than the header.
    package init(from reader: inout ByteReader) throws(DecodeError) {
        let flags = try reader.integer(UInt16.self)
        let length = Int(flags & Self.length)
        guard length >= Self.headerLength else { throw .invalidLength(length) }
        var body = try reader.reader(length - 2)
        isMandatory = flags & Self.mandatory != 0
        isHidden = flags & Self.hidden != 0
        hasReservedBits = flags & Self.reserved != 0
        vendor = try body.integer()
        attribute = AttributeType(rawValue: try body.integer())
        value = body.rest()
    }

    /// - Precondition: ``value`` is at most ``longestValue`` bytes long.
    package func encode(into writer: inout ByteWriter) {
        precondition(value.count <= Self.longestValue, "AVP value too long: \(value.count)")
        let flags =
            (isMandatory ? Self.mandatory : 0) | (isHidden ? Self.hidden : 0)
            | (hasReservedBits ? Self.reserved : 0)
        writer.lengthDelimited(lengthAt: 0, flags: flags) { writer in
            writer.integer(UInt16(0))
            writer.integer(vendor)
            writer.integer(attribute.rawValue)
            writer.append(value)
        }
    }
}
