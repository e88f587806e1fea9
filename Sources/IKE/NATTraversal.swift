// SPDX-License-Identifier: Apache-2.0
package import Cryptography
package import Primitives

/// How NAT traversal is spoken: the standard, or the drafts before it that clients still use. They differ
/// in numbers only.
///
/// - SeeAlso: RFC 3947
package enum NATTraversal: Hashable, Sendable, Comparable, CaseIterable {
    case draft02
    /// As ``draft02``; its vendor id is the hash of a name with a newline at its end.
    case draft02Newline
    case draft03
    case rfc3947

    package var vendorID: [UInt8] {
        switch self {
        case .rfc3947: VendorID.rfc3947
        case .draft03: VendorID.natTraversalDraft03
        case .draft02Newline: VendorID.natTraversalDraft02Newline
        case .draft02: VendorID.natTraversalDraft02
        }
    }

    package var discoveryPayload: PayloadType { self == .rfc3947 ? .natDiscovery : .natDiscoveryDraft }
    package var originalAddressPayload: PayloadType {
        self == .rfc3947 ? .natOriginalAddress : .natOriginalAddressDraft
    }

    /// The best one a peer announced.
    package init?(announced vendorIDs: [ArraySlice<UInt8>]) {
        let spoken = Self.allCases.filter { candidate in vendorIDs.contains { $0.elementsEqual(candidate.vendorID) } }
        guard let best = spoken.max() else { return nil }
        self = best
    }

    /// More NAT-D payloads than this are not looked at.
    package static let mostDiscoveryPayloads = 10

    /// HASH(CKY-I | CKY-R | IP | Port).
    ///
    /// - SeeAlso: RFC 3947 §3.2
    package static func discoveryHash(
        _ hash: HashAlgorithm,
        cookies: IKEv1.CookiePair,
        address: SocketAddress
    ) -> [UInt8] {
        let port = [UInt8(truncatingIfNeeded: address.port >> 8), UInt8(truncatingIfNeeded: address.port)]
        return Hash.digest(hash, cookies.bytes, address.address.bytes, port)
    }
}

/// Where NATs were found between the two ends.
package struct NATFinding: Hashable, Sendable {
    package var isLocalBehindNAT = false
    package var isPeerBehindNAT = false

    package init() {}

    /// Compares the peer's NAT-D payloads with the addresses of the packet they came in.
    ///
    /// - Parameter payloads: First what the peer knows us by, then every address it may itself have. Fewer
    ///   than two are no NAT discovery.
    /// - SeeAlso: RFC 3947 §3.2
    package init?(
        payloads: [ArraySlice<UInt8>],
        hash: HashAlgorithm,
        cookies: IKEv1.CookiePair,
        local: SocketAddress,
        peer: SocketAddress
    ) {
        guard payloads.count >= 2, let ours = payloads.first else { return nil }
        let localHash = NATTraversal.discoveryHash(hash, cookies: cookies, address: local)
        let peerHash = NATTraversal.discoveryHash(hash, cookies: cookies, address: peer)
        isLocalBehindNAT = !ours.elementsEqual(localHash)
        let theirs = payloads.dropFirst().prefix(NATTraversal.mostDiscoveryPayloads)
        isPeerBehindNAT = !theirs.contains { $0.elementsEqual(peerHash) }
    }

    package var isAny: Bool { isLocalBehindNAT || isPeerBehindNAT }
}

/// Our half of NAT discovery.
///
/// Windows does not dial a gateway that it finds behind a NAT, unless its registry says so. It knows the gateway by one
/// address only, and has told us the hash of that: with this hash for our own address it finds no NAT. But ours is
/// there, and ESP in IP does not pass it; so if the client has none before it that makes it encapsulate, it is told of
/// one.
///
/// - SeeAlso: RFC 3947 §3.2
package struct NATDiscoveryAnswer: Sendable {
    /// Bodies of the payloads: first about the peer's address, then about ours.
    package let hashes: [[UInt8]]
    /// What is not by the book, or should not be.
    package let event: NATTraversalEvent?

    /// - Parameter payloads: The peer's, from which the finding is.
    package init(
        to payloads: [ArraySlice<UInt8>],
        _ finding: NATFinding,
        from client: Client,
        _ profile: Profile,
        hash: HashAlgorithm,
        cookies: IKEv1.CookiePair,
        local: SocketAddress,
        peer: SocketAddress,
        entropy: any EntropySource
    ) {
        let truth = [peer, local].map { NATTraversal.discoveryHash(hash, cookies: cookies, address: $0) }
        guard client.isMicrosoft, finding.isLocalBehindNAT, let known = payloads.first,
            known.count == hash.digestLength
        else {
            hashes = truth
            event = nil
            return
        }
        guard profile.concealsNAT else {
            hashes = truth
            event = .shown(profile: profile.name)
            return
        }
        hashes = [finding.isPeerBehindNAT ? truth[0] : entropy.bytes(hash.digestLength), Array(known)]
        event = .concealed(isEncapsulationForced: !finding.isPeerBehindNAT)
    }
}
