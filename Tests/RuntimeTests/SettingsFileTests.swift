// SPDX-License-Identifier: Apache-2.0
import ConfigFile
import Glibc
import Runtime
import Testing

struct SettingsFileTests {
    @Test(arguments: [0o600, 0o640, 0o644, 0o400, 0o666] as [mode_t])
    func tellsModeAndOwnerOfTheFile(mode: mode_t) throws {
        let folder = TemporaryFolder()
        let path = folder.write("s3cret", to: "psk", mode: mode)
        let file = try SettingsFile.load(path)
        #expect(file == LoadedFile(bytes: Array("s3cret".utf8), mode: UInt32(mode), ownerIsTrusted: true))
    }

    @Test func tellsTheModeOfWhatALinkLeadsTo() throws {
        let folder = TemporaryFolder()
        let path = folder.write("s3cret", to: "psk", mode: 0o644)
        let link = "\(folder.path)/link"
        symlink(path, link)
        #expect(try SettingsFile.load(link).mode == 0o644)
    }

    @Test(.enabled(if: geteuid() == 0)) func doesNotTrustAStrangersFile() throws {
        let folder = TemporaryFolder()
        let path = folder.write("s3cret", to: "psk")
        #expect(chown(path, 12_345, 0) == 0)
        #expect(try !SettingsFile.load(path).ownerIsTrusted)
    }

    @Test func refusesWhatIsNoFile() {
        let folder = TemporaryFolder()
        #expect(throws: FileProblem.notAFile) { try SettingsFile.load(folder.path) }
        // A pipe nobody writes to would be waited for.
        let fifo = "\(folder.path)/fifo"
        mkfifo(fifo, 0o600)
        #expect(throws: FileProblem.notAFile) { try SettingsFile.load(fifo) }
        #expect(throws: FileProblem.notAFile) { try SettingsFile.load("/dev/zero") }
        #expect(throws: FileProblem.missing) { try SettingsFile.load("\(folder.path)/missing") }
        #expect(throws: FileProblem.missing) { try SettingsFile.load("/dev/null/x") }
    }

    @Test func refusesWhatIsTooLarge() {
        let folder = TemporaryFolder()
        let path = folder.write("", to: "large")
        truncate(path, 1 << 30)
        #expect(throws: FileProblem.tooLarge) { try SettingsFile.load(path) }
    }
}
