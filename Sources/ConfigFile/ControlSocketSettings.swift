// SPDX-License-Identifier: Apache-2.0

/// Where `culvertctl` finds the daemon, and who may use it.
package struct ControlSocketSettings: Hashable, Sendable {
    package var path = "/run/culvert/control.sock"
    /// Permission bits.
    package var mode: UInt32 = 0o660
    /// Owns the socket, by name; `nil` leaves the group of the process.
    package var group: String?

    /// Where the socket is on which nothing can be changed.
    package enum ReadOnlyPlace: Hashable, Sendable {
        /// `status.sock` in the folder of ``path``.
        case beside
        case at(String)
        case nowhere
    }

    package var readOnlyPlace = ReadOnlyPlace.beside
    /// Permission bits.
    package var readOnlyMode: UInt32 = 0o660
    /// Owns the read-only socket, by name; `nil` is ``group``.
    package var readOnlyGroup: String?

    package init() {
    }

    /// `nil` if there is none.
    package var readOnlyPath: String? {
        switch readOnlyPlace {
        case .beside: String(path[...(path.lastIndex(of: "/") ?? path.startIndex)]) + "status.sock"
        case .at(let path): path
        case .nowhere: nil
        }
    }
}
