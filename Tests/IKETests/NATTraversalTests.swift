// SPDX-License-Identifier: Apache-2.0
import Cryptography
import IKE
import Primitives
import Testing

struct NATTraversalTests {
    static let cookies = IKEv1.CookiePair(
        initiator: Cookie(rawValue: 0x0102_0304_0506_0708),
        responder: Cookie(rawValue: 0x1112_1314_1516_1718)
    )

    @Test(arguments: [
        ("RFC 3947", VendorID.rfc3947), ("draft-ietf-ipsec-nat-t-ike-03", VendorID.natTraversalDraft03),
        ("draft-ietf-ipsec-nat-t-ike-02", VendorID.natTraversalDraft02),
        ("draft-ietf-ipsec-nat-t-ike-02\n", VendorID.natTraversalDraft02Newline),
    ])
    func vendorIDsAreTheDigestsOfTheirNames(_ name: String, _ vendorID: [UInt8]) {
        #expect(Hash.digest(.md5, Array(name.utf8)) == vendorID)
    }

    @Test func theBestAnnouncedVariantIsSpoken() {
        let all = NATTraversal.allCases.map { $0.vendorID[...] }
        #expect(NATTraversal(announced: all) == .rfc3947)
        #expect(
            NATTraversal(announced: [VendorID.natTraversalDraft02[...], VendorID.natTraversalDraft03[...]]) == .draft03
        )
        #expect(NATTraversal(announced: [VendorID.natTraversalDraft02Newline[...]]) == .draft02Newline)
        #expect(NATTraversal(announced: [VendorID.deadPeerDetection[...], VendorID.rfc3947[..<15], []]) == nil)
    }

    @Test func theHashIsThatOfTheStandard() {
        let expected = Hash.digest(
            .sha1,
            hex("0102030405060708 1112131415161718 C0000201 01F4")
        )
        #expect(NATTraversal.discoveryHash(.sha1, cookies: Self.cookies, address: gateway) == expected)
    }

    struct Case: Sendable {
        var peerSeesGatewayAs: SocketAddress
        var peerSeesItselfAs: [SocketAddress]
        var isLocalBehindNAT: Bool
        var isPeerBehindNAT: Bool
    }

    static let inside = SocketAddress(.v4(0xC0A8_0105), port: 500)

    @Test(arguments: [
        Case(peerSeesGatewayAs: gateway, peerSeesItselfAs: [client], isLocalBehindNAT: false, isPeerBehindNAT: false),
        Case(peerSeesGatewayAs: gateway, peerSeesItselfAs: [inside], isLocalBehindNAT: false, isPeerBehindNAT: true),
        Case(peerSeesGatewayAs: inside, peerSeesItselfAs: [client], isLocalBehindNAT: true, isPeerBehindNAT: false),
        Case(peerSeesGatewayAs: inside, peerSeesItselfAs: [inside], isLocalBehindNAT: true, isPeerBehindNAT: true),
        Case(
            peerSeesGatewayAs: gateway,
            peerSeesItselfAs: [inside, client],
            isLocalBehindNAT: false,
            isPeerBehindNAT: false
        ),
        Case(
            peerSeesGatewayAs: gateway,
            peerSeesItselfAs: [SocketAddress(client.address, port: 4500)],
            isLocalBehindNAT: false,
            isPeerBehindNAT: true
        ),
    ])
    func natsAreFoundWhereTheyAre(_ example: Case) {
        let payloads = ([example.peerSeesGatewayAs] + example.peerSeesItselfAs).map {
            NATTraversal.discoveryHash(.sha256, cookies: Self.cookies, address: $0)[...]
        }
        let finding = NATFinding(payloads: payloads, hash: .sha256, cookies: Self.cookies, local: gateway, peer: client)
        #expect(finding?.isLocalBehindNAT == example.isLocalBehindNAT)
        #expect(finding?.isPeerBehindNAT == example.isPeerBehindNAT)
    }

    @Test("F01: fewer than two NAT-D payloads are no discovery", arguments: [0, 1])
    func fewerThanTwoPayloadsAreNoDiscovery(_ count: Int) {
        let payloads = Array(repeating: [UInt8](repeating: 0, count: 20)[...], count: count)
        #expect(NATFinding(payloads: payloads, hash: .sha1, cookies: Self.cookies, local: gateway, peer: client) == nil)
    }

    /// Only so many are looked at: the right one behind them does not count.
    @Test("F01: NAT-D payloads beyond the tenth are not looked at") func payloadsBeyondTheLimitAreNotLookedAt() {
        let wrong = [UInt8](repeating: 0, count: 20)[...]
        let ours = NATTraversal.discoveryHash(.sha1, cookies: Self.cookies, address: gateway)[...]
        let theirs = NATTraversal.discoveryHash(.sha1, cookies: Self.cookies, address: client)[...]
        func finding(_ count: Int) -> NATFinding? {
            NATFinding(
                payloads: [ours] + Array(repeating: wrong, count: count) + [theirs],
                hash: .sha1,
                cookies: Self.cookies,
                local: gateway,
                peer: client
            )
        }
        #expect(finding(9)?.isPeerBehindNAT == false)
        #expect(finding(10)?.isPeerBehindNAT == true)
        #expect(finding(500)?.isPeerBehindNAT == true)
    }

    /// - Returns: What the answer says, in words.
    private func answer(
        to client: Client,
        isLocalBehindNAT: Bool,
        isPeerBehindNAT: Bool,
        conceals: Bool,
        known: [UInt8] = Array(repeating: 7, count: 32)
    ) -> (peer: String, local: String, event: NATTraversalEvent?) {
        var finding = NATFinding()
        finding.isLocalBehindNAT = isLocalBehindNAT
        finding.isPeerBehindNAT = isPeerBehindNAT
        var profile = Profile.test()
        profile.concealsNAT = conceals
        let peerAddress = SocketAddress(.v4(0xC633_6407), port: 500)
        let answer = NATDiscoveryAnswer(
            to: [known[...], [1]],
            finding,
            from: client,
            profile,
            hash: .sha256,
            cookies: Self.cookies,
            local: gateway,
            peer: peerAddress,
            entropy: SeededEntropy(seed: 3)
        )
        let truth = [peerAddress, gateway].map {
            NATTraversal.discoveryHash(.sha256, cookies: Self.cookies, address: $0)
        }
        let hashes = answer.hashes
        guard hashes.count == 2 else { return ("", "", nil) }
        let local = hashes[1] == truth[1] ? "true" : hashes[1] == known ? "echo" : "other"
        return (hashes[0] == truth[0] ? "true" : hashes[0].count == 32 ? "spoilt" : "short", local, answer.event)
    }

    @Test("Only Microsoft's clients are spared the sight of a NAT before us", arguments: Client.allCases)
    func discoveryAnswers(_ client: Client) {
        for isPeerBehindNAT in [false, true] {
            for conceals in [false, true] {
                let open = answer(
                    to: client,
                    isLocalBehindNAT: false,
                    isPeerBehindNAT: isPeerBehindNAT,
                    conceals: conceals
                )
                #expect(open == ("true", "true", nil))
                let hidden = answer(
                    to: client,
                    isLocalBehindNAT: true,
                    isPeerBehindNAT: isPeerBehindNAT,
                    conceals: conceals
                )
                guard client.isMicrosoft else {
                    #expect(hidden == ("true", "true", nil))
                    continue
                }
                let expected: (String, String, NATTraversalEvent?) =
                    conceals
                    ? (
                        isPeerBehindNAT ? "true" : "spoilt", "echo",
                        .concealed(isEncapsulationForced: !isPeerBehindNAT)
                    )
                    : ("true", "true", .shown(profile: "remote-access"))
                #expect(hidden == expected)
            }
        }
        #expect([.windows, .windows7, .windowsXP].contains(client) == client.isMicrosoft)
    }

    @Test("What is no hash of ours is not sent back", arguments: [0, 20, 31, 33, 500])
    func onlyHashesAreEchoed(_ length: Int) {
        let known = [UInt8](repeating: 7, count: length)
        let said = answer(to: .windows, isLocalBehindNAT: true, isPeerBehindNAT: true, conceals: true, known: known)
        #expect(said == ("true", "true", nil))
    }
}
