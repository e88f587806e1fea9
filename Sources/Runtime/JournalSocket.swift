// SPDX-License-Identifier: Apache-2.0
internal import CLinux
internal import Glibc

/// The way to journald. The address is looked up for every entry: a journald that was started anew is found again, and
/// entries in between are lost.
///
/// Not changed after `init`.
package final class JournalSocket: Sendable {
    package static let defaultPath = "/run/systemd/journal/socket"

    private let descriptor: OwnedDescriptor
    private let path: String

    package init(path: String = defaultPath) throws(SystemError) {
        descriptor = OwnedDescriptor(adopting: try valueOrError(culvert_unix_datagram_socket(), "socket"))
        self.path = path
        guard access(path, F_OK) == 0 else { throw SystemError("access", code: errno) }
    }

    /// - Returns: Whether it was sent. Never waits.
    func send(_ entry: [UInt8]) -> Bool {
        culvert_unix_send_from(descriptor.rawValue, path, entry, entry.count) == 0
    }

    /// Whether what is written to a descriptor goes to the journal.
    ///
    /// - Parameter stream: The environment variable `JOURNAL_STREAM`, as in `8:12345`: device and inode.
    package static func isJournal(_ descriptor: Int32, stream: String?) -> Bool {
        guard let parts = stream?.split(separator: ":", omittingEmptySubsequences: false), parts.count == 2,
            let device = UInt64(parts[0]), let inode = UInt64(parts[1])
        else { return false }
        var status = stat()
        return fstat(descriptor, &status) == 0 && UInt64(status.st_dev) == device && UInt64(status.st_ino) == inode
    }
}
