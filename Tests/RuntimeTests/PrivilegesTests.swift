// SPDX-License-Identifier: Apache-2.0
import Glibc
import Runtime
import Testing

private let netAdmin: UInt64 = 1 << 12
private let setPCap: UInt64 = 1 << 8

/// What the kernel says about the calling thread, by the names of `/proc/thread-self/status`.
private func threadStatus() -> [String: String] {
    guard let file = fopen("/proc/thread-self/status", "r") else { return [:] }
    defer { fclose(file) }
    var status: [String: String] = [:]
    var buffer = [CChar](repeating: 0, count: 4096)
    while fgets(&buffer, Int32(buffer.count), file) != nil {
        let line = String(decoding: buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
        let parts = line.split(separator: ":", maxSplits: 1).map { $0.split(whereSeparator: \.isWhitespace) }
        if parts.count == 2 { status[parts[0].joined()] = parts[1].joined(separator: " ") }
    }
    return status
}

extension [String: String] {
    fileprivate func mask(_ name: String) -> UInt64? { self[name].flatMap { UInt64($0, radix: 16) } }
}

struct PrivilegesTests {
    @Test func letsGoOfEverythingButTheNetwork() {
        onPrivateThread {
            let before = threadStatus()
            #expect(throws: Never.self) { try Privileges.drop(keepsNetwork: true, user: nil) }
            let after = threadStatus()
            let permitted = before.mask("CapPrm") ?? 0
            #expect(after.mask("CapPrm") == permitted & netAdmin)
            #expect(after.mask("CapEff") == permitted & netAdmin)
            #expect(after.mask("CapInh") == 0)
            #expect(after.mask("CapAmb") == 0)
            #expect(after["NoNewPrivs"] == "1")
            if permitted & setPCap != 0 { #expect(after.mask("CapBnd") == (before.mask("CapBnd") ?? 0) & netAdmin) }
        }
        // The thread's own affair.
        #expect(threadStatus()["NoNewPrivs"] == "0")
    }

    @Test func letsGoOfTheNetworkTooIfNobodyCarriesPackets() {
        onPrivateThread {
            #expect(throws: Never.self) { try Privileges.drop(keepsNetwork: false, user: nil) }
            let after = threadStatus()
            #expect(after.mask("CapPrm") == 0 && after.mask("CapEff") == 0)
        }
    }

    @Test(.enabled(if: geteuid() == 0)) func becomesAnotherUserAndKeepsTheNetwork() throws {
        let user = try ProcessUser("nobody:daemon")
        onPrivateThread {
            let before = threadStatus()
            #expect(throws: Never.self) { try Privileges.drop(keepsNetwork: true, user: user) }
            let after = threadStatus()
            #expect(after["Uid"] == "\(user.user) \(user.user) \(user.user) \(user.user)")
            #expect(after["Gid"] == "\(user.group) \(user.group) \(user.group) \(user.group)")
            #expect(after["Groups"] == "")
            #expect(after.mask("CapEff") == (before.mask("CapEff") ?? 0) & netAdmin)
            // What only root may read is closed.
            #expect(open("/etc/shadow", O_RDONLY) < 0)
            #expect(errno == EACCES)
        }
        #expect(geteuid() == 0)
    }

    @Test func saysThatItMayNotBecomeAnotherUser() {
        onPrivateThread {
            // Without a capability nobody becomes anybody.
            #expect(throws: Never.self) { try Privileges.drop(keepsNetwork: false, user: nil) }
            let error = #expect(throws: SystemError.self) {
                try Privileges.drop(keepsNetwork: false, user: ProcessUser(name: "x", user: 65_533, group: 65_533))
            }
            #expect(error?.code == EPERM)
        }
    }

    @Test func readsWhoToBe() throws {
        let user = try ProcessUser("daemon")
        #expect(user == ProcessUser(name: "daemon", user: 1, group: 1))
        #expect(try ProcessUser("nobody:daemon").group == 1)
        for (text, message) in [
            ("no-such-user", "there is no user no-such-user to run as"), ("", "there is no user  to run as"),
            ("daemon:no-such-group", "there is no group no-such-group to run as"),
            ("daemon:", "there is no group  to run as"),
        ] {
            let problem = #expect(throws: StartProblem.self) { try ProcessUser(text) }
            #expect(problem?.message == message)
        }
    }
}
