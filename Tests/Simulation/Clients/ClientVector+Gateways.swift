// SPDX-License-Identifier: Apache-2.0
internal import IKE

/// Routers that dial.
extension ClientVector {
    static var gatewayFamily: [ClientVector] { [routerOS, softEther] }

    /// With its own default profile and proposal: quick mode has a key exchange in group 2.
    package static let routerOS: ClientVector = {
        var phase1 = PhaseOne(
            offers: [
                Dialect.racoon.phase1(
                    [
                        IKESuite(.aes128, .sha1, .modp2048), IKESuite(.aes128, .sha1, .modp1024),
                        IKESuite(.tripleDES, .sha1, .modp2048), IKESuite(.tripleDES, .sha1, .modp1024),
                    ],
                    seconds: 86_400
                )
            ],
            vendorIDs: [AnnouncedVendorID.rfc3947, AnnouncedVendorID.xauth, AnnouncedVendorID.deadPeerDetection]
        )
        phase1.identity = .privateAddress(protocolNumber: 17, port: 500)
        var phase2 = PhaseTwo(
            offer: Dialect.racoon.phase2(ESPSuite.all([.aes256, .aes192, .aes128], [.sha1]), seconds: 1800)
        )
        phase2.keyExchange = .group(.modp1024)
        return ClientVector(
            name: "routeros",
            title: "RouterOS",
            client: .routerOS,
            phase1: phase1,
            phase2: phase2,
            tunnel: .routerOS,
            link: .routerOS,
            inferred: [
                "The order of the IKE transforms, by cipher first, and of the attributes in each is supposed.",
                "That RFC 3947 is announced follows from its settings; the order of the vendor ids is not known.",
                "The form of the identities, the lengths of the nonces and the NAT-OA payloads are supposed.",
            ] + Tunnel.routerOSInferred + Link.routerOSInferred
        )
    }()

    /// A gateway itself, which is a peer in tests; it dials nobody by L2TP.
    package static let softEther: ClientVector = {
        let phase1 = PhaseOne(
            offers: [
                Dialect.racoon.phase1(
                    [IKESuite(.aes256, .sha1, .modp2048), IKESuite(.tripleDES, .sha1, .modp1024)],
                    seconds: 28_800
                )
            ],
            vendorIDs: [
                AnnouncedVendorID.rfc3947, AnnouncedVendorID.draft03, AnnouncedVendorID.draft02Newline,
                AnnouncedVendorID.draft02, AnnouncedVendorID.draft00, AnnouncedVendorID.deadPeerDetection,
            ]
        )
        let phase2 = PhaseTwo(
            offer: Dialect.racoon.phase2(ESPSuite.all([.aes256, .aes128, .tripleDES], [.sha1, .md5]), seconds: 3600)
        )
        return ClientVector(
            name: "softether",
            title: "SoftEther",
            client: .softEther,
            phase1: phase1,
            phase2: phase2,
            tunnel: .softEther,
            link: .softEther,
            inferred: [
                "SoftEther answers and does not dial: only its vendor ids and the length of its nonces are known, and"
                    + " that it has no SHA-2 in quick mode. Both lists and the identities are supposed."
            ] + Tunnel.softEtherInferred + Link.softEtherInferred
        )
    }()
}
