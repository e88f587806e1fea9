// SPDX-License-Identifier: Apache-2.0
internal import CLinux
package import ConfigFile
internal import Glibc
internal import Primitives

/// Reads the files a configuration is made of. What may stand in them, and which mode files with
/// secrets must have, is `ConfigFile`'s business.
package enum SettingsFile {
    /// More than any configuration or user list has.
    private static let sizeLimit = 16 << 20

    /// The configuration with the files it names: at the start, for `--check`, and for every reload.
    package static func read(_ configuration: String) -> ConfigFile.Outcome {
        ConfigFile.read(configuration, load: load)
    }

    /// Mode and owner are those of the file that was opened, whatever the path means by now.
    package static func load(_ path: String) throws(FileProblem) -> LoadedFile {
        var file = culvert_file()
        switch culvert_file_open(try resolved(path), &file) {
        case 0: break
        case -ENOENT, -ENOTDIR: throw .missing
        case -EACCES, -EPERM: throw .permissionDenied
        case let error: throw .other(String(cString: strerror(-error)))
        }
        let descriptor = OwnedDescriptor(adopting: file.descriptor)
        guard file.mode & UInt32(S_IFMT) == UInt32(S_IFREG) else { throw .notAFile }
        guard file.size <= sizeLimit else { throw .tooLarge }
        return LoadedFile(
            bytes: try read(descriptor, expecting: Int(file.size)),
            mode: file.mode & 0o7777,
            ownerIsTrusted: file.uid == 0 || file.uid == geteuid()
        )
    }

    /// What the service manager hands over lies in a folder that it names.
    private static func resolved(_ path: String) throws(FileProblem) -> String {
        guard path.hasPrefix(ConfigFile.credentials) else { return path }
        guard let folder = getenv("CREDENTIALS_DIRECTORY").map({ String(cString: $0) }), folder.hasPrefix("/") else {
            throw .noCredentials
        }
        return folder + "/" + path.dropFirst(ConfigFile.credentials.count)
    }

    private static func read(
        _ descriptor: borrowing OwnedDescriptor,
        expecting size: Int
    ) throws(FileProblem) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(size)
        var buffer = [UInt8](repeating: 0, count: 16_384)
        defer { buffer.wipe() }
        while true {
            let count = Glibc.read(descriptor.rawValue, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw .other(String(cString: strerror(errno))) }
            guard count > 0 else { return bytes }
            guard bytes.count + count <= sizeLimit else { throw .tooLarge }
            bytes += buffer[..<count]
        }
    }
}
