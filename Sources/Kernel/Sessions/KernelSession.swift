// SPDX-License-Identifier: Apache-2.0
internal import CLinux
internal import DataPlane
internal import Glibc
internal import Primitives
internal import Synchronization

/// The descriptors that keep a session alive in the kernel, and the device it ends in.
struct KernelSession: Hashable, Sendable {
    /// The PPPoL2TP socket: closing it deletes the session.
    var socket: Int32
    /// /dev/ppp attached to the channel: LCP and authentication.
    var channel: Int32
    /// /dev/ppp as the unit: network control protocols; closing it deletes the device.
    var unit: Int32
    var interfaceName: String
    var interfaceIndex: Int

    /// Makes session, channel and unit, and joins them; on failure nothing is left but the tunnel, which goes with
    /// its socket. Waits for a grace period: for worker threads.
    static func make(
        _ session: L2TPSession,
        in tunnel: KernelTunnel,
        l2tpFamily: UInt16,
        interfaceName: String,
        over sockets: WorkerSockets
    ) throws(DataPlaneError) -> KernelSession {
        try tunnel.make(session, l2tpFamily: l2tpFamily, over: sockets.generic)
        let socket = try opened(culvert_pppol2tp_socket(), "socket(PX_PROTO_OL2TP)")
        do throws(DataPlaneError) {
            try check(
                culvert_pppol2tp_connect(
                    socket,
                    tunnel.descriptor,
                    tunnel.family,
                    UInt16(truncatingIfNeeded: session.id.tunnel),
                    UInt16(truncatingIfNeeded: session.id.session),
                    UInt16(truncatingIfNeeded: session.peerID.tunnel),
                    UInt16(truncatingIfNeeded: session.peerID.session)
                ),
                "connect(PX_PROTO_OL2TP)"
            )
            if session.usesSequenceNumbers {
                try check(culvert_pppol2tp_use_sequence_numbers(socket), "PPPOL2TP_SO_SENDSEQ")
            }
            return try attach(socket, mtu: session.mtu, interfaceName: interfaceName, route: sockets.route)
        } catch {
            _ = close(socket)
            throw error
        }
    }

    private static func attach(
        _ socket: Int32,
        mtu: Int,
        interfaceName: String,
        route: NetlinkSocket
    ) throws(DataPlaneError) -> KernelSession {
        let number = try check(culvert_ppp_channel_number(socket), "PPPIOCGCHAN")
        let channel = try opened(culvert_ppp_open(), "open(/dev/ppp)")
        let unit: Int32
        do throws(DataPlaneError) {
            unit = try opened(culvert_ppp_open(), "open(/dev/ppp)")
        } catch {
            _ = close(channel)
            throw error
        }
        do throws(DataPlaneError) {
            let index = try deviceLock.withLock { _ throws(DataPlaneError) in
                try check(culvert_ppp_attach_channel(channel, number), "PPPIOCATTCHAN")
                try addUnit(unit, name: interfaceName, mtu: mtu, over: route)
                let unitNumber = try check(culvert_ppp_unit_number(unit), "PPPIOCGUNIT")
                try check(culvert_ppp_connect(channel, unitNumber), "PPPIOCCONNECT")
                return try check(culvert_interface_index(route.descriptor, interfaceName), "SIOCGIFINDEX")
            }
            return KernelSession(
                socket: socket,
                channel: channel,
                unit: unit,
                interfaceName: interfaceName,
                interfaceIndex: Int(index)
            )
        } catch {
            _ = close(unit)
            _ = close(channel)
            throw error
        }
    }

    /// The kernel has one lock for all of /dev/ppp, too, but making a unit only tries for it: among several threads
    /// most attempts would be in vain, each at the price of a device.
    private static let deviceLock = Mutex(())

    /// The kernel gives up at once when another process, pppd say, uses /dev/ppp at the moment.
    private static func addUnit(
        _ descriptor: Int32,
        name: String,
        mtu: Int,
        over route: NetlinkSocket
    ) throws(DataPlaneError) {
        for attempt in 0..<200 {
            do throws(DataPlaneError) {
                try route.perform(
                    RouteMessages.addUnit(name: name, mtu: mtu, descriptor: descriptor),
                    step: "RTM_NEWLINK \(name)"
                )
                return
            } catch {
                guard error.code == EBUSY else { throw error }
                usleep(UInt32(min(100 * (attempt + 1), 5000)))
            }
        }
        throw DataPlaneError(step: "RTM_NEWLINK \(name)", code: EBUSY)
    }

    /// Sets the device up and routes the peer's address to it.
    func bringUp(_ interface: PPPInterface, replacing: Bool, over route: NetlinkSocket) throws(DataPlaneError) {
        var batch = NetlinkBatch()
        batch.append(RouteMessages.bringUp(index: interfaceIndex), step: "RTM_NEWLINK \(interfaceName) up")
        batch.append(
            RouteMessages.addRoute(
                to: interface.peerAddress,
                from: interface.localAddress,
                index: interfaceIndex,
                replacing: replacing
            ),
            step: "RTM_NEWROUTE \(interface.peerAddress)"
        )
        let failures = route.perform(&batch).failures
        if let failure = failures[0] ?? failures[1] { throw failure }
    }

    /// A device about to be deleted, and where its host route leads if it has one.
    struct Corpse: Sendable {
        var index: Int
        var peerAddress: IPAddress?
    }

    /// Deletes the devices of several sessions at once, at the price of one.
    static func bury(_ corpses: [Corpse], over route: NetlinkSocket) {
        var batch = NetlinkBatch()
        for corpse in corpses {
            // A device that still has a route makes the kernel search the whole table for it.
            if let peer = corpse.peerAddress {
                batch.append(RouteMessages.removeRoute(to: peer, index: corpse.index), step: "RTM_DELROUTE")
            }
            batch.append(RouteMessages.moveToGrave(index: corpse.index), step: "RTM_NEWLINK")
            if batch.isFull { _ = route.perform(&batch) }
        }
        _ = route.perform(&batch)
        // Whatever went wrong, closing the unit deletes the device, too; only slowly.
        try? route.perform(RouteMessages.emptyGrave(), step: "RTM_DELLINK")
    }

    /// Ends unit, channel and session. Waits for grace periods: for worker threads.
    func closeAll() {
        _ = close(unit)
        _ = close(channel)
        _ = close(socket)
    }

    @discardableResult
    private static func check(_ result: Int32, _ step: String) throws(DataPlaneError) -> Int32 {
        guard result >= 0 else { throw DataPlaneError(step: step, code: -result) }
        return result
    }

    private static func opened(_ descriptor: Int32, _ step: String) throws(DataPlaneError) -> Int32 {
        try check(descriptor, step)
    }
}
