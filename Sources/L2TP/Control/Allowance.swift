// SPDX-License-Identifier: Apache-2.0
internal import Primitives

/// How often something may still be done: so many times at once, and then so many times a second.
struct Allowance: Sendable {
    private let interval: Duration
    private let burst: Int
    /// When all that was spent has come back.
    private var full = MonotonicTime(sinceBoot: .zero)

    init(perSecond: Int, burst: Int) {
        interval = .seconds(1) / max(perSecond, 1)
        self.burst = max(burst, 1)
    }

    /// - Returns: Whether there was something left.
    mutating func spend(at now: MonotonicTime) -> Bool {
        let from = max(full, now)
        guard now.duration(to: from) <= interval * (burst - 1) else { return false }
        full = from.advanced(by: interval)
        return true
    }
}
