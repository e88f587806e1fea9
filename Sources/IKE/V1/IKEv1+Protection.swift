// SPDX-License-Identifier: Apache-2.0
package import Cryptography
package import Primitives

extension IKEv1 {
    /// The payloads of a message after decryption.
    package struct OpenedMessage: Sendable {
        package var chain: PayloadChain
        /// The payload area without padding.
        package var plaintext: ArraySlice<UInt8>
        /// The IV of the next message of the exchange.
        package var nextIV: [UInt8]

        /// What a hash in the first payload covers: all payloads after it, headers included.
        ///
        /// - Throws: ``DecodeError/invalidValue(field:value:)`` if the first payload is not a hash.
        package func afterHash() throws(DecodeError) -> (hash: ArraySlice<UInt8>, covered: ArraySlice<UInt8>) {
            guard let first = chain.payloads.first, first.type == .hash else {
                throw .invalidValue(field: "first payload", value: UInt64(chain.firstType.rawValue))
            }
            return (first.body, plaintext[first.body.endIndex...])
        }
    }

    /// Decrypts the rest of a message whose header was read.
    ///
    /// - Throws: What the payload chain throws: with the wrong key that is what one sees. A length that is
    ///   no whole number of blocks is ``DecodeError/invalidLength(_:)``.
    package static func open(
        _ header: ISAKMPHeader,
        _ ciphertext: [UInt8],
        with cipher: CBCContext,
        iv: [UInt8]
    ) throws(DecodeError) -> OpenedMessage {
        let block = cipher.cipher.blockLength
        guard !ciphertext.isEmpty, let plaintext = try? cipher.decrypt(ciphertext, iv: iv) else {
            throw .invalidLength(ciphertext.count)
        }
        var reader = ByteReader(plaintext)
        let chain = try PayloadChain(first: header.nextPayload, from: &reader)
        return OpenedMessage(
            chain: chain,
            plaintext: plaintext[..<reader.offset],
            nextIV: Array(ciphertext.suffix(block))
        )
    }

    /// Encrypts a message. The padding is zeros.
    ///
    /// - Returns: The message, and the IV of the next one of the exchange.
    /// - SeeAlso: RFC 2409 Appendix B
    package static func seal(
        _ header: ISAKMPHeader,
        _ chain: PayloadChain,
        with cipher: CBCContext,
        iv: [UInt8]
    ) throws(CryptographyError) -> (bytes: [UInt8], nextIV: [UInt8]) {
        let block = cipher.cipher.blockLength
        var plaintext = ByteWriter(reservingCapacity: 256)
        chain.encode(into: &plaintext)
        plaintext.zeros((block - plaintext.count % block) % block)
        let ciphertext = try cipher.encrypt(plaintext.bytes, iv: iv)
        var header = header
        header.nextPayload = chain.firstType
        header.flags.insert(.encryption)
        header.length = UInt32(ISAKMPHeader.encodedLength + ciphertext.count)
        var writer = ByteWriter(reservingCapacity: ISAKMPHeader.encodedLength + ciphertext.count)
        header.encode(into: &writer)
        writer.append(ciphertext)
        return (writer.bytes, Array(ciphertext.suffix(block)))
    }

    /// The encoding of payloads as a hash covers it.
    package static func encoded(_ chain: PayloadChain) -> [UInt8] {
        var writer = ByteWriter(reservingCapacity: 256)
        chain.encode(into: &writer)
        return writer.bytes
    }

    /// A chain that begins with the hash of what follows.
    ///
    /// - Parameters:
    ///   - prefix: What the hash covers before the payloads: the message id, and Ni_b in HASH(2).
    /// - SeeAlso: RFC 2409 §5.5, §5.7
    package static func hashed(_ payloads: [Payload], by skeyidA: HMAC, prefix: [UInt8]) -> PayloadChain {
        let hash = skeyidA.authenticate(prefix, encoded(PayloadChain(payloads)))
        return PayloadChain([Payload(.hash, hash)] + payloads)
    }
}
