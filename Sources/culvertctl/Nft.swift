// SPDX-License-Identifier: Apache-2.0
import Glibc

/// Who loads a script into the kernel.
protocol PacketFilter {
    func has(table: String) throws(Problem) -> Bool
    /// - Parameter isTrial: The kernel only says whether it would take it.
    func load(_ script: String, isTrial: Bool) throws(Problem)
}

/// The machine's own tool. What it complains of goes to standard error as it is.
struct Nft: PacketFilter {
    private static let places = ["/usr/sbin/nft", "/sbin/nft", "/usr/local/sbin/nft", "/usr/bin/nft"]

    func has(table: String) throws(Problem) -> Bool {
        let code = try run(["list", "table"] + table.split(separator: " ").map(String.init), input: "", isQuiet: true)
        guard code == 0 || geteuid() == 0 else {
            throw Problem("only root may look at the packet filter", remedy: "try again with sudo")
        }
        return code == 0
    }

    func load(_ script: String, isTrial: Bool) throws(Problem) {
        let code = try run((isTrial ? ["-c"] : []) + ["-f", "-"], input: script, isQuiet: false)
        guard code == 0 else {
            throw Problem(
                "nft refused the rules (exit code \(code)); nothing was changed",
                remedy: geteuid() == 0 ? nil : "only root may change the packet filter: try again with sudo"
            )
        }
    }

    private func run(_ arguments: [String], input: String, isQuiet: Bool) throws(Problem) -> Int32 {
        guard let path = Self.places.first(where: { access($0, X_OK) == 0 }) else {
            throw Problem("there is no nft on this machine", remedy: "install it: apt-get install nftables")
        }
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { throw Problem("no pipe to nft: \(Self.reason(errno))") }
        defer { for end in ends where end >= 0 { _ = close(end) } }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, ends[0], STDIN_FILENO)
        if isQuiet {
            posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0)
            posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0)
        }
        var words: [UnsafeMutablePointer<CChar>?] = ([path] + arguments).map { strdup($0) } + [nil]
        defer { for word in words { free(word) } }
        var process = pid_t()
        let error = posix_spawn(&process, path, &actions, nil, &words, environ)
        guard error == 0 else { throw Problem("\(path) does not start: \(Self.reason(error))") }
        // It may end before it has read everything.
        signal(SIGPIPE, SIG_IGN)
        var rest = Array(input.utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { write(ends[1], $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { break }
            rest = rest.dropFirst(count)
        }
        _ = close(ends[1])
        ends[1] = -1
        var status: Int32 = 0
        while waitpid(process, &status, 0) < 0 {
            guard errno == EINTR else { throw Problem("nft: \(Self.reason(errno))") }
        }
        // WIFEXITED, WEXITSTATUS
        return status & 0x7F == 0 ? status >> 8 & 0xFF : 128 + (status & 0x7F)
    }

    private static func reason(_ error: Int32) -> String { String(cString: strerror(error)) }
}
