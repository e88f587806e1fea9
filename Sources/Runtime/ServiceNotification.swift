// SPDX-License-Identifier: Apache-2.0
internal import CLinux
package import Primitives

/// What the service manager is told, if there is one.
///
/// - SeeAlso: sd_notify(3)
package enum ServiceNotification: Hashable, Sendable {
    case ready
    /// One line for people, as `systemctl status` shows it.
    case status(String)
    /// Reading the configuration again began; ``ready`` ends it.
    case reloading(MonotonicTime)
    /// Saying goodbye, which takes up to so long.
    case stopping(Duration)
    /// The loop goes round.
    case watchdog
    /// It cannot start, or not go on. The code is an errno value, if there is one.
    case failed(String, code: Int32?)

    /// Longer status lines are cut.
    private static let lineLimit = 240

    package var text: String {
        switch self {
        case .ready: "READY=1"
        case .status(let words): "STATUS=\(Self.line(words))"
        case .reloading(let now): "RELOADING=1\nMONOTONIC_USEC=\(now.nanoseconds / 1000)"
        case .stopping(let time): "STOPPING=1\nEXTEND_TIMEOUT_USEC=\(time.wholeNanoseconds / 1000)"
        case .watchdog: "WATCHDOG=1"
        case .failed(let words, let code): "STATUS=\(Self.line(words))" + (code.map { "\nERRNO=\($0)" } ?? "")
        }
    }

    /// A line end would begin another assignment.
    private static func line(_ words: String) -> String {
        String(words.map { $0.isNewline ? " " : $0 }.prefix(lineLimit))
    }

    /// - Parameter socket: What the environment variable `NOTIFY_SOCKET` says; `nil` does nothing.
    /// - Returns: Whether somebody was told.
    @discardableResult
    package func send(to socket: String?) -> Bool {
        guard let socket, !socket.isEmpty else { return false }
        let text = text
        return culvert_unix_send(socket, text, text.utf8.count) == 0
    }
}
