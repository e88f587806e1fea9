// SPDX-License-Identifier: Apache-2.0
package import IKE

/// Windows has main mode and SHA-1 only, names its private address, protects port 1701 on both sides, and knows no dead
/// peer detection.
extension ClientVector {
    static var windowsFamily: [ClientVector] { [windowsXP, windows7, windows10, windows11] }

    package static let windows11: ClientVector = {
        var vector = windows10
        vector.name = "windows11"
        vector.title = "Windows 11"
        vector.inferred.append(
            "All of it is that of Windows 10: logs of Windows 11 show how it behaves, not its lists."
        )
        return vector
    }()

    /// 8 and 8.1 too.
    package static let windows10 = windows(
        name: "windows10",
        title: "Windows 10",
        client: .windows,
        vendorIDs: [AnnouncedVendorID.keyModes, AnnouncedVendorID.microsoft(9)] + sinceVista,
        offer: WindowsOffer.phase1,
        esp: WindowsOffer.encryptionOptional,
        inferred: [
            "The order of the five IKE transforms is put together from two logs; the size of the message agrees.",
            "Of the five ESP proposals one, AES 256, was seen; the others fit the size of the message, 444 bytes.",
        ]
    )

    /// And Server 2008 R2.
    package static let windows7 = windows(
        name: "windows7",
        title: "Windows 7",
        client: .windows7,
        vendorIDs: [AnnouncedVendorID.microsoft(8)] + sinceVista,
        offer: WindowsOffer.phase1,
        esp: WindowsOffer.esp([.aes128, .tripleDES, .des]),
        inferred: [
            "The IKE transforms are those of Windows 10: logs show the vendor ids only.",
            "That the log of the three ESP proposals is of Windows 7 follows from the vendor ids in it.",
        ]
    )

    /// And 2000.
    package static let windowsXP: ClientVector = {
        var vector = windows(
            name: "windows-xp",
            title: "Windows XP",
            client: .windowsXP,
            vendorIDs: [
                AnnouncedVendorID.microsoft(4), AnnouncedVendorID.fragmentation, AnnouncedVendorID.draft02Newline,
                AnnouncedVendorID.initialContact,
            ],
            offer: Dialect.windows.phase1(
                [
                    IKESuite(.tripleDES, .sha1, .modp2048), IKESuite(.tripleDES, .sha1, .modp1024),
                    IKESuite(.tripleDES, .md5, .modp1024), IKESuite(.des, .sha1, .modp768),
                    IKESuite(.des, .md5, .modp768),
                ],
                seconds: 28_800
            ),
            esp: Dialect.windows.phase2(
                [ESPSuite(.tripleDES, .sha1), ESPSuite(.tripleDES, .md5), ESPSuite(.des, .sha1)],
                seconds: 3600,
                kilobytes: 250_000
            ),
            inferred: [
                "Of the IKE transforms the two of 3DES with SHA-1 were seen; the three after them are supposed.",
                "The ESP proposals after 3DES with SHA-1, and the lifetimes, are supposed.",
                "The lengths of the nonces and the number of NAT-OA payloads are supposed.",
            ]
        )
        vector.link = .windowsXP
        vector.inferred += Link.windowsXPInferred
        vector.phase1.nonceLength = 20
        vector.phase2.nonceLength = 20
        vector.phase2.originalAddresses = 1
        return vector
    }()

    private static let sinceVista: [[UInt8]] = [
        AnnouncedVendorID.rfc3947, AnnouncedVendorID.draft02Newline, AnnouncedVendorID.fragmentation,
        AnnouncedVendorID.negotiationDiscovery, AnnouncedVendorID.initialContact, AnnouncedVendorID.cga,
    ]

    private static func windows(
        name: String,
        title: String,
        client: Client,
        vendorIDs: [[UInt8]],
        offer: IKEv1.SAPayload,
        esp: IKEv1.SAPayload,
        inferred: [String]
    ) -> ClientVector {
        var phase1 = PhaseOne(offers: [offer], vendorIDs: vendorIDs)
        phase1.nonceLength = 48
        phase1.dialsGatewayBehindNAT = false
        phase1.identity = .privateAddress(protocolNumber: 0, port: 0)
        var phase2 = PhaseTwo(offer: esp)
        phase2.nonceLength = 48
        phase2.countsMessageIDs = true
        phase2.impatience = Impatience(retriesEvery: .seconds(7), givesUpAfter: .seconds(35))
        return ClientVector(
            name: name,
            title: title,
            client: client,
            phase1: phase1,
            phase2: phase2,
            tunnel: .windows,
            link: .windows,
            inferred: inferred + [
                "The order of the attributes of a transform is supposed.",
                "That the identity of phase 1 names neither protocol nor port is supposed.",
                "The nonce of quick mode is as long as that of phase 1; the sizes of the messages agree.",
                "It gives up after 35 s; that it tries every 7 s until then follows from five tries in a log.",
            ] + Tunnel.windowsInferred + Link.windowsInferred
        )
    }
}

/// What Windows offers, by the data encryption that the connection is set to.
package enum WindowsOffer {
    static let phase1 = Dialect.windows.phase1(
        [
            IKESuite(.aes256, .sha1, .ecp384), IKESuite(.aes128, .sha1, .ecp256), IKESuite(.aes256, .sha1, .modp2048),
            IKESuite(.tripleDES, .sha1, .modp2048), IKESuite(.tripleDES, .sha1, .modp1024),
        ],
        seconds: 28_800
    )

    /// 444 bytes of quick mode behind a NAT.
    package static let encryptionOptional = esp([.aes256, .aes128, .tripleDES, .des, .null])
    /// 316 bytes of quick mode without a NAT.
    package static let encryptionRequired = esp([.aes256, .aes128, .tripleDES])

    static func esp(_ ciphers: [ESPSuite.Cipher]) -> IKEv1.SAPayload {
        Dialect.windows.phase2(ESPSuite.all(ciphers, [.sha1]), seconds: 3600, kilobytes: 250_000)
    }
}
