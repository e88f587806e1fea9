// SPDX-License-Identifier: Apache-2.0
internal import CLinux
package import DataPlane
internal import Glibc
internal import Primitives

/// Builds the requests about security associations.
package enum XFRMMessages {
    /// A new association; EEXIST if its destination and SPI are taken.
    package static func install(_ association: SecurityAssociation) -> NetlinkMessage {
        var message = NetlinkMessage(type: Int(XFRM_MSG_NEWSA), flags: NLM_F_CREATE | NLM_F_EXCL)
        message.append(xfrm_usersa_info(association))
        message.put(association)
        return message
    }

    package static func remove(_ id: SecurityAssociation.ID) -> NetlinkMessage {
        about(id, type: XFRM_MSG_DELSA)
    }

    /// All about one association, with its keys.
    package static func get(_ id: SecurityAssociation.ID) -> NetlinkMessage {
        about(id, type: XFRM_MSG_GETSA)
    }

    private static func about(_ id: SecurityAssociation.ID, type: Int) -> NetlinkMessage {
        var message = NetlinkMessage(type: type, flags: 0)
        var body = xfrm_usersa_id()
        body.daddr = xfrm_address_t(id.destination)
        body.spi = id.spi.rawValue.bigEndian
        body.family = id.destination.addressFamily
        body.proto = UInt8(IPPROTO_ESP)
        message.append(body)
        return message
    }

    /// All associations of the kernel.
    package static func list() -> NetlinkMessage {
        NetlinkMessage(type: Int(XFRM_MSG_GETSA), flags: NLM_F_DUMP)
    }
}

extension NetlinkMessage {
    fileprivate mutating func put(_ association: SecurityAssociation) {
        put(cipher: association.transform.cipher, key: association.encryptionKey)
        if let integrity = association.transform.integrity, let key = association.integrityKey {
            put(integrity: integrity, truncatedTo: association.transform.icvLength * 8, key: key)
        }
        if let encapsulation = association.encapsulation {
            var template = xfrm_encap_tmpl()
            template.encap_type = 2  // UDP_ENCAP_ESPINUDP
            template.encap_sport = encapsulation.sourcePort.bigEndian
            template.encap_dport = encapsulation.destinationPort.bigEndian
            put(Int(XFRMA_ENCAP.rawValue), structure: template)
        }
        guard association.direction == .inbound else { return }
        // Windows beyond 32 packets have this form only, with extended sequence numbers or, as here, without.
        var replay = xfrm_replay_state_esn()
        replay.replay_window = association.replayWindow
        replay.bmp_len = (association.replayWindow + 31) / 32
        put(Int(XFRMA_REPLAY_ESN_VAL.rawValue), structure: replay, tail: Int(replay.bmp_len) * 4)
        if association.encapsulation != nil {
            // Else the kernel tells of a moved peer with every packet.
            put(XFRMAttribute.mappingThreshold, u32: XFRMAttribute.mappingThresholdSeconds)
        }
    }

    private mutating func put(cipher: ESPTransform.Cipher, key: SecretBytes) {
        switch cipher {
        case .aesCBC: put(Int(XFRMA_ALG_CRYPT.rawValue), algorithm: "cbc(aes)", key: key)
        case .tripleDESCBC: put(Int(XFRMA_ALG_CRYPT.rawValue), algorithm: "cbc(des3_ede)", key: key)
        case .aesGCM16:
            var algorithm = xfrm_algo_aead()
            Self.write("rfc4106(gcm(aes))", to: &algorithm.alg_name)
            algorithm.alg_key_len = UInt32(key.count * 8)
            algorithm.alg_icv_len = 128
            put(Int(XFRMA_ALG_AEAD.rawValue), structure: algorithm, tail: key.count) { $0.copy(key) }
        }
    }

    private mutating func put(_ attribute: Int, algorithm name: StaticString, key: SecretBytes) {
        var algorithm = xfrm_algo()
        Self.write(name, to: &algorithm.alg_name)
        algorithm.alg_key_len = UInt32(key.count * 8)
        put(attribute, structure: algorithm, tail: key.count) { $0.copy(key) }
    }

    private mutating func put(integrity: ESPTransform.Integrity, truncatedTo bits: Int, key: SecretBytes) {
        var algorithm = xfrm_algo_auth()
        let name: StaticString =
            switch integrity {
            case .hmacMD5_96: "hmac(md5)"
            case .hmacSHA1_96: "hmac(sha1)"
            case .hmacSHA256_128, .hmacSHA256_96: "hmac(sha256)"
            case .hmacSHA384_192: "hmac(sha384)"
            case .hmacSHA512_256: "hmac(sha512)"
            }
        Self.write(name, to: &algorithm.alg_name)
        algorithm.alg_key_len = UInt32(key.count * 8)
        algorithm.alg_trunc_len = UInt32(bits)
        put(Int(XFRMA_ALG_AUTH_TRUNC.rawValue), structure: algorithm, tail: key.count) { $0.copy(key) }
    }

    private static func write<Field>(_ name: StaticString, to field: inout Field) {
        withUnsafeMutableBytes(of: &field) { $0.copyBytes(from: name.description.utf8) }
    }
}

/// What the UAPI headers of the oldest kernel we build on do not name.
enum XFRMAttribute {
    /// XFRMA_MTIMER_THRESH (5.15)
    static let mappingThreshold = 32
    static let mappingThresholdSeconds: UInt32 = 1
}

extension xfrm_usersa_info {
    fileprivate init(_ association: SecurityAssociation) {
        self.init()
        let family = association.destination.addressFamily
        sel.family = family
        id.daddr = xfrm_address_t(association.destination)
        id.spi = association.spi.rawValue.bigEndian
        id.proto = UInt8(IPPROTO_ESP)
        saddr = xfrm_address_t(association.source)
        let never = UInt64.max
        lft.soft_byte_limit = association.lifetime.softBytes ?? never
        lft.hard_byte_limit = association.lifetime.hardBytes ?? never
        lft.soft_packet_limit = never
        lft.hard_packet_limit = never
        lft.soft_add_expires_seconds = association.lifetime.softSeconds ?? 0
        lft.hard_add_expires_seconds = association.lifetime.hardSeconds ?? 0
        reqid = association.requestID.rawValue
        self.family = family
        mode = UInt8(XFRM_MODE_TRANSPORT)
    }
}

extension xfrm_address_t {
    init(_ address: IPAddress) {
        self.init()
        withUnsafeMutableBytes(of: &self) { $0.copyBytes(from: address.bytes) }
    }
}

extension IPAddress {
    /// AF_INET or AF_INET6.
    var addressFamily: UInt16 { isV4 ? UInt16(AF_INET) : UInt16(AF_INET6) }

    /// From the kernel's sixteen bytes that hold either; `nil` for another family.
    init?(xfrm bytes: ArraySlice<UInt8>, family: UInt16) {
        switch Int32(family) {
        case AF_INET: self.init(bytes: bytes.prefix(4))
        case AF_INET6: self.init(bytes: bytes)
        default: return nil
        }
    }
}

extension UnsafeMutableRawBufferPointer {
    fileprivate func copy(_ key: SecretBytes) {
        key.withBytes { bytes in
            for index in bytes.indices { self[index] = bytes[index] }
        }
    }
}
