// SPDX-License-Identifier: Apache-2.0
internal import Glibc

/// A file descriptor with exactly one owner: closed once, when the owner goes away.
package struct OwnedDescriptor: ~Copyable, Sendable {
    package let rawValue: CInt

    /// - Parameter rawValue: A descriptor nobody else will close.
    package init(adopting rawValue: CInt) {
        precondition(rawValue >= 0, "not a descriptor: \(rawValue)")
        self.rawValue = rawValue
    }

    deinit {
        _ = close(rawValue)
    }

    /// Gives the descriptor away: to a library that will close it, say.
    package consuming func release() -> CInt {
        let rawValue = rawValue
        discard self
        return rawValue
    }
}
