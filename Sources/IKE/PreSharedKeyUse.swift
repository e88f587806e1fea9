// SPDX-License-Identifier: Apache-2.0
package import Primitives

/// With which of a profile's pre-shared keys peers have come last: a peer that comes has most likely one of these.
///
/// Only who has proved to know a key gets in here.
package struct PreSharedKeyUse: Sendable {
    private struct Source: Hashable, Sendable {
        var address: IPAddress
        var profile: Int
    }

    package static let mostSources = 16_384
    /// Keys that are remembered of one source: there may be several peers behind its NAT.
    package static let mostPerSource = 8

    /// Newest first.
    private var bySource = BoundedTable<Source, [Int]>(capacity: mostSources)
    /// By profile, newest first; each key once.
    private var byProfile: [Int: [Int]] = [:]

    package init() {}

    package mutating func record(_ key: Int, of profile: Int, from address: IPAddress) {
        let source = Source(address: Admission.source(address), profile: profile)
        bySource.withValue(of: source, fresh: []) { keys in
            keys.moveToFront(key)
            if keys.count > Self.mostPerSource { keys.removeLast() }
        }
        byProfile[profile, default: []].moveToFront(key)
    }

    /// The places of `count` keys: first those that this source used, then those that anybody used, then the rest as
    /// they stand in the configuration.
    package func order(of count: Int, in profile: Int, for address: IPAddress) -> [Int] {
        var isListed = [Bool](repeating: false, count: count)
        var order: [Int] = []
        order.reserveCapacity(count)
        func list(_ keys: some Sequence<Int>) {
            for key in keys where key < count && !isListed[key] {
                isListed[key] = true
                order.append(key)
            }
        }
        list(bySource[Source(address: Admission.source(address), profile: profile)] ?? [])
        list(byProfile[profile] ?? [])
        list(0..<count)
        return order
    }
}

extension [Int] {
    fileprivate mutating func moveToFront(_ element: Int) {
        guard first != element else { return }
        removeAll { $0 == element }
        insert(element, at: 0)
    }
}

extension Surroundings {
    /// The keys that a peer at this address may have, by their places in the profile, the likeliest first.
    package func candidates(in profile: Int, for address: IPAddress, at now: MonotonicTime) -> [Int] {
        let count = configuration.profiles[profile].preSharedKeys.count
        let order = count == 1 ? [0] : keyUse.order(of: count, in: profile, for: address)
        return order.filter { isCurrent($0, in: profile, at: now) }
    }

    /// Whether the key has not ended.
    package func isCurrent(_ key: Int, in profile: Int, at now: MonotonicTime) -> Bool {
        let keys = configuration.profiles[profile].preSharedKeys
        return keys.indices.contains(key) && calendar.isBefore(keys[key].until, at: now)
    }

    /// A peer has proved that it knows this key.
    package mutating func recordUse(of key: Int, in profile: Int, from address: IPAddress) {
        guard configuration.profiles[profile].preSharedKeys.count > 1 else { return }
        keyUse.record(key, of: profile, from: address)
    }
}
