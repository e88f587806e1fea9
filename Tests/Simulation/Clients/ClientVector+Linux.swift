// SPDX-License-Identifier: Apache-2.0
internal import IKE

/// ChromeOS, desktops with NetworkManager-l2tp, and strongSwan by itself.
extension ClientVector {
    static var linuxFamily: [ClientVector] {
        [chromeOS, chromeOSGroup, networkManager, networkManagerLibreswan, strongSwan]
    }

    package static let chromeOS = linux(
        name: "chromeos",
        title: "ChromeOS",
        client: .chromeOS,
        vendorIDs: strongSwanVendorIDs,
        ike: Dialect.strongSwan.phase1(
            [
                IKESuite(.aes128, .sha256, .modp3072), IKESuite(.aes128, .sha1, .modp2048),
                IKESuite(.tripleDES, .sha1, .modp1536), IKESuite(.tripleDES, .sha1, .modp1024),
            ],
            seconds: 15_840
        ),
        esp: Dialect.strongSwan.phase2(
            [
                ESPSuite(.aes128GCM, nil), ESPSuite(.aes128, .sha256), ESPSuite(.aes128, .sha1),
                ESPSuite(.tripleDES, .sha1), ESPSuite(.tripleDES, .md5),
            ],
            seconds: 3960
        ),
        inferred: [
            "What `default` at the end of both lists adds depends on the build of strongSwan and is left out.",
            "The lifetimes are strongSwan's own for swanctl: 4 h and 1 h, and a tenth more.",
            "Other revisions of the source may differ.",
        ] + ofStrongSwan
    )

    /// With a tunnel group.
    package static let chromeOSGroup: ClientVector = {
        var vector = chromeOS
        vector.name = "chromeos-group"
        vector.title = "ChromeOS with a tunnel group"
        vector.phase1.groupName = "staff"
        vector.phase1.identity = .keyID(Array("staff".utf8))
        return vector
    }()

    /// Over strongSwan.
    package static let networkManager = linux(
        name: "networkmanager",
        title: "NetworkManager-l2tp with strongSwan",
        client: .networkManager,
        vendorIDs: strongSwanVendorIDs,
        ike: Dialect.strongSwan.phase1(networkManagerSuites, seconds: 10_800),
        esp: Dialect.strongSwan.phase2(
            ESPSuite.all([.aes256, .aes128, .tripleDES], [.sha1]),
            seconds: 3600
        ),
        inferred: ["The lifetimes are strongSwan's own for ipsec.conf: 3 h and 1 h."] + ofStrongSwan
    )

    /// Over libreswan, which has perfect forward secrecy unless told otherwise.
    package static let networkManagerLibreswan: ClientVector = {
        var vector = linux(
            name: "networkmanager-libreswan",
            title: "NetworkManager-l2tp with libreswan",
            client: .networkManager,
            vendorIDs: [
                AnnouncedVendorID.fragmentation, AnnouncedVendorID.deadPeerDetection, AnnouncedVendorID.rfc3947,
                AnnouncedVendorID.draft03, AnnouncedVendorID.draft02Newline, AnnouncedVendorID.draft02,
            ],
            ike: Dialect.libreswan.phase1(networkManagerSuites, seconds: 28_800),
            esp: Dialect.libreswan.phase2(
                ESPSuite.all([.aes256, .aes128, .tripleDES], [.sha1]),
                seconds: 28_800
            ),
            inferred: [
                "The vendor ids, the lengths of the nonces and the form of the identities are supposed.",
                "The lifetimes are libreswan's own: 8 h and 8 h.",
                "The order of the attributes of a transform is supposed.",
                "That the group of quick mode is that of phase 1 is supposed.",
            ]
        )
        vector.phase2.keyExchange = .asInPhaseOne
        return vector
    }()

    package static let strongSwan = linux(
        name: "strongswan",
        title: "strongSwan",
        client: .strongSwan,
        vendorIDs: strongSwanVendorIDs,
        ike: Dialect.strongSwan.phase1([IKESuite(.aes128, .sha256, .modp3072)], seconds: 15_840),
        esp: Dialect.strongSwan.phase2([ESPSuite(.aes128, .sha256)], seconds: 3960),
        inferred: [
            "Both lists are whatever its configuration says: this is one proposal such as it has without any.",
            "The lifetimes are its own for swanctl: 4 h and 1 h, and a tenth more.",
        ] + ofStrongSwan
    )

    private static let networkManagerSuites: [IKESuite] = [
        IKESuite(.aes256, .sha256, .modp2048), IKESuite(.aes256, .sha256, .modp1536),
        IKESuite(.aes256, .sha256, .modp1024), IKESuite(.aes256, .sha1, .modp2048),
        IKESuite(.aes256, .sha1, .modp1536), IKESuite(.aes256, .sha1, .modp1024), IKESuite(.aes256, .sha1, .ecp384),
        IKESuite(.aes128, .sha1, .modp1024), IKESuite(.aes128, .sha1, .ecp256), IKESuite(.tripleDES, .sha1, .modp2048),
        IKESuite(.tripleDES, .sha1, .modp1024),
    ]

    private static let strongSwanVendorIDs: [[UInt8]] = [
        AnnouncedVendorID.xauth, AnnouncedVendorID.deadPeerDetection, AnnouncedVendorID.fragmentationWithCapabilities,
        AnnouncedVendorID.rfc3947, AnnouncedVendorID.draft02Newline,
    ]

    private static let ofStrongSwan = [
        "The order of the attributes of a transform and the lengths of the nonces are supposed.",
        "That the identity of phase 1 is the private address, without protocol and port, is supposed.",
        "That all transforms stand in one proposal is supposed.",
    ]

    private static func linux(
        name: String,
        title: String,
        client: Client,
        vendorIDs: [[UInt8]],
        ike: IKEv1.SAPayload,
        esp: IKEv1.SAPayload,
        inferred: [String]
    ) -> ClientVector {
        var phase1 = PhaseOne(offers: [ike], vendorIDs: vendorIDs)
        phase1.nonceLength = 32
        phase1.identity = .privateAddress(protocolNumber: 0, port: 0)
        var phase2 = PhaseTwo(offer: esp)
        phase2.nonceLength = 32
        return ClientVector(
            name: name,
            title: title,
            client: client,
            phase1: phase1,
            phase2: phase2,
            tunnel: .strongSwan,
            link: .strongSwan,
            inferred: inferred + Tunnel.strongSwanInferred + Link.strongSwanInferred
        )
    }
}
