// SPDX-License-Identifier: Apache-2.0
package import ControlPlane
internal import Primitives

/// What is measured beside the counters of events: durations, and what the kernel was asked.
package struct Measurements: Hashable, Sendable {
    package init() {}

    mutating func record(_ event: ControlPlane.Event, at now: MonotonicTime) {}
}

/// The gateway in numbers, as it stands.
package struct MetricsSnapshot: Hashable, Sendable {
    package var status: StatusSnapshot
    package var measurements: Measurements

    package init(status: StatusSnapshot, measurements: Measurements) {
        self.status = status
        self.measurements = measurements
    }
}
