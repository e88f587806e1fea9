// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Testing

@testable import culvertctl

@Suite("Faults on order")
struct ImpairTests {
    @Test(
        "What is typed becomes the words of the daemon",
        arguments: [
            (
                ["drop", "sccrq", "in", "--nth", "2"],
                #"{"direction":"in","message":"sccrq","nth":2,"treatment":"drop"}"#
            ),
            (
                ["double", "main-mode", "out"],
                #"{"direction":"out","message":"main-mode","treatment":"double"}"#
            ),
            (
                ["delay", "500ms", "data", "out", "--percent", "20"],
                #"{"direction":"out","message":"data","milliseconds":500,"percent":20,"treatment":"delay"}"#
            ),
            (
                ["delay", "2s", "data", "in", "--every"],
                #"{"direction":"in","every":true,"message":"data","milliseconds":2000,"treatment":"delay"}"#
            ),
            (
                ["fail", "install-inbound", "ENOMEM", "--every"],
                #"{"errno":"ENOMEM","every":true,"request":"install-inbound"}"#
            ),
            (["lose-notices"], #"{"loseNotices":true}"#),
            (["stop-timers", "ike", "ppp"], #"{"stopTimers":["ike","ppp"]}"#), (["stop-timers"], #"{"stopTimers":[]}"#),
        ] as [([String], String)]
    )
    func words(_ arguments: [String], _ body: String) throws {
        let command = try #require(try Impair.parseAsRoot(arguments) as? any ImpairCommand)
        let bytes = try JSON.bytes(of: try command.request)
        #expect(JSON.value(ImpairRequest.self, from: bytes) == JSON.value(from: Array(body.utf8)))
    }

    @Test(
        "What makes no sense is wrong usage",
        arguments: [
            ["drop", "sccrq"], ["drop", "sccrq", "in", "--nth", "1", "--every"], ["drop", "sccrq", "in", "--nth", "x"],
            ["delay", "500", "data", "in"], ["delay", "s", "data", "in"],
            ["delay", "99999999999999999999s", "data", "in"],
            ["fail", "install-inbound"], ["stall"],
        ]
    )
    func misuse(_ arguments: [String]) {
        #expect(throws: (any Error).self) { try Impair.parseAsRoot(arguments) }
    }

    @Test
    func `It is not in the help`() {
        #expect(!Culvertctl.helpMessage().contains("impair"))
        #expect(Culvertctl.helpMessage().contains("terminate"))
    }

    @Test
    func `The list says what was struck`() {
        let list = ImpairmentList(impairments: [.init(number: 3, impairment: "drop sccrq in", matched: 12, struck: 1)])
        #expect(
            render(list) == """
                NUMBER  IMPAIRMENT     MATCHED  STRUCK
                     3  drop sccrq in       12       1

                """
        )
        #expect(render(ImpairmentList(impairments: [])) == "no impairments\n")
    }
}
