// SPDX-License-Identifier: Apache-2.0
import Cryptography
import Glibc
import Primitives
import Testing

@testable import Runtime

struct PseudonymTests {
    private func cipher(_ seed: UInt8 = 1) throws -> DeterministicCipher {
        try DeterministicCipher(key: SecretBytes(copying: [UInt8](repeating: seed, count: 64)))
    }

    @Test(arguments: Pseudonym.Kind.allCases)
    func aPseudonymIsTurnedBackWithItsKeyAlone(kind: Pseudonym.Kind) throws {
        for value in ["alice", "192.0.2.1", "2001:db8::1", "é😀 x", "", String(repeating: "x", count: 96)] {
            let text = try Pseudonym.text(for: value, kind, cipher())
            #expect(try Pseudonym.value(of: text, cipher()) == value)
            #expect(try Pseudonym.value(of: text.uppercased(), cipher()) == value)
            #expect(try Pseudonym.value(of: text, cipher(2)) == nil)
            #expect(try Pseudonym.text(for: value, kind, cipher()) == text)
            #expect(text.utf8.allSatisfy { (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || $0 == 0x5F })
            // A field of the log takes it whole.
            #expect(text.count <= 200)
        }
    }

    @Test func whatItIsOfIsPartOfIt() throws {
        let name = try Pseudonym.text(for: "192.0.2.1", .name, cipher())
        let address = try Pseudonym.text(for: "192.0.2.1", .address, cipher())
        #expect(name.dropFirst(5) != address.dropFirst(5))
        #expect(try Pseudonym.value(of: "addr_" + name.dropFirst(5), cipher()) == nil)
    }

    @Test func theLengthTellsLittle() throws {
        let lengths = try Set(
            ["a", "bob", "alice", "192.0.2.1", "255.255.255.255"].map {
                try Pseudonym.text(for: $0, .name, cipher()).count
            }
        )
        #expect(lengths.count == 1)
    }

    @Test func aLongValueIsCutWithinNoCharacter() throws {
        let text = try Pseudonym.text(for: String(repeating: "é", count: 200) + "x", .name, cipher())
        #expect(try Pseudonym.value(of: text, cipher()) == String(repeating: "é", count: 48))
        let odd = try Pseudonym.text(for: "x" + String(repeating: "é", count: 200), .name, cipher())
        #expect(try Pseudonym.value(of: odd, cipher()) == "x" + String(repeating: "é", count: 47))
    }

    @Test(arguments: ["", "name_", "name", "x_aaaa", "name_1", "name_a_b", "name_ä", "alice"])
    func whatIsNoneIsNone(text: String) throws {
        #expect(try Pseudonym.value(of: text, cipher()) == nil)
    }

    @Test func whatWasChangedIsNone() throws {
        let text = Array(try Pseudonym.text(for: "alice", .name, cipher()))
        for index in 5..<text.count - 1 {
            var changed = text
            changed[index] = text[index] == "a" ? "b" : "a"
            #expect(try Pseudonym.value(of: String(changed), cipher()) == nil)
        }
    }

    // MARK: Keys

    private let noon = WallClockTime(milliseconds: 1_795_262_400_000)
    private func days(_ count: Double) -> WallClockTime {
        WallClockTime(milliseconds: noon.milliseconds + Int64(count * 86_400_000))
    }

