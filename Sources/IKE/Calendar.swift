// SPDX-License-Identifier: Apache-2.0
package import Primitives

/// What day it is, by what the owner last said. Before it has said anything, whatever ends on a date has ended.
package struct Calendar: Sendable {
    private var told: (wall: WallClockTime, monotonic: MonotonicTime)?

    package init() {}

    package mutating func set(_ wall: WallClockTime, at now: MonotonicTime) {
        told = (wall, now)
    }

    /// Whether `end` is still to come; `nil` never comes.
    package func isBefore(_ end: WallClockTime?, at now: MonotonicTime) -> Bool {
        guard let end else { return true }
        guard let told else { return false }
        return told.monotonic.duration(to: now) < .milliseconds(end.milliseconds - told.wall.milliseconds)
    }

    /// When that is, on our clock; `nil` if it never comes, or it is not known what day it is.
    package func time(of end: WallClockTime?) -> MonotonicTime? {
        guard let end, let told else { return nil }
        return told.monotonic.advanced(by: .milliseconds(end.milliseconds - told.wall.milliseconds))
    }
}
