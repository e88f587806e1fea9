// SPDX-License-Identifier: Apache-2.0
internal import IKE

/// Android up to 11: racoon and mtpd. Group 2 only; quick mode is for any port, and has no NAT-OA.
extension ClientVector {
    static var androidFamily: [ClientVector] { [android2, android4, android6, android7, android7Group] }

    package static let android2 = android(
        name: "android2",
        title: "Android 2",
        client: .android2,
        ike: IKESuite.all([.tripleDES, .des, .aes128], [.sha1, .md5], .modp1024),
        esp: ESPSuite.all([.tripleDES, .des, .aes128], [.sha1, .md5])
    )

    package static let android4 = android(
        name: "android4",
        title: "Android 4 and 5",
        client: .android4,
        ike: IKESuite.all([.aes256, .aes128, .tripleDES, .des], [.sha1, .md5], .modp1024),
        esp: ESPSuite.all([.aes256, .aes128, .tripleDES, .des], [.sha1, .md5])
    )

    /// Its kernel cuts HMAC-SHA2-256 to 96 bits.
    package static let android6: ClientVector = {
        var vector = android(
            name: "android6",
            title: "Android 6 to 7.1.1",
            client: .android6,
            ike: IKESuite.all([.aes256, .aes128, .tripleDES, .des], [.sha256, .sha1, .md5], .modp1024),
            esp: ESPSuite.all([.aes256, .aes128, .tripleDES, .des], [.sha256, .sha1, .md5])
        )
        vector.phase2.truncatesSHA256To96 = true
        return vector
    }()

    /// With a kernel that has SHA-384 and SHA-512 for ESP.
    package static let android7 = android(
        name: "android7",
        title: "Android 7.1.2 to 11",
        client: .android7,
        ike: IKESuite.all([.aes256], [.sha384, .sha256, .sha512, .sha1, .md5], .modp1024)
            + IKESuite.all([.aes128], [.sha512, .sha384, .sha256, .sha1, .md5], .modp1024)
            + IKESuite.all([.tripleDES, .des], [.sha256, .sha1, .md5], .modp1024),
        esp: ESPSuite.all([.aes256, .aes128, .tripleDES, .des], [.sha512, .sha384, .sha1, .sha256, .md5])
    )

    /// With an IPsec identifier.
    package static let android7Group: ClientVector = {
        var vector = android7
        vector.name = "android7-group"
        vector.title = "Android 7.1.2 to 11 with an IPsec identifier"
        vector.phase1.groupName = "staff"
        vector.phase1.identity = .keyID(Array("staff".utf8))
        return vector
    }()

    private static func android(
        name: String,
        title: String,
        client: Client,
        ike: [IKESuite],
        esp: [ESPSuite]
    ) -> ClientVector {
        var phase1 = PhaseOne(
            offers: [Dialect.racoon.phase1(ike, seconds: 28_800)],
            vendorIDs: [
                AnnouncedVendorID.rfc3947, AnnouncedVendorID.draft02, AnnouncedVendorID.draft02Newline,
                AnnouncedVendorID.draft00, AnnouncedVendorID.fragmentationWithCapabilities,
                AnnouncedVendorID.deadPeerDetection,
            ]
        )
        phase1.announcesItselfAfterwards = true
        phase1.repeatsEvery = .seconds(3)
        phase1.mostRepeats = 10
        var phase2 = PhaseTwo(offer: Dialect.racoon.phase2(esp, seconds: 28_800))
        phase2.trafficPort = .any
        phase2.originalAddresses = 0
        return ClientVector(
            name: name,
            title: title,
            client: client,
            phase1: phase1,
            phase2: phase2,
            tunnel: .android,
            link: .android,
            inferred: [
                "The order of the attributes of a transform is that of Apple's racoon.",
                "The nonces have the 16 bytes that racoon has without a setting.",
                "What makers of telephones have changed is not known.",
            ] + Tunnel.androidInferred + Link.androidInferred
        )
    }
}
