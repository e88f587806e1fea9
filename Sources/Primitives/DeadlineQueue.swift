// SPDX-License-Identifier: Apache-2.0

/// Key → deadline, earliest first: for owners of thousands of machines, each with a `nextDeadline`.
///
/// A binary heap whose entries know their place, so that a deadline is moved or dropped in
/// logarithmic time and nothing outdated stays behind.
@usableFromInline
package struct DeadlineQueue<Key: Hashable & Sendable>: Sendable {
    @usableFromInline struct Entry: Sendable {
        @usableFromInline var deadline: MonotonicTime
        @usableFromInline let key: Key

        @inlinable
        init(deadline: MonotonicTime, key: Key) {
            self.deadline = deadline
            self.key = key
        }
    }

    @usableFromInline var heap: [Entry] = []
    @usableFromInline var places: [Key: Int] = [:]

    @inlinable
    package init() {}

    @inlinable package var count: Int { heap.count }
    /// The earliest deadline; `nil` while there is none.
    @inlinable package var nextDeadline: MonotonicTime? { heap.first?.deadline }

    @inlinable
    package subscript(key: Key) -> MonotonicTime? {
        places[key].map { heap[$0].deadline }
    }

    /// Gives `key` a new deadline, or none.
    @inlinable
    package mutating func set(_ key: Key, to deadline: MonotonicTime?) {
        switch (places[key], deadline) {
        case (nil, nil):
            break
        case (nil, let deadline?):
            heap.append(Entry(deadline: deadline, key: key))
            places[key] = heap.count - 1
            siftUp(heap.count - 1)
        case (let place?, let deadline?):
            let before = heap[place].deadline
            guard before != deadline else { return }
            heap[place].deadline = deadline
            if deadline < before { siftUp(place) } else { siftDown(place) }
        case (let place?, nil):
            remove(at: place)
        }
    }

    /// Takes the key with the earliest deadline, if that has come.
    @inlinable
    package mutating func popDue(at now: MonotonicTime) -> Key? {
        guard let first = heap.first, first.deadline <= now else { return nil }
        remove(at: 0)
        return first.key
    }

    @inlinable
    mutating func remove(at place: Int) {
        places[heap[place].key] = nil
        let last = heap.removeLast()
        guard place < heap.count else { return }
        heap[place] = last
        places[last.key] = place
        siftUp(place)
        siftDown(place)
    }

    @inlinable
    mutating func siftUp(_ start: Int) {
        var child = start
        while child > 0 {
            let parent = (child - 1) / 2
            guard heap[child].deadline < heap[parent].deadline else { return }
            swap(child, parent)
            child = parent
        }
    }

    @inlinable
    mutating func siftDown(_ start: Int) {
        var parent = start
        while true {
            var smallest = parent
            for child in [2 * parent + 1, 2 * parent + 2]
            where child < heap.count && heap[child].deadline < heap[smallest].deadline {
                smallest = child
            }
            guard smallest != parent else { return }
            swap(parent, smallest)
            parent = smallest
        }
    }

    @inlinable
    mutating func swap(_ a: Int, _ b: Int) {
        heap.swapAt(a, b)
        places[heap[a].key] = a
        places[heap[b].key] = b
    }
}
