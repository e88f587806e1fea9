// SPDX-License-Identifier: Apache-2.0
import Cryptography
import DataPlane
import IKE
import Primitives
import Testing

enum WindowsVendorID {
    /// "MS NT5 ISAKMPOAKLEY", version 9.
    static let bytes: [UInt8] = [
        0x1E, 0x2B, 0x51, 0x69, 0x05, 0x99, 0x1C, 0x7D, 0x7C, 0x96, 0xFC, 0xBF, 0xB5, 0x87, 0xE4, 0x61, 0, 0, 0, 9,
    ]
}

/// What a NAT before us changes in main and quick mode.
@Suite("The gateway itself behind a NAT")
struct GatewayBehindNATTests {
    static let inside = SocketAddress(.v4(0x0A00_0005), port: 500)

    /// A client that dialled ``gateway``, whose packets come in at ``inside``.
    static func rig(
        isWindows: Bool = true,
        isClientBehindNAT: Bool,
        conceals: Bool = true,
        variant: NATTraversal = .rfc3947
    ) -> Rig {
        var profile = Profile.test()
        profile.concealsNAT = conceals
        var rig = isClientBehindNAT ? Rig.natted(.test(profile)) : Rig(.test(profile))
        rig.local = inside
        rig.peer.encapsulation = variant == .rfc3947 ? 4 : 61444
        rig.peer.vendorIDs = [variant.vendorID] + (isWindows ? [WindowsVendorID.bytes] : [])
        return rig
    }

    /// Up to message 4, and what the client finds in it.
    private static func discover(
        _ rig: inout Rig,
        _ variant: NATTraversal = .rfc3947
    ) throws -> (seesNATBeforeGateway: Bool, seesNATBeforeItself: Bool, events: [Event.Kind]) {
        try rig.toMessage2()
        let effects = rig.send(try rig.peer.message3(discovery: variant.discoveryPayload))
        let reply = Rig.reply(effects)
        try rig.peer.receive4(reply)
        let found = try RawInitiator.decode(reply).chain.all(variant.discoveryPayload).map { Array($0) }
        let known = [rig.peer.ownAddress, rig.peer.gatewayAddress].map {
            NATTraversal.discoveryHash(.sha256, cookies: rig.peer.cookies, address: $0)
        }
        #expect(found.map(\.count) == [32, 32])
        rig.isOnNATTraversalPort = true
        rig.local.port = 4500
        rig.source.port = rig.source.port == 500 ? 4500 : 40_500
        return (found[1] != known[1], found[0] != known[0], effects.events.map(\.kind).filter(\.isOfNAT))
    }

    @Test(
        "Windows sees no NAT before us, and one before itself in any case",
        arguments: [false, true],
        NATTraversal.allCases
    )
    func windowsIsNotTold(_ isClientBehindNAT: Bool, _ variant: NATTraversal) throws {
        var rig = Self.rig(isClientBehindNAT: isClientBehindNAT, variant: variant)
        let (gateway, itself, events) = try Self.discover(&rig, variant)
        #expect(!gateway && itself)
        #expect(events == [.natTraversal(.concealed(isEncapsulationForced: !isClientBehindNAT))])
        let effects = rig.send(try rig.peer.message5())
        try rig.peer.receive6(Rig.reply(effects))
        // We go on by what is so.
        let snapshot = try #require(rig.endpoint.snapshots.first)
        #expect(snapshot.isLocalBehindNAT && snapshot.isPeerBehindNAT == isClientBehindNAT)
        let (quick, child, _) = try rig.toQuick2()
        #expect(child.isEncapsulated)
        #expect(child.local == rig.local && child.peer == rig.source)
        // The address it dialled is not ours and stands in IDcr all the same.
        #expect(
            quick.chain.all(.identification).map { Array($0) } == rig.peer.trafficIdentities.map { Array($0.body) }
        )
        let addresses = try quick.chain.all(variant.originalAddressPayload).map { try IKEv1.NATOAPayload($0).address }
        #expect(addresses == [rig.source.address, rig.local.address])
    }

    @Test("We keep the mapping of our NAT open") func keepalives() throws {
        var rig = Self.rig(isClientBehindNAT: false)
        _ = try Self.discover(&rig)
        try rig.peer.receive6(Rig.reply(rig.send(try rig.peer.message5())))
        #expect(rig.wait(.seconds(19)).datagrams.isEmpty)
        #expect(
            rig.wait(.seconds(1)).datagrams == [
                Datagram(bytes: [0xFF], port: .natTraversal, local: rig.local, peer: rig.source)
            ]
        )
    }

    @Test("With conceal-nat off it is told, and the log says what it needs", arguments: [false, true])
    func windowsIsTold(_ isClientBehindNAT: Bool) throws {
        var rig = Self.rig(isClientBehindNAT: isClientBehindNAT, conceals: false)
        let (gateway, itself, events) = try Self.discover(&rig)
        #expect(gateway && itself == isClientBehindNAT)
        #expect(events == [.natTraversal(.shown(profile: "remote-access"))])
    }

    @Test("Everybody else is told", arguments: [false, true], [false, true])
    func othersAreTold(_ isClientBehindNAT: Bool, _ conceals: Bool) throws {
        var rig = Self.rig(isWindows: false, isClientBehindNAT: isClientBehindNAT, conceals: conceals)
        let (gateway, itself, events) = try Self.discover(&rig)
        #expect(gateway && itself == isClientBehindNAT && events.isEmpty)
    }

    @Test("Without a NAT before us nothing is different for Windows", arguments: [false, true], [false, true])
    func withoutANATBeforeUs(_ isClientBehindNAT: Bool, _ conceals: Bool) throws {
        var rig = Self.rig(isClientBehindNAT: isClientBehindNAT, conceals: conceals)
        rig.local = IKETests.gateway
        let (gateway, itself, events) = try Self.discover(&rig)
        #expect(!gateway && itself == isClientBehindNAT && events.isEmpty)
    }
}

extension Event.Kind {
    fileprivate var isOfNAT: Bool { if case .natTraversal = self { true } else { false } }
}
