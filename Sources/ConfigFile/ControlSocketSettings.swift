// SPDX-License-Identifier: Apache-2.0

/// Where `culvertctl` finds the daemon, and who may use it.
package struct ControlSocketSettings: Hashable, Sendable {
    package var path = "/run/culvert/control.sock"
    /// Permission bits.
    package var mode: UInt32 = 0o660
    /// Owns the socket, by name; `nil` leaves the group of the process.
    package var group: String?

    package init() {
    }
}
