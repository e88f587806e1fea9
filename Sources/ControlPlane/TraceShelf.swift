// SPDX-License-Identifier: Apache-2.0
internal import Primitives

/// The newest traces, at most `capacity` of them and at most `perSource` of one address.
struct TraceShelf: Sendable {
    private struct Slot: Sendable {
        var trace: Trace
        var serial: UInt64
        /// Where it was when it came in: an address that changes does not change its place.
        var source: IPAddress
    }

    private struct Place: Hashable, Sendable {
        var id: TraceID
        var serial: UInt64
    }

    private var capacity: Int
    private var perSource: Int
    private var slots: [TraceID: Slot] = [:]
    /// Oldest first, with gaps: what went has another serial, or is not there.
    private var order: [Place] = []
    private var head = 0
    private var sources: [IPAddress: [TraceID]] = [:]
    private var serial: UInt64 = 0

    init(capacity: Int, perSource: Int = .max) {
        self.capacity = max(1, capacity)
        self.perSource = max(1, perSource)
    }

    /// - Returns: Who belonged to the traces that had to go.
    mutating func resize(capacity: Int, perSource: Int = .max) -> [TraceID] {
        var smaller = TraceShelf(capacity: capacity, perSource: perSource)
        var gone: [TraceID] = []
        for place in order[head...] {
            guard let slot = slots[place.id], slot.serial == place.serial else { continue }
            gone += smaller.insert(slot.trace)
        }
        self = smaller
        return gone
    }

    var count: Int { slots.count }
    var all: [Trace] { slots.values.map(\.trace) }

    subscript(id: TraceID) -> Trace? { slots[id]?.trace }

    mutating func withTrace<R>(_ id: TraceID, _ body: (inout Trace) -> R) -> R? {
        slots.withValue(of: id) { body(&$0.trace) }
    }

    /// - Returns: Whether the trace is here.
    mutating func add(_ event: ControlPlane.Event, to id: TraceID, at now: MonotonicTime) -> Bool {
        withTrace(id) { $0.add(event, at: now) } != nil
    }

    /// - Returns: Who belonged to the traces that had to go.
    mutating func insert(_ trace: Trace) -> [TraceID] {
        guard let id = trace.id else { return [] }
        var gone: [TraceID] = []
        remove(id)
        let source = trace.peer.address
        if let oldest = sources[source]?.first, sources[source]?.count ?? 0 >= perSource {
            gone += remove(oldest)?.heirs ?? []
        }
        while slots.count >= capacity, let oldest = takeOldest() { gone += oldest.heirs }
        serial += 1
        slots[id] = Slot(trace: trace, serial: serial, source: source)
        if perSource < capacity { sources[source, default: []].append(id) }
        order.append(Place(id: id, serial: serial))
        if order.count - slots.count > capacity + 64 { tidy() }
        return gone
    }

    @discardableResult
    mutating func remove(_ id: TraceID) -> Trace? {
        guard let slot = slots.removeValue(forKey: id) else { return nil }
        if perSource < capacity {
            sources[slot.source]?.removeAll { $0 == id }
            if sources[slot.source]?.isEmpty == true { sources[slot.source] = nil }
        }
        return slot.trace
    }

    private mutating func takeOldest() -> Trace? {
        while head < order.count {
            let place = order[head]
            head += 1
            if slots[place.id]?.serial == place.serial { return remove(place.id) }
        }
        return nil
    }

    private mutating func tidy() {
        order = order[head...].filter { slots[$0.id]?.serial == $0.serial }
        head = 0
    }
}
