// SPDX-License-Identifier: Apache-2.0
internal import IKE
package import Primitives

/// How often a password may be guessed.
///
/// Whoever fails is slowed down by where it comes from, and never by the name it uses: a name alone costs only time,
/// so nobody can lock somebody else out. What is not looked at teaches the guesser nothing, and is not counted.
///
/// All tables are bounded; an entry that nobody asked for of late makes room.
package struct AuthenticationThrottle: Sendable {
    package struct Limits: Hashable, Sendable {
        /// In which failures add up, from the first of them on.
        package var window: Duration = .seconds(300)
        /// Of one user from one source.
        package var pairFailures = 5
        /// Doubles from one lock to the next, up to `longestLock`.
        package var firstLock: Duration = .seconds(300)
        package var longestLock: Duration = .seconds(3600)
        /// Of one source, whatever the names; large sources have sixteen times as many.
        package var sourceFailures = 30
        package var sourcePenalty: Duration = .seconds(600)
        /// Between two tries during that; a sixteenth for large sources.
        package var sourceInterval: Duration = .seconds(10)
        /// How long a refusal waits; doubles with each of the name, up to `longestDelay`.
        package var firstDelay: Duration = .milliseconds(500)
        package var longestDelay: Duration = .seconds(2)
        /// Entries of each table.
        package var capacity = 65_536

        package init() {}
    }

    /// Why a try is refused unseen.
    package enum Reason: Hashable, Sendable {
        /// This user has failed too often from this source.
        case pair
        /// This source has failed too often.
        case source
    }

    package enum Ruling: Hashable, Sendable {
        /// Compare, then ``AuthenticationThrottle/record(isAccepted:userName:from:at:)``.
        case look
        /// Until then nobody looks.
        case refuse(Reason, until: MonotonicTime)
    }

    /// Names are kept as keyed hashes, so that long ones take no more room.
    private struct Pair: Hashable {
        let name: Int
        let source: IPAddress
    }

    /// Failures since `start`.
    private struct Tally {
        var start: MonotonicTime
        var failures = 0

        mutating func add(at now: MonotonicTime, within window: Duration) {
            if start.advanced(by: window) <= now { self = Tally(start: now) }
            failures += 1
        }
    }

    private struct Lock {
        var tally: Tally
        /// Locks so far.
        var level = 0
        var until: MonotonicTime?
    }

    private struct Penalty {
        var tally: Tally
        var until: MonotonicTime?
        var nextTry: MonotonicTime?
    }

    private var limits: Limits
    private var largeSources: [IPPrefix]
    private var pairs: BoundedTable<Pair, Lock>
    private var names: BoundedTable<Int, Tally>
    private var sources: BoundedTable<IPAddress, Penalty>

    /// - Parameter largeSources: Prefixes that stand for many peers each.
    package init(limits: Limits = Limits(), largeSources: [IPPrefix] = []) {
        self.limits = limits
        self.largeSources = largeSources
        pairs = BoundedTable(capacity: limits.capacity)
        names = BoundedTable(capacity: limits.capacity)
        sources = BoundedTable(capacity: limits.capacity)
    }

    /// What was counted stays counted. The capacity of the tables stays what it was.
    package mutating func reconfigure(limits: Limits, largeSources: [IPPrefix]) {
        self.limits = limits
        self.largeSources = largeSources
    }

    /// Entries in all tables.
    package var count: Int { pairs.count + names.count + sources.count }

    package mutating func ruling(
        on userName: String,
        from address: IPAddress,
        at now: MonotonicTime
    ) -> Ruling {
        let source = Admission.source(address)
        if let until = pairs[Pair(name: userName.hashValue, source: source)]?.until, now < until {
            return .refuse(.pair, until: until)
        }
        let interval = limits.sourceInterval / factor(of: address)
        let ruling = sources.withValue(of: source) { penalty -> Ruling in
            guard let until = penalty.until, now < until else { return .look }
            if let nextTry = penalty.nextTry, now < nextTry { return .refuse(.source, until: nextTry) }
            penalty.nextTry = now.advanced(by: interval)
            return .look
        }
        return ruling ?? .look
    }

    /// What came of a try that was looked at.
    package mutating func record(
        isAccepted: Bool,
        userName: String,
        from address: IPAddress,
        at now: MonotonicTime
    ) {
        let name = userName.hashValue
        let source = Admission.source(address)
        let pair = Pair(name: name, source: source)
        guard !isAccepted else {
            // The source stays as it is: who has one account could guess others' in between.
            _ = pairs.withValue(of: pair) { $0 = Lock(tally: Tally(start: now)) }
            return
        }
        let fresh = Tally(start: now)
        let limits = limits
        names.withValue(of: name, fresh: fresh) { $0.add(at: now, within: limits.window) }
        pairs.withValue(of: pair, fresh: Lock(tally: fresh)) { lock in
            if let until = lock.until, until.advanced(by: limits.longestLock) <= now { lock.level = 0 }
            lock.tally.add(at: now, within: limits.window)
            guard lock.tally.failures >= limits.pairFailures else { return }
            lock.until = now.advanced(by: Self.doubled(limits.firstLock, lock.level, atMost: limits.longestLock))
            lock.level += 1
            lock.tally = fresh
        }
        let factor = factor(of: address)
        sources.withValue(of: source, fresh: Penalty(tally: fresh)) { penalty in
            penalty.tally.add(at: now, within: limits.window)
            guard penalty.tally.failures >= limits.sourceFailures * factor else { return }
            penalty.until = now.advanced(by: limits.sourcePenalty)
            penalty.nextTry = now.advanced(by: limits.sourceInterval / factor)
            penalty.tally = fresh
        }
    }

    /// How long the refusal of this user waits, the failure that led to it included. Acceptance never waits.
    package func delay(of userName: String, at now: MonotonicTime) -> Duration {
        guard let tally = names[userName.hashValue], now < tally.start.advanced(by: limits.window) else {
            return limits.firstDelay
        }
        return Self.doubled(limits.firstDelay, max(tally.failures - 1, 0), atMost: limits.longestDelay)
    }

    private static func doubled(_ first: Duration, _ times: Int, atMost longest: Duration) -> Duration {
        min(first * (1 << min(times, 16)), longest)
    }

    private func factor(of address: IPAddress) -> Int { Admission.factor(of: address, with: largeSources) }
}
