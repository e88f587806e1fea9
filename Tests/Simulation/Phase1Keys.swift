// SPDX-License-Identifier: Apache-2.0
internal import Cryptography
internal import DataPlane
internal import IKE
internal import Primitives

/// The simulated initiator's own key schedule.
///
/// - SeeAlso: RFC 2409 §5, appendix B
struct Phase1Keys {
    let skeyid: HMAC
    let skeyidD: HMAC
    let skeyidA: HMAC
    let cipher: BlockCipher
    let key: SecretBytes
    let hash: HashAlgorithm
    /// Of the next main-mode message.
    var iv: [UInt8]

    init(
        transform: IKETransform,
        preSharedKey: [UInt8],
        nonces: [UInt8],
        shared: SecretBytes,
        cookies: [UInt8],
        publicI: [UInt8],
        publicR: [UInt8]
    ) {
        hash = transform.hash
        let skeyid = HMAC(hash, key: HMAC(hash, key: preSharedKey).authenticate(nonces))
        let secret = shared.withBytes { span in span.indices.map { span[$0] } }
        let d = skeyid.authenticate(secret, cookies, [0])
        let a = skeyid.authenticate(d, secret, cookies, [1])
        let e = skeyid.authenticate(a, secret, cookies, [2])
        self.skeyid = skeyid
        skeyidD = HMAC(hash, key: d)
        skeyidA = HMAC(hash, key: a)
        cipher =
            switch transform.cipher {
            case .aesCBC(keyBits: 128): .aes128CBC
            case .aesCBC(keyBits: 192): .aes192CBC
            case .aesCBC: .aes256CBC
            case .tripleDESCBC: .tripleDESCBC
            }
        var material = e
        if e.count < cipher.keyLength {
            let expand = HMAC(hash, key: e)
            var block = expand.authenticate([0])
            material = block
            while material.count < cipher.keyLength {
                block = expand.authenticate(block)
                material += block
            }
        }
        key = SecretBytes(copying: material.prefix(cipher.keyLength))
        iv = Array(Hash.digest(hash, publicI, publicR).prefix(cipher.blockLength))
    }

    func initialVector(messageID: UInt32) -> [UInt8] {
        Array(Hash.digest(hash, iv, SimulatedIKEInitiator.bytes(messageID)).prefix(cipher.blockLength))
    }

    /// Encrypts what follows the header; `iv` becomes that of the next message.
    func encrypt(_ message: Message, iv: inout [UInt8]) -> [UInt8] {
        var bytes = message.encode()
        var body = Array(bytes[ISAKMPHeader.encodedLength...])
        while body.count % cipher.blockLength != 0 { body.append(0) }
        guard let sealed = try? cipher.encrypt(body, key: key, iv: iv) else { return [] }
        iv = Array(sealed.suffix(cipher.blockLength))
        bytes.replaceSubrange(ISAKMPHeader.encodedLength..., with: sealed)
        let length = SimulatedIKEInitiator.bytes(UInt32(bytes.count))
        bytes.replaceSubrange(24..<28, with: length)
        return bytes
    }

    func decrypt(_ bytes: [UInt8], iv: inout [UInt8]) -> Message? {
        var reader = ByteReader(bytes)
        guard let header = try? ISAKMPHeader(from: &reader), reader.remaining % cipher.blockLength == 0,
            reader.remaining > 0
        else { return nil }
        let sealed = Array(reader.rest())
        guard let plain = try? cipher.decrypt(sealed, key: key, iv: iv) else { return nil }
        var body = ByteReader(plain)
        guard let chain = try? PayloadChain(first: header.nextPayload, from: &body) else { return nil }
        iv = Array(sealed.suffix(cipher.blockLength))
        return Message(header: header, payloads: chain.payloads)
    }

    /// KEYMAT of one direction.
    func keyMaterial(_ shared: SecretBytes?, spi: UInt32, nonces: [UInt8], count: Int) -> [UInt8] {
        let secret = shared.map { $0.withBytes { span in span.indices.map { span[$0] } } } ?? []
        let seed = secret + [3] + SimulatedIKEInitiator.bytes(spi) + nonces
        var material: [UInt8] = []
        var block: [UInt8] = []
        while material.count < count {
            block = skeyidD.authenticate(block, seed)
            material += block
        }
        return Array(material.prefix(count))
    }
}

/// Offers as clients write them.
enum Offer {
    static func phase1(_ transforms: [IKETransform]) -> IKEv1.Proposal {
        IKEv1.Proposal(
            number: 1,
            protocolID: .isakmp,
            spi: [],
            transforms: transforms.enumerated().map { index, transform in
                var attributes: [IKEv1.Attribute] = []
                switch transform.cipher {
                case .aesCBC(let keyBits):
                    attributes = [.init(1, 7), .init(14, UInt16(keyBits))]
                case .tripleDESCBC:
                    attributes = [.init(1, 5)]
                }
                let hash: UInt16 =
                    switch transform.hash {
                    case .md5: 1
                    case .sha1: 2
                    case .sha256: 4
                    case .sha384: 5
                    case .sha512: 6
                    }
                attributes += [
                    .init(2, hash), .init(3, 1), .init(4, transform.group.rawValue), .init(11, 1),
                    .init(type: 12, value: .variable([0, 0, 0x70, 0x80])),
                ]
                return IKEv1.Transform(number: UInt8(index + 1), id: 1, attributes: attributes)
            }
        )
    }

    static func phase2(
        _ transforms: [ESPTransform],
        spi: UInt32,
        isEncapsulated: Bool,
        pfs: DiffieHellmanGroup?
    ) -> IKEv1.Proposal {
        IKEv1.Proposal(
            number: 1,
            protocolID: .esp,
            spi: SimulatedIKEInitiator.bytes(spi),
            transforms: transforms.enumerated().map { index, transform in
                var attributes: [IKEv1.Attribute] = [.init(1, 1), .init(2, 3600), .init(4, isEncapsulated ? 4 : 2)]
                if let pfs { attributes.append(.init(3, pfs.rawValue)) }
                let id: UInt8
                switch transform.cipher {
                case .aesCBC(let keyBits):
                    id = 12
                    attributes.append(.init(6, UInt16(keyBits)))
                case .aesGCM16(let keyBits):
                    id = 20
                    attributes.append(.init(6, UInt16(keyBits)))
                case .tripleDESCBC:
                    id = 3
                }
                let integrity: UInt16? =
                    switch transform.integrity {
                    case nil: nil
                    case .hmacMD5_96: 1
                    case .hmacSHA1_96: 2
                    case .hmacSHA256_128, .hmacSHA256_96: 5
                    case .hmacSHA384_192: 6
                    case .hmacSHA512_256: 7
                    }
                if let integrity { attributes.append(.init(5, integrity)) }
                return IKEv1.Transform(number: UInt8(index + 1), id: id, attributes: attributes)
            }
        )
    }
}
