// SPDX-License-Identifier: Apache-2.0
import Cryptography
import DataPlane
import IKE
import PPP
import Simulation

/// What a call costs the gateway, in CPU seconds of this thread and bytes of the heap. The peers'
/// work is not counted; the kernel says yes to everything.
///
///     swift run --package-path Tests/Benchmarks -c release culvert-bench [CALLS] [ike|calls|growth|sessions|decode…]
@main
struct Main {
    static func main() {
        let arguments = CommandLine.arguments.dropFirst()
        let count = arguments.first.flatMap { Int($0) } ?? 1000
        if arguments.contains("daemon"), let process = arguments.dropFirst().compactMap({ Int32($0) }).first {
            measureDaemon(count, process)
            return
        }
        let names = Set(arguments.filter { Int($0) == nil })
        let wanted = { (name: String) in names.isEmpty || names.contains(name) }
        for group in [DiffieHellmanGroup.modp2048, .ecp256] {
            if wanted("ike") { measureHandshakes(count, group: group) }
        }
        if wanted("calls") { measureCalls(count) }
        if wanted("growth") { measureGrowth(count) }
        if wanted("sessions") { measureListing(count) }
        if wanted("decode") { measureDecoding(count * 100) }
    }

    /// `culvert-bench 1000 PROCESS daemon`: see ``LoadedDaemon``.
    private static func measureDaemon(_ count: Int, _ process: Int32) {
        var first = 0
        for group in [DiffieHellmanGroup.modp2048, .ecp256] {
            let keys = Meter.time { for _ in 0..<count { Cryptographic.handshake(group: group) } }
            line("IKEv1 main + quick mode, \(group): cryptography alone", per1000: keys, count)
            let daemon = LoadedDaemon(process: process, group: group)
            let seconds = daemon.handshakes(count, from: first)
            line("IKEv1 main + quick mode, \(group): culvertd, everything included", per1000: seconds, count)
            first += count
        }
    }

    private static func measureHandshakes(_ count: Int, group: DiffieHellmanGroup) {
        let keys = Meter.time { for _ in 0..<count { Cryptographic.handshake(group: group) } }
        line("IKEv1 main + quick mode, \(group): cryptography alone", per1000: keys, count)
        var pump = Pump(group: group)
        // What is made once and kept, by whoever comes first.
        pump.key(count)
        let before = Meter.heapBytes()
        pump.seconds = 0
        for number in 0..<count { pump.key(number) }
        line("IKEv1 main + quick mode, \(group): gateway", per1000: pump.seconds, count)
        precondition(pump.associationCount == 2 * (count + 1), "only \(pump.associationCount) associations")
        pump.forgetKernel()
        print("    \((Meter.heapBytes() - before) / count) bytes for each IKE SA with its pair of associations")
    }

    private static func measureCalls(_ count: Int) {
        var pump = Pump(group: .ecp256)
        var first = pump.keyedClient(count)
        pump.call(&first)
        let before = Meter.heapBytes()
        var clients = (0..<count).map { pump.keyedClient($0) }
        pump.seconds = 0
        for index in clients.indices { pump.call(&clients[index]) }
        precondition(pump.interfaceCount == count + 1, "only \(pump.interfaceCount) calls came up")
        line("L2TP + PPP with MS-CHAPv2: gateway", per1000: pump.seconds, count)
        clients = []
        pump.forgetKernel()
        print("    \((Meter.heapBytes() - before) / count) bytes for each call, IKE SA and associations included")
    }

    /// The first thousand, and a thousand when ten times as many are there.
    private static func measureGrowth(_ count: Int) {
        var pump = Pump(group: .ecp256)
        var clients: [SimulatedClient] = []
        let parts = [
            ("the first \(count)", 0..<count),
            ("\(8 * count) more", count..<9 * count),
            ("\(count) after \(9 * count)", 9 * count..<10 * count),
        ]
        for (name, numbers) in parts {
            pump.seconds = 0
            for number in numbers { clients.append(pump.keyedClient(number)) }
            line("IKEv1 main + quick mode, ecp256, \(name)", per1000: pump.seconds, numbers.count)
        }
        for (name, numbers) in parts {
            pump.seconds = 0
            for number in numbers { pump.call(&clients[number]) }
            line("L2TP + PPP with MS-CHAPv2, \(name)", per1000: pump.seconds, numbers.count)
        }
        precondition(pump.interfaceCount == 10 * count, "only \(pump.interfaceCount) calls came up")
    }

    private static func measureListing(_ count: Int) {
        var pump = Pump(group: .ecp256)
        for number in 0..<count {
            var client = pump.keyedClient(number)
            pump.call(&client)
        }
        precondition(pump.interfaceCount == count, "only \(pump.interfaceCount) calls came up")
        pump.listing.measure()
    }

    private static func measureDecoding(_ count: Int) {
        let offer = Samples.mainModeOffer()
        line(
            "decode a main-mode offer of \(offer.count) bytes",
            each: Meter.time { Samples.decodeIKE(offer, count) },
            count
        )
        let sccrq = Samples.sccrq()
        line("decode an SCCRQ of \(sccrq.count) bytes", each: Meter.time { Samples.decodeL2TP(sccrq, count) }, count)
    }

    private static func line(_ name: String, per1000 seconds: Double, _ count: Int) {
        print("\(name): \(rounded(seconds / Double(count) * 1000, 3)) CPU s per 1,000")
    }

    private static func line(_ name: String, each seconds: Double, _ count: Int) {
        print("\(name): \(rounded(seconds / Double(count) * 1e9, 0)) ns")
    }

    private static func rounded(_ value: Double, _ places: Int) -> String {
        var scale = 1.0
        for _ in 0..<places { scale *= 10 }
        let scaled = (value * scale).rounded() / scale
        return places == 0 ? String(Int(scaled)) : String(scaled)
    }
}
