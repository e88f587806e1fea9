// SPDX-License-Identifier: Apache-2.0
internal import IKE

/// macOS and iOS share their code: racoon with an L2TP plug-in, which asks for a port of its own.
extension ClientVector {
    static var appleFamily: [ClientVector] { [macos, macosOld, ios, iosOld, macosGroup, iosGroup] }

    /// Since 11.
    package static let macos = apple(
        name: "macos",
        title: "macOS 11 and later",
        client: .apple,
        offers: [AppleOffer.phase1(AppleOffer.all)],
        integrities: [.sha256, .sha1, .md5],
        inferred: ["Which release of the source is in which macOS is supposed."]
    )

    /// Group 2 only, and no SHA-2.
    package static let macosOld = apple(
        name: "macos-old",
        title: "OS X 10.10 and before",
        client: .appleOld,
        offers: [
            AppleOffer.phase1(IKESuite.all([.aes256, .aes128, .tripleDES], [.sha1, .md5], .modp1024))
        ],
        integrities: [.sha1, .md5],
        inferred: ["Which release of the source is in which OS X is supposed."]
    )

    /// Since 14.
    package static let ios = asIOS(macos, name: "ios", title: "iOS 14 and later")

    package static let iosOld = asIOS(macosOld, name: "ios-old", title: "iOS 8 and before")

    /// With a Group Name: group 14 first, group 2 if that fails.
    package static let macosGroup: ClientVector = {
        var vector = apple(
            name: "macos-group",
            title: "macOS 11 and later with a group name",
            client: .apple,
            offers: [AppleOffer.phase1(AppleOffer.all.prefix(4)), AppleOffer.phase1(AppleOffer.all.suffix(7))],
            integrities: [.sha256, .sha1, .md5],
            inferred: ["Which release of the source is in which macOS is supposed."]
        )
        vector.phase1.groupName = "staff"
        vector.phase1.identity = .keyID(Array("staff".utf8))
        return vector
    }()

    package static let iosGroup = asIOS(macosGroup, name: "ios-group", title: "iOS 14 and later with a group name")

    private static func asIOS(_ macos: ClientVector, name: String, title: String) -> ClientVector {
        var vector = macos
        vector.name = name
        vector.title = title
        vector.inferred.append("All of it is that of macOS: the code is the same, a listing of iOS was not found.")
        return vector
    }

    private static func apple(
        name: String,
        title: String,
        client: Client,
        offers: [IKEv1.SAPayload],
        integrities: [ESPSuite.Integrity],
        inferred: [String]
    ) -> ClientVector {
        var phase1 = PhaseOne(
            offers: offers,
            vendorIDs: [
                AnnouncedVendorID.rfc3947, AnnouncedVendorID.draftApple, AnnouncedVendorID.draft08,
                AnnouncedVendorID.draft07, AnnouncedVendorID.draft06, AnnouncedVendorID.draft05,
                AnnouncedVendorID.draft04, AnnouncedVendorID.draft03, AnnouncedVendorID.draft02,
                AnnouncedVendorID.draft02Newline, AnnouncedVendorID.fragmentationWithCapabilities,
                AnnouncedVendorID.deadPeerDetection,
            ]
        )
        phase1.announcesItselfAfterwards = true
        var phase2 = PhaseTwo(
            offer: Dialect.racoon.phase2(
                ESPSuite.all([.aes256, .aes128, .tripleDES], integrities),
                seconds: 3600
            )
        )
        phase2.trafficPort = .ephemeral
        phase2.keepsFormerPair = true
        return ClientVector(
            name: name,
            title: title,
            client: client,
            phase1: phase1,
            phase2: phase2,
            tunnel: .apple,
            link: .apple,
            inferred: inferred + [
                "The order of the attributes of an ESP transform is supposed.",
                "The nonce of quick mode is as long as that of phase 1.",
                "That a rekeying leaves the former pair to its own end is supposed.",
            ] + Tunnel.appleInferred + Link.appleInferred
        )
    }
}

/// Transforms 1 to 4 are those of group 14, 8 to 14 those of group 2.
enum AppleOffer {
    static let all =
        IKESuite.all([.aes256], [.sha256, .sha1, .md5, .sha512], .modp2048)
        + IKESuite.all([.aes256], [.sha256, .sha1, .md5], .modp1536)
        + IKESuite.all([.aes256], [.sha256, .sha1, .md5], .modp1024)
        + IKESuite.all([.aes128, .tripleDES], [.sha1, .md5], .modp1024)

    static func phase1(_ suites: some Sequence<IKESuite>) -> IKEv1.SAPayload {
        Dialect.racoon.phase1(Array(suites), seconds: 3600)
    }
}
