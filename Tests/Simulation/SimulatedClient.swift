// SPDX-License-Identifier: Apache-2.0
internal import Cryptography
package import IKE
internal import L2TP
package import PPP
package import Primitives

/// A whole client: IKE, then a tunnel and a call through it, then PPP. What it says of L2TP is
/// protected, and so comes out together with the SPI that it used.
package struct SimulatedClient {
    package enum Packet: Hashable, Sendable {
        case ike(SimulatedIKEInitiator.Outgoing)
        /// An L2TP datagram inside ESP.
        case protected([UInt8], spi: UInt32)
    }

    package var ike: SimulatedIKEInitiator
    package var lac: SimulatedLAC
    package var ppp: SimulatedPPPClient
    /// Where its packets seem to come from.
    package private(set) var outerAddress: IPAddress
    /// By port of the client, what its NAT makes of it; the port itself without a NAT.
    package private(set) var outerPorts: [UInt16: UInt16]
    private var deliveredFrames = 0
    private var hasStarted: (tunnel: Bool, ppp: Bool) = (false, false)
    /// Of a certain make; `nil` for the plain client.
    private let vector: ClientVector?
    private let entropy: any EntropySource
    /// When the LNS has to have answered, and when all is given up.
    private var patience: (next: MonotonicTime, end: MonotonicTime)?

    package init(
        ike: SimulatedIKEInitiator.Settings,
        user: String,
        password: String,
        methods: [AuthenticationMethod] = [.mschapv2],
        outerAddress: IPAddress? = nil,
        outerPorts: [UInt16: UInt16] = [:],
        seed: UInt64
    ) {
        let entropy = SeededEntropy(seed: seed)
        self.ike = SimulatedIKEInitiator(ike, entropy: entropy)
        lac = SimulatedLAC(hostName: "client-\(seed)", secret: nil, entropy: entropy)
        ppp = SimulatedPPPClient(
            SimulatedPPPClient.Configuration(user: user, passwords: [password], methods: methods),
            entropy: entropy
        )
        self.outerAddress = outerAddress ?? ike.ownAddress.address
        self.outerPorts = outerPorts
        self.entropy = entropy
        vector = nil
    }

    /// A client as `vector` describes it, on every layer.
    package init(
        _ vector: ClientVector,
        preSharedKey: [UInt8],
        ownAddress: SocketAddress,
        gateway: SocketAddress,
        user: String,
        password: String,
        outerAddress: IPAddress? = nil,
        outerPorts: [UInt16: UInt16] = [:],
        seed: UInt64
    ) {
        let entropy = SeededEntropy(seed: seed)
        let settings = SimulatedIKEInitiator.Settings(
            vector,
            preSharedKey: preSharedKey,
            ownAddress: ownAddress,
            gateway: gateway,
            ephemeralPort: UInt16(entropy.integer(in: 49_152...65_535))
        )
        ike = SimulatedIKEInitiator(settings, entropy: entropy)
        lac = Self.lac(vector, entropy)
        var link = SimulatedPPPClient.Configuration(user: user, passwords: [password], methods: vector.link.methods)
        link.habits = vector.link.habits
        ppp = SimulatedPPPClient(link, entropy: entropy)
        self.outerAddress = outerAddress ?? ownAddress.address
        self.outerPorts = outerPorts
        self.entropy = entropy
        self.vector = vector
    }

    private static func lac(_ vector: ClientVector, _ entropy: any EntropySource) -> SimulatedLAC {
        var lac = SimulatedLAC(hostName: vector.tunnel.hostName, secret: nil, entropy: entropy)
        lac.habits = vector.tunnel.habits
        return lac
    }

    package var isUp: Bool { ppp.isUp }

    package var nextDeadline: MonotonicTime? {
        [ike.nextDeadline, lac.nextDeadline, ppp.nextDeadline, patience?.next].compactMap(\.self).min()
    }

    package func outer(_ port: IKE.Datagram.Port) -> SocketAddress {
        let own: UInt16 = port == .ike ? 500 : 4500
        return SocketAddress(outerAddress, port: outerPorts[own] ?? own)
    }

    /// Its NAT has forgotten it, and gives it a new address or new ports.
    package mutating func moveNAT(to address: IPAddress, ports: [UInt16: UInt16]) {
        outerAddress = address
        outerPorts = ports
    }

    package mutating func start(at now: MonotonicTime) -> [Packet] {
        ike.dial(at: now).map(Packet.ike)
    }

    package mutating func receive(_ bytes: [UInt8], on port: IKE.Datagram.Port, at now: MonotonicTime) -> [Packet] {
        let answers = ike.receive(bytes, on: port, at: now).map(Packet.ike)
        return answers + goOn(at: now)
    }

    /// An L2TP datagram that came under the association with this SPI of ours.
    package mutating func receiveProtected(_ datagram: [UInt8], at now: MonotonicTime) -> [Packet] {
        protect(lac.receive(datagram, at: now)) + goOn(at: now)
    }

    package mutating func advance(to now: MonotonicTime) -> [Packet] {
        var packets: [Packet] = []
        if let deadline = ike.nextDeadline, deadline <= now { packets += ike.advance(to: now).map(Packet.ike) }
        if let deadline = lac.nextDeadline, deadline <= now { packets += protect(lac.advance(to: now)) }
        if let deadline = ppp.nextDeadline, deadline <= now { packets += carry(ppp.advance(to: now)) }
        if let patience, patience.next <= now { packets += losePatience(at: now) }
        return packets + goOn(at: now)
    }

    /// The LNS has not answered in time.
    private mutating func losePatience(at now: MonotonicTime) -> [Packet] {
        guard let vector, let impatience = vector.phase2.impatience, let patience, lac.state != .established else {
            self.patience = nil
            return []
        }
        lac = Self.lac(vector, entropy)
        guard now < patience.end else {
            self.patience = nil
            return ike.close(at: now).map(Packet.ike)
        }
        hasStarted.tunnel = false
        self.patience?.next = min(now.advanced(by: impatience.retriesEvery), patience.end)
        return (ike.deleteChildren() + ike.startQuickMode(at: now)).map(Packet.ike)
    }

    /// LCP, CDN, StopCCN: what a client does first; the keys go with ``closeKeys(at:)``.
    package mutating func hangUp(at now: MonotonicTime) -> [Packet] {
        carry(ppp.hangUp(at: now)) + protect(lac.hangUp(call: 0, at: now)) + protect(lac.hangUp(at: now))
    }

    package mutating func sayHello(at now: MonotonicTime) -> [Packet] {
        protect(lac.sendHello(at: now))
    }

    package mutating func closeKeys(at now: MonotonicTime) -> [Packet] {
        ike.close(at: now).map(Packet.ike)
    }

    /// Whatever the last event has made possible.
    private mutating func goOn(at now: MonotonicTime) -> [Packet] {
        var packets: [Packet] = []
        if case .failed = ike.state { packets += ike.dialAgain(at: now).map(Packet.ike) }
        if !ike.children.isEmpty, !hasStarted.tunnel {
            hasStarted.tunnel = true
            if patience == nil, let impatience = vector?.phase2.impatience {
                patience = (
                    now.advanced(by: impatience.retriesEvery), now.advanced(by: impatience.givesUpAfter)
                )
            }
            packets += protect(lac.start(at: now))
            packets += protect(lac.openSession(at: now))
        }
        if let call = lac.calls.first, call.peerID != nil, !hasStarted.ppp {
            hasStarted.ppp = true
            packets += carry(ppp.start(at: now))
        }
        while let frames = lac.calls.first?.receivedFrames, deliveredFrames < frames.count {
            deliveredFrames += 1
            packets += carry(ppp.receive(frames[deliveredFrames - 1], at: now))
        }
        return packets
    }

    private func carry(_ frames: [[UInt8]]) -> [Packet] {
        protect(frames.flatMap { lac.send(frame: $0) })
    }

    private func protect(_ datagrams: [[UInt8]]) -> [Packet] {
        guard let child = ike.children.last else { return [] }
        return datagrams.map { .protected($0, spi: child.outboundSPI.rawValue) }
    }
}
