// SPDX-License-Identifier: Apache-2.0
package import Cryptography
internal import FoundationEssentials
internal import Glibc
internal import Primitives

/// The folder with one key for each day. Who has the key of a day turns its pseudonyms back; when the key is gone nobody
/// does, wherever copies of the log are.
///
/// The thread of the owner is the only one that calls it, which is why it may say it is sendable.
package final class PseudonymKeys: @unchecked Sendable {
    package let folder: String
    private let entropy: any EntropySource
    private var today: (day: String, cipher: DeterministicCipher)?
    /// Why there was no key when it was last tried.
    private var failure: (time: WallClockTime, error: SystemError)?

    /// After a failure, in milliseconds: else every line would try to write a file.
    private static let pause: Int64 = 60_000

    /// - Parameter owner: Who the daemon will be; what is made here becomes that user's.
    package init(
        folder: String,
        owner: ProcessUser? = nil,
        entropy: any EntropySource = SystemEntropy()
    ) throws(StartProblem) {
        self.folder = folder
        self.entropy = entropy
        do throws(SystemError) {
            try Self.make(folder, owner)
            // What cannot be written is told now, and not when the first caller comes.
            let day = WallClockTime.current().day
            today = (day, try cipher(of: day, owner, waits: true))
        } catch {
            throw StartProblem(
                "the keys of the log's pseudonyms cannot be kept in \(folder): \(error)",
                remedy: "make it a folder of culvertd's user with mode 0700, or choose another log.privacy.keys"
            )
        }
    }

    /// The key of the day; made if there is none yet. It is tried again 60 s after a failure.
    func cipher(at time: WallClockTime) throws(SystemError) -> DeterministicCipher {
        let day = time.day
        if let today, today.day == day { return today.cipher }
        if let failure, abs(time.milliseconds - failure.time.milliseconds) < Self.pause { throw failure.error }
        do throws(SystemError) {
            let cipher = try cipher(of: day, nil, waits: false)
            failure = nil
            today = (day, cipher)
            return cipher
        } catch {
            failure = (time, error)
            throw error
        }
    }

    /// Deletes the keys of days that began `age` ago or before.
    ///
    /// - Parameter waits: Until the disk has them overwritten; otherwise that happens soon, on another thread.
    /// - Throws: The first of what went wrong, when all was tried.
    func forget(_ age: Duration, before now: WallClockTime, waits: Bool = true) throws(SystemError) {
        guard access(folder, R_OK | X_OK) == 0 else {
            // Without the folder there are no keys.
            if errno == ENOENT { return }
            throw SystemError("access", code: errno)
        }
        var nameless: [CInt] = []
        var failure: SystemError?
        for (day, path) in Self.files(in: folder) {
            guard let end = WallClockTime(endOf: day) else { continue }
            let start = end.milliseconds - 86_400_000
            guard start + age.wholeNanoseconds / 1_000_000 <= now.milliseconds else { continue }
            do throws(SystemError) {
                if let descriptor = try Self.erase(path) { nameless.append(descriptor) }
            } catch {
                failure = failure ?? error
            }
            if today?.day == day { today = nil }
        }
        Self.close(nameless, waits: waits)
        if let failure { throw failure }
    }

    /// What a pseudonym stands for, and the day it is from.
    package static func reveal(_ text: String, folder: String) throws(SystemError) -> (value: String, day: String)? {
        guard access(folder, R_OK | X_OK) == 0 else { throw SystemError("access", code: errno) }
        for (day, path) in files(in: folder) {
            guard let key = try read(path), let cipher = try? DeterministicCipher(key: key),
                let value = try? Pseudonym.value(of: text, cipher)
            else { continue }
            return (value, day)
        }
        return nil
    }

    /// Newest first.
    private static func files(in folder: String) -> [(day: String, path: String)] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        return names.filter { $0.utf8.count == 14 && $0.hasSuffix(".key") }
            .map { (String($0.prefix(10)), "\(folder)/\($0)") }
            .filter { WallClockTime(endOf: $0.0) != nil }
            .sorted { $0.0 > $1.0 }
    }

    private func cipher(
        of day: String,
        _ owner: ProcessUser?,
        waits: Bool
    ) throws(SystemError) -> DeterministicCipher {
        let path = "\(folder)/\(day).key"
        if let key = try Self.read(path), let cipher = try? DeterministicCipher(key: key) { return cipher }
        let key = entropy.secret(DeterministicCipher.keyLength)
        try Self.write(key, to: path, owner, waits: waits)
        guard let cipher = try? DeterministicCipher(key: key) else { throw SystemError("key", code: EINVAL) }
        return cipher
    }

    private static func make(_ folder: String, _ owner: ProcessUser?) throws(SystemError) {
        let parent = String(folder[..<(folder.lastIndex(of: "/") ?? folder.startIndex)])
        if !parent.isEmpty, mkdir(parent, 0o700) == 0 {
            guard chmod(parent, 0o755) == 0 else { throw SystemError("chmod", code: errno) }
        }
        if mkdir(folder, 0o700) != 0, errno != EEXIST { throw SystemError("mkdir", code: errno) }
        try give(folder, O_DIRECTORY, to: owner)
        guard geteuid() == 0 else { return }
        // Those that root made before it heard of the user, who could neither read nor overwrite them.
        for (_, path) in files(in: folder) { try give(path, O_NONBLOCK, to: owner) }
    }

    /// Sees that it belongs to whom the daemon will be.
    private static func give(_ path: String, _ flags: CInt, to owner: ProcessUser?) throws(SystemError) {
        let number = Glibc.open(path, flags | O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard number >= 0 else { throw SystemError("open", code: errno) }
        let descriptor = OwnedDescriptor(adopting: number)
        var status = stat()
        guard fstat(descriptor.rawValue, &status) == 0 else { throw SystemError("fstat", code: errno) }
        let isFolder = status.st_mode & S_IFMT == S_IFDIR
        // Nobody else may look in.
        guard !isFolder || status.st_mode & 0o077 == 0 else { throw SystemError("fstat", code: EPERM) }
        let user = owner?.user ?? geteuid()
        if status.st_uid == user { return }
        // What has another name elsewhere may be anybody's file.
        let isOneFile = status.st_mode & S_IFMT == S_IFREG && status.st_nlink == 1
        guard geteuid() == 0, isOneFile || isFolder else { throw SystemError("fstat", code: EPERM) }
        guard fchown(descriptor.rawValue, user, owner?.group ?? getegid()) == 0 else {
            throw SystemError("fchown", code: errno)
        }
    }

    /// `nil` if there is no such file, or it is no key.
    private static func read(_ path: String) throws(SystemError) -> SecretBytes? {
        let number = Glibc.open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard number >= 0 else {
            if errno == ENOENT { return nil }
            throw SystemError("open", code: errno)
        }
        let descriptor = OwnedDescriptor(adopting: number)
        var bytes = [UInt8](repeating: 0, count: DeterministicCipher.keyLength + 1)
        defer { bytes.wipe() }
        let count = Glibc.read(descriptor.rawValue, &bytes, bytes.count)
        guard count == DeterministicCipher.keyLength else { return nil }
        return SecretBytes(copying: bytes.prefix(count))
    }

    /// Whole or not at all.
    ///
    /// - Parameter waits: Until it is on the disk; otherwise that happens soon, on another thread.
    private static func write(
        _ key: SecretBytes,
        to path: String,
        _ owner: ProcessUser?,
        waits: Bool
    ) throws(SystemError) {
        let draft = path + ".new"
        unlink(draft)
        let number = Glibc.open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard number >= 0 else { throw SystemError("open", code: errno) }
        let descriptor = OwnedDescriptor(adopting: number)
        let count = key.withBytes { span in
            span.withUnsafeBufferPointer { Glibc.write(descriptor.rawValue, $0.baseAddress, $0.count) }
        }
        guard count == key.count else { throw SystemError("write", code: count < 0 ? errno : ENOSPC) }
        guard !waits || fsync(descriptor.rawValue) == 0 else { throw SystemError("fsync", code: errno) }
        if let owner, geteuid() == 0, fchown(descriptor.rawValue, owner.user, owner.group) != 0 {
            throw SystemError("fchown", code: errno)
        }
        guard rename(draft, path) == 0 else { throw SystemError("rename", code: errno) }
        if !waits { close([descriptor.release()], waits: false) }
    }

    /// Overwritten first, for what that is worth on the disk at hand.
    ///
    /// - Returns: The file, which has no name any more; as long as it is open its zeros have their place on the disk.
    private static func erase(_ path: String) throws(SystemError) -> CInt? {
        let number = Glibc.open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW)
        var failure: SystemError?
        if number < 0 {
            if errno == ENOENT { return nil }
            failure = SystemError("open", code: errno)
        } else {
            let zeros = [UInt8](repeating: 0, count: DeterministicCipher.keyLength)
            if Glibc.write(number, zeros, zeros.count) != zeros.count { failure = SystemError("write", code: errno) }
        }
        if unlink(path) != 0, errno != ENOENT { failure = SystemError("unlink", code: errno) }
        guard let failure else { return number }
        if number >= 0 { Glibc.close(number) }
        throw failure
    }

    /// Closes files when the disk has them, which nobody may wait for who serves peers.
    private static func close(_ descriptors: [CInt], waits: Bool) {
        guard !descriptors.isEmpty else { return }
        let work: @Sendable () -> Void = {
            for descriptor in descriptors {
                fsync(descriptor)
                Glibc.close(descriptor)
            }
        }
        if waits || !DetachedThread.run(work) { work() }
    }
}

extension WallClockTime {
    /// Of UTC, `2026-11-21` say.
    var day: String { String(description.prefix(10)) }
}
