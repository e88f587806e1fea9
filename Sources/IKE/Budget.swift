// SPDX-License-Identifier: Apache-2.0
package import Primitives

/// So much per time, and so much at once: a bucket of tokens, kept as the one moment at which it is full again.
package struct Budget: Hashable, Sendable {
    package struct Rate: Hashable, Sendable {
        /// In which one token comes back.
        package var interval: Duration
        /// How many there are when nobody took any.
        package var burst: Int

        package init(perSecond: Int, burst: Int) {
            interval = .nanoseconds(1_000_000_000 / Int64(max(1, perSecond)))
            self.burst = min(max(1, burst), 1_000_000_000)
        }

        /// So many times as much, at once and per time.
        package func scaled(by factor: Int) -> Rate {
            var rate = self
            rate.interval = interval / factor
            rate.burst = min(burst, 1_000_000_000) * factor
            return rate
        }
    }

    private var full = MonotonicTime(nanoseconds: .min)

    package init() {}

    /// Takes one, if one is there.
    package mutating func take(_ rate: Rate, at now: MonotonicTime) -> Bool {
        let full = max(full, now)
        guard now.duration(to: full) <= rate.interval * (rate.burst - 1) else { return false }
        self.full = full.advanced(by: rate.interval)
        return true
    }

    /// Takes as many as are there, but no more than `count`.
    ///
    /// - Returns: How many that are.
    package mutating func take(upTo count: Int, _ rate: Rate, at now: MonotonicTime) -> Int {
        let full = max(full, now)
        let room = rate.interval * rate.burst - now.duration(to: full)
        let there = room.wholeNanoseconds / max(1, rate.interval.wholeNanoseconds)
        let taken = max(0, min(count, Int(there)))
        self.full = full.advanced(by: rate.interval * taken)
        return taken
    }

    /// What was taken and not used.
    package mutating func giveBack(_ count: Int, _ rate: Rate) {
        full = full.advanced(by: .zero - rate.interval * count)
    }
}
