// SPDX-License-Identifier: Apache-2.0
package import Primitives

/// Decides which events become lines: a token bucket per event name and one per event name and peer
/// address. So one peer's noise hides nobody else's first line, and a flood from everywhere ends.
/// Errors of the daemon's own pass always; those that name a peer are limited like all it causes.
package struct LogLimiter: Sendable {
    package struct Rate: Hashable, Sendable {
        package var perSecond: Double
        package var burst: Double

        package init(perSecond: Double, burst: Double) {
            self.perSecond = perSecond
            self.burst = burst
        }
    }

    /// What was held back since the last summary.
    package struct Suppressed: Hashable, Sendable {
        package var layer: EventDescription.Layer
        package var name: String
        package var count: UInt64

        package init(layer: EventDescription.Layer, name: String, count: UInt64) {
            self.layer = layer
            self.name = name
            self.count = count
        }
    }

    private struct Bucket: Sendable {
        var tokens: Double
        var filled: MonotonicTime

        mutating func refill(_ rate: Rate, at now: MonotonicTime) {
            let seconds = Double(filled.duration(to: now).wholeNanoseconds) / 1e9
            tokens = min(rate.burst, tokens + max(0, seconds) * rate.perSecond)
            filled = now
        }
    }

    private struct Name: Hashable, Sendable {
        var layer: EventDescription.Layer
        var name: String
    }

    private struct Source: Hashable, Sendable {
        var name: Name
        var peer: IPAddress
    }

    private let perName: Rate
    private let perPeer: Rate
    private let summaryInterval: Duration
    /// What ``summary(at:)`` speaks of.
    package var summarySeconds: Int64 { summaryInterval.wholeNanoseconds / 1_000_000_000 }
    /// Peers that are told apart at once; when there are more, the others share the buckets of the names.
    private let peerLimit: Int
    private var names: [Name: Bucket] = [:]
    private var peers: [Source: Bucket] = [:]
    private var suppressed: [Name: UInt64] = [:]
    private var lastSweep: MonotonicTime?
    /// When ``summary(at:)`` next has something to tell.
    package private(set) var nextDeadline: MonotonicTime?

    package init(
        perName: Rate = Rate(perSecond: 10, burst: 100),
        perPeer: Rate = Rate(perSecond: 1, burst: 5),
        summaryInterval: Duration = .seconds(60),
        peerLimit: Int = 4096
    ) {
        self.perName = perName
        self.perPeer = perPeer
        self.summaryInterval = summaryInterval
        self.peerLimit = peerLimit
    }

    /// Whether this event may be written.
    package mutating func admits(_ event: EventDescription, from peer: IPAddress?, at now: MonotonicTime) -> Bool {
        guard event.severity < .error || peer != nil else { return true }
        let name = Name(layer: event.layer, name: event.name)
        guard takesToken(name, from: peer, at: now) else {
            suppressed[name, default: 0] += 1
            if nextDeadline == nil { nextDeadline = now.advanced(by: summaryInterval) }
            return false
        }
        return true
    }

    /// What was held back, once the interval since the first of it is over.
    package mutating func summary(at now: MonotonicTime) -> [Suppressed] {
        guard let deadline = nextDeadline, deadline <= now else { return [] }
        nextDeadline = nil
        defer { suppressed = [:] }
        return suppressed.map { Suppressed(layer: $0.key.layer, name: $0.key.name, count: $0.value) }
            .sorted { ($0.layer.rawValue, $0.name) < ($1.layer.rawValue, $1.name) }
    }

    private mutating func takesToken(_ name: Name, from peer: IPAddress?, at now: MonotonicTime) -> Bool {
        if let peer, !takesToken(ofPeer: Source(name: name, peer: peer), at: now) { return false }
        var bucket = names[name] ?? Bucket(tokens: perName.burst, filled: now)
        bucket.refill(perName, at: now)
        defer { names[name] = bucket }
        guard bucket.tokens >= 1 else { return false }
        bucket.tokens -= 1
        return true
    }

    private mutating func takesToken(ofPeer source: Source, at now: MonotonicTime) -> Bool {
        var bucket = peers[source] ?? Bucket(tokens: perPeer.burst, filled: now)
        bucket.refill(perPeer, at: now)
        guard bucket.tokens >= 1 else {
            peers[source] = bucket
            return false
        }
        bucket.tokens -= 1
        if peers[source] != nil || hasRoom(at: now) { peers[source] = bucket }
        return true
    }

    /// Forgets peers whose bucket is full again; looks for them once a second at most.
    private mutating func hasRoom(at now: MonotonicTime) -> Bool {
        guard peers.count >= peerLimit else { return true }
        if let lastSweep, lastSweep.duration(to: now) < .seconds(1) { return false }
        lastSweep = now
        let rate = perPeer
        peers = peers.filter { entry in
            var bucket = entry.value
            bucket.refill(rate, at: now)
            return bucket.tokens < rate.burst
        }
        return peers.count < peerLimit
    }
}
