// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import FoundationEssentials
import Runtime
import Testing

@testable import culvertctl
@testable import culvertd

/// Every command of ours in the documents is one that the programs take.
struct DocumentedCommandTests {
    /// Programs of others, which are somebody else's to test. A name that is new here is a decision, not an accident.
    private static let foreign: Set<String> = [
        "$EDITOR", "(umask", "apt", "apt-get", "base64", "cat", "cp", "curl", "dpkg", "echo", "getcap", "git", "grep",
        "groupadd", "head", "install", "ip", "journalctl", "jq", "kill", "ls", "lsmod", "man", "mkdir", "modprobe",
        "nft", "openssl", "podman", "sudo", "swift", "sysctl", "systemctl", "systemd-analyze", "systemd-creds", "tar",
        "usermod", "vagrant", "vng", "xdg-open",
    ]

    struct Command: CustomStringConvertible, Sendable {
        var place: String
        var words: [String]

        var description: String { "\(place): \(words.joined(separator: " "))" }
    }

    static let commands = Document.blocks.filter { $0.language == "console" }.flatMap(commands(in:))

    @Test func thereAreSuchCommands() {
        #expect(Self.commands.contains { $0.words.first == "culvertctl" })
        #expect(Self.commands.contains { $0.words.first == "culvertd" })
    }

    @Test(arguments: commands)
    func isUnderstood(command: Command) throws {
        // Where the output goes is the shell's business.
        let arguments = Array(command.words.dropFirst().prefix { !$0.hasPrefix(">") })
        switch command.words.first {
        case "culvertctl":
            #expect(throws: Never.self, "\(command)") { try Culvertctl.parseAsRoot(arguments) }
        case "culvertd":
            #expect(throws: Never.self, "\(command)") { try Culvertd.parseAsRoot(arguments) }
        case "curl" where arguments.contains("--unix-socket"):
            let url = try #require(arguments.first { $0.hasPrefix("http://localhost/") }, "\(command)")
            let method =
                arguments.firstIndex(of: "-X").map { arguments[$0 + 1] } ?? (arguments.contains("-d") ? "POST" : "GET")
            #expect(throws: Never.self, "\(command)") {
                try ControlRoute(method: method, path: String(url.dropFirst("http://localhost".count)))
            }
        case let program? where program.hasPrefix("Scripts/"):
            #expect(!Document.text(of: program).isEmpty, "\(command): there is no such script")
        case let program:
            #expect(Self.foreign.contains(program ?? ""), "\(command): no test knows this program")
        }
    }

    /// Lines after a prompt; what follows two blanks and a `#` is a remark.
    private static func commands(in block: Document.Block) -> [Command] {
        var commands: [Command] = []
        var isContinued = false
        for (index, line) in block.lines.enumerated() {
            let place = "\(block.file):\(block.line + index)"
            let hasPrompt = line.hasPrefix("$ ") || line.hasPrefix("# ")
            guard hasPrompt || isContinued else { continue }
            let words = words(of: hasPrompt ? String(line.dropFirst(2)) : line)
            isContinued = words.last == "\\"
            for (number, part) in words.filter({ $0 != "\\" }).split(separator: "|").enumerated() {
                for (place_, part) in part.split(separator: "&&").enumerated() {
                    if number == 0, place_ == 0, !hasPrompt, var last = commands.popLast() {
                        last.words += part
                        commands.append(last)
                    } else {
                        let words = part.first == "sudo" ? Array(part.dropFirst()) : Array(part)
                        commands.append(Command(place: place, words: words))
                    }
                }
            }
        }
        return commands
    }

    /// As a shell takes them apart, without what it would put in their place.
    private static func words(of line: String) -> [String] {
        var words: [String] = []
        var word = ""
        var hasWord = false
        var quote: Character?
        var blanks = 0
        for character in line {
            if let open = quote {
                if character == open { quote = nil } else { word.append(character) }
                continue
            }
            switch character {
            case " ":
                if hasWord { words.append(word) }
                word = ""
                hasWord = false
                blanks += 1
                continue
            case "#" where !hasWord && blanks >= 1:
                return words
            case "'", "\"":
                quote = character
            case _:
                word.append(character)
            }
            hasWord = true
            blanks = 0
        }
        return hasWord ? words + [word] : words
    }
}
