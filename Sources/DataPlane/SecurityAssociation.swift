// SPDX-License-Identifier: Apache-2.0
package import Primitives

/// One ESP security association in one direction, in transport mode, as the kernel takes it.
///
/// The selector stays empty on purpose: the kernel compares it with the packet after our port
/// shift. What may travel is decided by the policies of the tunnel socket.
package struct SecurityAssociation: Hashable, Sendable {
    package struct ID: Hashable, Sendable {
        package var destination: IPAddress
        package var spi: ESPSPI

        package init(destination: IPAddress, spi: ESPSPI) {
            self.destination = destination
            self.spi = spi
        }
    }

    package enum Direction: Hashable, Sendable {
        case inbound
        case outbound
    }

    /// UDP encapsulation (RFC 3948): the ports as they stand in packets of this direction.
    package struct Encapsulation: Hashable, Sendable {
        package var sourcePort: UInt16
        package var destinationPort: UInt16

        package init(sourcePort: UInt16, destinationPort: UInt16) {
            self.sourcePort = sourcePort
            self.destinationPort = destinationPort
        }
    }

    package var direction: Direction
    package var source: IPAddress
    package var destination: IPAddress
    package var spi: ESPSPI
    package var requestID: RequestID
    package var transform: ESPTransform
    /// Key of the cipher; for AES-GCM with its four bytes of salt at the end.
    package var encryptionKey: SecretBytes
    /// Key of the integrity algorithm; `nil` with AES-GCM.
    package var integrityKey: SecretBytes?
    package var encapsulation: Encapsulation?
    /// Packets that may arrive late and still be new. At least 1,024; the kernel takes up to 4,096.
    package var replayWindow: UInt32 = 1024
    package var lifetime = Lifetime()

    package init(
        direction: Direction,
        source: IPAddress,
        destination: IPAddress,
        spi: ESPSPI,
        requestID: RequestID,
        transform: ESPTransform,
        encryptionKey: SecretBytes,
        integrityKey: SecretBytes?,
        encapsulation: Encapsulation?
    ) {
        self.direction = direction
        self.source = source
        self.destination = destination
        self.spi = spi
        self.requestID = requestID
        self.transform = transform
        self.encryptionKey = encryptionKey
        self.integrityKey = integrityKey
        self.encapsulation = encapsulation
    }

    package var id: ID { ID(destination: destination, spi: spi) }

    /// When the kernel reports (soft) and when it stops using (hard) the association; `nil` is never.
    package struct Lifetime: Hashable, Sendable {
        package var softSeconds: UInt64?
        package var hardSeconds: UInt64?
        package var softBytes: UInt64?
        package var hardBytes: UInt64?

        package init() {}
    }
}

/// The algorithms of an ESP security association.
package struct ESPTransform: Hashable, Sendable {
    package enum Cipher: Hashable, Sendable {
        /// `keyBits` is 128, 192 or 256.
        case aesCBC(keyBits: Int)
        /// AES-GCM with a 16-byte ICV; `keyBits` is 128, 192 or 256, without the salt.
        case aesGCM16(keyBits: Int)
        case tripleDESCBC
    }

    // swift-format-ignore: AlwaysUseLowerCamelCase
    package enum Integrity: Hashable, Sendable {
        case hmacMD5_96
        case hmacSHA1_96
        /// The truncation of RFC 4868.
        case hmacSHA256_128
        /// The truncation of the draft before it, which some clients still use.
        case hmacSHA256_96
        case hmacSHA384_192
        case hmacSHA512_256
    }

    package var cipher: Cipher
    /// `nil` exactly with an AEAD cipher.
    package var integrity: Integrity?

    package init(cipher: Cipher, integrity: Integrity?) {
        self.cipher = cipher
        self.integrity = integrity
    }

    /// Bytes of ``SecurityAssociation/encryptionKey``, salt included.
    package var encryptionKeyLength: Int {
        switch cipher {
        case .aesCBC(let keyBits): keyBits / 8
        case .aesGCM16(let keyBits): keyBits / 8 + 4
        case .tripleDESCBC: 24
        }
    }

    /// Bytes of ``SecurityAssociation/integrityKey``.
    package var integrityKeyLength: Int {
        switch integrity {
        case nil: 0
        case .hmacMD5_96: 16
        case .hmacSHA1_96: 20
        case .hmacSHA256_128, .hmacSHA256_96: 32
        case .hmacSHA384_192: 48
        case .hmacSHA512_256: 64
        }
    }

    /// Bytes of the initialisation vector in every packet.
    package var ivLength: Int {
        switch cipher {
        case .aesCBC: 16
        case .aesGCM16, .tripleDESCBC: 8
        }
    }

    /// What padding rounds up to.
    package var blockLength: Int {
        switch cipher {
        case .aesCBC: 16
        case .aesGCM16: 4
        case .tripleDESCBC: 8
        }
    }

    /// Bytes of the integrity check value at the end of every packet.
    package var icvLength: Int {
        switch integrity {
        case nil, .hmacSHA256_128: 16
        case .hmacMD5_96, .hmacSHA1_96, .hmacSHA256_96: 12
        case .hmacSHA384_192: 24
        case .hmacSHA512_256: 32
        }
    }
}

extension ESPTransform: CustomStringConvertible {
    /// The name operators write: `aes256-sha256`, `aes128gcm16`.
    package var description: String {
        let cipherName =
            switch cipher {
            case .aesCBC(let keyBits): "aes\(keyBits)"
            case .aesGCM16(let keyBits): "aes\(keyBits)gcm16"
            case .tripleDESCBC: "3des"
            }
        let integrityName: String? =
            switch integrity {
            case nil: nil
            case .hmacMD5_96: "md5"
            case .hmacSHA1_96: "sha1"
            case .hmacSHA256_128: "sha256"
            case .hmacSHA256_96: "sha256_96"
            case .hmacSHA384_192: "sha384"
            case .hmacSHA512_256: "sha512"
            }
        return integrityName.map { "\(cipherName)-\($0)" } ?? cipherName
    }
}
