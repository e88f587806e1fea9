// SPDX-License-Identifier: Apache-2.0
import DataPlane
import L2TP
import Primitives
import Simulation

/// An LNS and a LAC that does everything right, up to the fuzzer's bytes.
struct L2TPRig {
    static let entropy = RepeatableEntropy()
    static let socket = RequestID(serial: 1, port: 20_000)
    static let otherSocket = RequestID(serial: 2, port: 20_001)
    static let peer = SocketAddress(World.client, port: 1701)
    static let otherPeer = SocketAddress(World.client, port: 1702)
    static let trace = TraceID(rawValue: 1)

    var endpoint: Endpoint
    var lac: SimulatedLAC
    var now = World.start
    private let configuration: Configuration
    private(set) var frames = 0

    init(secret: String?) {
        Self.entropy.restart()
        let secret = secret.map { SecretBytes(copying: Array($0.utf8)) }
        var configuration = Configuration(hostName: "gw")
        configuration.secret = secret
        self.configuration = configuration
        endpoint = Endpoint(configuration: configuration, entropy: Self.entropy)
        lac = SimulatedLAC(hostName: "client", secret: secret, entropy: Self.entropy)
    }

    /// With a tunnel and a call in it.
    static func established(secret: String?) -> L2TPRig {
        var rig = L2TPRig(secret: secret)
        rig.exchange(rig.lac.start(at: rig.now))
        rig.exchange(rig.lac.openSession(at: rig.now))
        check(rig.endpoint.snapshots.first?.sessionCount == 1, "no call to begin with")
        return rig
    }

    /// What the LAC sends, and what either answers until both are quiet.
    mutating func exchange(_ datagrams: [[UInt8]]) {
        var queue = datagrams[...]
        var turns = 0
        while let datagram = queue.popFirst() {
            turns += 1
            check(turns < 500, "they go on talking for ever")
            for answer in deliver(datagram) { queue += lac.receive(answer, at: now) }
        }
    }

    /// - Returns: What the LNS sends on this socket.
    @discardableResult
    mutating func deliver(
        _ datagram: [UInt8],
        on socket: RequestID = L2TPRig.socket,
        from peer: SocketAddress = L2TPRig.peer
    ) -> [[UInt8]] {
        Tally.packets += 1
        return take(endpoint.receive(datagram, on: socket, from: peer, trace: Self.trace, at: now), only: socket)
    }

    mutating func advance(by duration: Duration) {
        now = now.advanced(by: duration)
        take(endpoint.advance(to: now), only: nil)
    }

    @discardableResult
    private mutating func take(_ effects: [Endpoint.Effect], only socket: RequestID?) -> [[UInt8]] {
        check(effects.count < 200, "\(effects.count) effects of one datagram")
        var sent: [[UInt8]] = []
        for effect in effects {
            switch effect {
            case .transmit(let bytes, let on, _):
                check(socket == nil || on == socket, "an answer on another socket")
                check(bytes.count <= 1500, "\(bytes.count) bytes in one datagram")
                sent.append(bytes)
            case .frame: frames += 1
            case .connectionOpening, .connectionEstablished, .connectionClosed, .sessionOpening, .sessionEstablished,
                .sessionClosed, .unanswered, .report:
                break
            }
        }
        let snapshots = endpoint.snapshots
        check(snapshots.count <= 4 * configuration.tunnelsPerSocketLimit, "\(snapshots.count) tunnels")
        check(
            snapshots.allSatisfy { $0.sessionCount <= configuration.sessionsPerTunnelLimit },
            "too many sessions in a tunnel"
        )
        return sent
    }

    /// The peer says no more.
    mutating func drain() {
        var now = now
        World.drain(
            &now,
            next: { endpoint.nextDeadline },
            advance: { time in
                self.now = time
                take(endpoint.advance(to: time), only: nil)
            }
        )
        check(endpoint.snapshots.isEmpty, "tunnels stay")
    }
}
