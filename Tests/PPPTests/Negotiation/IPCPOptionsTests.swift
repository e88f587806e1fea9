// SPDX-License-Identifier: Apache-2.0
import PPP
import Primitives
import Testing

struct IPCPOptionsTests {
    private func options(dns: [String] = ["192.0.2.53", "192.0.2.54"], wins: [String] = []) throws -> IPCPOptions {
        try IPCPOptions(offer(dns: dns, wins: wins))
    }

    private func offer(dns: [String], wins: [String], peer: String = "10.99.0.2") -> NetworkOffer {
        NetworkOffer(
            localAddress: IPAddress("10.99.0.1")!,
            peerAddress: IPAddress(peer)!,
            dns: dns.map { IPAddress($0)! },
            wins: wins.map { IPAddress($0)! }
        )
    }

    private func list(_ text: String) -> [PPP.Option] {
        (try? PPP.Option.list(from: hex(text)[...])) ?? []
    }

    /// What the peer asks for, and what it hears; offered are 10.99.0.2 and two DNS servers.
    @Test(
        "P10: whatever address is asked for, the one it has is offered",
        arguments: [
            ("03 06 0A630002", "ack", ""),
            ("03 06 0A630002 81 06 C0000235 83 06 C0000236", "ack", ""),
            ("03 06 00000000", "nak", "03 06 0A630002"),
            ("03 06 7F000001", "nak", "03 06 0A630002"),
            ("03 06 E0000001", "nak", "03 06 0A630002"),
            ("03 06 FFFFFFFF", "nak", "03 06 0A630002"),
            ("03 06 0A630001", "nak", "03 06 0A630002"),
            ("03 05 0A6300", "nak", "03 06 0A630002"),
            ("", "nak", "03 06 0A630002"),
            ("81 06 00000000", "nak", "81 06 C0000235 03 06 0A630002"),
            ("03 06 00000000 81 06 00000000 83 06 00000000", "nak", "03 06 0A630002 81 06 C0000235 83 06 C0000236"),
            ("03 06 00000000 82 06 00000000 84 06 00000000", "reject", "82 06 00000000 84 06 00000000"),
            ("03 06 0A630002 02 06 002D0F01", "reject", "02 06 002D0F01"),
            ("01 0A 0A630002 0A630001", "reject", "01 0A 0A630002 0A630001"),
            ("03 06 0A630002 04 06 0A630002", "reject", "04 06 0A630002"),
        ]
    )
    func judges(_ asked: String, _ kind: String, _ told: String) throws {
        var options = try options()
        let expected: OptionsAnswer =
            switch kind {
            case "nak": .nak(list(told))
            case "reject": .reject(list(told))
            default: .ack
            }
        #expect(options.judge(list(asked), mayNak: true) == expected)
    }

    @Test func rejectsNameServersItDoesNotHave() throws {
        var options = try options(dns: ["192.0.2.53"], wins: ["192.0.2.9"])
        #expect(
            options.judge(list("03 06 0A630002 81 06 00000000 83 06 00000000"), mayNak: true)
                == .reject(list("83 06 00000000"))
        )
        #expect(
            options.judge(list("03 06 0A630002 82 06 00000000"), mayNak: true) == .nak(list("82 06 C0000209"))
        )
    }

    @Test func aPeerThatInsistsOnAnotherAddressIsGivenUpOn() throws {
        var options = try options()
        let offered = IPAddress("10.99.0.2")!
        #expect(
            options.judge(list("03 06 01020304"), mayNak: false)
                == .hopeless(.peerAddress(requested: IPAddress("1.2.3.4"), offered: offered))
        )
        #expect(options.judge(list(""), mayNak: false) == .hopeless(.peerAddress(requested: nil, offered: offered)))
    }

    @Test func asksForItsOwnAddressUntilThatIsRejected() throws {
        var options = try options()
        #expect(PPP.Option.encode(options.request) == hex("03 06 0A630001"))
        try options.nakReceived(list("03 06 01020304"))
        #expect(PPP.Option.encode(options.request) == hex("03 06 0A630001"))
        try options.rejectReceived(list("03 06 0A630001"))
        #expect(options.request.isEmpty)
    }

    @Test func offersIPv4Alone() throws {
        #expect(throws: NegotiationError.noIPv4Address) {
            try IPCPOptions(offer(dns: [], wins: [], peer: "2001:db8::2"))
        }
        var options = try options(dns: ["2001:db8::53", "192.0.2.53"])
        #expect(
            options.judge(list("03 06 0A630002 81 06 00000000"), mayNak: true) == .nak(list("81 06 C0000235"))
        )
    }
}
