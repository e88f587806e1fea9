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
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else {
                let reason = String(cString: strerror(errno))
                unlink(path)
                throw Problem("\(path.visible) cannot be written: \(reason)")
            }
            rest = rest.dropFirst(count)
        }
    }
}
