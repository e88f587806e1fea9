// SPDX-License-Identifier: Apache-2.0

/// The groups of the IKE registry that can be negotiated; the raw value is the group's number there.
///
/// - SeeAlso: RFC 2409 §6.2, RFC 3526, RFC 5903
package enum DiffieHellmanGroup: UInt16, Hashable, Sendable, CaseIterable {
    case modp1024 = 2
    case modp1536 = 5
    case modp2048 = 14
    case modp3072 = 15
    case modp4096 = 16
    case modp6144 = 17
    case modp8192 = 18
    case ecp256 = 19
    case ecp384 = 20
    case ecp521 = 21

    /// Bytes of a public value on the wire: of the modulus, or of both coordinates of the point.
    package var publicValueLength: Int {
        switch family {
        case .modp(let bits): bits / 8
        case .ecp(let coordinateLength): 2 * coordinateLength
        }
    }

    /// Bytes of g^xy: of the modulus, or of the x coordinate alone.
    package var sharedSecretLength: Int {
        switch family {
        case .modp(let bits): bits / 8
        case .ecp(let coordinateLength): coordinateLength
        }
    }

    /// p of a MODP group, big-endian; `nil` for a curve, or if libcrypto is configured without the group.
    package var modulus: [UInt8]? {
        guard case .modp = family, let parameters = try? GroupParameters.of(self) else { return nil }
        return parameters.modulus
    }

    enum Family: Hashable {
        case modp(bits: Int)
        case ecp(coordinateLength: Int)
    }

    var family: Family {
        switch self {
        case .modp1024: .modp(bits: 1024)
        case .modp1536: .modp(bits: 1536)
        case .modp2048: .modp(bits: 2048)
        case .modp3072: .modp(bits: 3072)
        case .modp4096: .modp(bits: 4096)
        case .modp6144: .modp(bits: 6144)
        case .modp8192: .modp(bits: 8192)
        case .ecp256: .ecp(coordinateLength: 32)
        case .ecp384: .ecp(coordinateLength: 48)
        case .ecp521: .ecp(coordinateLength: 66)
        }
    }

    /// libcrypto's name; `nil` for group 2, which it no longer has one for.
    var name: StaticString? {
        switch self {
        case .modp1024: nil
        case .modp1536: "modp_1536"
        case .modp2048: "modp_2048"
        case .modp3072: "modp_3072"
        case .modp4096: "modp_4096"
        case .modp6144: "modp_6144"
        case .modp8192: "modp_8192"
        case .ecp256: "P-256"
        case .ecp384: "P-384"
        case .ecp521: "P-521"
        }
    }
}
