// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import ControlPlane
import Primitives
import Testing

@testable import culvertctl

@Suite("The list of calls")
struct SessionsTests {
    /// A call that differs from the sample in what lists look at.
    private func call(_ number: Int, _ change: (inout CallSnapshot) -> Void = { _ in }) -> CallSnapshot {
        var call = Samples.call
        call.trace = "00c0ffee0000000\(number)"
        change(&call)
        return call
    }

    private func layout(_ columns: [SessionColumn], width: Int? = nil) -> SessionsLayout {
        SessionsLayout(columns: columns, width: width)
    }

    // MARK: Looks

    @Test
    func `A list of calls, oldest first, on 80 columns`() {
        #expect(
            render([Samples.beginning, Samples.call]) == """
                TRACE             USER   ADDRESS    PEER                  CLIENT   STATE     AGE
                00c0ffee12345678  alice  10.99.0.7  198.51.100.7          windows  up      1h 2m
                00c0ffee00000001  -      -          2001:db8:aaaa:bbbb:…  -        keying     0s

                2 calls: 1 up, 1 keying
                no room for nat, idle, rx, tx

                """
        )
    }

    @Test
    func `A list of calls where there is room`() {
        var layout = SessionsLayout()
        layout.width = nil
        #expect(
            render([Samples.call], of: 1_200, layout) == """
                TRACE             USER   ADDRESS    PEER          CLIENT   NAT   STATE    AGE   IDLE       RX     TX
                00c0ffee12345678  alice  10.99.0.7  198.51.100.7  windows  peer  up     1h 2m  1m 5s  5.3 MiB  999 B

                1 of 1,200 calls: 1 up

                """
        )
    }

    @Test
    func `Every layer has its column`() {
        #expect(
            render([Samples.call], layout([.identity, .profile, .key, .ike, .ikeAge, .esp, .nat, .port, .local]))
                .hasPrefix(
                    """
                    IDENTITY  PROFILE        KEY     IKE                     IKE-AGE  ESP          NAT    PORT  LOCAL
                    10.0.0.7  remote-access  branch  aes256-sha256-modp2048   5m 25s  aes256-sha1  peer  61001  192.0.2.1

                    """
                )
        )
        #expect(
            render([Samples.call], layout([.tunnel, .session, .host, .phase, .auth, .gateway, .interface, .mtu]))
                .hasPrefix(
                    """
                    TUNNEL  SESSION  HOST    PHASE    AUTH      GATEWAY    INTERFACE   MTU
                    17/4    3/9      laptop  network  mschapv2  10.99.0.1  cv0        1398

                    """
                )
        )
        #expect(
            render([Samples.call, Samples.beginning], layout([.rxPackets, .txPackets, .esp])).hasPrefix(
                "RX-PACKETS  TX-PACKETS  ESP\n     1,234         999  aes256-sha1\n         -           -  -\n"
            )
        )
    }

    @Test
    func `The algorithms shown are those of the pair we send with`() {
        var call = Samples.call
        call.esp.append(call.esp[0])
        call.esp[0].sending = false
        call.esp[1].transform = "aes128-sha256"
        call.esp[1].sending = true
        #expect(SessionColumn.esp.text(of: call) == "aes128-sha256")
        call.esp[1].sending = false
        #expect(SessionColumn.esp.text(of: call) == "aes128-sha256")
        call.esp = []
        #expect(SessionColumn.esp.text(of: call) == nil)
    }

    @Test
    func `Who is behind NAT`() {
        var call = Samples.call
        for (peer, local, text) in [
            (false, false, "none"), (true, false, "peer"), (false, true, "local"), (true, true, "both"),
        ] {
            call.ike.peerBehindNAT = peer
            call.ike.localBehindNAT = local
            #expect(SessionColumn.nat.text(of: call) == text)
        }
    }

    @Test
    func `Without a header there is one line for each call and nothing else`() {
        var layout = layout([.trace, .state])
        layout.hasHeader = false
        #expect(
            render([Samples.call, Samples.beginning], of: 7, layout)
                == "00c0ffee12345678  up\n00c0ffee00000001  keying\n"
        )
        #expect(render([], of: 7, layout) == "")
    }

    @Test
    func `Nobody there, and nobody meant`() {
        #expect(render([CallSnapshot]()) == "no calls\n")
        #expect(render([], of: 1_200) == "none of 1,200 calls matches\n")
    }

    @Test
    func `A sum by state, in the order of progress`() {
        let states = ["closing", "keying", "keyed", "up", "negotiating", "tunnel", "up", "other"]
        let calls = states.enumerated().map { place, state in call(place) { $0.state = state } }
        #expect(
            render(calls, layout([.trace])).hasSuffix(
                "\n8 calls: 2 up, 1 negotiating, 1 tunnel, 1 keyed, 1 keying, 1 closing, 1 other\n"
            )
        )
    }

    // MARK: Fit

    private static let contents = [
        "", "a", "alice@example.net", String(repeating: "x", count: 300), "日本語の名前です", "ÄÖÜ ß",
        "e\u{301}e\u{301}e\u{301}",
        "\u{1B}[2J\u{202E}\n", "👩‍👩‍👧‍👦👍🏽", "\u{FF21}\u{FF22}", "한국어 이름", "a b  c",
    ]

    @Test(arguments: [20, 21, 25, 33, 40, 57, 79, 80, 81, 100, 132, 200, 400])
    func `Never wider than the terminal, whatever stands in it`(_ width: Int) {
        for (place, content) in Self.contents.enumerated() {
            let other = Self.contents[(place + 5) % Self.contents.count]
            let calls = [
                call(1) {
                    $0.user = content
                    $0.ike.identity = other
                    $0.l2tp?.hostName = content
                    $0.ike.client = other
                    $0.ike.profile = content
                    $0.ike.transform = other
                    $0.interface = content
                    $0.ageSeconds = 1e11
                    $0.idleSeconds = 1e11
                    $0.traffic?.sentPackets = .max
                    $0.mtu = .max
                },
                call(2), Samples.beginning,
            ]
            for columns in [
                SessionColumn.usual, SessionColumn.allCases, [.identity], [.trace, .txPackets], [.user, .mtu],
            ] {
                let text = render(calls, of: 12_345_678, layout(columns, width: width))
                for line in text.split(separator: "\n") {
                    #expect(cells(line) <= width, "\(width): \(line)")
                }
                #expect(text.split(separator: "\n").count >= 4)
            }
        }
    }

    /// As an independent count: what East Asian and emoji characters take is two, what combines takes none.
    private func cells(_ line: Substring) -> Int {
        line.unicodeScalars.reduce(0) { sum, scalar in
            switch scalar.value {
            case 0x0300...0x036F: sum
            case 0x1100...0x11FF, 0x3000...0x9FFF, 0xAC00...0xD7A3, 0xFF00...0xFF60, 0x1F300...0x1FAFF: sum + 2
            default: sum + 1
            }
        }
    }

    @Test
    func `The least important columns go first, and the sum says which`() {
        let wide = render([Samples.call], SessionsLayout(width: 90))
        #expect(wide.contains("IDLE") && !wide.contains("TX") && wide.hasSuffix("no room for nat, tx\n"))
        let narrow = render([Samples.call], SessionsLayout(width: 30))
        #expect(narrow.hasPrefix("USER   ADDRESS    STATE\nalice  10.99.0.7  up\n"), "\(narrow)")
        #expect(render([Samples.call], SessionsLayout(width: nil)).contains("TX"))
    }

    @Test
    func `A pipe has no width, and cells are whole in it`() {
        let name = String(repeating: "x", count: 300)
        #expect(render([call(1) { $0.user = name }], SessionsLayout(width: nil)).contains(" \(name) "))
    }

    @Test
    func `On a screen the rest is counted`() {
        let calls = (0..<10).map { call($0) { $0.ageSeconds = 5 } }
        let text = render(calls, SessionsLayout(columns: [.trace], width: 80, height: 8))
        #expect(text.split(separator: "\n", omittingEmptySubsequences: false).count <= 8, "\(text)")
        #expect(text.contains("more\n") && text.contains("10 calls: 10 up\n"))
    }

    // MARK: Order

    @Test
    func `Numbers come largest first, names in order, what is not known last`() {
        let calls = [
            call(1) { $0.traffic = nil },
            call(2) {
                $0.traffic?.receivedBytes = 10
                $0.user = "bob"
            },
            call(3) {
                $0.traffic?.receivedBytes = 9
                $0.user = nil
            },
            call(4) { $0.traffic?.receivedBytes = .max },
        ]
        let order = { (column: SessionColumn, reverse: Bool) in
            column.sorted(calls, isReversed: reverse).map { Int(String($0.trace.suffix(1))) ?? 0 }
        }
        #expect(order(.rx, false) == [4, 2, 3, 1])
        #expect(order(.rx, true) == [3, 2, 4, 1])
        #expect(order(.user, false) == [1, 4, 2, 3])
        #expect(order(.user, true) == [2, 1, 4, 3])
        #expect(order(.trace, true) == [4, 3, 2, 1])
    }

    @Test
    func `Addresses are ordered as numbers`() {
        let addresses = ["10.0.0.10", "10.0.0.9", "2001:db8::10", "2001:db8::9", "9.255.0.1"]
        let calls = addresses.enumerated().map { place, address in call(place) { $0.innerAddress = address } }
        #expect(
            SessionColumn.address.sorted(calls).compactMap(\.innerAddress)
                == ["9.255.0.1", "10.0.0.9", "10.0.0.10", "2001:db8::9", "2001:db8::10"]
        )
    }

    @Test
    func `Every column can be shown and ordered by`() {
        for column in SessionColumn.allCases {
            #expect(!column.meaning.isEmpty && column.column.title.width < 15)
            #expect(column.text(of: Samples.call) != nil, "\(column)")
            let sorted = column.sorted([Samples.beginning, Samples.call])
            #expect(sorted.count == 2)
            // Known before not known.
            if column.text(of: Samples.beginning) == nil { #expect(sorted.first == Samples.call, "\(column)") }
        }
    }

    // MARK: Choice

    private func chosen(_ arguments: [String]) throws -> [String] {
        let calls = [
            Samples.call, Samples.beginning, call(1) { $0.user = "alina" }, call(2) { $0.innerAddress = "10.1.0.1" },
        ]
        let filter = try Sessions.parse(arguments).filter
        return calls.filter(filter.matches).map { String($0.trace.suffix(2)) }
    }

    @Test(
        "Filters",
        arguments: [
            ([], ["78", "01", "01", "02"]), (["--user", "alice"], ["78", "02"]),
            (["--user", "al*"], ["78", "01", "02"]),
            (["--user", "ali??", "--address", "10.99.0.0/16"], ["78", "01"]), (["--user", "*"], ["78", "01", "02"]),
            (["--peer", "198.51.100.0/24"], ["78", "01", "02"]), (["--peer", "2001:db8::/32"], ["01"]),
            (["--address", "10.1.0.1"], ["02"]), (["--state", "key*"], ["01"]),
            (["--client", "windows"], ["78", "01", "02"]),
            (["--interface", "cv?"], ["78", "01", "02"]), (["--profile", "remote-*"], ["78", "01", "01", "02"]),
            (["--trace", "00C0FFEE1234*"], ["78"]), (["--trace", "00c0ffee1234"], []), (["--user", "Alice"], []),
        ]
    )
    func filters(_ arguments: [String], _ expected: [String]) throws {
        #expect(try chosen(arguments) == expected)
    }

    @Test(
        "Patterns",
        arguments: [
            ("", "", true), ("", "a", false), ("*", "", true), ("*", "abc", true), ("a*c", "abbbc", true),
            ("a*c", "abbbcd", false), ("*a*", "bab", true), ("?", "", false), ("?", "é", true), ("a?", "a", false),
            ("**", "a", true), ("*b*c", "abcbc", true), ("a*b*c*", "axbxcx", true),
            ("*.example", "x.example.example", true),
            ("[a]", "a", false), ("a", "a\0b", false),
        ]
    )
    func patterns(_ pattern: String, _ text: String, _ matches: Bool) {
        #expect(Glob(pattern).matches(text) == matches)
    }

    /// No pattern takes longer than its length times that of the text.
    @Test
    func `A pattern of many stars is not slow`() {
        #expect(!Glob(String(repeating: "*a", count: 50)).matches(String(repeating: "a", count: 49) + "b"))
        #expect(!Glob(String(repeating: "a*", count: 200) + "b").matches(String(repeating: "a", count: 5_000)))
    }

    @Test(
        "The command line",
        arguments: [
            (["--columns", "user,rx-packets"], true), (["--columns", "User"], true), (["--columns", "all"], true),
            (["--columns", "help"], true), (["--columns", "user,,rx"], false), (["--columns", "size"], false),
            (["--sort", "rx", "--reverse"], true), (["--sort", "size"], false), (["--watch"], true),
            (["--watch", "0.5"], true), (["--watch", "0"], false), (["--watch", "--json"], true),
            (["--peer", "192.0.2.0/33"], false), (["--peer", "host"], false), (["--state", "UP"], false),
            (["--state", "up"], true), (["--address", "10.0.0.0/8"], true),
        ]
    )
    func arguments(_ arguments: [String], _ isValid: Bool) {
        #expect(((try? Sessions.parse(arguments)) != nil) == isValid)
    }

    @Test
    func `Watching is every two seconds unless a number is given`() throws {
        #expect(try Sessions.parse(["--watch"]).watch == 2)
        #expect(try Sessions.parse(["--watch", "5"]).watch == 5)
        #expect(try Sessions.parse([]).watch == nil)
        #expect(try Sessions.parse(["--columns", "all"]).columns?.columns == SessionColumn.allCases)
    }

    @Test
    func `The list of columns tells each of them`() {
        let lines = ColumnList.help.split(separator: "\n")
        #expect(lines.count == SessionColumn.allCases.count)
        #expect(lines.contains("* user        the name that PPP authenticated"))
        #expect(lines.contains("  mtu         of the interface, in bytes; show tells its arithmetic"))
        for line in lines { #expect(line.count <= 80) }
    }

    // MARK: Again and again

    @Test
    func `A terminal is redrawn, a pipe gets one after the other`() {
        let (terminal, pipe) = (Terminal(isTerminal: true), Terminal(isTerminal: false))
        var screen = Screen()
        #expect(screen.show("a\n", on: terminal) == "\u{1B}[H\u{1B}[2Ja\n")
        #expect(screen.show("b\n", on: terminal) == "\u{1B}[H\u{1B}[2Jb\n")
        screen = Screen()
        #expect(screen.show("a\n", on: pipe) == "a\n")
        #expect(screen.show("b\n", on: pipe) == "\nb\n")
        screen = Screen(isJSON: true)
        #expect(screen.show("{}\n", on: pipe) == "{}\n")
        #expect(screen.show("{}\n", on: pipe) == "{}\n")
    }

    @Test
    func `A culvertd that goes is told once, and told when it is there again`() {
        let pipe = Terminal(isTerminal: false)
        var screen = Screen()
        _ = screen.show("a\n", on: pipe)
        let lost = screen.lose(Problem("gone"), on: pipe)
        #expect(lost.text == "culvertctl: gone\n  trying again until it is there\n" && !lost.isOutput)
        #expect(screen.lose(Problem("gone"), on: pipe).text == "")
        #expect(screen.show("b\n", on: pipe) == "\nculvertd is there again\n\nb\n")
        #expect(screen.show("c\n", on: pipe) == "\nc\n")
    }

    // MARK: Endings

    @Test(
        "What would end is asked for as it would be ended",
        arguments: [
            (["--user", "a b/é"], "/v1/sessions?user=a%20b%2F%C3%A9"),
            (["--peer", "192.0.2.0/24"], "/v1/sessions?peer=192.0.2.0%2F24"),
            (["--peer", "2001:db8::1"], "/v1/sessions?peer=2001:db8::1"),
            (["--address", "10.0.0.9"], "/v1/sessions?address=10.0.0.9"),
            (["--interface", "cv0"], "/v1/sessions?interface=cv0"),
            (["00C0FFEE12345678"], "/v1/sessions?trace=00c0ffee12345678"),
            (["--all"], "/v1/sessions"),
        ]
    )
    func endings(_ arguments: [String], _ resource: String) throws {
        #expect(try Terminate.parse(arguments + ["--dry-run"]).selector.resource == resource)
    }
}
