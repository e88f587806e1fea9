// SPDX-License-Identifier: Apache-2.0
internal import CLinux
internal import Glibc
internal import NIOCore
internal import Primitives
internal import Synchronization

/// What all connections to one socket share. Used on NIO's thread.
final class ControlDoor {
    let access: ControlAccess
    let authority: PeerAuthority
    /// Where those go who want to change something.
    let administrativePath: String
    let refusals: PeerRefusals
    let connections = ConnectionCount()
    /// Connections of those who may not.
    let strangers = ConnectionCount()
    let streams = ConnectionCount()
    let answers: AnswerBudget

    init(
        access: ControlAccess,
        authority: PeerAuthority,
        administrativePath: String,
        refusals: PeerRefusals,
        answers: AnswerBudget
    ) {
        self.access = access
        self.authority = authority
        self.administrativePath = administrativePath
        self.refusals = refusals
        self.answers = answers
    }
}

/// Who is at the other end of a Unix socket, as the kernel knows it.
struct SocketPeer {
    var requester: Requester
    var group: UInt32
    /// Whether it has this group beside its own.
    var isMember: (UInt32) -> Bool

    /// `nil` if the kernel does not tell.
    init?(of channel: any Channel) {
        let descriptor = try? channel.pipeline.syncOperations.withUnsafeTransportIfAvailable(
            of: NIOBSDSocket.Handle.self
        ) { $0 }
        var credentials = culvert_credentials()
        guard let descriptor = descriptor ?? nil, culvert_peer_credentials(descriptor, &credentials) == 0 else {
            return nil
        }
        requester = Requester(user: credentials.uid, process: credentials.pid)
        group = credentials.gid
        isMember = { culvert_peer_has_group(descriptor, $0) == 1 }
    }

    init(user: UInt32, group: UInt32, groups: Set<UInt32> = [], process: Int32 = 0) {
        requester = Requester(user: user, process: process)
        self.group = group
        isMember = { groups.contains($0) }
    }
}

/// Who may use a socket, even if the mode of its file once let others in.
struct PeerAuthority: Hashable, Sendable {
    /// Our own.
    let user: UInt32
    /// `nil` if no group has a right to the socket.
    let group: UInt32?
    let isForEverybody: Bool
    /// `nil` if it has none, or is that of root. Looked up once: whoever keeps the names may be far away.
    let groupName: String?

    init(user: UInt32, group: UInt32?, isForEverybody: Bool = false) {
        self.user = user
        self.group = group
        self.isForEverybody = isForEverybody
        groupName = group.flatMap { $0 == 0 ? nil : Self.name(ofGroup: $0) }
    }

    init(_ file: ControlSocketFile, _ access: ControlAccess) {
        self.init(
            user: geteuid(),
            group: file.mode & 0o020 == 0 ? nil : file.group,
            isForEverybody: access == .reading && file.mode & 0o002 != 0
        )
    }

    func admits(_ peer: SocketPeer?) -> Bool {
        if isForEverybody { return true }
        guard let peer else { return false }
        if peer.requester.user == 0 || peer.requester.user == user { return true }
        guard let group else { return false }
        return peer.group == group || peer.isMember(group)
    }

    private static func name(ofGroup group: UInt32) -> String {
        var entry = Glibc.group()
        var found: UnsafeMutablePointer<Glibc.group>?
        var buffer = [CChar](repeating: 0, count: 16_384)
        let error = getgrgid_r(group, &entry, &buffer, buffer.count, &found)
        guard error == 0, found != nil, let name = entry.gr_name else { return "\(group)" }
        return String(cString: name)
    }
}

/// Tells the shard of callers that were turned away: at once, then once a second with how many there were.
final class PeerRefusals {
    private let mailbox: Mailbox<ShardMessage>
    private let eventLoop: any NIOCore.EventLoop
    private var count = 0
    private var last: Requester?
    private var isPausing = false

    init(mailbox: Mailbox<ShardMessage>, eventLoop: any NIOCore.EventLoop) {
        self.mailbox = mailbox
        self.eventLoop = eventLoop
    }

    func count(_ requester: Requester?) {
        count += 1
        last = requester
        if !isPausing { tell() }
    }

    private func tell() {
        isPausing = count > 0
        guard count > 0 else { return }
        if mailbox.post(.refusedPeers(last, count: count)) { count = 0 }
        eventLoop.assumeIsolated().scheduleTask(in: .seconds(1)) { self.tell() }
    }
}

/// How many clients are connected.
final class ConnectionCount: Sendable {
    private let count = Atomic<Int>(0)

    /// The count with the one who enters.
    func enter() -> Int { count.add(1, ordering: .relaxed).newValue }

    func leave() { count.subtract(1, ordering: .relaxed) }
}

/// Bytes of answers that clients have not read yet: a bounded number, unless it is one answer alone.
final class AnswerBudget {
    private let limit: Int
    private var taken = 0

    init(limit: Int) {
        self.limit = limit
    }

    func take(_ count: Int) -> Bool {
        guard taken == 0 || taken + count <= limit else { return false }
        taken += count
        return true
    }

    func giveBack(_ count: Int) { taken -= count }
}
