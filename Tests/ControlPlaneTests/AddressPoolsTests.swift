// SPDX-License-Identifier: Apache-2.0
import ControlPlane
import Primitives
import Testing

struct AddressPoolsTests {
    private func address(_ text: String) throws -> IPAddress { try #require(IPAddress(text)) }

    private func pools(_ range: String, gateway: String, reserving: [String] = []) throws -> AddressPools {
        AddressPools(
            [
                AddressPoolConfiguration(
                    name: "office",
                    range: try #require(IPPrefix(range)),
                    gateway: try address(gateway)
                )
            ],
            reserving: try reserving.map(address)
        )
    }

    @Test func leavesOutNetworkBroadcastAndGateway() throws {
        var pools = try pools("10.99.0.0/29", gateway: "10.99.0.1")
        var leased: [String] = []
        while let lease = pools.lease(fixed: nil) { leased.append("\(lease.address)") }
        #expect(leased == ["10.99.0.2", "10.99.0.3", "10.99.0.4", "10.99.0.5", "10.99.0.6"])
        #expect(pools.snapshots.first?.used == 5)
        #expect(pools.snapshots.first?.size == 5)
    }

    @Test func anAddressReturnedRestsAsLongAsPossible() throws {
        var pools = try pools("10.99.0.0/29", gateway: "10.99.0.1")
        let leased = pools.lease(fixed: nil)
        let first = try #require(leased)
        pools.release(first)
        #expect(pools.lease(fixed: nil)?.address == (try address("10.99.0.3")))
    }

    @Test func keepsTheAddressesOfUsersWhoHaveTheirOwn() throws {
        var pools = try pools("10.99.0.0/30", gateway: "10.99.0.9", reserving: ["10.99.0.1"])
        let fixed = try address("10.99.0.1")
        #expect(pools.lease(fixed: nil)?.address == (try address("10.99.0.2")))
        #expect(pools.lease(fixed: nil) == nil)
        let leased = pools.lease(fixed: fixed)
        let lease = try #require(leased)
        #expect(lease.gateway == (try address("10.99.0.9")))
        #expect(pools.lease(fixed: fixed) == nil)
        pools.release(lease)
        #expect(pools.lease(fixed: fixed) != nil)
    }

    @Test func releasingTwiceFreesOnce() throws {
        var pools = try pools("10.99.0.0/30", gateway: "10.99.0.1")
        let leased = pools.lease(fixed: nil)
        let lease = try #require(leased)
        pools.release(lease)
        pools.release(lease)
        #expect(pools.snapshots.first?.used == 0)
    }

    @Test func aPoolOfTwoAddressesUsesBoth() throws {
        var pools = try pools("10.99.0.8/31", gateway: "10.99.0.1")
        #expect(pools.lease(fixed: nil) != nil)
        #expect(pools.lease(fixed: nil) != nil)
        #expect(pools.lease(fixed: nil) == nil)
    }

    // MARK: Another configuration

    private func configuration(_ range: String, gateway: String) throws -> AddressPoolConfiguration {
        AddressPoolConfiguration(name: "office", range: try #require(IPPrefix(range)), gateway: try address(gateway))
    }

    private func shown(_ pools: AddressPools) -> [[Int]] { pools.snapshots.map { [$0.used, $0.size] } }

    private func leaseAll(_ pools: inout AddressPools) -> [AddressPools.Lease] {
        var leases: [AddressPools.Lease] = []
        while let lease = pools.lease(fixed: nil) { leases.append(lease) }
        return leases
    }

    /// Otherwise every login would look at the whole range for the one address that nobody may have.
    @Test func aFormerGatewayIsNotCountedAsLongAsACallStandsOnIt() throws {
        var pools = try pools("10.99.0.0/29", gateway: "10.99.0.1")
        let leased = pools.lease(fixed: nil)
        let first = try #require(leased)
        pools.reconfigure([try configuration("10.99.0.0/29", gateway: "10.98.0.1")], reserving: [])
        #expect(shown(pools) == [[1, 5]])
        #expect(leaseAll(&pools).count == 4)
        #expect(shown(pools) == [[5, 5]])
        pools.release(first)
        #expect(shown(pools) == [[4, 6]])
        let last = leaseAll(&pools).map { "\($0.address)" }
        #expect(Set(last) == ["10.99.0.1", "10.99.0.2"])
        #expect(shown(pools) == [[6, 6]])
    }

    @Test func aFormerGatewayOutsideTheRangeOrOnItsEdgeTakesNothingAway() throws {
        for (range, size) in [("10.97.0.0/29", 5), ("10.99.0.1/32", 0), ("10.99.0.0/31", 1)] {
            var pools = try pools("10.99.0.0/24", gateway: "10.99.0.1")
            _ = pools.lease(fixed: nil)
            pools.reconfigure([try configuration(range, gateway: "10.97.0.1")], reserving: [])
            #expect(pools.snapshots.first?.size == size, "\(range)")
        }
        var pools = try pools("10.99.0.0/24", gateway: "10.99.0.128")
        _ = pools.lease(fixed: nil)
        pools.reconfigure([try configuration("10.99.0.128/29", gateway: "10.99.0.129")], reserving: [])
        #expect(pools.snapshots.first?.size == 5)
    }

    @Test func aLeaseOnTheEdgeOfTheNewRangeTakesNoPlaceInIt() throws {
        var pools = try pools("10.99.0.0/24", gateway: "10.99.0.1")
        // From 10.99.0.2 to 10.99.0.8: both edges of the new range are among them.
        let leases = (0..<7).compactMap { _ in pools.lease(fixed: nil) }
        #expect(leases.count == 7)
        pools.reconfigure([try configuration("10.99.0.4/30", gateway: "10.98.0.1")], reserving: [])
        #expect(shown(pools) == [[2, 2]])
        for lease in leases { pools.release(lease) }
        #expect(shown(pools) == [[0, 2]])
        #expect(leaseAll(&pools).map { "\($0.address)" } == ["10.99.0.5", "10.99.0.6"])
    }

    @Test func ofAVeryLargeRangeOnlyTheBeginningCounts() throws {
        var pools = try pools("2001:db8::/64", gateway: "2001:db8::1")
        #expect(shown(pools) == [[0, (1 << 24) - 3]])
        let far = try pools.lease(fixed: address("2001:db8::ffff:ffff:0:1"))
        pools.reconfigure([try configuration("2001:db8::/64", gateway: "2001:db8::1")], reserving: [])
        #expect(shown(pools) == [[0, (1 << 24) - 3]])
        pools.release(try #require(far))
        #expect(shown(pools) == [[0, (1 << 24) - 3]])
    }
}
