// SPDX-License-Identifier: Apache-2.0
import Runtime
import Testing

@testable import culvertctl

@Suite("What a person reads of a reload")
struct RenderReloadTests {
    private static let report = {
        var report = ReloadReport(.planned)
        report.changes = [
            .init(
                kind: "changed",
                key: "ppp.dns",
                what: "was 10.99.0.53, is 10.99.0.54",
                takesEffect: "at once for new calls",
                calls: 2,
                feeling: "they keep the former servers until they end"
            ),
            .init(
                kind: "added",
                key: "addresses.pools.guests",
                what: "10.98.0.0/24",
                takesEffect: "at once",
                calls: 0,
                feeling: nil
            ),
            .init(kind: "removed", key: "users.bob", what: nil, takesEffect: "at once", calls: 1, feeling: "they end"),
        ]
        report.ending = [
            .init(
                trace: "00c0ffee12345678",
                user: "bob",
                peer: "198.51.100.7:4500",
                reason: "a reload removed the user bob"
            )
        ]
        return report
    }()

    @Test
    func `A plan, and that it was only one`() {
        #expect(
            render(Self.report) == """
                changed  ppp.dns: was 10.99.0.53, is 10.99.0.54, at once for new calls
                         2 calls: they keep the former servers until they end
                added    addresses.pools.guests: 10.98.0.0/24, at once
                removed  users.bob, at once
                         1 call: they end
                ends     bob from 198.51.100.7:4500, 00c0ffee12345678: a reload removed the user
                         bob

                1 added, 1 changed, 1 removed; 1 call ends
                dry run: nothing was changed

                """
        )
    }

    @Test
    func `What was carried out`() {
        var report = Self.report
        report.outcome = .applied
        report.ending = []
        #expect(render(report).hasSuffix("\n\n1 added, 1 changed, 1 removed; no call ends\napplied\n"))
    }

    @Test
    func `A file with mistakes`() {
        var report = ReloadReport(.refused)
        report.findings = [
            .init(
                severity: "error",
                file: "/etc/culvert/users.yaml",
                line: 2,
                column: 31,
                message: "unknown key 'adress' in a user",
                remedy: "did you mean 'address'?"
            )
        ]
        report.error = .init(
            message: "/etc/culvert/culvert.yaml is not usable, 1 mistake; nothing was changed",
            remedy: "mend what is named, and reload again"
        )
        #expect(
            render(report) == """
                /etc/culvert/users.yaml:2:31: error: unknown key 'adress' in a user; did you mean 'address'?

                refused: /etc/culvert/culvert.yaml is not usable, 1 mistake; nothing was changed
                  mend what is named, and reload again

                """
        )
    }

    @Test
    func `Nothing to do`() {
        #expect(render(ReloadReport(.unchanged)) == "no changes\n")
    }

    @Test
    func `Of thousands alike the first are shown`() {
        var report = ReloadReport(.applied)
        report.changes = (1...1_000).map {
            .init(kind: "added", key: "users.u\($0)", what: nil, takesEffect: "at once", calls: 0, feeling: nil)
        }
        let lines = render(report).split(separator: "\n")
        #expect(lines.count == 23)
        #expect(lines[19] == "added    users.u20, at once")
        #expect(lines[20] == "added    980 more of users: --json lists them")
        #expect(lines[21] == "1000 added, 0 changed, 0 removed; no call ends")
    }

    @Test
    func `What comes from files does not reach the terminal raw`() {
        var report = ReloadReport(.applied)
        report.changes = [
            .init(kind: "added", key: "users.\u{1B}[2J", what: nil, takesEffect: "at once", calls: 0, feeling: nil)
        ]
        #expect(!render(report).unicodeScalars.contains("\u{1B}"))
    }
}
