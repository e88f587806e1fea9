// SPDX-License-Identifier: Apache-2.0
import Kernel
import Primitives
import Testing

struct MachineFactsTests {
    @Test func defaultRoutesAreFoundInTheKernelsTables() {
        let v4 = """
            Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
            eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0
            eth1\t0000000A\t00000000\t0001\t0\t0\t0\t000000FF\t0\t0\t0
            eth2\t00000000\t00000000\t0001\t0\t0\t0\t00000080\t0\t0\t0
            """
        #expect(MachineFacts.defaultInterfaces(inV4: v4) == ["eth0"])
        let zero = String(repeating: "0", count: 32)
        let v6 = """
            \(zero) 00 \(zero) 00 fe800000000000000000000000000001 00000400 00000001 00000000 00450003 eth3
            \(zero) 00 \(zero) 00 \(zero) ffffffff 00000001 00000000 00200200 lo
            fe800000000000000000000000000000 40 \(zero) 00 \(zero) 00000100 00000001 00000000 00000001 eth4
            """
        #expect(MachineFacts.defaultInterfaces(inV6: v6) == ["eth3"])
        #expect(MachineFacts.defaultInterfaces(inV4: "x\n\ny z").isEmpty)
        #expect(MachineFacts.defaultInterfaces(inV6: "x\n\ny z").isEmpty)
    }

    @Test func flagsDriversAndLimitsAreReadFromTheKernelsTexts() {
        #expect(
            MachineFacts.flags(inCPUInfo: "processor\t: 0\nflags\t\t: fpu aes avx\nflags\t: other") == [
                "fpu", "aes", "avx",
            ]
        )
        #expect(MachineFacts.flags(inCPUInfo: "Features\t: fp aes pmull") == ["fp", "aes", "pmull"])
        #expect(MachineFacts.flags(inCPUInfo: "").isEmpty)
        #expect(
            MachineFacts.drivers(inCrypto: "name         : cbc(aes)\ndriver       : cbc-aes-aesni\nmodule : x\n")
                == ["cbc-aes-aesni"]
        )
        #expect(
            MachineFacts.openFiles(inLimits: "Limit  Soft\nMax open files            1024   4096   files\n") == 1024
        )
        #expect(MachineFacts.openFiles(inLimits: "Max open files            unlimited   unlimited   files") == .max)
        #expect(MachineFacts.openFiles(inLimits: "") == nil)
    }

    @Test func outerInterfacesAreThoseThatPeersComeInAt() {
        var facts = MachineFacts()
        var listening = MachineFacts.Interface("eth1")
        listening.addresses = [.init(.v4(0xC000_0201), length: 24)]
        var down = MachineFacts.Interface("eth2")
        down.isUp = false
        facts.interfaces = [.init("eth0"), listening, down, .init("eth3"), .init("cv7"), .init("culvert0")]
        facts.defaultInterfaces = ["eth0", "eth2", "cv7"]
        #expect(facts.outer(listening: [.v4(0)]).map(\.name) == ["eth0"])
        #expect(facts.outer(listening: [.v4(0xC000_0201)]).map(\.name) == ["eth0", "eth1"])
    }

    @Test func lookingAtThisMachineFailsForNoUser() {
        let facts = MachineFacts.gather()
        #expect(facts.interfaces.contains { $0.isLoopback && $0.addresses.contains { $0.address == .v4(0x7F00_0001) } })
        #expect(facts.now.milliseconds > 0)
        #expect(facts.fileLimit ?? 0 > 0)
        #expect(!facts.programs.isEmpty)
    }

    @Test func chainsOfOthersThatSeeWhatComesInAreCounted() {
        // NFTA_CHAIN_TABLE "filter", NFTA_CHAIN_HOOK { NFTA_HOOK_HOOKNUM }
        func chain(_ table: String, hook: UInt8) -> [UInt8] {
            var name = Array(table.utf8) + [0]
            let length = UInt8(name.count + 4)
            while name.count % 4 != 0 { name.append(0) }
            return [1, 0, 0, 0] + [length, 0, 1, 0] + name + [12, 0, 4, 0x80, 8, 0, 1, 0, 0, 0, 0, hook]
        }
        #expect(NetfilterChains.isForeignInput(chain("filter", hook: 1)[...]))
        #expect(!NetfilterChains.isForeignInput(chain("filter", hook: 2)[...]))
        #expect(!NetfilterChains.isForeignInput(chain("culvert", hook: 1)[...]))
        let whole = chain("filter", hook: 1)
        for count in 0..<whole.count { #expect(!NetfilterChains.isForeignInput(whole[..<count])) }
    }
}
