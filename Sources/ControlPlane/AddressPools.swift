// SPDX-License-Identifier: Apache-2.0
package import Primitives

/// The inner addresses: who has which.
package struct AddressPools: Sendable {
    /// An address in use. Released once, when the route to it is gone.
    package struct Lease: Hashable, Sendable {
        package var address: IPAddress
        /// Our end of it.
        package var gateway: IPAddress
    }

    private struct Pool: Sendable {
        let configuration: AddressPoolConfiguration
        /// What of the range may be looked at: its beginning, if it is very large.
        private let searched: IPPrefix
        /// Number of addresses in it.
        let span: UInt32
        /// Where the next search starts: an address just returned rests as long as possible.
        var next: UInt32 = 0
        /// Of those that it hands out.
        var used = 0
        private(set) var size = 0

        private static let mostBits = 24

        init(_ configuration: AddressPoolConfiguration, reserved: Set<IPAddress>) {
            let range = configuration.range
            let width = range.address.bitWidth
            let bits = min(width - range.length, Self.mostBits)
            self.configuration = configuration
            searched = IPPrefix(range.address, length: width - bits) ?? range
            span = UInt32(1) << UInt32(bits)
            let kept = reserved.union([configuration.gateway]).count { isUsable($0) }
            size = max(0, Int(span) - (hasEdges ? 2 : 0) - kept)
        }

        /// The first and the last address of a prefix are nobody's, where there are others.
        private var hasEdges: Bool { configuration.range.length < configuration.range.address.bitWidth - 1 }

        /// - Parameter offset: From the first address of the range on, below ``span``.
        func isEdge(_ offset: UInt32) -> Bool { hasEdges && (offset == 0 || offset == span - 1) }

        /// Whether it would be handed out if nobody had it, and nothing spoke against it.
        func isUsable(_ address: IPAddress) -> Bool {
            let range = configuration.range
            let isEdge = hasEdges && (address == range.address || address == range.address.advanced(by: span - 1))
            return searched.contains(address) && !isEdge
        }
    }

    private var pools: [Pool]
    /// With our end of each.
    private var inUse: [IPAddress: IPAddress] = [:]
    /// How many of them have each of our ends.
    private var uses: [IPAddress: Int] = [:]
    /// Kept for users with an address of their own.
    private var reserved: Set<IPAddress>

    package init(_ configurations: [AddressPoolConfiguration], reserving addresses: [IPAddress]) {
        let reserved = Set(addresses)
        self.reserved = reserved
        pools = configurations.map { Pool($0, reserved: reserved) }
    }

    /// Goes on with other pools. Addresses in use stay in use, in a pool or in none; nobody gets one twice.
    package mutating func reconfigure(_ configurations: [AddressPoolConfiguration], reserving addresses: [IPAddress]) {
        var other = AddressPools(configurations, reserving: addresses)
        other.inUse = inUse
        other.uses = uses
        for index in other.pools.indices {
            let range = other.pools[index].configuration.range
            other.pools[index].next = pools.first { $0.configuration.range == range }?.next ?? 0
        }
        for address in inUse.keys {
            if let index = other.accountant(of: address) { other.pools[index].used += 1 }
        }
        self = other
    }

    /// Somebody has this address.
    package func isInUse(_ address: IPAddress) -> Bool { inUse[address] != nil }

    /// Somebody has an address with this one as our end of it.
    package func isGatewayInUse(_ gateway: IPAddress) -> Bool { uses[gateway] != nil }

    /// The name of the pool an address lies in.
    package func name(ofPoolWith address: IPAddress) -> String? {
        home(of: address).map { pools[$0].configuration.name }
    }

    private func home(of address: IPAddress) -> Int? {
        pools.firstIndex { $0.configuration.range.contains(address) }
    }

    /// The pool that would hand out this address, and so counts it.
    private func accountant(of address: IPAddress) -> Int? {
        guard !reserved.contains(address), let index = home(of: address), pools[index].isUsable(address) else {
            return nil
        }
        return index
    }

    /// How many addresses of this pool can be in use at once: calls may still stand on a former gateway of its range.
    private func capacity(of index: Int) -> Int {
        let pool = pools[index]
        let former = uses.keys.count { $0 != pool.configuration.gateway && accountant(of: $0) == index }
        return max(0, pool.size - former)
    }

    private mutating func take(_ address: IPAddress, for gateway: IPAddress) -> Bool {
        // A former gateway is still ours as long as calls stand on it.
        guard inUse[address] == nil, uses[address] == nil else { return false }
        inUse[address] = gateway
        uses[gateway, default: 0] += 1
        return true
    }

    /// The user's own address, or the next free one; `nil` when it is taken or all are.
    package mutating func lease(fixed: IPAddress?) -> Lease? {
        if let fixed {
            let home = pools.first { $0.configuration.range.contains(fixed) } ?? pools.first
            guard let home, take(fixed, for: home.configuration.gateway) else { return nil }
            return Lease(address: fixed, gateway: home.configuration.gateway)
        }
        for index in pools.indices {
            if let lease = leaseNext(from: index) { return lease }
        }
        return nil
    }

    /// Addresses in use, fixed ones included.
    package var count: Int { inUse.count }

    package mutating func release(_ lease: Lease) {
        guard let gateway = inUse.removeValue(forKey: lease.address) else { return }
        uses[gateway] = uses[gateway].flatMap { $0 > 1 ? $0 - 1 : nil }
        if let index = accountant(of: lease.address) { pools[index].used -= 1 }
    }

    package var snapshots: [StatusSnapshot.Pool] {
        pools.indices.map { index in
            StatusSnapshot.Pool(
                name: pools[index].configuration.name,
                range: pools[index].configuration.range.description,
                used: pools[index].used,
                size: capacity(of: index)
            )
        }
    }

    private mutating func leaseNext(from index: Int) -> Lease? {
        let pool = pools[index]
        guard pool.used < capacity(of: index) else { return nil }
        let range = pool.configuration.range
        for step in 0..<pool.span {
            let offset = (pool.next &+ step) % pool.span
            guard !pool.isEdge(offset), let address = range.address.advanced(by: offset),
                address != pool.configuration.gateway, !reserved.contains(address),
                take(address, for: pool.configuration.gateway)
            else { continue }
            pools[index].next = (offset + 1) % pool.span
            pools[index].used += 1
            return Lease(address: address, gateway: pool.configuration.gateway)
        }
        return nil
    }
}
