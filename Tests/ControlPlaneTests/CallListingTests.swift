// SPDX-License-Identifier: Apache-2.0
import ControlPlane
import Primitives
import Simulation
import Testing

/// A list that is made in slices, while calls come and go.
struct CallListingTests {
    private func network(_ count: Int) throws -> SimulatedNetwork {
        try Fixture.network(clients: (1...count).map { try Fixture.client($0) })
    }

    private func sorted(_ calls: [CallSnapshot]) -> [CallSnapshot] { calls.sorted { $0.precedes($1) } }

    private func isComplete(_ listing: CallListing, within turns: Int) -> Bool { listing.isComplete && turns < 1000 }

    @Test(arguments: [1, 2, 3, 7, 1000])
    func slicesMakeTheSameListAsOneGo(_ slice: Int) throws {
        var network = try network(6)
        network.blocked[4] = [.control]
        for client in 0..<5 { network.dial(client) }
        network.run(for: .seconds(3))
        network.dial(5)
        network.run(for: .milliseconds(70))
        network.blocked[5] = [.ike]
        let gateway = network.gateway
        for (includesHalfOpen, count) in [(false, 5), (true, 6)] {
            var listing = gateway.listing(.all, includesHalfOpen: includesHalfOpen)
            var turns = 0
            while !listing.isComplete, turns < 1000 {
                let before = listing.calls.count
                gateway.advance(&listing, by: slice, at: network.now)
                #expect(listing.calls.count - before <= slice)
                turns += 1
            }
            #expect(isComplete(listing, within: turns))
            let expected =
                gateway.matching(.all, at: network.now)
                + (includesHalfOpen ? gateway.halfOpenPeers(at: network.now) : [])
            #expect(sorted(listing.calls) == sorted(expected))
            #expect(listing.calls.count == count)
        }
    }

    @Test func everySelectorMeansTheSameInSlices() throws {
        var network = try network(3)
        for client in 0..<3 { network.dial(client) }
        network.run(for: .seconds(3))
        let first = try #require(network.gateway.calls(at: network.now).first)
        let prefix = try #require(IPPrefix("203.0.113.12/31"))
        for selector in [
            CallSelector.user("alice"), .user("nobody"), .peers(prefix), .interface(try #require(first.interface)),
            .trace(try #require(TraceID(first.trace))),
            .innerAddress(try #require(first.innerAddress.flatMap(IPAddress.init))),
        ] {
            var listing = network.gateway.listing(selector, includesHalfOpen: false)
            while !listing.isComplete { network.gateway.advance(&listing, by: 1, at: network.now) }
            let expected = network.gateway.matching(selector, at: network.now)
            #expect(sorted(listing.calls) == sorted(expected))
            #expect(expected.count == network.gateway.count(matching: selector))
        }
        #expect(network.gateway.count(matching: .peers(prefix)) == 2)
    }

    /// Who was there from the beginning to the end is in it once; who was not, at most once.
    @Test(arguments: 0..<20 as Range<UInt64>)
    func callsComeAndGoBetweenTheSlices(_ seed: UInt64) throws {
        var network = try network(12)
        for client in 0..<6 { network.dial(client) }
        network.run(for: .seconds(3))
        let atFirst = Set(network.gateway.calls(at: network.now).map(\.trace))
        #expect(atFirst.count == 6)
        var listing = network.gateway.listing(.all, includesHalfOpen: true)
        var random = seed &* 2_862_933_555_777_941_757 &+ 3_037_000_493
        var next = 6
        var turns = 0
        while !listing.isComplete, turns < 1000 {
            network.gateway.advance(&listing, by: 1, at: network.now)
            turns += 1
            random = random &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            if random >> 62 == 0, next < 12 {
                network.dial(next)
                next += 1
            } else if random >> 62 == 1, let call = network.gateway.calls(at: network.now).last,
                let address = IPAddress(String(call.ike.peer.prefix { $0 != ":" }))
            {
                network.command(.terminate(.peer(address)))
            }
            network.run(for: .milliseconds(Int(random >> 33 % 900)))
        }
        #expect(isComplete(listing, within: turns))
        let traces = listing.calls.map { "\($0.trace) \($0.l2tp?.session ?? 0)" }
        #expect(Set(traces).count == traces.count)
        #expect(Set(listing.calls.map(\.trace)).count == listing.calls.count)
        let throughout = atFirst.intersection(network.gateway.calls(at: network.now).map(\.trace))
        #expect(throughout.isSubset(of: listing.calls.map(\.trace)))
    }

    @Test func aPeerThatMakesProgressIsNotMissing() throws {
        var network = try network(1)
        network.blocked[0] = [.control]
        network.dial(0)
        network.run(for: .seconds(1))
        #expect(network.gateway.calls(at: network.now).map(\.state) == ["keyed"])
        var listing = network.gateway.listing(.all, includesHalfOpen: false)
        network.blocked[0] = []
        network.run(for: .seconds(10))
        while !listing.isComplete { network.gateway.advance(&listing, by: 1, at: network.now) }
        #expect(listing.calls.map(\.state) == ["up"])
        #expect(listing.calls.first?.gatewayAddress == "10.99.0.1")
        #expect(listing.calls.first?.esp.map(\.sending) == [true])
    }
}
