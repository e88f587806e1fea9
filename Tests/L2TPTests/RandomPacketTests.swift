// SPDX-License-Identifier: Apache-2.0
import Cryptography
import Foundation
import L2TP
import Primitives
import Simulation
import Testing

/// Packets made at random, and real ones with something changed, in every state a tunnel can be in. So many as the
/// environment variable `CULVERT_PACKETS` says.
struct RandomPacketTests {
    private static let count = ProcessInfo.processInfo.environment["CULVERT_PACKETS"].flatMap { Int($0) } ?? 5000

    /// What is known of the tunnel of a socket: enough to be taken seriously.
    private struct Peer {
        var number: UInt16
        var tunnel: TunnelID?
        var session: SessionID?
        var ns: UInt16 = 0
        var nr: UInt16 = 0
    }

    private struct World {
        var endpoint: Endpoint
        var now = seconds(1000)
        var peers: [Peer] = []
        var opened = 0
        var closed = 0

        mutating func hear(_ datagram: [UInt8], of number: UInt16) -> [[UInt8]] {
            take(endpoint.receive(datagram, on: socket(number), from: address(number), trace: someTrace, at: now))
        }

        mutating func take(_ effects: [Endpoint.Effect]) -> [[UInt8]] {
            var sent: [[UInt8]] = []
            for effect in effects {
                switch effect {
                case .transmit(let datagram, let socket, _):
                    sent.append(datagram)
                    listen(datagram, UInt16(socket.port - 20_000))
                case .connectionOpening(let connection):
                    opened += 1
                    learn(UInt16(connection.socket.port - 20_000)) { $0.tunnel = connection.id }
                case .sessionOpening(let session):
                    learn(UInt16(session.socket.port - 20_000)) { $0.session = session.key.session }
                case .connectionClosed:
                    closed += 1
                case .connectionEstablished, .sessionEstablished, .sessionClosed, .frame, .unanswered, .report:
                    break
                }
            }
            return sent
        }

        private mutating func learn(_ number: UInt16, _ body: (inout Peer) -> Void) {
            guard let index = peers.firstIndex(where: { $0.number == number }) else { return }
            body(&peers[index])
        }

        private mutating func listen(_ datagram: [UInt8], _ number: UInt16) {
            var reader = ByteReader(datagram)
            guard case .control(let header, let body)? = try? Datagram(from: &reader) else { return }
            learn(number) { peer in
                peer.ns = header.nr.rawValue
                if !body.isAtEnd { peer.nr = header.ns.rawValue &+ 1 }
            }
        }

        /// An honest client's call, from SCCRQ to ICCN.
        mutating func dial(_ number: UInt16) -> Bool {
            var lac = LossyWire.lac(seed: UInt64(number) + 5000)
            var pending = lac.start(at: now) + lac.openSession(at: now)
            while !pending.isEmpty {
                pending = pending.flatMap { hear($0, of: number) }.flatMap { lac.receive($0, at: now) }
            }
            return lac.calls.first?.state == .established
        }
    }

    @Test("A11: random and mutated packets stop nothing, keep nothing, and honest calls come up between them")
    func randomAndMutatedPackets() {
        let chance = SeededEntropy(seed: 2026)
        func pick(_ limit: Int) -> Int { Int(chance.integer(in: 0...UInt32(limit - 1))) }
        var configuration = Configuration(hostName: "lns")
        configuration.secret = secret("shared")
        // One endpoint without a secret, where calls come up, and one with it, where hidden AVPs can be read.
        var world = World(endpoint: Endpoint(configuration: Configuration(hostName: "lns"), entropy: chance))
        let bodies =
            everyMessage.map { $0.encoded() }
            + everyMessage.map { $0.encoded(hiding: Hiding(secret: secret("shared"), randomVector: [1, 2, 3, 4])) }
        var guarded = Endpoint(configuration: configuration, entropy: chance)
        var dialed: UInt16 = 0
        var failures = 0
        var most = 0

        func datagram(for peer: Peer) -> [UInt8] {
            switch pick(8) {
            case 0:
                return chance.bytes(pick(64))
            case 1:
                guard let tunnel = peer.tunnel, let session = peer.session else { return [2] }
                return DataHeader(tunnel: tunnel, session: session).datagram(around: chance.bytes(pick(80)))
            default:
                let header = ControlHeader(
                    tunnel: pick(10) == 0 ? nil : peer.tunnel,
                    session: pick(3) == 0 ? nil : peer.session,
                    ns: SequenceNumber(peer.ns &+ UInt16(pick(12) == 0 ? pick(40) : 0)),
                    nr: SequenceNumber(pick(12) == 0 ? chance.integer() : peer.nr)
                )
                return header.datagram(around: bodies[pick(bodies.count)])
            }
        }

        func mutate(_ datagram: inout [UInt8]) {
            guard !datagram.isEmpty else { return }
            switch pick(6) {
            case 0: break
            case 1: datagram.removeLast(min(pick(16), datagram.count))
            case 2: datagram += chance.bytes(pick(16))
            case 3: datagram[pick(datagram.count)] ^= 1 << UInt8(pick(8))
            default: for _ in 0...pick(4) { datagram[pick(datagram.count)] = chance.integer() }
            }
            // The Length of most is mended, or nothing behind it would ever be looked at.
            guard pick(4) > 0, datagram.count >= 12, datagram[0] & 0x80 != 0 else { return }
            datagram[0] = 0xC8
            datagram[1] = 2
            datagram[2] = UInt8(datagram.count >> 8)
            datagram[3] = UInt8(datagram.count & 0xFF)
        }

        for round in 0..<Self.count {
            // Now and then a peer that is fresh, and has a call; the oldest one's association goes away.
            if round % 100 == 0 {
                dialed &+= 1
                if world.peers.count == 8 {
                    _ = world.take(world.endpoint.socketLost(socket(world.peers.removeFirst().number), at: world.now))
                }
                world.peers.append(Peer(number: dialed))
                if !world.dial(dialed) { failures += 1 }
            }
            let peer = world.peers[pick(world.peers.count)]
            var packet = datagram(for: peer)
            mutate(&packet)
            _ = world.hear(packet, of: peer.number)
            if round % 2 == 0 {
                _ = guarded.receive(packet, on: socket(1), from: address(1), trace: someTrace, at: world.now)
            }
            if pick(3) == 0 {
                world.now = world.now.advanced(by: .milliseconds(pick(2000)))
                _ = world.take(world.endpoint.advance(to: world.now))
                _ = guarded.advance(to: world.now)
            }
            if round % 500 == 0 {
                most = max(most, world.endpoint.snapshots.count)
                let sessions = world.endpoint.snapshots.map(\.sessionCount)
                #expect(sessions.allSatisfy { $0 <= 4 })
            }
        }
        #expect(failures == 0)
        // Eight sockets with eight tunnels alive and eight that are over, each.
        #expect(most <= 8 * 16)
        #expect(guarded.snapshots.count <= 16)
        for peer in world.peers { _ = world.take(world.endpoint.socketLost(socket(peer.number), at: world.now)) }
        #expect(world.endpoint.snapshots.isEmpty)
        #expect(world.endpoint.nextDeadline == nil)
        #expect(world.opened == world.closed)
        #expect(world.opened >= Self.count / 100)
    }
}
