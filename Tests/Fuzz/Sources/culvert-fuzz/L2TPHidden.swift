// SPDX-License-Identifier: Apache-2.0
import L2TP
import Primitives
import Simulation

/// AVPs hidden with the right secret, whatever is in them: the length inside comes out of the cipher as the fuzzer
/// wants it.
enum L2TPHidden: FuzzTarget {
    static let name = "l2tp_hidden"
    private static let secret = "tunnel secret"
    private static let rigs = [L2TPRig(secret: secret), .established(secret: secret)]

    static func run(_ script: Script) {
        var script = script
        var rig = rigs[Int(script.byte()) % rigs.count]
        L2TPRig.entropy.restart(2)
        while let order = script.order() {
            if order == 0 {
                rig.advance(by: .milliseconds(250 * Int(script.byte())))
                continue
            }
            var avps = L2TPControl.type(order % 20)
            var hiding = Hiding(secret: SecretBytes(copying: Array(secret.utf8)), randomVector: [])
            for _ in 0..<Int(script.byte() % 12) {
                let kind = script.byte()
                let attribute = UInt16(script.byte() % 44)
                let value = Array(script.chunk().prefix(1000))
                let flags: UInt16 = kind & 1 == 0 ? 0x8000 : 0
                switch kind >> 1 & 3 {
                case 0:
                    hiding.randomVector = value
                    avps += L2TPControl.avp(36, value, flags: flags)
                case 1:
                    avps += L2TPControl.avp(attribute, value, flags: flags)
                case let kind:
                    var hidden = hiding.hide(value, of: AttributeType(rawValue: attribute))
                    if kind == 3 {
                        // The cipher is a stream: the two bytes of length can be turned into any others.
                        let (length, claimed) = (
                            UInt16(value.count), UInt16(script.byte()) << 8 | UInt16(script.byte())
                        )
                        hidden[0] ^= UInt8((length ^ claimed) >> 8)
                        hidden[1] ^= UInt8(truncatingIfNeeded: length ^ claimed)
                    }
                    avps += L2TPControl.avp(attribute, hidden, flags: flags | 0x4000)
                }
            }
            if rig.lac.state == .idle {
                var reserved = SimulatedLAC(hostName: "x", secret: nil, entropy: L2TPRig.entropy)
                for datagram in reserved.send(avps: avps, at: rig.now) { rig.deliver(datagram) }
            } else {
                rig.exchange(rig.lac.send(avps: avps, session: rig.lac.calls.first?.peerID, at: rig.now))
            }
        }
        rig.drain()
    }

    static func seeds() -> [(name: String, bytes: [UInt8])] {
        let vector: (Int, Int, [UInt8]) = (0, 36, [UInt8](repeating: 0x55, count: 16))
        let messages: [(String, Int, [(Int, Int, [UInt8])])] = [
            (
                "sccrq", 1,
                [
                    (2, 2, [1, 0]), (2, 3, [0, 0, 0, 3]), (2, 7, Array("client".utf8)), vector, (4, 9, [0x12, 0x34]),
                    (4, 11, [UInt8](repeating: 7, count: 16)), (4, 10, [0, 4]),
                ]
            ),
            ("icrq", 10, [vector, (4, 14, [0x43, 0x21]), (4, 15, [0, 0, 0, 9]), (4, 22, Array("5551234".utf8))]),
            ("iccn", 12, [vector, (4, 24, [0, 1, 0, 0]), (4, 19, [0, 0, 0, 1]), (4, 30, Array("alice".utf8))]),
            ("cdn", 14, [vector, (4, 1, [0, 1]), (4, 14, [0x43, 0x21])]),
            ("length", 10, [vector, (6, 14, [0x43, 0x21])]),
            ("no-vector", 10, [(4, 14, [0x43, 0x21]), (4, 15, [0, 0, 0, 9])]),
        ]
        return messages.flatMap { name, type, avps in
            [0, 1].map { rig in
                var writer = ScriptWriter()
                writer.byte(rig)
                writer.byte(type)
                writer.byte(avps.count)
                for (kind, attribute, value) in avps {
                    writer.byte(kind)
                    writer.byte(attribute)
                    writer.chunk(value)
                    if kind == 6 {
                        writer.byte(0xFF)
                        writer.byte(0xFF)
                    }
                }
                return ("\(name)-\(rig)", writer.bytes)
            }
        }
    }
}
