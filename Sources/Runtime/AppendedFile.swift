// SPDX-License-Identifier: Apache-2.0
internal import CLinux
internal import Glibc
internal import Primitives

/// A file that lines are added to, and that others may move away: then a new one is begun under the old name.
///
/// The thread of the owner is the only one that calls it, which is why it may say it is sendable.
package final class AppendedFile: @unchecked Sendable {
    package let path: String
    private var descriptor: OwnedDescriptor
    private let owner: ProcessUser?
    /// When it is looked at again whether the name still means the file.
    private var nextLook: MonotonicTime
    /// What was written last ended within a line.
    private var isWithinLine = false
    /// Why the file that the name means now cannot be opened; `nil` if all is well.
    private(set) var problem: SystemError?
    private var isProblemTold = false

    private static let lookInterval = Duration.seconds(1)

    /// - Parameter owner: Whose a new file becomes; `nil` leaves it ours.
    package init(path: String, owner: ProcessUser? = nil) throws(SystemError) {
        self.path = path
        self.owner = owner
        descriptor = try Self.open(path, owner: owner)
        nextLook = MonotonicTime.current().advanced(by: Self.lookInterval)
    }

    /// - Returns: Whether the whole line was written.
    func write(_ line: [UInt8], at now: MonotonicTime = .current()) -> Bool {
        if nextLook <= now {
            nextLook = now.advanced(by: Self.lookInterval)
            followName()
        }
        let bytes = isWithinLine ? [0x0A] + line : line
        let count = culvert_write(descriptor.rawValue, bytes, UInt64(bytes.count))
        guard count > 0 else { return false }
        isWithinLine = Int(count) < bytes.count
        return !isWithinLine
    }

    /// ``problem``, once.
    func takeProblem() -> SystemError? {
        guard let problem, !isProblemTold else { return nil }
        isProblemTold = true
        return problem
    }

    private func followName() {
        var (ours, named) = (stat(), stat())
        guard fstat(descriptor.rawValue, &ours) == 0 else { return }
        if lstat(path, &named) == 0, named.st_dev == ours.st_dev, named.st_ino == ours.st_ino { return }
        do throws(SystemError) {
            descriptor = try Self.open(path, owner: owner)
            isWithinLine = false
            problem = nil
            isProblemTold = false
        } catch {
            problem = error
        }
    }

    private static func open(_ path: String, owner: ProcessUser?) throws(SystemError) -> OwnedDescriptor {
        let flags = O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK
        var number = Glibc.open(path, flags | O_CREAT | O_EXCL, 0o640)
        let isNew = number >= 0
        if !isNew, errno == EEXIST { number = Glibc.open(path, flags) }
        guard number >= 0 else { throw SystemError("open", code: errno) }
        let descriptor = OwnedDescriptor(adopting: number)
        var status = stat()
        guard fstat(number, &status) == 0 else { throw SystemError("fstat", code: errno) }
        guard status.st_mode & S_IFMT == S_IFREG else { throw SystemError("open", code: EINVAL) }
        if isNew {
            // Whatever the umask says.
            guard fchmod(number, 0o640) == 0 else { throw SystemError("fchmod", code: errno) }
            if let owner, geteuid() == 0 {
                guard fchown(number, owner.user, owner.group) == 0 else { throw SystemError("fchown", code: errno) }
            }
        }
        return descriptor
    }
}
