// SPDX-License-Identifier: Apache-2.0
import ConfigFile
import Testing

@Suite("What --check prints")
struct OutcomeTests {
    @Test
    func `A configuration that is right`() {
        #expect(Fixture().outcome.report == "gw.yaml: usable, no warnings: 1 profile, 1 pool, 1 user\n")
    }

    @Test
    func `A configuration with something to know about`() {
        let outcome = Fixture().adding("radius: {}").with("users.yaml", "users: []").outcome
        #expect(
            outcome.report == """
                gw.yaml:13:9: warning: RADIUS is not supported yet; the empty section changes nothing
                gw.yaml: usable, 1 warning: 1 profile, 1 pool, no users

                """
        )
    }

    @Test
    func `A configuration that is wrong`() {
        let outcome = Fixture().adding("radius: {}").replacing(2, by: "  nam: gw1").outcome
        #expect(
            outcome.report == """
                gw.yaml:2:3: error: gateway needs the key 'name'
                gw.yaml:2:3: error: unknown key 'nam' in gateway; did you mean 'name'?
                gw.yaml:13:9: warning: RADIUS is not supported yet; the empty section changes nothing
                gw.yaml: not usable, 2 errors and 1 warning

                """
        )
    }
}
