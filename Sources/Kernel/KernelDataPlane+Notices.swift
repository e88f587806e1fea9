// SPDX-License-Identifier: Apache-2.0
internal import CLinux
internal import DataPlane
internal import Glibc
internal import Primitives

extension KernelDataPlane {
    /// So many notices are read in one go.
    private static let noticeLimit = 256

    /// Opens the sockets on which the kernel tells what it or others do to what is ours. What does not concern us is
    /// kept away by filters in the kernel: above all what we do ourselves, which would be thousands of notices.
    static func noticeSockets(besides xfrm: NetlinkSocket, bufferSize: Int32) throws(DataPlaneError) -> NoticeSockets {
        let associations = try NetlinkSocket(.xfrm)
        try attempt("SO_ATTACH_FILTER", nil) { culvert_filter_xfrm_notices(associations.descriptor, xfrm.port) }
        try associations.join(XFRMNotice.groups, bufferSize: bufferSize)
        let links = try NetlinkSocket(.route)
        try attempt("SO_ATTACH_FILTER", nil) { culvert_filter_link_notices(links.descriptor, Ownership.liveGroup) }
        try links.join([Int32(RTNLGRP_LINK.rawValue)], bufferSize: bufferSize)
        let tunnels = try NetlinkSocket(.generic)
        let group = try tunnels.resolve(group: L2TPMessages.groupName, of: L2TPMessages.familyName)
        try tunnels.join([group], bufferSize: bufferSize)
        return NoticeSockets(associations: associations, links: links, tunnels: tunnels)
    }

    /// Shows `visitor` every datagram that waits on a socket for notices, up to a bound. They may hold keys and are
    /// overwritten.
    private func readNotices(_ socket: NetlinkSocket, _ visitor: (ArraySlice<UInt8>) -> Void) {
        for _ in 0..<Self.noticeLimit {
            let count = buffer.withUnsafeMutableBytes {
                culvert_netlink_receive(socket.descriptor, $0.baseAddress, UInt64($0.count), 0)
            }
            switch count {
            case 0...Int64(buffer.count):
                visitor(buffer[..<Int(count)])
                buffer.withUnsafeMutableBytes { if let base = $0.baseAddress { explicit_bzero(base, Int(count)) } }
            case Int64(-EINTR): continue
            // ENOBUFS, once for each overrun; what is still in the buffer comes after it.
            case Int64(-ENOBUFS): notices.append(.noticesLost)
            case (Int64(buffer.count) + 1)...: notices.append(.noticesLost)
            default: return
            }
        }
    }

    func readAssociationNotices() {
        readNotices(noticeSockets.associations) { datagram in
            for notice in XFRMNotice.notices(in: datagram) { take(notice) }
        }
    }

    private func take(_ notice: DataPlaneNotice) {
        switch notice {
        case .vanished(.association(let id)): lose(id)
        case .expired(let id, _, isHard: true):
            note(id, isThere: false)
            notices.append(notice)
        case .expired, .mappingChanged, .noticesLost, .vanished, .answered, .datagram, .frame: notices.append(notice)
        }
    }

    func readLinkNotices() {
        readNotices(noticeSockets.links) { datagram in
            var cursor = NetlinkCursor(datagram)
            while let message = try? cursor.message() {
                guard Int(message.type) == RTM_DELLINK, let link = try? LinkRecord(message.payload),
                    let id = devices[link.index]?.session
                else { continue }
                lose(id)
            }
        }
    }

    /// Notices of L2TP reach all network namespaces: that ours is meant has to be found out.
    func readTunnelNotices() {
        var suspects: Set<KernelSessionID> = []
        readNotices(noticeSockets.tunnels) { datagram in
            var cursor = NetlinkCursor(datagram)
            while let message = try? cursor.message() {
                guard let removal = L2TPMessages.Removal(message, family: l2tpFamily) else { continue }
                if let session = removal.session {
                    suspects.insert(KernelSessionID(tunnel: removal.tunnel, session: session))
                } else {
                    suspects.formUnion(sessions.keys.filter { $0.tunnel == removal.tunnel })
                }
            }
        }
        suspects = suspects.filter { sessions[$0]?.isStanding == true }.subtracting(suspectedSessions)
        guard !suspects.isEmpty else { return }
        suspectedSessions.formUnion(suspects)
        let ids = Array(suspects)
        pool.submit { [completions, l2tpFamily] sockets in
            completions.post(.questioned(ids, missing: Self.missing(ids, l2tpFamily, sockets)))
        }
    }

    /// Which of some sessions are gone, after a while: a removed tunnel lets go of its sessions when the kernel has
    /// time.
    private static func missing(
        _ ids: [KernelSessionID],
        _ family: UInt16,
        _ sockets: WorkerSockets
    ) -> Set<KernelSessionID> {
        var missing: Set<KernelSessionID> = []
        for attempt in 0..<8 {
            if attempt > 0 { usleep(25_000) }
            let standing = ids.filter { !missing.contains($0) }
            guard !standing.isEmpty, let socket = try? sockets.generic,
                let gone = try? L2TPMessages.missing(standing, family: family, over: socket)
            else { break }
            missing.formUnion(gone)
        }
        return missing
    }

    func questioned(_ ids: [KernelSessionID], missing: Set<KernelSessionID>) {
        suspectedSessions.subtract(ids)
        for id in missing { lose(id) }
    }

    /// A session is gone without our doing; told once.
    func lose(_ id: KernelSessionID) {
        guard sessions[id]?.isStanding == true else { return }
        sessions[id]?.isGone = true
        notices.append(.vanished(.session(id)))
    }
}

/// Where the kernel tells things nobody asked for.
struct NoticeSockets {
    let associations: NetlinkSocket
    let links: NetlinkSocket
    let tunnels: NetlinkSocket
}
