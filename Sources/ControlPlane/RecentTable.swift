// SPDX-License-Identifier: Apache-2.0

/// A dictionary of bounded size: what was touched longest ago makes room. For books kept about peers that have
/// proved nothing, who could fill any other table.
package struct RecentTable<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    private struct Node: Sendable {
        var key: Key
        var value: Value
        /// Touched before this one, and after it; -1 at the ends.
        var older: Int
        var newer: Int
    }

    package let capacity: Int
    private var places: [Key: Int] = [:]
    private var nodes: [Node] = []
    private var vacant: [Int] = []
    private var oldest = -1
    private var newest = -1

    /// - Precondition: `capacity` is positive.
    package init(capacity: Int) {
        precondition(capacity > 0)
        self.capacity = capacity
    }

    package var count: Int { places.count }

    /// Reading does not touch.
    package subscript(key: Key) -> Value? { places[key].map { nodes[$0].value } }

    /// Makes `value` the newest.
    package mutating func set(_ key: Key, to value: Value) {
        if let place = places[key] {
            nodes[place].value = value
            unlink(place)
            link(place)
            return
        }
        if places.count == capacity { remove(nodes[oldest].key) }
        let node = Node(key: key, value: value, older: -1, newer: -1)
        let place: Int
        if let free = vacant.popLast() {
            place = free
            nodes[place] = node
        } else {
            place = nodes.count
            nodes.append(node)
        }
        places[key] = place
        link(place)
    }

    package mutating func remove(_ key: Key) {
        guard let place = places.removeValue(forKey: key) else { return }
        unlink(place)
        vacant.append(place)
    }

    private mutating func link(_ place: Int) {
        nodes[place].older = newest
        nodes[place].newer = -1
        if newest >= 0 { nodes[newest].newer = place } else { oldest = place }
        newest = place
    }

    private mutating func unlink(_ place: Int) {
        let (older, newer) = (nodes[place].older, nodes[place].newer)
        if older >= 0 { nodes[older].newer = newer } else { oldest = newer }
        if newer >= 0 { nodes[newer].older = older } else { newest = older }
    }
}
