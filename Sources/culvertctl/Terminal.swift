// SPDX-License-Identifier: Apache-2.0
import Glibc

/// Where the output goes.
struct Terminal {
    /// `nil` for no limit: a pipe or a file.
    var width: Int?
    /// `nil` if nobody looks at it as it comes.
    var height: Int?
    var isTerminal: Bool

    /// Of the standard output: as it says itself, else `COLUMNS`, else 80 for a terminal and no limit for all else.
    static func current() -> Terminal {
        let isTerminal = isatty(STDOUT_FILENO) == 1
        var size = winsize()
        if isTerminal, ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 {
            return Terminal(width: Int(size.ws_col), height: size.ws_row > 0 ? Int(size.ws_row) : nil, isTerminal: true)
        }
        let columns = getenv("COLUMNS").flatMap { Int(String(cString: $0)) }.flatMap { $0 > 0 ? $0 : nil }
        return Terminal(width: columns ?? (isTerminal ? 80 : nil), height: nil, isTerminal: isTerminal)
    }
}
