// SPDX-License-Identifier: Apache-2.0
internal import Primitives

/// How often something took how long.
package struct Histogram: Hashable, Sendable {
    /// Upper ends of the buckets in seconds, ascending; beyond the last there is one more.
    package let bounds: [Double]
    /// One for each bucket, not cumulative, and one for what is beyond.
    package private(set) var counts: [UInt64]
    package private(set) var sum = 0.0

    package init(_ bounds: [Double]) {
        self.bounds = bounds
        counts = Array(repeating: 0, count: bounds.count + 1)
    }

    package var count: UInt64 { counts.reduce(0, +) }

    package mutating func observe(_ duration: Duration) {
        let seconds = max(0, Double(duration.wholeNanoseconds) / 1e9)
        counts[bounds.firstIndex { seconds <= $0 } ?? bounds.count] += 1
        sum += seconds
    }

    /// From a tenth of a second for a whole call to the minute after which a client gives up.
    static let setUp = Histogram([0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30])
    /// From a netlink round trip to a grace period under load.
    static let request = Histogram([0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5])
}
