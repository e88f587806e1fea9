// SPDX-License-Identifier: Apache-2.0
import PPP
import Simulation

/// PAP, CHAP and MS-CHAPv2 with a user who knows the password and with one who does not. Without a proof there is no
/// network.
enum PPPAuthentication: FuzzTarget {
    static let name = "ppp_authentication"
    private static let protocols: [UInt16] = [0xC023, 0xC223, 0xC023, 0xC223, 0xC021, 0xC227]
    /// In the authentication phase, for each method, with the right password and with a wrong one.
    private static let stages: [PPPRig] = AuthenticationMethod.allCases.flatMap { method in
        ["secret of alice", "wrong"].compactMap { password in
            PPPRig.stages(method, password: password).first { $0.link.snapshot.phase == "authenticate" }
        }
    }

    static func run(_ script: Script) {
        var script = script
        var rig = stages[Int(script.byte()) % stages.count]
        PPPRig.entropy.restart(2)
        while let order = script.order() { rig.obey(order, &script, protocols: protocols) }
        rig.drain()
    }

    static func seeds() -> [(name: String, bytes: [UInt8])] {
        let alice = Array("alice".utf8)
        let packets: [(String, Int, Int, [UInt8])] = [
            ("pap", 0, 1, [5] + alice + [15] + Array("secret of alice".utf8)),
            ("pap-wrong", 0, 1, [5] + alice + [1, 0x78]),
            ("chap", 1, 2, [16] + [UInt8](repeating: 9, count: 16) + alice),
            ("mschapv2", 1, 2, [49] + [UInt8](repeating: 9, count: 49) + alice),
            ("domain", 1, 2, [49] + [UInt8](repeating: 9, count: 49) + Array("OFFICE\\alice".utf8)),
            ("change-password", 1, 7, [UInt8](repeating: 1, count: 582)), ("eap", 5, 2, [1] + alice),
        ]
        return stages.indices.flatMap { stage in
            packets.map { name, number, code, data in
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
