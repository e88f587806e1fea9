// SPDX-License-Identifier: Apache-2.0
internal import CLibcrypto

/// A group as libcrypto knows it: the template from which key pairs and peers' keys are made.
///
/// Made once for each group and never freed. Immutable, and libcrypto counts references atomically,
/// so threads may share it.
struct GroupParameters: @unchecked Sendable {
    let group: DiffieHellmanGroup
    /// An `EVP_PKEY` without keys.
    let template: OpaquePointer
    /// p of a MODP group, big-endian; empty for a curve.
    let modulus: [UInt8]

    private static let all: [DiffieHellmanGroup: GroupParameters] = {
        var all: [DiffieHellmanGroup: GroupParameters] = [:]
        for group in DiffieHellmanGroup.allCases { all[group] = try? GroupParameters(making: group) }
        return all
    }()

    /// - Throws: ``CryptographyError/libraryFailure(_:)`` if libcrypto is configured without the group.
    static func of(_ group: DiffieHellmanGroup) throws(CryptographyError) -> GroupParameters {
        guard let parameters = all[group] else { throw .libraryFailure("group \(group.rawValue) is not available") }
        return parameters
    }

    private init(making group: DiffieHellmanGroup) throws(CryptographyError) {
        self.group = group
        template = try GroupParameters.importKey(of: group, public: nil, private: nil)
        switch group.family {
        case .modp(let bits):
            var prime: OpaquePointer?
            guard EVP_PKEY_get_bn_param(template, "p", &prime) == 1 else {
                throw Libcrypto.failure(of: "EVP_PKEY_get_bn_param")
            }
            defer { BN_free(prime) }
            modulus = [UInt8](unsafeUninitializedCapacity: bits / 8) { buffer, count in
                count = Int(max(0, BN_bn2binpad(prime, buffer.baseAddress, Int32(buffer.count))))
            }
            guard modulus.count == bits / 8, BN_num_bits(prime) == bits else {
                throw .libraryFailure("group \(group.rawValue) has a modulus of the wrong size")
            }
        case .ecp:
            modulus = []
        }
    }

    /// Makes an `EVP_PKEY` of the group from its numbers; without them, the bare parameters.
    ///
    /// - Parameter publicValue: y of a MODP group big-endian, an uncompressed point of a curve.
    /// - Returns: A key that the caller frees.
    static func importKey(
        of group: DiffieHellmanGroup,
        public publicValue: [UInt8]?,
        private privateValue: OpaquePointer?
    ) throws(CryptographyError) -> OpaquePointer {
        guard let builder = OSSL_PARAM_BLD_new() else { throw Libcrypto.failure(of: "OSSL_PARAM_BLD_new") }
        defer { OSSL_PARAM_BLD_free(builder) }
        // The builder reads these only when it is asked for the parameters.
        var publicNumber: OpaquePointer?
        let publicBytes = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: publicValue?.count ?? 0)
        _ = publicBytes.initialize(from: publicValue ?? [])
        let prime = BN_get_rfc2409_prime_1024(nil)
        let generator = BN_new()
        defer {
            publicBytes.deallocate()
            BN_free(publicNumber)
            BN_free(prime)
            BN_free(generator)
        }
        var isBuilt: Bool
        if let name = group.name {
            isBuilt =
                OSSL_PARAM_BLD_push_utf8_string(builder, ("group" as StaticString).cString, name.cString, 0) == 1
        } else {
            // Without q: with it, libcrypto applies the size rules of FIPS 186-4 and makes no key.
            isBuilt =
                BN_set_word(generator, 2) == 1
                && OSSL_PARAM_BLD_push_BN(builder, ("p" as StaticString).cString, prime) == 1
                && OSSL_PARAM_BLD_push_BN(builder, ("g" as StaticString).cString, generator) == 1
        }
        if publicValue != nil, let privateValue {
            let name: StaticString = "pub"
            switch group.family {
            case .modp:
                publicNumber = BN_bin2bn(publicBytes.baseAddress, Int32(publicBytes.count), nil)
                isBuilt = isBuilt && OSSL_PARAM_BLD_push_BN(builder, name.cString, publicNumber) == 1
            case .ecp:
                isBuilt =
                    isBuilt
                    && OSSL_PARAM_BLD_push_octet_string(
                        builder,
                        name.cString,
                        publicBytes.baseAddress,
                        publicBytes.count
                    ) == 1
            }
            isBuilt = isBuilt && OSSL_PARAM_BLD_push_BN(builder, ("priv" as StaticString).cString, privateValue) == 1
        }
        guard isBuilt, let parameters = OSSL_PARAM_BLD_to_param(builder) else {
            throw Libcrypto.failure(of: "OSSL_PARAM_BLD_to_param")
        }
        defer { OSSL_PARAM_free(parameters) }

        let isCurve = if case .ecp = group.family { true } else { false }
        guard let context = EVP_PKEY_CTX_new_from_name(nil, isCurve ? "EC" : "DH", nil) else {
            throw Libcrypto.failure(of: "EVP_PKEY_CTX_new_from_name")
        }
        defer { EVP_PKEY_CTX_free(context) }
        let selection = privateValue == nil ? culvert_EVP_PKEY_KEY_PARAMETERS : culvert_EVP_PKEY_KEYPAIR
        var key: OpaquePointer?
        guard EVP_PKEY_fromdata_init(context) == 1,
            EVP_PKEY_fromdata(context, &key, selection, parameters) == 1, let key
        else { throw Libcrypto.failure(of: "EVP_PKEY_fromdata") }
        return key
    }
}
