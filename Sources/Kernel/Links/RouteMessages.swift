// SPDX-License-Identifier: Apache-2.0
internal import CLinux
package import DataPlane
internal import Glibc
package import Primitives

/// Builds the requests about devices, addresses and routes.
package enum RouteMessages {
    /// A PPP unit around a descriptor of /dev/ppp; it stays down.
    package static func addUnit(name: String, mtu: Int, descriptor: Int32) -> NetlinkMessage {
        var message = link(Int32(NLM_F_CREATE | NLM_F_EXCL), type: RTM_NEWLINK)
        message.put(IFLA_IFNAME, string: name)
        message.put(IFLA_MTU, u32: UInt32(mtu))
        message.put(IFLA_GROUP, u32: Ownership.liveGroup)
        message.nest(IFLA_LINKINFO) {
            $0.put(IFLA_INFO_KIND, string: "ppp")
            $0.nest(IFLA_INFO_DATA) {
                $0.put(1, u32: UInt32(bitPattern: descriptor))  // IFLA_PPP_DEV_FD
            }
        }
        return message
    }

    /// A device that leads nowhere: what bears the gateway's inner addresses.
    package static func addDummy(name: String, isUp: Bool) -> NetlinkMessage {
        var message = link(Int32(NLM_F_CREATE | NLM_F_EXCL), type: RTM_NEWLINK, isUp: isUp)
        message.put(IFLA_IFNAME, string: name)
        message.put(IFLA_GROUP, u32: Ownership.liveGroup)
        message.nest(IFLA_LINKINFO) { $0.put(IFLA_INFO_KIND, string: "dummy") }
        return message
    }

    package static func bringUp(index: Int) -> NetlinkMessage {
        link(0, type: RTM_NEWLINK, index: index, isUp: true)
    }

    package static func setMTU(_ mtu: Int, index: Int) -> NetlinkMessage {
        var message = link(0, type: RTM_NEWLINK, index: index)
        message.put(IFLA_MTU, u32: UInt32(clamping: mtu))
        return message
    }

    package static func bringDown(index: Int) -> NetlinkMessage {
        link(0, type: RTM_NEWLINK, index: index, isUp: false, changesState: true)
    }

    package static func moveToGrave(index: Int) -> NetlinkMessage {
        var message = link(0, type: RTM_NEWLINK, index: index)
        message.put(IFLA_GROUP, u32: Ownership.graveGroup)
        return message
    }

    /// Deletes everything in the grave group in one go: one grace period for all of it.
    package static func emptyGrave() -> NetlinkMessage {
        var message = link(0, type: RTM_DELLINK)
        message.put(IFLA_GROUP, u32: Ownership.graveGroup)
        return message
    }

    package static func remove(index: Int) -> NetlinkMessage {
        link(0, type: RTM_DELLINK, index: index)
    }

    package static func listLinks() -> NetlinkMessage {
        var message = link(Int32(NLM_F_DUMP), type: RTM_GETLINK)
        message.put(IFLA_EXT_MASK, u32: 8)  // RTEXT_FILTER_SKIP_STATS
        return message
    }

    /// An address alone, without a network around it.
    package static func addAddress(_ address: IPAddress, index: Int) -> NetlinkMessage {
        var message = localAddress(address, index: index, Int32(NLM_F_CREATE | NLM_F_REPLACE), type: RTM_NEWADDR)
        message.put(IFA_ADDRESS, bytes: address.bytes)
        return message
    }

    package static func removeAddress(_ address: IPAddress, index: Int) -> NetlinkMessage {
        localAddress(address, index: index, 0, type: RTM_DELADDR)
    }

    private static func localAddress(_ address: IPAddress, index: Int, _ flags: Int32, type: Int) -> NetlinkMessage {
        var message = NetlinkMessage(type: type, flags: flags)
        var body = ifaddrmsg()
        body.ifa_family = UInt8(address.addressFamily)
        body.ifa_prefixlen = UInt8(address.bitWidth)
        body.ifa_index = UInt32(index)
        message.append(body)
        message.put(IFA_LOCAL, bytes: address.bytes)
        return message
    }

    /// The host route to a peer.
    ///
    /// - Parameter replacing: Whether a route to the same address may give way.
    package static func addRoute(
        to peer: IPAddress,
        from local: IPAddress,
        index: Int,
        replacing: Bool
    ) -> NetlinkMessage {
        let flags = NLM_F_CREATE | (replacing ? NLM_F_REPLACE : NLM_F_EXCL)
        var message = NetlinkMessage(type: Int(RTM_NEWROUTE), flags: Int32(flags))
        var body = rtmsg()
        body.rtm_family = UInt8(peer.addressFamily)
        body.rtm_dst_len = UInt8(peer.bitWidth)
        body.rtm_table = UInt8(RT_TABLE_MAIN.rawValue)
        body.rtm_protocol = Ownership.routeProtocol
        body.rtm_scope = UInt8(peer.isV4 ? RT_SCOPE_LINK.rawValue : RT_SCOPE_UNIVERSE.rawValue)
        body.rtm_type = UInt8(RTN_UNICAST)
        message.append(body)
        message.put(Int(RTA_DST.rawValue), bytes: peer.bytes)
        message.put(Int(RTA_OIF.rawValue), u32: UInt32(index))
        message.put(Int(RTA_PREFSRC.rawValue), bytes: local.bytes)
        return message
    }

    package static func removeRoute(to peer: IPAddress, index: Int) -> NetlinkMessage {
        var message = NetlinkMessage(type: Int(RTM_DELROUTE), flags: 0)
        var body = rtmsg()
        body.rtm_family = UInt8(peer.addressFamily)
        body.rtm_dst_len = UInt8(peer.bitWidth)
        body.rtm_table = UInt8(RT_TABLE_MAIN.rawValue)
        body.rtm_protocol = Ownership.routeProtocol
        body.rtm_scope = UInt8(RT_SCOPE_NOWHERE.rawValue)
        message.append(body)
        message.put(Int(RTA_DST.rawValue), bytes: peer.bytes)
        message.put(Int(RTA_OIF.rawValue), u32: UInt32(index))
        return message
    }

    /// The 64-bit counters of one device; of all with index 0.
    package static func statistics(index: Int) -> NetlinkMessage {
        var message = NetlinkMessage(type: Int(RTM_GETSTATS), flags: index == 0 ? Int32(NLM_F_DUMP) : 0)
        var body = if_stats_msg()
        body.ifindex = UInt32(index)
        body.filter_mask = 1  // IFLA_STATS_LINK_64
        message.append(body)
        return message
    }

    private static func link(
        _ flags: Int32,
        type: Int,
        index: Int = 0,
        isUp: Bool = false,
        changesState: Bool = false
    ) -> NetlinkMessage {
        var message = NetlinkMessage(type: type, flags: flags)
        var body = ifinfomsg()
        body.ifi_index = Int32(index)
        if isUp { body.ifi_flags = UInt32(IFF_UP) }
        if isUp || changesState { body.ifi_change = UInt32(IFF_UP) }
        message.append(body)
        return message
    }
}

