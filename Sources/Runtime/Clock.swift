// SPDX-License-Identifier: Apache-2.0
internal import CLinux
package import Primitives

extension MonotonicTime {
    /// The machine's clock. Read here and nowhere in protocol code.
    package static func current() -> MonotonicTime {
        MonotonicTime(nanoseconds: culvert_monotonic_nanoseconds())
    }
}

extension WallClockTime {
    package static func current() -> WallClockTime {
        WallClockTime(milliseconds: culvert_realtime_milliseconds())
    }
}
