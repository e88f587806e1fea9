// SPDX-License-Identifier: Apache-2.0
import Glibc

/// Runs a program of the machine's, without a shell, tells it something and hears what it says.
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

    /// One that neither reads nor says anything for ten seconds is ended.
    ///
    /// - Parameter input: Its standard input.
    /// - Returns: `nil` if it cannot be run.
    static func run(_ path: String, _ arguments: [String], input: String = "") -> Result? {
        var pipes: [Pipe] = []
        defer { for pipe in pipes { pipe.close() } }
        for _ in 0..<3 {
            guard let pipe = Pipe() else { return nil }
            pipes.append(pipe)
        }
        let (reading, saying, complaining) = (pipes[0], pipes[1], pipes[2])
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, reading.ends[0], 0)
        posix_spawn_file_actions_adddup2(&actions, saying.ends[1], 1)
        posix_spawn_file_actions_adddup2(&actions, complaining.ends[1], 2)
        var words: [UnsafeMutablePointer<CChar>?] = ([path] + arguments).map { strdup($0) } + [nil]
        defer { for word in words { free(word) } }
        // Messages as we know them, and nothing else of our environment.
        let variables = ["LC_ALL=C", "PATH=/usr/sbin:/usr/bin:/sbin:/bin"]
        var environment: [UnsafeMutablePointer<CChar>?] = variables.map { strdup($0) } + [nil]
        defer { for word in environment { free(word) } }
        var process: pid_t = 0
        let error = posix_spawn(&process, path, &actions, nil, &words, &environment)
        // Its ends: else it would never be seen that it closed them.
        reading.close(0)
        saying.close(1)
        complaining.close(1)
        guard error == 0 else { return nil }
        // It may end before it has read everything.
        signal(SIGPIPE, SIG_IGN)
        _ = fcntl(reading.ends[1], F_SETFL, O_NONBLOCK)
        var rest = Array(input.utf8)[...]
        var (said, complained) = ([UInt8](), [UInt8]())
        var sources = [
            pollfd(fd: saying.ends[0], events: Int16(POLLIN), revents: 0),
            pollfd(fd: complaining.ends[0], events: Int16(POLLIN), revents: 0),
            pollfd(fd: reading.ends[1], events: Int16(POLLOUT), revents: 0),
        ]
        while sources.contains(where: { $0.fd >= 0 }) {
            if rest.isEmpty, sources[2].fd >= 0 {
                reading.close(1)
                sources[2].fd = -1
                continue
            }
            guard poll(&sources, 3, 10_000) > 0 else {
                kill(process, SIGKILL)
                break
            }
            if sources[2].fd >= 0, sources[2].revents != 0 {
                let count = rest.withUnsafeBytes { write(sources[2].fd, $0.baseAddress, $0.count) }
                if count > 0 { rest = rest.dropFirst(count) } else if errno != EAGAIN && errno != EINTR { rest = [] }
            }
            for index in 0..<2 where sources[index].revents != 0 {
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

    private final class Pipe {
        private(set) var ends: [Int32] = [-1, -1]

        init?() {
            guard pipe(&ends) == 0 else { return nil }
            for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        }

        func close(_ end: Int) {
            guard ends[end] >= 0 else { return }
            _ = Glibc.close(ends[end])
            ends[end] = -1
        }

        func close() {
            close(0)
            close(1)
        }
    }
}
