// SPDX-License-Identifier: Apache-2.0
import Cryptography
import L2TP
import Primitives
import Simulation

/// Anything at all on a tunnel socket, from nobody known and from a peer with a call; also as AVPs in messages that
/// are otherwise right, which gets further.
enum L2TPControl: FuzzTarget {
    static let name = "l2tp_control"
    private static let rigs = [L2TPRig(secret: nil), .established(secret: nil)]

    static func run(_ script: Script) {
        var script = script
        var rig = rigs[Int(script.byte()) % rigs.count]
        L2TPRig.entropy.restart(2)
        while let order = script.order() {
            switch order % 8 {
            case 0: rig.advance(by: .milliseconds(250 * Int(script.byte())))
            case 1: rig.deliver(script.chunk())
            case 2: rig.deliver(script.chunk(), on: L2TPRig.otherSocket, from: L2TPRig.otherPeer)
            case 3: rig.deliver(script.chunk(), from: L2TPRig.otherPeer)
            case 4: rig.exchange(rig.lac.openSession(at: rig.now))
            case 5: rig.exchange(rig.lac.send(frame: script.chunk()))
            default:
                let session = SessionID(rawValue: UInt16(script.byte())) ?? rig.lac.calls.first?.peerID
                rig.exchange(rig.lac.send(avps: script.chunk(), session: session, at: rig.now))
            }
        }
        rig.drain()
    }

    static func seeds() -> [(name: String, bytes: [UInt8])] {
        var seeds: [(name: String, bytes: [UInt8])] = []
        func seed(_ name: String, rig: Int, _ body: (inout ScriptWriter) -> Void) {
            var writer = ScriptWriter()
            writer.byte(rig)
            body(&writer)
            seeds.append((name, writer.bytes))
        }
        var lac = SimulatedLAC(hostName: "client", secret: nil, entropy: SeededEntropy(seed: 3))
        for datagram in lac.start(at: World.start) {
            for rig in 0...1 {
                seed("sccrq-\(rig)", rig: rig) {
                    $0.byte(1)
                    $0.chunk(datagram)
                    $0.byte(0)
                    $0.byte(40)
                }
            }
        }
        let tunnel: [UInt8] = avp(9, [0x12, 0x34])
        let session: [UInt8] = avp(14, [0x43, 0x21])
        let result: [UInt8] = avp(1, [0, 1, 0, 0])
        let messages: [(String, [UInt8])] = [
            ("icrq", type(10) + session + avp(15, [0, 0, 0, 9])),
            ("iccn", type(12) + avp(24, [0, 1, 0, 0]) + avp(19, [0, 0, 0, 1])),
            ("hello", type(6)), ("cdn", type(14) + result + session), ("stopccn", type(4) + tunnel + result),
            ("wen", type(15) + avp(34, [UInt8](repeating: 0, count: 26))),
            ("sli", type(16) + avp(35, [UInt8](repeating: 0xFF, count: 10))),
            ("ocrq", type(7) + session + avp(15, [0, 0, 0, 1])), ("unknown", type(99) + avp(99, [1, 2, 3])),
        ]
        for (name, avps) in messages {
            seed(name, rig: 1) {
                $0.byte(7)
                $0.byte(0)
                $0.chunk(avps)
                $0.byte(4)
                $0.byte(0)
                $0.byte(100)
            }
        }
        seed("frame", rig: 1) {
            $0.byte(5)
            $0.chunk([0xFF, 0x03, 0xC0, 0x21, 1, 1, 0, 4])
        }
        return seeds
    }

    static func avp(_ attribute: UInt16, _ value: [UInt8], flags: UInt16 = 0x8000) -> [UInt8] {
        var writer = ByteWriter()
        writer.integer(flags | UInt16(truncatingIfNeeded: value.count + 6) & 0x03FF)
        writer.integer(UInt16(0))
        writer.integer(attribute)
        writer.append(value)
        return writer.bytes
    }

    static func type(_ number: UInt8) -> [UInt8] { avp(0, [0, number]) }
}
