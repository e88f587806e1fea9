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
        let faults = sockets.faults
        try tunnel.make(session, l2tpFamily: l2tpFamily, over: sockets.generic)
        let socket = try attempt("socket(PX_PROTO_OL2TP)", faults) { culvert_pppol2tp_socket() }
        do throws(DataPlaneError) {
            try attempt("connect(PX_PROTO_OL2TP)", faults) {
                culvert_pppol2tp_connect(
                    socket,
                    tunnel.descriptor,
                    tunnel.family,
                    UInt16(truncatingIfNeeded: session.id.tunnel),
                    UInt16(truncatingIfNeeded: session.id.session),
                    UInt16(truncatingIfNeeded: session.peerID.tunnel),
                    UInt16(truncatingIfNeeded: session.peerID.session)
                )
            }
            if session.usesSequenceNumbers {
                try attempt("PPPOL2TP_SO_SENDSEQ", faults) { culvert_pppol2tp_use_sequence_numbers(socket) }
            }
            return try attach(socket, mtu: session.mtu, interfaceName: interfaceName, over: sockets)
        } catch {
            _ = close(socket)
            throw error
        }
    }

    private static func attach(
        _ socket: Int32,
        mtu: Int,
        interfaceName: String,
        over sockets: WorkerSockets
    ) throws(DataPlaneError) -> KernelSession {
        let (route, faults) = (try sockets.route, sockets.faults)
        let number = try attempt("PPPIOCGCHAN", faults) { culvert_ppp_channel_number(socket) }
        let channel = try attempt("open(/dev/ppp)", faults) { culvert_ppp_open() }
        let unit: Int32
        do throws(DataPlaneError) {
            unit = try attempt("open(/dev/ppp)", faults) { culvert_ppp_open() }
        } catch {
            _ = close(channel)
            throw error
        }
        do throws(DataPlaneError) {
            let (name, index) = try deviceLock.withLock { _ throws(DataPlaneError) in
                try attempt("PPPIOCATTCHAN", faults) { culvert_ppp_attach_channel(channel, number) }
                let name = try addUnit(unit, name: interfaceName, mtu: mtu, over: route)
                let unitNumber = try attempt("PPPIOCGUNIT", faults) { culvert_ppp_unit_number(unit) }
                try attempt("PPPIOCCONNECT", faults) { culvert_ppp_connect(channel, unitNumber) }
                return (name, try attempt("SIOCGIFINDEX", faults) { culvert_interface_index(route.descriptor, name) })
            }
            return KernelSession(
                socket: socket,
                channel: channel,
                unit: unit,
                interfaceName: name,
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

    /// Makes the unit's device. Where somebody else has the name it gets another.
    ///
    /// - Returns: The name it got.
    private static func addUnit(
        _ descriptor: Int32,
        name: String,
        mtu: Int,
        over route: NetlinkSocket
    ) throws(DataPlaneError) -> String {
        for alternative in [name, "\(name)_1", "\(name)_2"] {
            do throws(DataPlaneError) {
                try addUnit(descriptor, exactly: alternative, mtu: mtu, over: route)
                return alternative
            } catch {
                guard error.isExists else { throw error }
            }
        }
        throw DataPlaneError(step: "RTM_NEWLINK \(name)", code: EEXIST)
    }

    /// The kernel gives up at once when another process, pppd say, uses /dev/ppp at the moment.
    private static func addUnit(
        _ descriptor: Int32,
        exactly name: String,
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

    /// Sets the device up and routes the peer's address to it; both or neither.
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
        guard let failure = failures[0] ?? failures[1] else { return }
        var undoing = NetlinkBatch()
        if failures[1] == nil {
            let removal = RouteMessages.removeRoute(to: interface.peerAddress, index: interfaceIndex)
            undoing.append(removal, step: "RTM_DELROUTE")
        }
        if failures[0] == nil {
            undoing.append(RouteMessages.bringDown(index: interfaceIndex), step: "RTM_NEWLINK down")
        }
        _ = route.perform(&undoing)
        throw failure
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
        // Whatever goes wrong, closing the unit deletes the device, too; only slowly.
        for attempt in 1...3 {
            do throws(DataPlaneError) {
                try route.perform(RouteMessages.emptyGrave(), step: "RTM_DELLINK")
                return
            } catch {
                // With ENODEV there was none left.
                guard error.code == EBUSY || error.code == ENOMEM else { return }
                usleep(UInt32(attempt * 1000))
            }
        }
    }

    /// Ends unit, channel and session. Waits for grace periods: for worker threads.
    func closeAll() {
        _ = close(unit)
        _ = close(channel)
        _ = close(socket)
    }
}
