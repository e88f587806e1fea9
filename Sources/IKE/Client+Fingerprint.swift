// SPDX-License-Identifier: Apache-2.0

/// What tells a client: vendor ids first, as they cost nothing, then the order and the number of its transforms.
extension Client {
    /// - Parameters:
    ///   - vendorIDs: Of message 1.
    ///   - offer: Its SA payload.
    package init(vendorIDs: VendorIDs, offer: IKEv1.SAPayload) {
        // "MS NT5 ISAKMPOAKLEY", whose version is 3 or 4 with 2000 and XP, 7 or 8 with 7, 9 since 8; KEY_MODS comes
        // since 8. Read in the logs of several gateways.
        if vendorIDs.contains(.microsoft) {
            let isNew = vendorIDs.contains(.keyMods) || vendorIDs.contains(.microsoftFrom9)
            self = isNew ? .windows : vendorIDs.contains(.microsoftTo4) ? .windowsXP : .windows7
            return
        }
        let shape = OfferShape(offer)
        // Apple's racoon announces the NAT traversal draft without a number, and nobody else does. Before OS X 10.11 it
        // had no SHA-2 and no group but 2; since then there is SHA-2 in each of its offers, that of the second try in
        // aggressive mode included. Read in Apple's sources of ppp and ipsec.
        if vendorIDs.contains(.draft) {
            self = shape.hasSHA2 || !shape.hasGroup2Only ? .apple : .appleOld
            return
        }
        // Android's racoon: read in setup.c of its branches.
        if vendorIDs.isSuperset(of: [.rfc3947, .draft02, .draft02Newline, .draft00, .fragmentation, .deadPeerDetection]
        ),
            shape.hasGroup2Only
        {
            self = Self.android(shape)
            return
        }
        // The lists of NetworkManager-l2tp, whichever daemon sends them: read in nm-l2tp-service.c and its README.
        if shape.transforms == OfferShape.networkManager || shape.transforms == OfferShape.networkManagerWithoutGroup2 {
            self = .networkManager
            return
        }
        if vendorIDs.contains(.libreswan) {
            self = .libreswan
            return
        }
        // The default profile of RouterOS. XAUTH and DPD were seen in a log; the order on the wire was not.
        if vendorIDs.isSuperset(of: [.xauth, .deadPeerDetection]),
            shape.transforms.count == OfferShape.routerOS.count, Set(shape.transforms) == OfferShape.routerOS
        {
            self = .routerOS
            return
        }
        // strongSwan's charon as initiator; ChromeOS begins with a list of its own: read in ipsec_connection.cc of shill,
        // behind it comes what its strongSwan has as default.
        if vendorIDs.isSuperset(of: [.xauth, .deadPeerDetection, .fragmentation, .rfc3947, .draft02Newline]) {
            self = shape.transforms.starts(with: OfferShape.chromeOS) ? .chromeOS : .strongSwan
            return
        }
        // SoftEther's vendor ids as responder, read in Proto_IKE.c; that it sends them as initiator too is supposed.
        self =
            vendorIDs == [.rfc3947, .draft03, .draft02Newline, .draft02, .draft00, .deadPeerDetection]
            ? .softEther : .unknown
    }

    /// The one that cuts SHA2-256 short has to be as in its source to the last transform; for the others nothing hangs
    /// on it.
    private static func android(_ shape: OfferShape) -> Client {
        if shape.transforms == OfferShape.android6 { return .android6 }
        if shape.hasSHA2 { return .android7 }
        switch shape.transforms.first?.cipher {
        case OfferShape.aes where shape.transforms.first?.keyLength == 256: return .android4
        case OfferShape.tripleDES: return .android2
        default: return .unknown
        }
    }
}

/// A phase 1 offer in the numbers of RFC 2409 Appendix A, known to us or not; lifetimes and the method of
/// authentication do not count.
struct OfferShape {
    struct Transform: Hashable {
        var cipher: UInt64
        /// 0 without the attribute.
        var keyLength: UInt64
        var hash: UInt64
        var group: UInt64

        init(_ cipher: UInt64, _ keyLength: UInt64, _ hash: UInt64, _ group: UInt64) {
            self.cipher = cipher
            self.keyLength = keyLength
            self.hash = hash
            self.group = group
        }

        init(_ transform: IKEv1.Transform) {
            self.init(0, 0, 0, 0)
            for attribute in transform.attributes {
                guard let number = attribute.number else { continue }
                switch attribute.type {
                case IKEv1.IKEAttribute.encryption: cipher = number
                case IKEv1.IKEAttribute.keyLength: keyLength = number
                case IKEv1.IKEAttribute.hash: hash = number
                case IKEv1.IKEAttribute.group: group = number
                default: break
                }
            }
        }
    }

    /// In the peer's order.
    let transforms: [Transform]

    init(_ offer: IKEv1.SAPayload) {
        transforms = offer.proposals.flatMap { $0.transforms.map(Transform.init) }
    }

    var hasGroup2Only: Bool { transforms.allSatisfy { $0.group == 2 } }
    var hasSHA2: Bool { transforms.contains { (Self.sha256...Self.sha512).contains($0.hash) } }

    static let des: UInt64 = 1
    static let tripleDES: UInt64 = 5
    static let aes: UInt64 = 7
    static let md5: UInt64 = 1
    static let sha1: UInt64 = 2
    static let sha256: UInt64 = 4
    static let sha512: UInt64 = 6

    /// 6.0 to 7.1.1.
    static let android6: [Transform] = [(aes, 256), (aes, 128), (tripleDES, 0), (des, 0)].flatMap { cipher in
        [sha256, sha1, md5].map { Transform(cipher.0, cipher.1, $0, 2) }
    }

    static let routerOS: Set<Transform> = [
        Transform(aes, 128, sha1, 14), Transform(aes, 128, sha1, 2), Transform(tripleDES, 0, sha1, 14),
        Transform(tripleDES, 0, sha1, 2),
    ]

    /// aes128-sha256-modp3072, aes128-sha1-modp2048, 3des-sha1-modp1536, 3des-sha1-modp1024.
    static let chromeOS = [
        Transform(aes, 128, sha256, 15), Transform(aes, 128, sha1, 14), Transform(tripleDES, 0, sha1, 5),
        Transform(tripleDES, 0, sha1, 2),
    ]

    static let networkManager = [
        Transform(aes, 256, sha256, 14), Transform(aes, 256, sha256, 5), Transform(aes, 256, sha256, 2),
        Transform(aes, 256, sha1, 14), Transform(aes, 256, sha1, 5), Transform(aes, 256, sha1, 2),
        Transform(aes, 256, sha1, 20), Transform(aes, 128, sha1, 2), Transform(aes, 128, sha1, 19),
        Transform(tripleDES, 0, sha1, 14), Transform(tripleDES, 0, sha1, 2),
    ]

    /// Of builds of libreswan that have no group 2.
    static let networkManagerWithoutGroup2 = networkManager.filter { $0.group != 2 }
}
