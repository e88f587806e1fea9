// SPDX-License-Identifier: Apache-2.0
import Cryptography
import PPP
import Primitives

/// A link whose peer is the test itself: it says what it is told to, frame by frame.
struct LinkBench {
    var link: Link
    var now = MonotonicTime(sinceBoot: .seconds(1000))
    private(set) var effects: [Link.Effect] = []
    private var identifier: UInt8 = 0x40

    static let offer = NetworkOffer(
        localAddress: IPAddress("10.99.0.1")!,
        peerAddress: IPAddress("10.99.0.2")!,
        dns: [],
        wins: []
    )

    init(_ methods: [AuthenticationMethod] = [.pap], configure: (inout Configuration) -> Void = { _ in }) {
        var configuration = Configuration(name: "gw1", authentication: methods, mru: 1400)
        configure(&configuration)
        link = Link(configuration: configuration, entropy: SeededEntropy(seed: 5))
    }

    /// With LCP open: the peer has to prove itself now.
    static func authenticating(
        _ method: AuthenticationMethod = .pap,
        options: String = "",
        configure: (inout Configuration) -> Void = { _ in }
    ) -> LinkBench {
        var bench = LinkBench([method], configure: configure)
        bench.negotiateLCP(options)
        return bench
    }

    /// With IP up, for a peer that proved itself with PAP.
    static func up(options: String = "", configure: (inout Configuration) -> Void = { _ in }) -> LinkBench {
        var bench = authenticating(options: options, configure: configure)
        bench.pap("alice")
        bench.run { $0.authenticated(.accepted(authenticatorResponse: nil), at: $1) }
        let asked = bench.run { $0.openNetwork(offer, at: $1) }
        bench.acknowledge(asked)
        bench.hear("8021 01 70 000A 03 06 0A630002")
        return bench
    }

    /// LCP from the first Configure-Request to the last Ack, or once more.
    @discardableResult
    mutating func negotiateLCP(_ options: String = "") -> [Link.Effect] {
        identifier &+= 1
        let bytes = hex(options)
        var mine = run { $0.lowerLayerUp(at: $1) }
        mine += hear(hex("C021 01") + [identifier, 0, UInt8(4 + bytes.count)] + bytes)
        return acknowledge(mine)
    }

    /// Acknowledges each Configure-Request among these.
    @discardableResult
    mutating func acknowledge(_ effects: [Link.Effect]) -> [Link.Effect] {
        var result: [Link.Effect] = []
        for frame in Self.sent(effects) where frame[2] == 1 && frame[0] != 0xC2 && frame[1] != 0x23 {
            var ack = frame
            ack[2] = 2
            result += hear(ack)
        }
        return result
    }

    @discardableResult
    mutating func pap(_ name: String, password: String = "s3cr3t", identifier: UInt8 = 1) -> [Link.Effect] {
        let fields =
            [UInt8(name.utf8.count)] + Array(name.utf8) + [UInt8(password.utf8.count)] + Array(password.utf8)
        let length = 4 + fields.count
        return hear([0xC0, 0x23, 1, identifier, UInt8(length >> 8), UInt8(length & 0xFF)] + fields)
    }

    @discardableResult
    mutating func hear(_ text: String) -> [Link.Effect] { hear(hex(text)) }

    @discardableResult
    mutating func hear(_ frame: [UInt8]) -> [Link.Effect] { run { $0.receive(frame[...], at: $1) } }

    @discardableResult
    mutating func run(_ body: (inout Link, MonotonicTime) -> [Link.Effect]) -> [Link.Effect] {
        let new = body(&link, now)
        effects += new
        return new
    }

    /// Lets so much time pass, deadline by deadline.
    @discardableResult
    mutating func wait(_ duration: Duration) -> [Link.Effect] {
        let end = now.advanced(by: duration)
        var new: [Link.Effect] = []
        while let next = link.nextDeadline, next <= end {
            now = max(now, next)
            new += run { $0.advance(to: $1) }
        }
        now = end
        return new
    }

    static func sent(_ effects: [Link.Effect]) -> [[UInt8]] {
        effects.compactMap { if case .send(let frame) = $0 { frame } else { nil } }
    }

    static func events(_ effects: [Link.Effect]) -> [Event.Kind] {
        effects.compactMap { if case .report(let kind) = $0 { kind } else { nil } }
    }

    var events: [Event.Kind] { Self.events(effects) }
    var ends: [LinkEnd] { effects.compactMap { if case .finished(let end) = $0 { end } else { nil } } }
    var verifications: [AuthenticationAttempt] {
        effects.compactMap { if case .verify(let attempt) = $0 { attempt } else { nil } }
    }
    var phase: String { link.snapshot.phase }
}
