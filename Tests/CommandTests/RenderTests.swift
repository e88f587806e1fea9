// SPDX-License-Identifier: Apache-2.0
import ControlPlane
import Testing

@testable import culvertctl

@Suite("What a person reads")
struct RenderTests {
    @Test
    func `The gateway at a glance`() {
        #expect(
            render(Samples.status) == """
                gw1.example.net, culvertd 0.1.0, up 3d 4h

                calls up             1,200
                IKE SAs              1,201
                ESP SA pairs         1,201
                L2TP tunnels         1,200
                L2TP sessions        1,200

                POOL    RANGE          USED   SIZE  FULL
                office  10.99.0.0/20  1,200  4,093  29 %
                guests  10.98.0.0/30      0      1   0 %

                COUNTER                     VALUE
                ike.no-proposal-chosen         12
                packets.received        1,000,000

                """
        )
    }

    @Test
    func `A gateway that says little`() {
        let status = StatusSnapshot(
            callCount: 0,
            ikeCount: 0,
            childCount: 0,
            tunnelCount: 0,
            sessionCount: 0,
            pools: [StatusSnapshot.Pool(name: "none", range: "10.0.0.0/32", used: 0, size: 0)]
        )
        let text = render(status)
        #expect(text.hasPrefix("gateway\n\ncalls up                 0\n"))
        #expect(text.hasSuffix("none  10.0.0.0/32     0     0     -\n"))
    }

    @Test
    func `One call, layer by layer`() {
        #expect(
            render(Samples.call) == """
                call 00c0ffee12345678: up, for 1h 2m, user alice
                  IKE     198.51.100.7:61001 to 192.0.2.1:4500
                          profile remote-access, established for 5m 25s
                          identity 10.0.0.7
                          client windows, key branch
                          aes256-sha256-modp2048
                          peer behind NAT
                  ESP     inbound c0ffee01, outbound 0badcafe
                          aes256-sha1, in UDP, request id 1073758208
                  L2TP    tunnel 17, peer's 4
                          session 3, peer's 9
                          host name laptop
                  PPP     phase network
                          authentication mschapv2
                          peer takes packets up to 1400 bytes
                  IP      10.99.0.7 to 10.99.0.1, on cv0, MTU 1398
                          1500 outside, less 20 IPv4, 8 UDP, 34 ESP, 8 UDP, 8 L2TP and 2 PPP,
                          rounded down to a block
                  traffic received 1,234 packets, 5,600,000 bytes (5.3 MiB)
                          sent     999 packets, 999 bytes
                          idle for 1m 5s

                """
        )
    }

    @Test
    func `One call at its beginning`() {
        #expect(
            render(Samples.beginning) == """
                call 00c0ffee00000001: keying, for 0s, user not known yet
                  IKE     [2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff]:500 to [2001:db8::1]:500
                          profile remote-access, key exchange
                          no NAT between

                """
        )
    }

    @Test
    func `Nothing a peer says reaches the terminal raw or breaks the width`() {
        let hostile = "\u{1B}[2J\u{7}\u{202E}evil\n\r\u{9B}31m\u{85}" + String(repeating: "x", count: 300)
        var call = Samples.call
        call.user = hostile
        call.ike.identity = hostile
        call.ike.client = hostile
        call.ike.key = hostile
        call.l2tp?.hostName = hostile
        call.state = "up"
        var status = Samples.status
        status.name = hostile
        status.pools[0].name = hostile
        status.counters?[hostile] = 1
        for text in [render(call), render([call, call]), render(status), Problem(hostile, remedy: hostile).text] {
            for scalar in text.unicodeScalars { #expect(scalar == "\n" || scalar.isVisible) }
        }
        for text in [render(call), render([call, Samples.beginning])] {
            for line in text.split(separator: "\n") { #expect(line.count <= 80, "\(line)") }
        }
        #expect(render(call).contains("\\u{1b}[2J\\u{7}\\u{202e}evil\\u{a}\\u{d}\\u{9b}31m\\u{85}xxx"))
    }

    @Test
    func `A table of the widest calls fits 80 columns`() {
        var call = Samples.call
        call.user = "a.rather.long.user.name@example.net"
        call.innerAddress = "255.255.255.255"
        call.ike.peer = "255.255.255.255:65535"
        call.ike.client = "networkmanager"
        call.state = "negotiating"
        call.ageSeconds = 86_400 * 365 + 86_399
        for line in render([call]).split(separator: "\n") { #expect(line.count <= 80, "\(line)") }
        #expect(render([call]).contains("a.rather.long.…  255.255.255.255  "))
    }

    @Test(
        "Ages",
        arguments: [
            (0, "0s"), (59.9, "59s"), (60, "1m 0s"), (3_599, "59m 59s"), (3_600, "1h 0m"), (86_399, "23h 59m"),
            (86_400, "1d 0h"), (-1, "-"), (.nan, "-"), (.infinity, "-"), (1e300, "-"),
        ] as [(Double, String)]
    )
    func ages(_ seconds: Double, _ text: String) {
        #expect(age(seconds) == text)
    }

    @Test(
        "Sizes",
        arguments: [
            (0, "0 B"), (1_023, "1023 B"), (1_024, "1.0 KiB"), (10_000, "9.8 KiB"), (10_240, "10 KiB"),
            (1_048_063, "1023 KiB"), (1_048_064, "1.0 MiB"), (5_600_000, "5.3 MiB"), (.max, "16 EiB"),
        ] as [(UInt64, String)]
    )
    func sizes(_ bytes: UInt64, _ text: String) {
        #expect(size(bytes) == text)
    }

    @Test(
        "Numbers",
        arguments: [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567"), (-100_000, "-100,000")]
    )
    func numbers(_ value: Int, _ text: String) {
        #expect(grouped(value) == text)
    }

    @Test
    func `Endings are counted`() {
        #expect(render(TerminateAnswer(terminated: 1)) == "1 call is ending\n")
        #expect(render(TerminateAnswer(terminated: 2)) == "2 calls are ending\n")
    }
}
