// SPDX-License-Identifier: Apache-2.0
internal import CLinux
internal import DataPlane
internal import Primitives

/// What a predecessor that was killed left in the kernel, and its removal. The rule set, tunnels and sessions went with
/// its descriptors; devices linger while they die, security associations stay.
///
/// What is not certainly ours is left alone: a device must have our group, kind and name, an association must be ESP in
/// transport mode with an empty selector and a request id of our form.
package struct Leftovers: Hashable, Sendable {
    package private(set) var devices: [String] = []
    package private(set) var associations = 0

    /// Call this only when no other culvertd can be alive here.
    init(removedOver route: NetlinkSocket, _ xfrm: NetlinkSocket) throws(DataPlaneError) {
        try removeDevices(over: route)
        try removeAssociations(over: xfrm)
    }

    private mutating func removeDevices(over route: NetlinkSocket) throws(DataPlaneError) {
        let ours = try route.query(RouteMessages.listLinks(), step: "RTM_GETLINK")
            .compactMap { try? LinkRecord($0.payload) }
            .filter(\.isOurs)
        devices = ours.map(\.name)
        // One by one each would wait for a grace period; too many at once would stop everybody else.
        for start in stride(from: 0, to: ours.count, by: 128) {
            let some = ours[start..<min(start + 128, ours.count)]
            KernelSession.bury(some.map { KernelSession.Corpse(index: $0.index) }, over: route)
        }
    }

    private mutating func removeAssociations(over xfrm: NetlinkSocket) throws(DataPlaneError) {
        var batch = NetlinkBatch()
        for id in try XFRMState.ours(over: xfrm) {
            associations += 1
            if batch.isFull { _ = xfrm.perform(&batch) }
            batch.append(XFRMMessages.remove(id), step: "XFRM_MSG_DELSA")
        }
        _ = xfrm.perform(&batch)
    }
}
