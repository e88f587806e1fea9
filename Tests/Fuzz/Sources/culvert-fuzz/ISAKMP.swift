// SPDX-License-Identifier: Apache-2.0
import IKE
import Primitives
import Simulation

/// Anything at all on UDP 500 and 4500, from somebody without keys, in every state of a negotiation.
///
/// Nothing but answers may come of it, no more than three times as long as what was asked; and a minute later
/// nothing is left of it.
enum ISAKMP: FuzzTarget {
    static let name = "isakmp"
    private static let stages =
        Array(ISAKMPStages.strangers.prefix(3)) + ISAKMPStages.all.suffix(3) + ISAKMPStages.aggressive

    static func run(_ script: Script) {
        var script = script
        let stage = stages[Int(script.byte()) % stages.count]
        ISAKMPStages.entropy.restart()
        var endpoint = stage.endpoint
        var now = World.start
        var (received, sent, messages) = (0, 0, 0)
        func take(_ effects: [Endpoint.Effect]) {
            for effect in effects {
                switch effect {
                case .transmit(let datagram): sent += datagram.bytes.count
                case .report, .unanswered: break
                case .installInbound, .installOutbound, .remove, .closed, .deletedByPeer, .moved:
                    fatalError("somebody without keys has made us do \(effect)")
                }
            }
            check(sent <= 3 * received, "\(sent) bytes for \(received)")
        }
        let established = endpoint.snapshots.count { $0.established != nil }
        while let order = script.order() {
            let port = UInt16(order >> 4)
            let peer = port == 0 ? ISAKMPStages.peer : SocketAddress(World.client, port: 1000 + port)
            switch order & 0x0F {
            case 0: now = now.advanced(by: .milliseconds(100 * Int(script.byte())))
            case let kind:
                let bytes = script.chunk()
                let datagram = ISAKMPStages.datagram(bytes, isNATTraversal: kind == 1, from: peer)
                received += datagram.bytes.count
                Tally.packets += 1
                messages += 1
                take(endpoint.receive(datagram, at: now))
            }
            check(endpoint.snapshots.count <= messages + 1, "more SAs than messages")
        }
        now = max(now, World.start).advanced(by: .seconds(31))
        // An established peer may be asked meanwhile whether it is there.
        if established == 0 { take(endpoint.advance(to: now)) } else { _ = endpoint.advance(to: now) }
        check(endpoint.snapshots.count { $0.established == nil } == 0, "half-open SAs stay")
        check(endpoint.snapshots.count == established, "an SA has come or gone")
    }

    static func seeds() -> [(name: String, bytes: [UInt8])] {
        stages.enumerated().flatMap { index, stage in
            // A stranger's next message in its state, and the same over the other port; one after the other; twice.
            [1, 2].map { kind in
                var writer = ScriptWriter()
                writer.byte(index)
                for _ in 1...2 {
                    writer.byte(kind)
                    // With keys the first message of the next negotiation: theirs would be right.
                    writer.chunk(index < 3 ? stage.next : stages[0].next)
                }
                writer.byte(0)
                writer.byte(30)
                return ("state-\(index)-port-\(kind)", writer.bytes)
            }
        }
    }
}
