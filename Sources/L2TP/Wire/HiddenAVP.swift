// SPDX-License-Identifier: Apache-2.0
internal import Cryptography
package import Primitives

/// What hides AVPs of a message: the secret of the tunnel and the content of the last Random Vector AVP.
///
/// - SeeAlso: RFC 2661 §4.3
package struct Hiding: Hashable, Sendable {
    package var secret: SecretBytes
    package var randomVector: [UInt8]

    package init(secret: SecretBytes, randomVector: [UInt8]) {
        self.secret = secret
        self.randomVector = randomVector
    }

    /// The value of the hidden AVP that carries `value`.
    ///
    /// - Parameter padding: Random bytes that hide how long the value is.
    /// - Precondition: Everything with two bytes more fits into an AVP.
    package func hide(_ value: some Collection<UInt8>, of attribute: AttributeType, padding: [UInt8] = []) -> [UInt8] {
        var plain = ByteWriter(reservingCapacity: 2 + value.count + padding.count)
        plain.integer(UInt16(value.count))
        plain.append(value)
        plain.append(padding)
        return combine(plain.bytes[...], of: attribute, isHiding: true)
    }

    /// The original value out of that of a hidden AVP. The length inside is cipher output: it is anything at all
    /// when the secrets differ.
    ///
    /// - Throws: ``HidingError/impossibleLength`` if it leads out of the AVP, or there is none.
    package func reveal(_ value: ArraySlice<UInt8>, of attribute: AttributeType) throws(HidingError) -> [UInt8] {
        var reader = ByteReader(combine(value, of: attribute, isHiding: false))
        do throws(DecodeError) {
            let length = try reader.integer(UInt16.self)
            return Array(try reader.take(Int(length)))
        } catch {
            throw .impossibleLength
        }
    }

    /// Every block is combined with a digest over the cipher text of the block before it.
    private func combine(_ input: ArraySlice<UInt8>, of attribute: AttributeType, isHiding: Bool) -> [UInt8] {
        var output: [UInt8] = []
        output.reserveCapacity(input.count)
        let number = [UInt8(attribute.rawValue >> 8), UInt8(truncatingIfNeeded: attribute.rawValue)]
        var mask = Hash.digest(.md5, inputs: [.bytes(number), .secret(secret), .bytes(randomVector)])
        var rest = input
        while !rest.isEmpty {
            let block = rest.prefix(16)
            rest = rest.dropFirst(16)
            let combined = zip(block, mask).map { $0 ^ $1 }
            output += combined
            guard !rest.isEmpty else { break }
            mask = Hash.digest(.md5, inputs: [.secret(secret), .bytes(isHiding ? combined : Array(block))])
        }
        return output
    }
}

/// Why a hidden AVP could not be read.
package enum HidingError: Error, Hashable, Sendable {
    /// We have no secret.
    case noSecret
    /// No Random Vector AVP came before it.
    case noRandomVector
    /// The length that came out leads out of the AVP: the secrets differ, or the peer is broken.
    case impossibleLength
}
