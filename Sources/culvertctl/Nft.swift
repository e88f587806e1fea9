// SPDX-License-Identifier: Apache-2.0
import Glibc

/// Who loads a script into the kernel.
protocol PacketFilter {
    func has(table: String) throws(Problem) -> Bool
    /// - Parameter isTrial: The kernel only says whether it would take it.
    func load(_ script: String, isTrial: Bool) throws(Problem)
}

/// The machine's own tool.
struct Nft: PacketFilter {
    func has(table: String) throws(Problem) -> Bool {
        let result = try run(["list", "table"] + table.split(separator: " ").map(String.init))
        guard result.status != 0 else { return true }
        let words = Self.complaint(of: result)
        guard !words.contains("No such file or directory") else { return false }
        throw Problem("nft does not tell whether there is a table \(table): \(words)", remedy: Self.remedy)
    }

    func load(_ script: String, isTrial: Bool) throws(Problem) {
        let result = try run((isTrial ? ["-c"] : []) + ["-f", "-"], input: script)
        guard result.status != 0 else { return }
        let words = Self.complaint(of: result)
        throw Problem("nft refused the rules, and nothing was changed: \(words)", remedy: Self.remedy)
    }

    private func run(_ arguments: [String], input: String = "") throws(Problem) -> Program.Result {
        guard let path = Program.find("nft") else {
            throw Problem("there is no nft on this machine", remedy: "install it: apt-get install nftables")
        }
        guard let result = Program.run(path, arguments, input: input) else { throw Problem("\(path) does not start") }
        return result
    }

    /// Its first line, or how it ended.
    private static func complaint(of result: Program.Result) -> String {
        let lines = String(decoding: result.errors, as: UTF8.self).split(separator: "\n")
        return lines.first.map { String($0).visible } ?? "it ended with \(result.status)"
    }

    private static var remedy: String? {
        geteuid() == 0 ? nil : "only root may look at the packet filter and change it: try again with sudo"
    }
}
