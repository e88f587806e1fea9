// SPDX-License-Identifier: Apache-2.0
import ControlPlane
import Primitives
import Simulation
import Testing

/// Which calls a selector means: what is shown, counted and ended is the same.
struct SelectionTests {
    /// Two calls, a peer with keys but no tunnel, and one in the middle of main mode.
    private func network() throws -> SimulatedNetwork {
        var network = try Fixture.network(
            clients: [
                Fixture.client(1), Fixture.client(2, user: "bob"), Fixture.client(3), Fixture.client(4),
            ]
        )
        network.blocked[2] = [.control]
        network.dial(0)
        network.dial(1)
        network.dial(2)
        network.run(for: .seconds(3))
        network.dial(3)
        network.run(for: .milliseconds(70))
        network.blocked[3] = [.ike]
        return network
    }

    @Test func peersWithoutKeysAreShownOnlyWhenAskedFor() throws {
        let network = try network()
        #expect(network.gateway.calls(at: network.now).count == 3)
        #expect(network.gateway.halfOpenPeers(at: network.now).map(\.state) == ["keying"])
    }

    @Test func everySelectorMeansWhatItSays() throws {
        let network = try network()
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
        var network = try network()
        let before = network.gateway.count(matching: .all)
        let count = network.gateway.count(matching: selector)
        #expect(count > 0)
        network.command(.terminate(selector))
        network.run(for: .seconds(60))
        #expect(network.gateway.count(matching: selector) == 0)
        #expect(network.gateway.count(matching: .all) == before - count)
    }
}
