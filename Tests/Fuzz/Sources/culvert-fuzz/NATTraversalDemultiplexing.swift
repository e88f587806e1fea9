// SPDX-License-Identifier: Apache-2.0
import IKE
import Primitives
import Simulation

/// What comes in on UDP 4500: keepalives, ESP that the kernel did not want, IKE behind its marker.
///
/// Without the marker nothing happens but counting; with it, the same as on UDP 500.
enum NATTraversalDemultiplexing: FuzzTarget {
    static let name = "natt_demux"

    static func run(_ script: Script) {
        var script = script
        let stage = ISAKMPStages.all[Int(script.byte()) % ISAKMPStages.all.count]
        var endpoint = stage.endpoint
        while script.order() != nil {
            let bytes = script.chunk()
            let before = endpoint.counters
            Tally.packets += 1
            let copy = endpoint
            ISAKMPStages.entropy.restart()
            let datagram = Datagram(
                bytes: bytes,
                port: .natTraversal,
                local: SocketAddress(World.gateway, port: 4500),
                peer: ISAKMPStages.peer
            )
            let effects = endpoint.receive(datagram, at: World.start)
            if bytes.starts(with: [0, 0, 0, 0]) {
                var twin = copy
                ISAKMPStages.entropy.restart()
                let plain = Datagram(
                    bytes: Array(bytes.dropFirst(4)),
                    port: .ike,
                    local: datagram.local,
                    peer: datagram.peer
                )
                check(twin.receive(plain, at: World.start).count == effects.count, "the ports differ")
            } else {
                check(effects.isEmpty, "an effect of ESP")
                let isKeepalive = bytes == [0xFF]
                check(endpoint.counters.keepalives == before.keepalives + (isKeepalive ? 1 : 0), "keepalives")
                check(endpoint.counters.strayESP == before.strayESP + (isKeepalive ? 0 : 1), "stray ESP")
            }
        }
    }

    static func seeds() -> [(name: String, bytes: [UInt8])] {
        let stage = ISAKMPStages.strangers
        let datagrams: [(String, [UInt8])] = [
            ("keepalive", [0xFF]), ("esp", [1, 2, 3, 4, 0, 0, 0, 1] + [UInt8](repeating: 0xA5, count: 64)),
            ("main-1", [0, 0, 0, 0] + stage[0].next), ("main-3", [0, 0, 0, 0] + stage[1].next), ("short", [0, 0, 0]),
        ]
        return datagrams.flatMap { name, bytes in
            [0, 1, 3].map { index in
                var writer = ScriptWriter()
                writer.byte(index)
                for _ in 1...2 {
                    writer.byte(0)
                    writer.chunk(bytes)
                }
                return ("\(name)-\(index)", writer.bytes)
            }
        }
    }
}
