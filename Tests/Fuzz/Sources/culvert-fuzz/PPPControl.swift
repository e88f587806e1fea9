// SPDX-License-Identifier: Apache-2.0
import PPP
import Simulation

/// LCP, IPCP, CCP and anything else, in every phase of a link.
enum PPPControl: FuzzTarget {
    static let name = "ppp_control"
    private static let stages = PPPRig.stages(.mschapv2)
    private static let protocols: [UInt16] = [0xC021, 0x8021, 0x80FD, 0x8057, 0xC223, 0x0021, 0xC025, 0xC021]

    static func run(_ script: Script) {
        var script = script
        var rig = stages[Int(script.byte()) % stages.count]
        PPPRig.entropy.restart(2)
        while let order = script.order() { rig.obey(order, &script, protocols: protocols) }
        rig.drain()
    }

    static func seeds() -> [(name: String, bytes: [UInt8])] {
        let lcp: [UInt8] = [1, 4, 5, 0x78, 5, 6, 1, 2, 3, 4, 7, 2, 8, 2, 13, 3, 6]
        let packets: [(String, Int, Int, [UInt8])] = [
            ("request", 0, 1, lcp), ("ack", 0, 2, [1, 4, 5, 0x78, 3, 5, 0xC2, 0x23, 0x81]),
            ("nak", 0, 3, [1, 4, 2, 0]),
            ("reject", 0, 4, [3, 5, 0xC2, 0x23, 0x81]), ("terminate", 0, 5, []), ("code-reject", 0, 7, [9, 0, 0, 4]),
            ("protocol-reject", 0, 8, [0x80, 0x21, 1, 1, 0, 4]), ("echo", 0, 9, [1, 2, 3, 4, 5]),
            ("echo-reply", 0, 10, [1, 2, 3, 4]), ("identification", 0, 12, [1, 2, 3, 4] + Array("MSRASV5.20".utf8)),
            ("ipcp", 1, 1, [3, 6, 0, 0, 0, 0, 129, 6, 0, 0, 0, 0, 2, 6, 0, 0x2D, 15, 1]),
            ("ipcp-ack", 1, 2, [3, 6, 10, 99, 0, 1]),
            ("ipcp-terminate", 1, 5, []), ("ccp", 2, 1, [18, 6, 1, 0, 0, 1]), ("ip", 5, 0x45, [0, 0, 20]),
        ]
        return packets.flatMap { name, number, code, data in
            stages.indices.map { stage in
                var writer = ScriptWriter()
                writer.byte(stage)
                writer.byte(4 + 8 * number)
                writer.byte(code)
                writer.byte(0)
                writer.chunk(data)
                writer.byte(2)
                writer.byte(0)
                writer.byte(16)
                return ("\(name)-\(stage)", writer.bytes)
            }
        }
    }
}
