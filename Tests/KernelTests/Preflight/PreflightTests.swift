// SPDX-License-Identifier: Apache-2.0
import DataPlane
import Kernel
import Testing

struct PreflightTests {
    @Test func aGoodMachineHasNoProblems() {
        var facts = PreflightFacts()
        facts.probes = KernelPart.allCases.map { .init($0, failure: nil) }
        #expect(Preflight.problems(in: facts).isEmpty)
    }

    @Test func withoutTheCapabilityNothingElseIsSaid() {
        var facts = PreflightFacts()
        facts.hasNetAdmin = false
        facts.isForwarding = false
        let problems = Preflight.problems(in: facts)
        #expect(problems.count == 1)
        #expect(problems[0].what == "the capability CAP_NET_ADMIN is missing")
    }

    @Test("N05: a part of the kernel that is missing names its module", arguments: KernelPart.allCases)
    func aMissingPartNamesItsModule(_ part: KernelPart) throws {
        var facts = PreflightFacts()
        facts.probes = [.init(part, failure: DataPlaneError(step: "step", code: 93))]
        let problem = try #require(Preflight.problems(in: facts).first)
        #expect(problem.what == "the kernel has no \(part.purpose) (step: errno 93)")
        #expect(problem.command == "modprobe -a \(part.modules)")
    }

    @Test(arguments: [
        ("charon (pid 812)", "systemctl disable --now strongswan strongswan-starter"),
        ("pluto (pid 9)", "systemctl disable --now ipsec"), ("foo (pid 4)", "stop foo (pid 4)"),
    ])
    func aPortInUseNamesWhoHasItAndHowToStopIt(_ process: String, _ command: String) {
        var facts = PreflightFacts()
        facts.portHolders = [
            PortHolder(port: 500, inode: 1, process: process), PortHolder(port: 500, inode: 2, process: process),
        ]
        #expect(
            Preflight.problems(in: facts) == [
                PreflightProblem(what: "UDP port 500 is in use by \(process)", command: command)
            ]
        )
        facts.portHolders = [PortHolder(port: 4500, inode: 1)]
        #expect(
            Preflight.problems(in: facts) == [
                PreflightProblem(
                    what: "UDP port 4500 is in use by another program",
                    command: "find it with: ss -ulpn 'sport = :4500'"
                )
            ]
        )
    }

    @Test func forwardingThatIsOffIsAProblem() {
        var facts = PreflightFacts()
        facts.isForwarding = false
        #expect(Preflight.problems(in: facts).map(\.command) == ["sysctl -w net.ipv4.ip_forward=1"])
    }

    @Test func privatePortsMustBeReservedWhereTheyAreEphemeral() {
        var facts = PreflightFacts()
        facts.ephemeralPorts = 1024...65_535
        #expect(
            Preflight.problems(in: facts).map(\.command)
                == ["sysctl -w net.ipv4.ip_local_reserved_ports=16384-32767"]
        )
        facts.reservedPorts = [8080...8080, 16_384...20_000]
        #expect(
            Preflight.problems(in: facts).map(\.command)
                == ["sysctl -w net.ipv4.ip_local_reserved_ports=8080-8080,16384-20000,16384-32767"]
        )
        facts.reservedPorts = [16_384...20_000, 20_001...32_767]
        #expect(Preflight.problems(in: facts).isEmpty)
        facts.reservedPorts = []
        facts.ephemeralPorts = 20_000...20_001
        #expect(Preflight.problems(in: facts).count == 1)
    }

    @Test func theKernelsTextsAreRead() {
        #expect(PreflightFacts.portRange("32768\t60999\n") == 32_768...60_999)
        #expect(PreflightFacts.portRange("9 8") == nil)
        #expect(PreflightFacts.portRange("") == nil)
        #expect(PreflightFacts.portList("8080,9000-9010\n") == [8080...8080, 9000...9010])
        #expect(PreflightFacts.portList("\n").isEmpty)
        #expect(PreflightFacts.portList("9-8,x,-,7").count == 1)
        let table = """
              sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref
              59: 00000000:01F4 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 4711 2 0
              60: 0100007F:0035 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 12 2 0
              61: 00000000:1194 00000000:0000 07
            """
        #expect(
            PreflightFacts.holders(of: [500, 4500], in: table) == [PortHolder(port: 500, inode: 4711)]
        )
    }
}