/// What a dump of devices says of one of them.
package struct LinkRecord: Hashable {
    package var index: Int
    package var name: String
    package var group: UInt32
    /// `ppp`, `dummy`; `nil` for hardware.
    package var kind: String?

    package init(_ payload: ArraySlice<UInt8>) throws(DecodeError) {
        var cursor = NetlinkCursor(payload)
        try cursor.skip(4)  // family, type
        index = Int(try cursor.integer(UInt32.self))
        try cursor.skip(8)  // flags, change
        let attributes = try cursor.attributes()
        name = Self.text(attributes[IFLA_IFNAME]) ?? ""
        group = attributes[IFLA_GROUP].map { UInt32(hostOrder: $0) } ?? 0
        if let details = attributes[IFLA_LINKINFO] {
            var inner = NetlinkCursor(details)
            kind = Self.text(try inner.attributes()[IFLA_INFO_KIND])
        }
    }

    private static func text(_ bytes: ArraySlice<UInt8>?) -> String? {
        bytes.map { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    }

    /// Whether a culvertd made it: group, kind and name must all be ours.
    package var isOurs: Bool {
        guard group == Ownership.liveGroup || group == Ownership.graveGroup else { return false }
        guard kind == "ppp" || kind == "dummy" else { return false }
        return name == Ownership.gatewayDevice || name.hasPrefix(Ownership.unitPrefix)
    }
}

extension TrafficCounters {
    /// From the payload of RTM_NEWSTATS.
    ///
    /// - Returns: The device's index, too; `nil` if the message has no counters.
    package static func decode(_ payload: ArraySlice<UInt8>) -> (index: Int, counters: TrafficCounters)? {
        var cursor = NetlinkCursor(payload)
        guard (try? cursor.skip(4)) != nil, let index = try? cursor.integer(UInt32.self),
            (try? cursor.skip(4)) != nil, let value = (try? cursor.attributes())?[1]
        else { return nil }
        var fields = NetlinkCursor(value)
        guard let receivedPackets = try? fields.integer(UInt64.self),
            let sentPackets = try? fields.integer(UInt64.self),
            let receivedBytes = try? fields.integer(UInt64.self), let sentBytes = try? fields.integer(UInt64.self)
        else { return nil }
        let counters = TrafficCounters(
            receivedPackets: receivedPackets,
            receivedBytes: receivedBytes,
            sentPackets: sentPackets,
            sentBytes: sentBytes
        )
        return (Int(index), counters)
    }
}
