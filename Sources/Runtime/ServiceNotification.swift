// SPDX-License-Identifier: Apache-2.0
internal import CLinux
internal import Glibc

/// What the service manager is told, if there is one.
///
/// - SeeAlso: sd_notify(3)
package enum ServiceNotification: String, Hashable, Sendable {
    case ready = "READY=1"
    case stopping = "STOPPING=1"

    /// - Parameter socket: What the environment variable `NOTIFY_SOCKET` says; `nil` does nothing.
    /// - Returns: Whether somebody was told.
    @discardableResult
    package func send(to socket: String?) -> Bool {
        guard let socket, !socket.isEmpty else { return false }
        return culvert_unix_send(socket, rawValue, rawValue.utf8.count) == 0
    }

    /// Taken from the environment, so that no child inherits it.
    package static func takeSocketFromEnvironment() -> String? {
        guard let value = getenv("NOTIFY_SOCKET") else { return nil }
        defer { unsetenv("NOTIFY_SOCKET") }
        return String(cString: value)
    }
}
