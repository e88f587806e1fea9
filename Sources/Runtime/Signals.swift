// SPDX-License-Identifier: Apache-2.0
internal import CLinux
internal import Glibc

/// Signals as something to read. From its making on they are blocked in the thread that made it and in
/// threads that thread starts; so it is made first.
package final class Signals {
    package enum Signal: Hashable, Sendable {
        /// SIGTERM, SIGINT.
        case terminate
        /// SIGHUP.
        case reload
    }

    private let source: OwnedDescriptor

    package init() throws(SystemError) {
        // Who writes to a peer that is gone gets EPIPE.
        signal(SIGPIPE, SIG_IGN)
        source = OwnedDescriptor(
            adopting: try valueOrError(culvert_signalfd([SIGTERM, SIGINT, SIGHUP], 3), "signalfd")
        )
    }

    package var descriptor: Int32 { source.rawValue }

    /// The next signal that came; `nil` if none waits.
    package func next() -> Signal? {
        switch culvert_signalfd_read(source.rawValue) {
        case 0: nil
        case SIGHUP: .reload
        default: .terminate
        }
    }
}
