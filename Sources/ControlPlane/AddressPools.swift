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
        /// Number of addresses from the first of the prefix on that may be looked at.
        let span: UInt32
        /// Where the next search starts: an address just returned rests as long as possible.
        var next: UInt32 = 0
        var used = 0
        let size: Int

        /// The first and the last address of a prefix are nobody's, where there are others.
        static func hasEdges(_ range: IPPrefix) -> Bool { range.length < range.address.bitWidth - 1 }
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
        pools = configurations.map { configuration in
            let bits = configuration.range.address.bitWidth - configuration.range.length
            let span = bits >= 24 ? 1 << 24 : UInt32(1) << UInt32(bits)
            let unusable = Pool.hasEdges(configuration.range) ? 2 : 0
            let kept = reserved.union([configuration.gateway]).filter { configuration.range.contains($0) }.count
            return Pool(configuration: configuration, span: span, size: max(0, Int(span) - unusable - kept))
        }
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
        for address in inUse.keys where !other.reserved.contains(address) {
            guard let index = other.home(of: address) else { continue }
            other.pools[index].used += 1
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
        guard !reserved.contains(lease.address) else { return }
        if let index = home(of: lease.address) { pools[index].used -= 1 }
    }

    package var snapshots: [StatusSnapshot.Pool] {
        pools.map {
            StatusSnapshot.Pool(
                name: $0.configuration.name,
                range: $0.configuration.range.description,
                used: $0.used,
                size: $0.size
            )
        }
    }

    private mutating func leaseNext(from index: Int) -> Lease? {
        let pool = pools[index]
        guard pool.used < pool.size else { return nil }
        let range = pool.configuration.range
        for step in 0..<pool.span {
            let offset = (pool.next &+ step) % pool.span
            let isEdge = offset == 0 || offset == pool.span - 1
            if isEdge, Pool.hasEdges(range) { continue }
            guard let address = range.address.advanced(by: offset), address != pool.configuration.gateway,
                !reserved.contains(address), take(address, for: pool.configuration.gateway)
            else { continue }
            pools[index].next = (offset + 1) % pool.span
            pools[index].used += 1
            return Lease(address: address, gateway: pool.configuration.gateway)
        }
        return nil
    }
}
