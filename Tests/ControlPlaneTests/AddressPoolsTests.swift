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
}
