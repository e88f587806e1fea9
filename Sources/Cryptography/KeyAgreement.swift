// SPDX-License-Identifier: Apache-2.0
internal import CLibcrypto
package import Primitives

/// One ephemeral key pair, for one exchange: its owner drops it with the exchange, and the private value is
/// then overwritten.
///
/// It never changes after `init`, so copies of the machine that holds it behave alike and threads may share it.
///
/// - SeeAlso: RFC 2409 §5, RFC 5903 §7
package final class KeyAgreement: @unchecked Sendable {
    package let group: DiffieHellmanGroup
    /// As it goes on the wire: g^x with leading zeros, or x ‖ y of the point.
    package let publicValue: [UInt8]
    private let parameters: GroupParameters
    /// The `EVP_PKEY`.
    private let key: OpaquePointer

    /// Bits of an exponent in group 2, twice and more the strength of the group.
    private static let modp1024ExponentLength: Int32 = 200

    /// Generates a key pair. Exponents are as short as libcrypto deems safe for the group.
    package convenience init(_ group: DiffieHellmanGroup) throws(CryptographyError) {
        let parameters = try GroupParameters.of(group)
        let key = try KeyAgreement.generate(parameters)
        do throws(CryptographyError) {
            try self.init(parameters, publicValue: KeyAgreement.publicValue(of: key, group), key: key)
        } catch {
            EVP_PKEY_free(key)
            throw error
        }
    }

    /// A key pair with a given private value, for the vectors of the standards. **Only tests call this.**
    ///
    /// - Parameter privateValue: Big-endian.
    package convenience init(
        _ group: DiffieHellmanGroup,
        fixedPrivateValue privateValue: [UInt8]
    ) throws(CryptographyError) {
        let parameters = try GroupParameters.of(group)
        let key = try KeyAgreement.fixedKey(parameters, privateValue: privateValue)
        do throws(CryptographyError) {
            try self.init(parameters, publicValue: KeyAgreement.publicValue(of: key, group), key: key)
        } catch {
            EVP_PKEY_free(key)
            throw error
        }
    }

    private init(_ parameters: GroupParameters, publicValue: [UInt8], key: OpaquePointer) {
        group = parameters.group
        self.parameters = parameters
        self.publicValue = publicValue
        self.key = key
    }

    deinit { EVP_PKEY_free(key) }

    /// g^xy at its full length, or the x coordinate of the common point.
    ///
    /// - Parameter peerPublicValue: As it came from the wire; checked here.
    /// - Throws: ``CryptographyError/invalidLength``, ``CryptographyError/invalidPublicValue``.
    /// - SeeAlso: RFC 6989 §2
    package func sharedSecret(peerPublicValue: [UInt8]) throws(CryptographyError) -> SecretBytes {
        let peer = try peerKey(peerPublicValue)
        defer { EVP_PKEY_free(peer) }
        guard let context = EVP_PKEY_CTX_new_from_pkey(nil, key, nil) else {
            throw Libcrypto.failure(of: "EVP_PKEY_CTX_new_from_pkey")
        }
        defer { EVP_PKEY_CTX_free(context) }
        guard EVP_PKEY_derive_init(context) == 1 else { throw Libcrypto.failure(of: "EVP_PKEY_derive_init") }
        if case .modp = group.family {
            guard EVP_PKEY_CTX_set_dh_pad(context, 1) == 1 else {
                throw Libcrypto.failure(of: "EVP_PKEY_CTX_set_dh_pad")
            }
        }
        // The peer's value was checked above as far as a safe prime or a curve of cofactor 1 needs it;
        // libcrypto's own check would raise it to the power q, seven times the cost of the rest.
        guard EVP_PKEY_derive_set_peer_ex(context, peer, 0) == 1 else {
            throw Libcrypto.failure(of: "EVP_PKEY_derive_set_peer_ex")
        }
        let size = group.sharedSecretLength
        return try withUnsafeTemporaryAllocation(of: UInt8.self, capacity: size) { buffer throws(CryptographyError) in
            defer { OPENSSL_cleanse(buffer.baseAddress, buffer.count) }
            var length = size
            guard EVP_PKEY_derive(context, buffer.baseAddress, &length) == 1, length == size else {
                throw Libcrypto.failure(of: "EVP_PKEY_derive")
            }
            return SecretBytes(copying: buffer.span)
        }
    }

    /// 1 < y < p−1, which for a safe prime p is all there is to check. libcrypto looks at this too, but how much
    /// it checks has changed between its versions.
    ///
    /// - Parameters:
    ///   - y: As long as the modulus.
    ///   - modulus: p, big-endian and odd.
    package static func isInRange(_ y: [UInt8], modulus: [UInt8]) -> Bool {
        guard y.count == modulus.count, let lastOfP = modulus.last, let lastOfY = y.last else { return false }
        let isAboveOne = lastOfY > 1 || y.dropLast().contains { $0 != 0 }
        // p is odd, so that p−1 differs in the last bit alone.
        return isAboveOne && y.lexicographicallyPrecedes(modulus.dropLast() + [lastOfP & 0xFE])
    }

    /// Refuses what cannot be a public value of the group as far as a look can tell, which for a curve is its length:
    /// to be asked before a key pair is made for whoever sent it. The rest is checked with the agreement.
    ///
    /// - Throws: ``CryptographyError/invalidLength``, ``CryptographyError/invalidPublicValue``.
    package static func check(_ publicValue: [UInt8], of group: DiffieHellmanGroup) throws(CryptographyError) {
        guard publicValue.count == group.publicValueLength else { throw .invalidLength }
        if case .modp = group.family {
            let modulus = try GroupParameters.of(group).modulus
            guard isInRange(publicValue, modulus: modulus) else { throw .invalidPublicValue }
        }
    }

    /// - Returns: A key that the caller frees.
    private func peerKey(_ publicValue: [UInt8]) throws(CryptographyError) -> OpaquePointer {
        guard publicValue.count == group.publicValueLength else { throw .invalidLength }
        var encoded = publicValue
        switch group.family {
        case .modp:
            guard KeyAgreement.isInRange(publicValue, modulus: parameters.modulus) else { throw .invalidPublicValue }
        case .ecp:
            encoded.insert(0x04, at: 0)
        }
        guard let peer = EVP_PKEY_new() else { throw Libcrypto.failure(of: "EVP_PKEY_new") }
        guard EVP_PKEY_copy_parameters(peer, parameters.template) == 1 else {
            EVP_PKEY_free(peer)
            throw Libcrypto.failure(of: "EVP_PKEY_copy_parameters")
        }
        // For a curve this is the check that the coordinates are reduced and the point lies on it; the point
        // at infinity has no such encoding.
        guard EVP_PKEY_set1_encoded_public_key(peer, encoded, encoded.count) == 1 else {
            EVP_PKEY_free(peer)
            ERR_clear_error()
            throw .invalidPublicValue
        }
        return peer
    }

    private static func generate(_ parameters: GroupParameters) throws(CryptographyError) -> OpaquePointer {
        guard let context = EVP_PKEY_CTX_new_from_pkey(nil, parameters.template, nil) else {
            throw Libcrypto.failure(of: "EVP_PKEY_CTX_new_from_pkey")
        }
        defer { EVP_PKEY_CTX_free(context) }
        guard EVP_PKEY_keygen_init(context) == 1 else { throw Libcrypto.failure(of: "EVP_PKEY_keygen_init") }
        if parameters.group == .modp1024 {
            // libcrypto does not know this group and would take an exponent as long as the modulus.
            var length = modp1024ExponentLength
            let isSet = withUnsafeMutablePointer(to: &length) { length in
                let settings = [
                    OSSL_PARAM_construct_int(("priv_len" as StaticString).cString, length),
                    OSSL_PARAM_construct_end(),
                ]
                return EVP_PKEY_CTX_set_params(context, settings)
            }
            guard isSet == 1 else { throw Libcrypto.failure(of: "EVP_PKEY_CTX_set_params") }
        }
        var key: OpaquePointer?
        guard EVP_PKEY_generate(context, &key) == 1, let key else {
            throw Libcrypto.failure(of: "EVP_PKEY_generate")
        }
        return key
    }

    /// The public value of a key as it goes on the wire.
    private static func publicValue(
        of key: OpaquePointer,
        _ group: DiffieHellmanGroup
    ) throws(CryptographyError) -> [UInt8] {
        let prefix = if case .ecp = group.family { 1 } else { 0 }
        let size = prefix + group.publicValueLength
        var length = 0
        let encoded = [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
            let result = EVP_PKEY_get_octet_string_param(
                key,
                "encoded-pub-key",
                buffer.baseAddress,
                buffer.count,
                &length
            )
            count = result == 1 ? length : 0
        }
        guard encoded.count == size else { throw Libcrypto.failure(of: "EVP_PKEY_get_octet_string_param") }
        return Array(encoded.dropFirst(prefix))
    }

    private static func fixedKey(
        _ parameters: GroupParameters,
        privateValue: [UInt8]
    ) throws(CryptographyError) -> OpaquePointer {
        let group = parameters.group
        guard let scratch = BN_CTX_new(), let exponent = BN_bin2bn(privateValue, Int32(privateValue.count), nil) else {
            throw Libcrypto.failure(of: "BN_bin2bn")
        }
        defer {
            BN_CTX_free(scratch)
            BN_clear_free(exponent)
        }
        var publicValue = [UInt8](repeating: 0, count: group.publicValueLength + 1)
        let size = publicValue.count
        switch group.family {
        case .modp:
            let prime = BN_bin2bn(parameters.modulus, Int32(parameters.modulus.count), nil)
            let power = BN_new()
            defer {
                BN_free(prime)
                BN_free(power)
            }
            guard BN_set_word(power, 2) == 1, BN_mod_exp(power, power, exponent, prime, scratch) == 1,
                BN_bn2binpad(power, &publicValue, Int32(size)) == size
            else { throw Libcrypto.failure(of: "BN_mod_exp") }
        case .ecp(let coordinateLength):
            let curve = EC_GROUP_new_by_curve_name(
                coordinateLength == 32 ? NID_X9_62_prime256v1 : coordinateLength == 48 ? NID_secp384r1 : NID_secp521r1
            )
            let point = curve.flatMap { EC_POINT_new($0) }
            defer {
                EC_POINT_free(point)
                EC_GROUP_free(curve)
            }
            guard EC_POINT_mul(curve, point, exponent, nil, nil, scratch) == 1,
                EC_POINT_point2oct(curve, point, POINT_CONVERSION_UNCOMPRESSED, &publicValue, size, scratch) == size
            else { throw Libcrypto.failure(of: "EC_POINT_mul") }
        }
        return try GroupParameters.importKey(of: group, public: publicValue, private: exponent)
    }
}
