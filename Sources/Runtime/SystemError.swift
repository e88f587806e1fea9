// SPDX-License-Identifier: Apache-2.0
internal import Glibc

/// A system call that failed.
package struct SystemError: Error, Hashable, Sendable, CustomStringConvertible {
    /// In the manual's words: `bind`, `epoll_ctl`.
    package var call: String
    /// The errno value, positive.
    package var code: Int32

    package init(_ call: String, code: Int32) {
        self.call = call
        self.code = code
    }

    package var description: String { "\(call): \(reason)" }

    /// What the C library says about the code.
    package var reason: String { String(cString: strerror(code)) }
}

/// Turns the shims' convention (negated errno) into an error.
func valueOrError<T: SignedInteger>(_ value: T, _ call: String) throws(SystemError) -> T {
    guard value >= 0 else { throw SystemError(call, code: Int32(-value)) }
    return value
}
