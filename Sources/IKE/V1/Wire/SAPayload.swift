// SPDX-License-Identifier: Apache-2.0
package import Primitives

extension IKEv1 {
    /// What is negotiated for. Any number is a value.
    ///
    /// - SeeAlso: RFC 2407 §4.4.1
    package struct ProtocolID: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
        package var rawValue: UInt8

        package init(rawValue: UInt8) {
            self.rawValue = rawValue
        }

        package static let isakmp = Self(rawValue: 1)
        package static let ah = Self(rawValue: 2)
        package static let esp = Self(rawValue: 3)
        package static let ipcomp = Self(rawValue: 4)

        package var description: String {
            switch self {
            case .isakmp: "ISAKMP"
            case .ah: "AH"
            case .esp: "ESP"
            case .ipcomp: "IPCOMP"
            default: "protocol \(rawValue)"
            }
        }
    }

    /// The domain of interpretation that everybody uses.
    package static let ipsecDOI: UInt32 = 1
    /// SIT_IDENTITY_ONLY: the only situation that everybody uses.
    package static let identityOnly: UInt32 = 1

    /// The offer, and the answer to it: proposals in the peer's order of preference. Proposals with
    /// the same number belong together (ESP *and* IPCOMP); those with different ones are alternatives.
    ///
    /// - SeeAlso: RFC 2408 §3.4, RFC 2407 §4.6.1
    package struct SAPayload: PayloadBody, Hashable, Sendable {
        package var doi: UInt32 = IKEv1.ipsecDOI
        package var situation: UInt32 = IKEv1.identityOnly
        package var proposals: [Proposal]

        /// All proposals together; an offer with more is refused as a whole.
        package static let mostTransforms = 128

        package init(proposals: [Proposal]) {
            self.proposals = proposals
        }

        /// - Throws: ``DecodeError/invalidValue(field:value:)`` for another DOI or situation: what follows
        ///   those would have a layout of its own.
        package init(from reader: inout ByteReader) throws(DecodeError) {
            doi = try reader.integer()
            guard doi == IKEv1.ipsecDOI else { throw .invalidValue(field: "DOI", value: UInt64(doi)) }
            situation = try reader.integer()
            guard situation == IKEv1.identityOnly else {
                throw .invalidValue(field: "Situation", value: UInt64(situation))
            }
            proposals = []
            var room = Self.mostTransforms
            try IKEv1.walk(&reader, of: .proposal) { (body) throws(DecodeError) in
                let proposal = try Proposal(from: &body, mostTransforms: room)
                room -= proposal.transforms.count
                proposals.append(proposal)
            }
        }

        package func encode(into writer: inout ByteWriter) {
            writer.integer(doi)
            writer.integer(situation)
            for (index, proposal) in proposals.enumerated() {
                IKEv1.substructure(.proposal, isLast: index + 1 == proposals.count, into: &writer) {
                    proposal.encode(into: &$0)
                }
            }
        }
    }

    /// One protocol with its alternatives.
    ///
    /// - SeeAlso: RFC 2408 §3.5
    package struct Proposal: Hashable, Sendable {
        package var number: UInt8
        package var protocolID: ProtocolID
        /// Four bytes for ESP; none, or a cookie, for ISAKMP.
        package var spi: [UInt8]
        package var transforms: [Transform]

        package init(number: UInt8, protocolID: ProtocolID, spi: [UInt8], transforms: [Transform]) {
            self.number = number
            self.protocolID = protocolID
            self.spi = spi
            self.transforms = transforms
        }

        fileprivate init(from reader: inout ByteReader, mostTransforms: Int) throws(DecodeError) {
            number = try reader.integer()
            protocolID = ProtocolID(rawValue: try reader.integer())
            let spiSize = try reader.integer(UInt8.self)
            let count = try reader.integer(UInt8.self)
            spi = Array(try reader.take(Int(spiSize)))
            guard count > 0 else { throw .invalidValue(field: "# of Transforms", value: 0) }
            guard Int(count) <= mostTransforms else {
                throw .invalidValue(field: "number of transforms", value: UInt64(SAPayload.mostTransforms) + 1)
            }
            transforms = []
            transforms.reserveCapacity(Int(count))
            try IKEv1.walk(&reader, of: .transform) { (body) throws(DecodeError) in
                guard transforms.count < Int(count) else {
                    throw .invalidValue(field: "# of Transforms", value: UInt64(count))
                }
                transforms.append(try Transform(from: &body))
            }
            guard transforms.count == Int(count) else {
                throw .invalidValue(field: "# of Transforms", value: UInt64(count))
            }
        }

        fileprivate func encode(into writer: inout ByteWriter) {
            writer.integer(number)
            writer.integer(protocolID.rawValue)
            writer.integer(UInt8(spi.count))
            writer.integer(UInt8(transforms.count))
            writer.append(spi)
            for (index, transform) in transforms.enumerated() {
                IKEv1.substructure(.transform, isLast: index + 1 == transforms.count, into: &writer) {
                    transform.encode(into: &$0)
                }
            }
        }
    }

    /// One alternative.
    ///
    /// - SeeAlso: RFC 2408 §3.6
    package struct Transform: Hashable, Sendable {
        package var number: UInt8
        /// KEY_IKE for ISAKMP; the cipher for ESP.
        package var id: UInt8
        package var attributes: [Attribute]

        /// More are refused, together with the whole offer.
        package static let mostAttributes = 32

        package init(number: UInt8, id: UInt8, attributes: [Attribute]) {
            self.number = number
            self.id = id
            self.attributes = attributes
        }

        fileprivate init(from reader: inout ByteReader) throws(DecodeError) {
            number = try reader.integer()
            id = try reader.integer()
            // RESERVED2, ignored like all reserved fields.
            _ = try reader.integer(UInt16.self)
            attributes = []
            attributes.reserveCapacity(reader.remaining / 4)
            while !reader.isAtEnd {
                guard attributes.count < Self.mostAttributes else {
                    throw .invalidValue(field: "number of attributes", value: UInt64(Self.mostAttributes) + 1)
                }
                attributes.append(try Attribute(from: &reader))
            }
        }

        fileprivate func encode(into writer: inout ByteWriter) {
            writer.integer(number)
            writer.integer(id)
            writer.integer(UInt16(0))
            for attribute in attributes { attribute.encode(into: &writer) }
        }
    }

    /// Reads proposals or transforms to the end of `reader`: each begins with the generic header, whose
    /// first byte is their own number again, or zero in the last one.
    private static func walk(
        _ reader: inout ByteReader,
        of type: PayloadType,
        _ body: (inout ByteReader) throws(DecodeError) -> Void
    ) throws(DecodeError) {
        var isLast = false
        while !isLast {
            let next = PayloadType(rawValue: try reader.integer())
            guard next == type || next == .none else {
                throw .invalidValue(field: "Next Payload", value: UInt64(next.rawValue))
            }
            isLast = next == .none
            _ = try reader.integer(UInt8.self)
            let length = Int(try reader.integer(UInt16.self))
            guard length >= Payload.headerLength else { throw .invalidLength(length) }
            var child = try reader.reader(length - Payload.headerLength)
            try body(&child)
            try child.finish()
        }
        try reader.finish()
    }

    private static func substructure(
        _ type: PayloadType,
        isLast: Bool,
        into writer: inout ByteWriter,
        _ body: (inout ByteWriter) -> Void
    ) {
        writer.lengthDelimited(lengthAt: 2) { writer in
            writer.integer(isLast ? PayloadType.none.rawValue : type.rawValue)
            writer.integer(UInt8(0))
            writer.integer(UInt16(0))
            body(&writer)
        }
    }
}
