// SPDX-License-Identifier: Apache-2.0
internal import ControlPlane
internal import Primitives

struct PlacedPool {
    var pool: AddressPoolConfiguration
    var position: Position
    var gatewayPosition: Position
}

extension Lowering {
    mutating func addresses(_ section: Section) -> [PlacedPool] {
        var section = section
        var pools: [PlacedPool] = []
        if let node = section.require("pools", &diagnostics),
            let elements = node.elements("addresses.pools", &diagnostics)
        {
            if elements.isEmpty {
                diagnostics.error(node.position, "addresses.pools lists no pool: peers could not be given an address")
            }
            for element in elements {
                guard let pool = pool(element) else { continue }
                compare(pool, with: pools)
                pools.append(pool)
            }
        }
        section.finish(&diagnostics)
        return pools
    }

    private mutating func pool(_ node: Document.Node) -> PlacedPool? {
        guard var section = Section(node, name: "a pool", diagnostics: &diagnostics) else { return nil }
        let name = section.require("name", &diagnostics).flatMap { nonEmpty($0, "the name of a pool") }
        let rangeNode = section.require("range", &diagnostics)
        let range = rangeNode.flatMap { $0.prefix("range", &diagnostics) }
        let gatewayNode = section.require("gateway", &diagnostics)
        let gateway = gatewayNode.flatMap { $0.address("the gateway of a pool", &diagnostics) }
        section.finish(&diagnostics)
        guard let name, let rangeNode, let range, let gatewayNode, let gateway else { return nil }
        guard range.address.isV4 else {
            diagnostics.error(rangeNode.position, "pools of IPv6 addresses are not supported yet")
            return nil
        }
        guard gateway.isV4 else {
            diagnostics.error(gatewayNode.position, "the gateway \(gateway) is IPv6, the range \(range) is IPv4")
            return nil
        }
        if range.length < 8 || !range.address.isOrdinary {
            diagnostics.error(rangeNode.position, "the range \(range) is not a block for machines")
        }
        if !gateway.isOrdinary || gateway == range.address && range.length < 31 || gateway == range.last {
            diagnostics.error(gatewayNode.position, "the gateway \(gateway) is no address of a machine")
        }
        let pool = AddressPoolConfiguration(name: name, range: range, gateway: gateway)
        if pool.capacity < 1 {
            diagnostics.error(
                rangeNode.position,
                "the range \(range) has no address for a peer",
                remedy: "its first and last address and the gateway's are left out"
            )
        }
        return PlacedPool(pool: pool, position: rangeNode.position, gatewayPosition: gatewayNode.position)
    }

    private mutating func compare(_ placed: PlacedPool, with earlier: [PlacedPool]) {
        let pool = placed.pool
        for other in earlier.map(\.pool) {
            if other.name == pool.name {
                diagnostics.error(placed.position, "two pools have the name \(pool.name.quoted)")
            }
            if other.range.contains(pool.range.address) || pool.range.contains(other.range.address) {
                diagnostics.error(
                    placed.position,
                    "the range \(pool.range) overlaps \(other.range) of the pool \(other.name.quoted)"
                )
            } else if other.range.contains(pool.gateway), pool.gateway != other.gateway {
                diagnostics.error(
                    placed.gatewayPosition,
                    "the gateway \(pool.gateway) lies in the pool \(other.name.quoted), which would hand it out"
                )
            } else if pool.range.contains(other.gateway), pool.gateway != other.gateway {
                diagnostics.error(
                    placed.position,
                    "the range \(pool.range) contains \(other.gateway), the gateway of the pool \(other.name.quoted)"
                )
            }
        }
    }

    /// What no section can check alone.
    mutating func relate(
        pools: [PlacedPool],
        users: [PlacedUser],
        gateway: GatewaySection,
        link: PPPSection,
        limits: LimitsSection
    ) {
        for placed in pools {
            for address in gateway.listen where !address.isUnspecified && placed.pool.range.contains(address) {
                diagnostics.error(
                    placed.position,
                    "the range \(placed.pool.range) contains \(address), which the gateway listens on"
                )
            }
        }
        if let limit = limits.calls {
            let capacity = pools.reduce(0) { $0 + $1.pool.capacity }
            let fixed = users.count { $0.user.address != nil }
            if !pools.isEmpty, capacity + fixed < limit.value {
                diagnostics.warning(
                    limit.position,
                    "limits.calls is \(limit.value), but pools and users have addresses for \(capacity + fixed) calls only"
                )
            }
        }
        relate(users: users, pools: pools.map(\.pool), gateway: gateway, link: link)
    }
}

extension AddressPoolConfiguration {
    /// Peers it has an address for.
    fileprivate var capacity: Int {
        let all = 1 << (range.address.bitWidth - range.length)
        let isInside = range.contains(gateway) && gateway != range.address && gateway != range.last
        return max(0, all - 2 - (isInside ? 1 : 0))
    }
}

extension IPPrefix {
    /// Of an IPv4 block the highest address.
    var last: IPAddress? {
        switch address {
        case .v4(let value): length == 0 ? .v4(.max) : .v4(value | ~(~0 << UInt32(32 - length)))
        case .v6: nil
        }
    }
}

extension IPAddress {
    /// Not of the blocks that never stand for one machine in a network: this network, loopback, multicast and above.
    ///
    /// - SeeAlso: RFC 6890 §2.2.2
    var isOrdinary: Bool {
        switch self {
        case .v4(let value): ![0, 127].contains(value >> 24) && !isMulticast
        case .v6(let high, let low): !isMulticast && !(high == 0 && low <= 1)
        }
    }
}
