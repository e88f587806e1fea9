// SPDX-License-Identifier: Apache-2.0

/// The newest entries, at most `capacity` of them: one more pushes the oldest out. An entry keeps its place, a
/// number from 0, for as long as it is in.
package struct Ring<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    package struct Entry: Sendable {
        package let key: Key
        package var value: Value
    }

    package let capacity: Int
    /// As long as it has ever been full.
    private var slots: [Entry?] = []
    private var places: [Key: Int] = [:]
    /// Counted from the first entry ever; modulo `capacity` they are places. Nothing before `oldest` is in.
    private var oldest = 0
    private var next = 0

    package init(capacity: Int) {
        self.capacity = max(1, capacity)
    }

    package var count: Int { places.count }
    package var first: Entry? { oldest < next ? slots[oldest % capacity] : nil }

    package func place(of key: Key) -> Int? { places[key] }

    /// What is in a place; `nil` for none, and for a number that is no place.
    package subscript(place place: Int) -> Entry? { slots.indices.contains(place) ? slots[place] : nil }

    /// Puts an entry in whose key is not in yet.
    ///
    /// - Returns: Its place, and who had to leave for it.
    package mutating func append(_ value: Value, for key: Key) -> (place: Int, pushedOut: Entry?) {
        let pushedOut = next - oldest == capacity ? removeFirst() : nil
        let place = next % capacity
        let entry = Entry(key: key, value: value)
        if place < slots.count { slots[place] = entry } else { slots.append(entry) }
        places[key] = place
        next += 1
        return (place, pushedOut)
    }

    package mutating func withValue<R>(of key: Key, _ body: (inout Value) -> R) -> R? {
        guard let place = places[key], var entry = slots[place] else { return nil }
        slots[place] = nil
        defer { slots[place] = entry }
        return body(&entry.value)
    }

    @discardableResult
    package mutating func remove(_ key: Key) -> Value? {
        guard let place = places.removeValue(forKey: key) else { return nil }
        let value = slots[place]?.value
        slots[place] = nil
        skipGaps()
        return value
    }

    @discardableResult
    package mutating func removeFirst() -> Entry? {
        guard let first else { return nil }
        remove(first.key)
        return first
    }

    private mutating func skipGaps() {
        while oldest < next, slots[oldest % capacity] == nil { oldest += 1 }
    }
}
