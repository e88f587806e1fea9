// SPDX-License-Identifier: Apache-2.0
internal import CLinux
internal import Glibc

/// The small files, folders and links by which the kernel tells about itself.
package enum KernelText {
    /// `nil` if it is not there or may not be read.
    package static func read(_ path: String) -> String? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { _ = close(descriptor) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 16_384)
        while true {
            let count = chunk.withUnsafeMutableBytes { culvert_read(descriptor, $0.baseAddress, UInt64($0.count)) }
            guard count >= 0 else { return nil }
            guard count > 0 else { return String(decoding: bytes, as: UTF8.self) }
            bytes += chunk[..<Int(count)]
        }
    }

    /// What is in a folder, but for what begins with a dot; empty if there is none.
    package static func list(_ path: String) -> [String] {
        guard let directory = opendir(path) else { return [] }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if !name.hasPrefix(".") { names.append(name) }
        }
        return names
    }

    /// Where a link points to, of which 256 bytes are read; `nil` if it is none or may not be read.
    package static func target(of link: String) -> String? {
        var characters = [CChar](repeating: 0, count: 256)
        let count = readlink(link, &characters, characters.count)
        guard count > 0 else { return nil }
        return String(decoding: characters[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// Without white space at either end.
    package static func trimmed(_ text: String) -> String {
        String(text.drop(while: \.isWhitespace).reversed().drop(while: \.isWhitespace).reversed())
    }
}
