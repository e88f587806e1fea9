// SPDX-License-Identifier: Apache-2.0
import Glibc
import Primitives
import Runtime
import Testing

struct StartProblemTests {
    @Test func namesEveryPortThatIsTakenAndByWhom() throws {
        let a = try UDPSocket(bindingTo: SocketAddress(localhost, port: 0))
        let b = try UDPSocket(bindingTo: SocketAddress(.v4(0), port: 0))
        var listen = IKESockets.Listen(addresses: [localhost])
        listen.ikePort = a.local.port
        listen.natTraversalPort = b.local.port
        listen.takesESP = false
        let problems = StartChecks.ports(listen)
        #expect(problems.count == 2)
        for (problem, port) in zip(problems, [a.local.port, b.local.port]) {
            #expect(problem.message.hasPrefix("UDP port \(port) on 127.0.0.1 is taken"))
            #expect(problem.message.contains("process \(getpid())"))
            #expect(problem.remedy?.isEmpty == false)
            #expect(!problem.isWarning)
        }
    }

    @Test func findsNothingWrongWithFreePorts() throws {
        var listen = IKESockets.Listen(addresses: [localhost])
        listen.ikePort = try UDPSocket(bindingTo: SocketAddress(localhost, port: 0)).local.port
        listen.natTraversalPort = 0
        listen.takesESP = false
        #expect(StartChecks.ports(listen).isEmpty)
    }

    @Test(arguments: [
        (EACCES, "no right to bind UDP port 500"), (EADDRNOTAVAIL, "192.0.2.1 is not an address of this machine"),
        (EAFNOSUPPORT, "this kernel has no IPv4"), (ENOPROTOOPT, "the kernel does not take ESP in UDP"),
        (ENOMEM, "192.0.2.1:500 cannot be bound: bind: Cannot allocate memory"),
    ])
    func saysWhyASocketCannotBeHad(code: Int32, start: String) throws {
        let local = SocketAddress(.v4(0xC000_0201), port: 500)
        let problem = StartProblem(IKESockets.BindError(local: local, error: SystemError("bind", code: code)))
        #expect(problem.message.hasPrefix(start))
        #expect(problem.description.name == "preflight")
        #expect(problem.description.severity == .error)
    }

    @Test func saysWhatASocketsGroupTakes() {
        let problem = StartProblem(.failed(SystemError("chown", code: EPERM)), path: "/run/culvert/status.sock")
        #expect(problem.message == "the control socket /run/culvert/status.sock cannot be given to its group")
        #expect(problem.remedy == "let culvertd be in that group: SupplementaryGroups= in the unit")
        #expect(StartProblem(.failed(SystemError("bind", code: EPERM)), path: "/run/c").remedy == nil)
    }

    @Test func saysHowManyCallsTheFileLimitAllows() {
        let problem = StartChecks.fileLimit(1024, calls: 16_000)
        #expect(problem?.message == "1024 open files are allowed: enough for 224 calls of 16000")
        #expect(problem?.isWarning == true)
        #expect(problem?.description.severity == .warning)
        #expect(StartChecks.fileLimit(64_128, calls: 16_000) == nil)
        #expect(StartChecks.fileLimit(64_127, calls: 16_000) != nil)
    }
}
