// SPDX-License-Identifier: Apache-2.0
import Glibc

/// Runs a program of the machine's, without a shell, and hears what it says.
enum Program {
    struct Result {
        var status: Int32
        var output: [UInt8]
        var errors: [UInt8]
    }

    /// Those of the superuser are in no other user's PATH.
    private static let folders = ["/usr/sbin", "/sbin", "/usr/bin", "/bin", "/usr/local/sbin"]
    private static let outputLimit = 64 << 20

    static func find(_ name: String) -> String? {
        folders.map { "\($0)/\(name)" }.first { access($0, X_OK) == 0 }
    }

    /// - Returns: `nil` if it cannot be run.
    static func run(_ path: String, _ arguments: [String]) -> Result? {
        var output: [Int32] = [-1, -1]
        var errors: [Int32] = [-1, -1]
        guard pipe(&output) == 0 else { return nil }
        guard pipe(&errors) == 0 else {
            for end in output { close(end) }
            return nil
        }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_adddup2(&actions, output[1], 1)
        posix_spawn_file_actions_adddup2(&actions, errors[1], 2)
        for end in output + errors { posix_spawn_file_actions_addclose(&actions, end) }
        var words: [UnsafeMutablePointer<CChar>?] = ([path] + arguments).map { strdup($0) } + [nil]
        defer { for word in words { free(word) } }
        // Messages as we know them, and nothing else of our environment.
        let variables = ["LC_ALL=C", "PATH=/usr/sbin:/usr/bin:/sbin:/bin"]
        var environment: [UnsafeMutablePointer<CChar>?] = variables.map { strdup($0) } + [nil]
        defer { for word in environment { free(word) } }
        var process: pid_t = 0
        let error = posix_spawn(&process, path, &actions, nil, &words, &environment)
        close(output[1])
        close(errors[1])
        defer {
            close(output[0])
            close(errors[0])
        }
        guard error == 0 else { return nil }
        var (said, complained) = ([UInt8](), [UInt8]())
        var sources = [output[0], errors[0]].map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
        while sources.contains(where: { $0.fd >= 0 }) {
            guard poll(&sources, 2, 10_000) > 0 else {
                kill(process, SIGKILL)
                break
            }
            for index in sources.indices where sources[index].revents != 0 {
                var buffer = [UInt8](repeating: 0, count: 65_536)
                let count = read(sources[index].fd, &buffer, buffer.count)
                if count <= 0 {
                    sources[index].fd = -1
                } else if index == 0, said.count < outputLimit {
                    said += buffer[..<count]
                } else if index == 1, complained.count < 65_536 {
                    complained += buffer[..<count]
                }
            }
        }
        var status: Int32 = 0
        while waitpid(process, &status, 0) < 0, errno == EINTR {}
        return Result(status: status & 0x7F == 0 ? status >> 8 & 0xFF : -1, output: said, errors: complained)
    }
}
