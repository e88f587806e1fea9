// SPDX-License-Identifier: Apache-2.0

/// A point on the monotonic clock, in nanoseconds since boot.
///
/// Protocol code never asks what time it is: it is told.
@usableFromInline
package struct MonotonicTime: InstantProtocol, Sendable {
    @usableFromInline package var nanoseconds: Int64

    package init(nanoseconds: Int64) {
        self.nanoseconds = nanoseconds
    }

    package init(sinceBoot duration: Duration) {
        nanoseconds = duration.wholeNanoseconds
    }

    /// Clamped to the ends of the clock.
    @usableFromInline
    package func advanced(by duration: Duration) -> MonotonicTime {
        let step = duration.wholeNanoseconds
        let (sum, overflows) = nanoseconds.addingReportingOverflow(step)
        guard overflows else { return MonotonicTime(nanoseconds: sum) }
        return MonotonicTime(nanoseconds: step < 0 ? .min : .max)
    }

    @usableFromInline
    package func duration(to other: MonotonicTime) -> Duration {
        // As durations, which are wide enough for the difference of any two points.
        .nanoseconds(other.nanoseconds) - .nanoseconds(nanoseconds)
    }

    @inlinable
    package static func < (a: MonotonicTime, b: MonotonicTime) -> Bool {
        a.nanoseconds < b.nanoseconds
    }
}

extension Duration {
    /// Clamped to what 64 bits hold: 292 years.
    package var wholeNanoseconds: Int64 {
        let (seconds, attoseconds) = components
        let (product, overflows) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        guard !overflows else { return seconds < 0 ? .min : .max }
        let (sum, spills) = product.addingReportingOverflow(attoseconds / 1_000_000_000)
        guard !spills else { return seconds < 0 ? .min : .max }
        return sum
    }
}
