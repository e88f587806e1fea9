// SPDX-License-Identifier: Apache-2.0
internal import CLinux
internal import Glibc

/// Who the daemon is once it has opened what only root may.
package struct ProcessUser: Hashable, Sendable {
    package var name: String
    package var user: UInt32
    package var group: UInt32

    package init(name: String, user: UInt32, group: UInt32) {
        self.name = name
        self.user = user
        self.group = group
    }

    /// - Parameter text: `NAME` or `NAME:GROUP`; without a group it is the user's own.
    package init(_ text: String) throws(StartProblem) {
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        let name = parts.first ?? ""
        var buffer = [CChar](repeating: 0, count: 16_384)
        var entry = passwd()
        var found: UnsafeMutablePointer<passwd>?
        guard getpwnam_r(name, &entry, &buffer, buffer.count, &found) == 0, found != nil else {
            throw StartProblem("there is no user \(name) to run as", remedy: "useradd --system \(name)")
        }
        var groupID = entry.pw_gid
        if parts.count > 1 {
            var entry = Glibc.group()
            var found: UnsafeMutablePointer<group>?
            guard getgrnam_r(parts[1], &entry, &buffer, buffer.count, &found) == 0, found != nil else {
                throw StartProblem("there is no group \(parts[1]) to run as", remedy: "groupadd --system \(parts[1])")
            }
            groupID = entry.gr_gid
        }
        self.init(name: name, user: entry.pw_uid, group: groupID)
    }
}

/// What this thread may do, and those it starts later.
package enum Privileges {
    /// Lets go of everything but the right to change the network, if `keepsNetwork`, and of being root if there is a
    /// user to be instead. For good: no exec brings anything back.
    package static func drop(keepsNetwork: Bool, user: ProcessUser?) throws(SystemError) {
        let kept = keepsNetwork ? UInt64(1) << UInt64(CULVERT_CAP_NET_ADMIN) : 0
        if let user {
            var identity = culvert_identity(user: user.user, group: user.group)
            _ = try valueOrError(culvert_confine(kept, &identity), "setresuid")
        } else {
            _ = try valueOrError(culvert_confine(kept, nil), "capset")
        }
    }
}
