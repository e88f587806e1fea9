// SPDX-License-Identifier: Apache-2.0
internal import CLinux
internal import Glibc

/// The file of the control socket: made so that at no moment anybody can connect who must not.
package struct ControlSocketFile {
    package enum Problem: Error, Hashable, Sendable {
        /// Another daemon answers on it.
        case answered
        /// Something else is in its place.
        case notASocket
        case unknownGroup(String)
        case failed(SystemError)
    }

    package let path: String
    /// As the file has them.
    let mode: UInt32
    let group: UInt32
    private let device: UInt
    private let inode: UInt

    /// Makes the socket and listens on it. A socket file that nobody answers on is replaced; a missing
    /// parent directory is made with mode 0751 and the same group: whoever may use one of several sockets gets to it.
    ///
    /// - Parameter owner: Who the daemon will be; `nil` if it stays who it is.
    /// - Returns: The listening descriptor, and the file to remove in the end.
    package static func open(
        path: String,
        mode: UInt32,
        group: String?,
        owner: ProcessUser? = nil
    ) throws(Problem) -> (descriptor: CInt, file: ControlSocketFile) {
        let groupID = try group.map { name throws(Problem) in try id(ofGroup: name) }
        let owners = Owners(user: owner?.user, group: groupID ?? owner?.group)
        try makeParent(of: path, owners)
        try clearPlace(path)
        let listening = OwnedDescriptor(adopting: try unwrap(culvert_unix_listen(path, 64), "bind"))
        try owners.take(path)
        _ = try unwrap(chmod(path, mode & 0o777) == 0 ? 0 : -errno, "chmod")
        var status = stat()
        _ = try unwrap(lstat(path, &status) == 0 ? 0 : -errno, "lstat")
        return (
            listening.release(),
            ControlSocketFile(
                path: path,
                mode: status.st_mode & 0o777,
                group: status.st_gid,
                device: UInt(status.st_dev),
                inode: UInt(status.st_ino)
            )
        )
    }

    /// A socket file that is made and removed by somebody else.
    static func ofTheServiceManager(_ path: String) -> ControlSocketFile {
        var status = stat()
        if lstat(path, &status) != 0 { status = stat() }
        // No file has this inode, so none is removed.
        return ControlSocketFile(
            path: path,
            mode: status.st_mode & 0o777,
            group: status.st_gid,
            device: 0,
            inode: 0
        )
    }

    /// Removes the file, unless somebody has put another one in its place.
    package func remove() {
        var status = stat()
        guard lstat(path, &status) == 0, UInt(status.st_dev) == device, UInt(status.st_ino) == inode else { return }
        unlink(path)
    }

    private static func unwrap(_ value: CInt, _ call: String) throws(Problem) -> CInt {
        guard value >= 0 else { throw .failed(SystemError(call, code: -value)) }
        return value
    }

    /// Whose a file becomes; `nil` leaves it as it is.
    private struct Owners {
        var user: uid_t?
        var group: gid_t?

        func take(_ path: String) throws(Problem) {
            guard user != nil || group != nil else { return }
            _ = try unwrap(chown(path, user ?? uid_t.max, group ?? gid_t.max) == 0 ? 0 : -errno, "chown")
        }
    }

    private static func makeParent(of path: String, _ owners: Owners) throws(Problem) {
        guard let slash = path.lastIndex(of: "/"), slash != path.startIndex else { return }
        let parent = String(path[..<slash])
        guard mkdir(parent, 0o700) == 0 else {
            guard errno == EEXIST else { throw .failed(SystemError("mkdir", code: errno)) }
            return
        }
        try owners.take(parent)
        // Whatever the umask says.
        _ = try unwrap(chmod(parent, 0o751) == 0 ? 0 : -errno, "chmod")
    }

    private static func clearPlace(_ path: String) throws(Problem) {
        var status = stat()
        guard lstat(path, &status) == 0 else {
            guard errno == ENOENT else { throw .failed(SystemError("lstat", code: errno)) }
            return
        }
        guard status.st_mode & S_IFMT == S_IFSOCK else { throw .notASocket }
        switch culvert_unix_probe(path) {
        case 0: throw .answered
        case -ECONNREFUSED: unlink(path)
        case let error: throw .failed(SystemError("connect", code: -error))
        }
    }

    private static func id(ofGroup name: String) throws(Problem) -> gid_t {
        var entry = Glibc.group()
        var found: UnsafeMutablePointer<Glibc.group>?
        var buffer = [CChar](repeating: 0, count: 16_384)
        let error = getgrnam_r(name, &entry, &buffer, buffer.count, &found)
        guard error == 0, found != nil else { throw .unknownGroup(name) }
        return entry.gr_gid
    }
}
