// SPDX-License-Identifier: Apache-2.0

/// A dictionary with at most `capacity` entries. A new one in a full table takes the place of one that nobody has
/// asked for since the hand last came by (second chance, or clock): strangers push out strangers, not regulars.
package struct BoundedTable<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    private struct Slot: Sendable {
        var key: Key
        var value: Value
        /// Asked for again since it came or since the hand came by.
        var isUsed = false
    }

    package let capacity: Int
    private var slots: [Slot] = []
    private var places: [Key: Int] = [:]
    private var hand = 0

    package init(capacity: Int) {
        self.capacity = max(1, capacity)
    }

    package var count: Int { slots.count }
    package var values: [Value] { slots.map(\.value) }

    /// A look that does not count as use.
    package subscript(key: Key) -> Value? { places[key].map { slots[$0].value } }

    /// Lets `body` work on the entry where it lies; on `fresh`, put in, if there is none.
    package mutating func withValue<R>(of key: Key, fresh: Value, _ body: (inout Value) -> R) -> R {
        if let place = places[key] {
            slots[place].isUsed = true
            return body(&slots[place].value)
        }
        let place: Int
        if slots.count < capacity {
            place = slots.count
            slots.append(Slot(key: key, value: fresh))
        } else {
            place = takePlace()
            places[slots[place].key] = nil
            slots[place] = Slot(key: key, value: fresh)
        }
        places[key] = place
        return body(&slots[place].value)
    }

    /// Lets `body` work on the entry, if there is one.
    package mutating func withValue<R>(of key: Key, _ body: (inout Value) -> R) -> R? {
        guard let place = places[key] else { return nil }
        slots[place].isUsed = true
        return body(&slots[place].value)
    }

    /// Ends after two rounds at the latest: the first one leaves no entry used.
    private mutating func takePlace() -> Int {
        while true {
            let place = hand
            hand = (hand + 1) % slots.count
            guard slots[place].isUsed else { return place }
            slots[place].isUsed = false
        }
    }
}
