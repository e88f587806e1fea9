// SPDX-License-Identifier: Apache-2.0
package import Cryptography
package import Primitives

extension IKEv1 {
    /// The name of an IKE SA on the wire.
    package struct CookiePair: Hashable, Sendable {
        package var initiator: Cookie
        package var responder: Cookie

        package init(initiator: Cookie, responder: Cookie) {
            self.initiator = initiator
            self.responder = responder
        }

        /// CKY-I | CKY-R: sixteen bytes.
        package var bytes: [UInt8] {
            var writer = ByteWriter(reservingCapacity: 16)
            writer.integer(initiator.rawValue)
            writer.integer(responder.rawValue)
            return writer.bytes
        }
    }

    /// The keys of phase 1 with a pre-shared key. The pseudo-random function is HMAC with the negotiated hash.
    ///
    /// - SeeAlso: RFC 2409 §5, Appendix B
    package struct PhaseOneKeys: Sendable {
        /// Keyed with SKEYID.
        package let skeyid: HMAC
        package let skeyidD: SecretBytes
        package let skeyidA: SecretBytes
        /// What SKEYID_e gives the cipher.
        package let encryptionKey: SecretBytes

        /// - Parameters:
        ///   - initiatorNonce: Ni_b: the body of the payload.
        ///   - responderNonce: Nr_b.
        ///   - sharedSecret: g^xy at its full length.
        package init(
            transform: IKETransform,
            preSharedKey: SecretBytes,
            initiatorNonce: [UInt8],
            responderNonce: [UInt8],
            sharedSecret: SecretBytes,
            cookies: CookiePair
        ) {
            let hash = transform.hash
            let fromSecret = HMAC(hash, key: preSharedKey)
            let key = fromSecret.deriveSecret(inputs: [.bytes(initiatorNonce), .bytes(responderNonce)])
            skeyid = HMAC(hash, key: key)
            let names = cookies.bytes
            skeyidD = skeyid.deriveSecret(inputs: [.secret(sharedSecret), .bytes(names), .bytes([0])])
            skeyidA = skeyid.deriveSecret(
                inputs: [.secret(skeyidD), .secret(sharedSecret), .bytes(names), .bytes([1])]
            )
            let skeyidE = skeyid.deriveSecret(
                inputs: [.secret(skeyidA), .secret(sharedSecret), .bytes(names), .bytes([2])]
            )
            encryptionKey = Self.encryptionKey(from: skeyidE, hash: hash, length: transform.blockCipher.keyLength)
        }

        /// The first bytes of SKEYID_e, or of K1 | K2 | … where that is too short:
        /// K1 = prf(SKEYID_e, 0), Kn = prf(SKEYID_e, Kn-1).
        package static func encryptionKey(from skeyidE: SecretBytes, hash: HashAlgorithm, length: Int) -> SecretBytes {
            guard skeyidE.count < length else { return skeyidE.slice(from: 0, count: length) }
            let expansion = HMAC(hash, key: skeyidE)
            var block = expansion.deriveSecret(inputs: [.bytes([0])])
            var material = ByteWriter(reservingCapacity: length + block.count)
            material.append(block)
            while material.count < length {
                block = expansion.deriveSecret(inputs: [.secret(block)])
                material.append(block)
            }
            return secret(from: &material).slice(from: 0, count: length)
        }

        /// HASH_I: what the initiator proves to know the pre-shared key with.
        ///
        /// - Parameters:
        ///   - saBody: SAi_b: the body of the initiator's SA payload, all offers included.
        ///   - identityBody: IDii_b.
        package func hashI(
            initiatorPublic: [UInt8],
            responderPublic: [UInt8],
            cookies: CookiePair,
            saBody: [UInt8],
            identityBody: [UInt8]
        ) -> [UInt8] {
            skeyid.authenticate(
                initiatorPublic,
                responderPublic,
                cookies.initiator.bytes,
                cookies.responder.bytes,
                saBody,
                identityBody
            )
        }

        /// HASH_R, with IDir_b.
        package func hashR(
            initiatorPublic: [UInt8],
            responderPublic: [UInt8],
            cookies: CookiePair,
            saBody: [UInt8],
            identityBody: [UInt8]
        ) -> [UInt8] {
            skeyid.authenticate(
                responderPublic,
                initiatorPublic,
                cookies.responder.bytes,
                cookies.initiator.bytes,
                saBody,
                identityBody
            )
        }
    }

    /// The IV of the first encrypted message of phase 1.
    ///
    /// - SeeAlso: RFC 2409 Appendix B
    package static func phaseOneIV(
        transform: IKETransform,
        initiatorPublic: [UInt8],
        responderPublic: [UInt8]
    ) -> [UInt8] {
        Array(
            Hash.digest(transform.hash, initiatorPublic, responderPublic).prefix(transform.blockCipher.blockLength)
        )
    }

    /// The IV of the first message of any exchange under an established SA.
    ///
    /// - Parameter lastBlock: The last cipher block of phase 1.
    /// - SeeAlso: RFC 2409 Appendix B
    package static func phaseTwoIV(hash: HashAlgorithm, lastBlock: [UInt8], messageID: UInt32) -> [UInt8] {
        Array(Hash.digest(hash, lastBlock, messageID.bytes).prefix(lastBlock.count))
    }

    /// The keys of one direction of an ESP security association, in the order cipher, integrity.
    ///
    /// - Parameters:
    ///   - sharedSecret: g(qm)^xy; `nil` without perfect forward secrecy.
    ///   - spi: That of the direction: its receiver chose it.
    /// - SeeAlso: RFC 2409 §5.5
    package static func keyMaterial(
        hash: HashAlgorithm,
        skeyidD: HMAC,
        sharedSecret: SecretBytes?,
        protocolID: ProtocolID,
        spi: UInt32,
        initiatorNonce: [UInt8],
        responderNonce: [UInt8],
        length: Int
    ) -> SecretBytes {
        var tail: [HashInput] = []
        if let sharedSecret { tail.append(.secret(sharedSecret)) }
        tail.append(.bytes([protocolID.rawValue] + spi.bytes))
        tail.append(.bytes(initiatorNonce))
        tail.append(.bytes(responderNonce))
        var block = skeyidD.deriveSecret(inputs: tail)
        guard block.count < length else { return block.slice(from: 0, count: length) }
        var material = ByteWriter(reservingCapacity: length + block.count)
        material.append(block)
        while material.count < length {
            block = skeyidD.deriveSecret(inputs: [.secret(block)] + tail)
            material.append(block)
        }
        return secret(from: &material).slice(from: 0, count: length)
    }

    /// Takes the bytes out of a writer that held key material and wipes them there.
    private static func secret(from writer: inout ByteWriter) -> SecretBytes {
        var bytes = writer.bytes
        writer = ByteWriter()
        return SecretBytes(consuming: &bytes)
    }
}

extension UInt32 {
    /// Four bytes in network order.
    var bytes: [UInt8] {
        [
            UInt8(truncatingIfNeeded: self >> 24), UInt8(truncatingIfNeeded: self >> 16),
            UInt8(truncatingIfNeeded: self >> 8), UInt8(truncatingIfNeeded: self),
        ]
    }
}