    @Test func everyDayHasItsKey() throws {
        let folder = TemporaryFolder()
        let keys = try PseudonymKeys(folder: folder.path + "/state/privacy")
        let first = try Pseudonym.text(for: "alice", .name, keys.cipher(at: noon))
        let later = try Pseudonym.text(for: "alice", .name, keys.cipher(at: days(0.4)))
        let tomorrow = try Pseudonym.text(for: "alice", .name, keys.cipher(at: days(1)))
        #expect(first == later && first != tomorrow)
        // The one who starts anew goes on with the same keys.
        let again = try PseudonymKeys(folder: keys.folder)
        #expect(try Pseudonym.text(for: "alice", .name, again.cipher(at: noon)) == first)
        #expect(
            try PseudonymKeys.reveal(first, folder: keys.folder).map { [$0.value, $0.day] } == ["alice", "2026-11-21"]
        )
        #expect(try PseudonymKeys.reveal("name_aaaa", folder: keys.folder) == nil)
        var status = stat()
        #expect(lstat(keys.folder + "/2026-11-21.key", &status) == 0)
        #expect(status.st_mode & 0o777 == 0o600 && status.st_size == 64)
        #expect(lstat(keys.folder, &status) == 0 && status.st_mode & 0o777 == 0o700)
    }

    /// Counted from the first line that its day can have: none is turned back for longer than was said.
    @Test func aKeyGoesWhenItsDayBeganTooLongAgo() throws {
        let folder = TemporaryFolder()
        let keys = try PseudonymKeys(folder: folder.path + "/privacy")
        let text = try Pseudonym.text(for: "alice", .name, keys.cipher(at: noon))
        try keys.forget(.seconds(30 * 86_400), before: days(29.49))
        #expect(try PseudonymKeys.reveal(text, folder: keys.folder)?.value == "alice")
        try keys.forget(.seconds(30 * 86_400), before: days(29.5))
        #expect(try PseudonymKeys.reveal(text, folder: keys.folder) == nil)
        #expect(access(keys.folder + "/2026-11-21.key", F_OK) != 0)
        // What is made for the same day afterwards is another.
        #expect(try Pseudonym.text(for: "alice", .name, keys.cipher(at: noon)) != text)
    }

    @Test func aFolderThatOthersMayLookIntoIsRefused() throws {
        let folder = TemporaryFolder()
        let path = folder.path + "/open"
        try #require(mkdir(path, 0o755) == 0)
        #expect(throws: StartProblem.self) { try PseudonymKeys(folder: path) }
        #expect(throws: StartProblem.self) { try PseudonymKeys(folder: "/proc/nonexistent/privacy") }
    }

    @Test(arguments: [true, false])
    func aKeyIsOverwrittenBeforeItGoes(waits: Bool) throws {
        let folder = TemporaryFolder()
        let keys = try PseudonymKeys(folder: folder.path + "/privacy")
        _ = try keys.cipher(at: noon)
        let other = folder.path + "/other"
        try #require(link(keys.folder + "/2026-11-21.key", other) == 0)
        try keys.forget(.seconds(86_400), before: days(5), waits: waits)
        #expect(access(keys.folder + "/2026-11-21.key", F_OK) != 0)
        let descriptor = open(other, O_RDONLY)
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 7, count: 65)
        #expect(read(descriptor, &bytes, bytes.count) == 64)
        #expect(bytes.dropLast().allSatisfy { $0 == 0 })
    }

    /// Else every line of a day without a key would try to make one.
    @Test func afterAFailureAKeyIsTriedAgainInAMinute() throws {
        let folder = TemporaryFolder()
        let keys = try PseudonymKeys(folder: folder.path + "/privacy")
        let time = 1_925_000_000_000 as Int64
        func cipher(after seconds: Int64) throws {
            _ = try keys.cipher(at: WallClockTime(milliseconds: time + seconds * 1000))
        }
        try #require(rename(keys.folder, folder.path + "/elsewhere") == 0)
        #expect(throws: SystemError("open", code: ENOENT)) { try cipher(after: 0) }
        try #require(rename(folder.path + "/elsewhere", keys.folder) == 0)
        #expect(throws: SystemError("open", code: ENOENT)) { try cipher(after: 59) }
        #expect(access(keys.folder + "/2031-01-01.key", F_OK) != 0)
        try cipher(after: 60)
        #expect(access(keys.folder + "/2031-01-01.key", F_OK) == 0)
        try cipher(after: 61)
    }

    /// A clock that was set back does not make the minute an hour.
    @Test func aClockThatWasSetBackDoesNotLengthenTheMinute() throws {
        let folder = TemporaryFolder()
        let keys = try PseudonymKeys(folder: folder.path + "/privacy")
        let time = WallClockTime(milliseconds: 1_925_000_000_000)
        try #require(rename(keys.folder, folder.path + "/elsewhere") == 0)
        #expect(throws: SystemError.self) { try keys.cipher(at: time) }
        try #require(rename(folder.path + "/elsewhere", keys.folder) == 0)
        _ = try keys.cipher(at: WallClockTime(milliseconds: time.milliseconds - 3_600_000))
    }

    @Test func withoutTheFolderThereIsNothingToForget() throws {
        let folder = TemporaryFolder()
        let keys = try PseudonymKeys(folder: folder.path + "/privacy")
        try #require(rename(keys.folder, folder.path + "/elsewhere") == 0)
        try keys.forget(.seconds(86_400), before: days(5))
    }

    private func owner(_ path: String) -> UInt32? {
        var status = stat()
        return lstat(path, &status) == 0 ? status.st_uid : nil
    }

    @Test(.enabled(if: geteuid() == 0, "Only root gives files away."))
    func whatRootMadeEarlierBecomesTheUsers() throws {
        let folder = TemporaryFolder()
        let path = folder.path + "/privacy"
        let text = try Pseudonym.text(for: "alice", .name, PseudonymKeys(folder: path).cipher(at: noon))
        let user = ProcessUser(name: "x", user: 54_321, group: 54_321)
        let keys = try PseudonymKeys(folder: path, owner: user)
        #expect(owner(path) == 54_321 && owner(path + "/2026-11-21.key") == 54_321)
        #expect(try Pseudonym.text(for: "alice", .name, keys.cipher(at: noon)) == text)
    }

    @Test(.enabled(if: geteuid() == 0, "Only root makes others' files."))
    func aFolderOfSomebodyElseIsRefusedAndItsKeysAreNotForgottenInSilence() throws {
        let folder = TemporaryFolder()
        try #require(chmod(folder.path, 0o755) == 0)
        let path = folder.path + "/privacy"
        let keys = try PseudonymKeys(folder: path)
        let later = days(5)
        onPrivateThread {
            let user = ProcessUser(name: "x", user: 54_321, group: 54_321)
            #expect(throws: Never.self) { try Privileges.drop(keepsNetwork: false, user: user) }
            #expect(throws: StartProblem.self) { try PseudonymKeys(folder: path) }
            #expect(throws: SystemError("access", code: EACCES)) {
                try keys.forget(.seconds(86_400), before: later)
            }
        }
    }

    @Test func aBrokenKeyIsReplaced() throws {
        let folder = TemporaryFolder()
        let keys = try PseudonymKeys(folder: folder.path + "/privacy")
        let path = keys.folder + "/2031-01-01.key"
        close(open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o600))
        let time = WallClockTime(milliseconds: 1_925_000_000_000)
        let text = try Pseudonym.text(for: "alice", .name, keys.cipher(at: time))
        #expect(try PseudonymKeys.reveal(text, folder: keys.folder)?.value == "alice")
        #expect(try PseudonymKeys.reveal(text, folder: keys.folder)?.day == "2031-01-01")
    }
}
