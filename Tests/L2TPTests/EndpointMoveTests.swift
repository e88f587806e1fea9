// SPDX-License-Identifier: Apache-2.0
import L2TP
import Primitives
import Simulation
import Testing

/// The outer address of a peer changes behind its NAT, and its security association says so.
struct EndpointMoveTests {
    @Test func aPeerThatMovesIsHeardAndAnsweredAtItsNewAddressAlone() {
        var wire = LossyWire.established()
        let moved = IPAddress("192.0.2.99")!
        wire.endpoint.move(socket(0), to: moved)
        #expect(wire.endpoint.snapshots.map(\.peer) == [SocketAddress(moved, port: 1701)])
        #expect(wire.endpoint.snapshot(of: wire.sessions[0])?.peer == SocketAddress(moved, port: 1701))
        let way = wire.endpoint.dataMessage(carrying: [1], for: wire.sessions[0])
        #expect(way?.peer == SocketAddress(moved, port: 1701))

        func receive(_ datagram: [UInt8], from peer: SocketAddress) -> [Endpoint.Effect] {
            wire.endpoint.receive(datagram, on: socket(0), from: peer, trace: someTrace, at: wire.now)
        }
        let frame = wire.lacs[0].send(frame: [7])[0]
        let hello = wire.lacs[0].sendHello(at: wire.now)[0]
        #expect(receive(frame, from: address(0)).map(\.name) == ["(data-for-unknown-session)"])
        #expect(receive(hello, from: address(0)).map(\.name) == ["(unexpected-source)"])
        #expect(receive(hello, from: SocketAddress(moved, port: 1702)).map(\.name) == ["(unexpected-source)"])
        #expect(receive(frame, from: SocketAddress(moved, port: 1701)).map(\.name) == ["frame"])
        let answers = receive(hello, from: SocketAddress(moved, port: 1701))
        guard case .transmit(_, let on, let to)? = answers.first, answers.count == 1 else {
            Issue.record("\(answers)")
            return
        }
        #expect(on == socket(0) && to == SocketAddress(moved, port: 1701))
    }

    @Test func nobodyElseMovesAlong() {
        var wire = LossyWire(lacs: (0..<2).map { LossyWire.lac(seed: UInt64(200 + $0)) })
        for index in 0..<2 { wire.lac(index) { $0.start(at: $1) } }
        wire.run(for: .seconds(1))
        wire.endpoint.move(socket(1), to: IPAddress("192.0.2.99")!)
        wire.endpoint.move(socket(7), to: IPAddress("192.0.2.98")!)
        let peers = wire.endpoint.snapshots.sorted { $0.socket.port < $1.socket.port }.map(\.peer)
        #expect(peers == [address(0), SocketAddress(IPAddress("192.0.2.99")!, port: 1701)])
    }
}
