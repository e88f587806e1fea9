// SPDX-License-Identifier: Apache-2.0
import Cryptography
import DataPlane
import IKE
import Primitives

/// A gateway and one initiator, joined by a wire that does as it is told.
struct Rig {
    var endpoint: Endpoint
    var peer = RawInitiator()
    var now = start
    /// Addresses as they stand in packets at the gateway.
    var local = gateway
    var source = client
    var isOnNATTraversalPort = false

    init(_ endpoint: Endpoint = .test()) {
        self.endpoint = endpoint
    }

    /// A client behind a NAT.
    static func natted(_ endpoint: Endpoint = .test()) -> Rig {
        var rig = Rig(endpoint)
        rig.peer.ownAddress = SocketAddress(.v4(0xC0A8_0105), port: 500)
        rig.peer.encapsulation = 4
        rig.source.port = 1024
        return rig
    }

    /// To port 4500 on both sides, and a new port at the NAT.
    mutating func float() {
        isOnNATTraversalPort = true
        local.port = 4500
        source.port = 40_500
    }

    func datagram(_ bytes: [UInt8]) -> Datagram {
        Datagram(
            bytes: isOnNATTraversalPort ? [0, 0, 0, 0] + bytes : bytes,
            port: isOnNATTraversalPort ? .natTraversal : .ike,
            local: local,
            peer: source
        )
    }

    @discardableResult
    mutating func send(_ bytes: [UInt8]) -> [Endpoint.Effect] {
        endpoint.receive(datagram(bytes), at: now)
    }

    /// The first message among the effects, marker taken off.
    static func reply(_ effects: [Endpoint.Effect]) -> [UInt8] {
        guard let datagram = effects.datagrams.first else { return [] }
        return datagram.port == .natTraversal ? Array(datagram.bytes.dropFirst(4)) : datagram.bytes
    }

    // Up to …

    mutating func toMessage2() throws {
        try peer.receive2(Rig.reply(send(peer.message1())))
    }

    /// An exchange of a new peer up to a message 3 that costs no key agreement and leaves it half open.
    ///
    /// - Returns: The names of the events.
    mutating func toHalfOpen(_ number: Int) throws -> [String] {
        peer = RawInitiator()
        peer.cookieI = Cookie(rawValue: UInt64(number))
        peer.ownAddress = source
        let first = send(peer.message1())
        guard !first.datagrams.isEmpty else { return first.eventNames }
        try peer.receive2(Rig.reply(first))
        return first.eventNames + send(try peer.message3(publicValue: [])).eventNames
    }

    mutating func toMessage4() throws {
        try toMessage2()
        try peer.receive4(Rig.reply(send(peer.message3())))
        if peer.ownAddress != source || peer.gatewayAddress != local { float() }
    }

    @discardableResult
    mutating func toEstablished() throws -> [Endpoint.Effect] {
        try toMessage4()
        let effects = send(try peer.message5())
        try peer.receive6(Rig.reply(effects))
        return effects
    }

    /// Quick mode up to message 2, the kernel saying yes.
    mutating func toQuick2(
        _ messageID: UInt32 = 1,
        spi: UInt32 = 0x1000_0001
    ) throws -> (quick: RawInitiator.Quick, child: ChildSA, effects: [Endpoint.Effect]) {
        var quick = peer.newQuick(messageID, spi: spi)
        let effects = send(try peer.quick1(&quick))
        guard let child = effects.installs.first else { throw Unexpected(effects: effects.words) }
        let more = endpoint.inboundInstalled(child.id, outcome: .installed, at: now)
        try peer.receiveQuick2(&quick, Rig.reply(more))
        return (quick, child, effects + more)
    }

    @discardableResult
    mutating func toChild(_ messageID: UInt32 = 1, spi: UInt32 = 0x1000_0001) throws -> ChildSA {
        let (quick, child, _) = try toQuick2(messageID, spi: spi)
        let effects = send(try peer.quick3(quick))
        guard effects.contains(.installOutbound(child.id)) else { throw Unexpected(effects: effects.words) }
        return child
    }

    struct Unexpected: Error {
        var effects: [String]
    }

    mutating func wait(_ duration: Duration) -> [Endpoint.Effect] {
        now = now.advanced(by: duration)
        return endpoint.advance(to: now)
    }

    var state: String { endpoint.snapshots.first?.state ?? "none" }
}
