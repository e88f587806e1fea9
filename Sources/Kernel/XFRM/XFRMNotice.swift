// SPDX-License-Identifier: Apache-2.0
internal import CLinux
package import DataPlane
package import Primitives

/// What the kernel tells about security associations on its own. Read by hand: libnl-xfrm 3.7 takes the attributes of
/// some of these messages from the wrong place, and does not know others.
package enum XFRMNotice {
    /// The multicast groups in which they come: XFRMNLGRP_EXPIRE, XFRMNLGRP_SA and XFRMNLGRP_MAPPING. Not ACQUIRE, for
    /// with a listener the kernel makes a larval association that holds the flow up; not AEVENTS, for they are many.
    package static let groups: [Int32] = [2, 3, 8]

    /// The notices in one datagram of the kernel's. Messages of other types, of associations that are not ESP or not
    /// ours, and everything after a malformed one are left out. Of a removed association the request id is not known:
    /// whose it was is for the owner to say.
    package static func notices(in datagram: ArraySlice<UInt8>) -> [DataPlaneNotice] {
        var notices: [DataPlaneNotice] = []
        var cursor = NetlinkCursor(datagram)
        while let message = try? cursor.message() {
            switch Int(message.type) {
            case Int(XFRM_MSG_EXPIRE):
                if let notice = try? expiry(message.payload) { notices.append(notice) }
            case Int(XFRM_MSG_MAPPING):
                if let notice = try? mapping(message.payload) { notices.append(notice) }
            case Int(XFRM_MSG_DELSA):
                if let notice = try? removal(message.payload) { notices.append(notice) }
            case Int(XFRM_MSG_FLUSHSA):
                if let notice = try? flush(message.payload) { notices.append(notice) }
            default: continue
            }
        }
        return notices
    }

    /// `struct xfrm_user_expire`: the association, then one byte.
    private static func expiry(_ payload: ArraySlice<UInt8>) throws(DecodeError) -> DataPlaneNotice? {
        var cursor = NetlinkCursor(payload)
        let state = try XFRMState(from: &cursor)
        let hard = try cursor.integer(UInt8.self)
        guard let id = state.id, Ownership.isOurs(requestID: state.requestID) else { return nil }
        return .expired(id, requestID: state.requestID, isHard: hard != 0)
    }

    /// `struct xfrm_usersa_id`, then attributes.
    private static func removal(_ payload: ArraySlice<UInt8>) throws(DecodeError) -> DataPlaneNotice? {
        var cursor = NetlinkCursor(payload)
        let destination = try cursor.take(16)
        let spi = try cursor.networkInteger(UInt32.self)
        let family = try cursor.integer(UInt16.self)
        let proto = try cursor.integer(UInt8.self)
        return SecurityAssociation.ID(esp: proto, spi: spi, destination: destination, family: family)
            .map { .vanished(.association($0)) }
    }

    /// `struct xfrm_usersa_flush`: all associations of a protocol are gone, or of all protocols.
    private static func flush(_ payload: ArraySlice<UInt8>) throws(DecodeError) -> DataPlaneNotice? {
        var cursor = NetlinkCursor(payload)
        let proto = try cursor.integer(UInt8.self)
        return proto == 0 || proto == 50 || proto == 255 ? .noticesLost : nil
    }

    /// `struct xfrm_user_mapping`
    private static func mapping(_ payload: ArraySlice<UInt8>) throws(DecodeError) -> DataPlaneNotice? {
        var cursor = NetlinkCursor(payload)
        let destination = try cursor.take(16)
        let spi = try cursor.networkInteger(UInt32.self)
        let family = try cursor.integer(UInt16.self)
        let proto = try cursor.integer(UInt8.self)
        try cursor.skip(1)
        let requestID = try cursor.integer(UInt32.self)
        try cursor.skip(16)  // the old address
        let source = try cursor.take(16)
        try cursor.skip(2)  // the old port
        let port = try cursor.networkInteger(UInt16.self)
        guard Ownership.isOurs(requestID: requestID),
            let id = SecurityAssociation.ID(esp: proto, spi: spi, destination: destination, family: family),
            let address = IPAddress(xfrm: source, family: family)
        else { return nil }
        return .mappingChanged(id, requestID: requestID, to: SocketAddress(address, port: port))
    }
}

/// `struct xfrm_usersa_info` as far as we look at it.
package struct XFRMState {
    /// `nil` unless it is ESP.
    package var id: SecurityAssociation.ID?
    package var requestID: UInt32
    package var isTransport: Bool
    /// Whether the selector matches everything, as in ours.
    package var isSelectorEmpty: Bool

    package init(from cursor: inout NetlinkCursor) throws(DecodeError) {
        let selector = try cursor.take(56)
        let destination = try cursor.take(16)
        let spi = try cursor.networkInteger(UInt32.self)
        let proto = try cursor.integer(UInt8.self)
        try cursor.skip(3)
        try cursor.skip(16)  // source
        try cursor.skip(64 + 32 + 12)  // lifetimes, what is used of them, statistics
        try cursor.skip(4)  // sequence number of acquire
        requestID = try cursor.integer()
        let family = try cursor.integer(UInt16.self)
        let mode = try cursor.integer(UInt8.self)
        try cursor.skip(1 + 1 + 7)  // replay window, flags, padding
        id = SecurityAssociation.ID(esp: proto, spi: spi, destination: destination, family: family)
        isTransport = mode == 0
        // Addresses and ports; the family is filled in, prefix lengths, protocol, interface and user follow.
        isSelectorEmpty = selector.prefix(40).allSatisfy { $0 == 0 } && selector.dropFirst(42).allSatisfy { $0 == 0 }
    }

    /// Whether a culvertd made it that is no more: a form nobody else uses.
    package var isLeftover: Bool { isTransport && isSelectorEmpty && Ownership.isOurs(requestID: requestID) }
}

extension SecurityAssociation.ID {
    /// `nil` unless `proto` is ESP and the rest is possible.
    fileprivate init?(esp proto: UInt8, spi: UInt32, destination: ArraySlice<UInt8>, family: UInt16) {
        guard proto == 50, let spi = ESPSPI(rawValue: spi),
            let destination = IPAddress(xfrm: destination, family: family)
        else { return nil }
        self.init(destination: destination, spi: spi)
    }
}
