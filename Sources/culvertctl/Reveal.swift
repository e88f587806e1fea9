// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import ConfigFile
import Glibc
import Runtime

struct Reveal: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Say who the pseudonyms of a log stand for.",
        discussion: """
            Works without culvertd, for who may read the folder with its keys: root. A pseudonym whose key is deleted \
            stands for nobody any more; the exit code is then 1. Docs/Logging.md explains pseudonyms.
            """
    )

    @Flag(help: "Print JSON.")
    var json = false

    @Option(help: ArgumentHelp("The folder of log.privacy.keys.", valueName: "folder"))
    var keys = PrivacySettings().folder

    @Argument(help: "Pseudonyms as the log has them, name_… and addr_….")
    var pseudonyms: [String]

    func run() throws {
        var found: [Revealed] = []
        for text in pseudonyms {
            do throws(SystemError) {
                let known = try PseudonymKeys.reveal(text, folder: keys)
                found.append(Revealed(pseudonym: text, value: known?.value, day: known?.day))
            } catch {
                throw Problem("the keys in \(keys) cannot be read: \(error)", remedy: "run it as root")
            }
        }
        Main.write(json ? try JSON.text(of: RevealedList(pseudonyms: found)) : render(found), to: STDOUT_FILENO)
        guard found.allSatisfy({ $0.value != nil }) else { throw ExitCode(1) }
    }
}

struct Revealed: Codable, Hashable {
    var pseudonym: String
    /// `nil` if no key that is left opens it.
    var value: String?
    /// Of the key.
    var day: String?
}

struct RevealedList: Codable, Hashable {
    var pseudonyms: [Revealed]
}

/// A line for each: the day, and who it was.
func render(_ revealed: [Revealed]) -> String {
    revealed.map { entry in
        guard let value = entry.value, let day = entry.day else { return "\(entry.pseudonym.visible): not known\n" }
        return "\(entry.pseudonym.visible): \(value.visible) (\(day))\n"
    }.joined()
}
