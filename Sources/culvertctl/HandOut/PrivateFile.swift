// SPDX-License-Identifier: Apache-2.0
import Glibc

/// A new file that its owner alone may read.
enum PrivateFile {
    /// - Throws: Also if something has this name already: it might be readable for others.
    static func create(_ path: String, _ text: String) throws(Problem) {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw Problem(
                "\(path.visible) cannot be written: \(String(cString: strerror(errno)))",
                remedy: errno == EEXIST ? "remove it first, or give another --output" : nil
            )
        }
        defer { close(descriptor) }
        guard let code = Main.writeAll(text, to: descriptor) else { return }
        unlink(path)
        throw Problem("\(path.visible) cannot be written: \(String(cString: strerror(code)))")
    }
}
