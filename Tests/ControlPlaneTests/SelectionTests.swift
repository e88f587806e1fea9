// SPDX-License-Identifier: Apache-2.0
import ControlPlane
import Primitives
import Simulation
import Testing

/// Which calls a selector means: what is shown, counted and ended is the same.
struct SelectionTests {
    @Test func peersWithoutKeysAreShownOnlyWhenAskedFor() throws {
        let network = try Fixture.networkInSeveralStates()
        #expect(network.gateway.calls(at: network.now).count == 3)
        #expect(network.gateway.halfOpenPeers(at: network.now).map(\.state) == ["keying"])
    }

    @Test func everySelectorMeansWhatItSays() throws {
        let network = try Fixture.networkInSeveralStates()
        let calls = network.gateway.calls(at: network.now)
        let alice = try #require(calls.first { $0.user == "alice" })
        let keyed = try #require(calls.first { $0.state == "keyed" })
        let address = try #require(alice.innerAddress.flatMap(IPAddress.init))
        let outer = network.clients[2].outerAddress
        let trace = try #require(TraceID(keyed.trace))
        for (selector, expected) in [
            (CallSelector.user("alice"), [alice]), (.user("nobody"), []), (.innerAddress(address), [alice]),
            (.interface(try #require(alice.interface)), [alice]), (.peer(outer), [keyed]), (.trace(trace), [keyed]),
            (.all, calls),
        ] {
            #expect(network.gateway.matching(selector, at: network.now) == expected)
            #expect(network.gateway.count(matching: selector) == expected.count)
        }
    }

    @Test(arguments: [CallSelector.user("alice"), .all, .peer(IPAddress("203.0.113.13")!)])
    func whatIsCountedIsWhatEnds(_ selector: CallSelector) throws {
        var network = try Fixture.networkInSeveralStates()
        let before = network.gateway.count(matching: .all)
        let count = network.gateway.count(matching: selector)
        #expect(count > 0)
        network.command(.terminate(selector))
        network.run(for: .seconds(60))
        #expect(network.gateway.count(matching: selector) == 0)
        #expect(network.gateway.count(matching: .all) == before - count)
    }
}
