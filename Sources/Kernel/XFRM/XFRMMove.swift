// SPDX-License-Identifier: Apache-2.0
internal import CLinux
package import DataPlane
internal import Glibc
package import Primitives

/// What it takes to move the peer's end of an association, made from what the kernel says of it.
///
/// Keys, replay window and lifetimes are taken from the kernel's answer, for nobody else has them: the batches hold
/// keys and have to be performed or wiped.
package struct XFRMMove {
    package enum Kind: Hashable {
        /// The peer is there already.
        case nothing
        /// Another port: the association is told.
        case inPlace
        /// Another address: a new association takes its place.
        case replacement
    }

    package let kind: Kind
    /// The association's id afterwards.
    package let id: SecurityAssociation.ID
    /// Updates or makes the moved one.
    package var change = NetlinkBatch()
    /// Makes the one that was there.
    package var original = NetlinkBatch()

    /// The numbers the moved outbound association leaves out: packets that the old one sent since it was read must
    /// not have them, for to the peer they would be replays.
    package static let skippedSequenceNumbers: UInt32 = 1 << 16

    /// - Parameter payload: Of the kernel's answer to `XFRM_MSG_GETSA`.
    /// - Throws: If it is not what we made; if the kernel does not hand out keys, which are zero then.
    package init(
        _ payload: ArraySlice<UInt8>,
        _ direction: SecurityAssociation.Direction,
        to peer: SocketAddress
    ) throws(DataPlaneError) {
        let record = try Record(payload)
        var moved = record
        if let encapsulation = record.encapsulation {
            moved.encapsulation = encapsulation
            switch direction {
            case .inbound: moved.encapsulation?.encap_sport = peer.port.bigEndian
            case .outbound: moved.encapsulation?.encap_dport = peer.port.bigEndian
            }
        }
        let here: xfrm_address_t
        switch direction {
        case .inbound:
            here = record.state.saddr
            moved.state.saddr = xfrm_address_t(peer.address)
        case .outbound:
            here = record.state.id.daddr
            moved.state.id.daddr = xfrm_address_t(peer.address)
        }
        let isHere = xfrm_address_t.isEqual(here, xfrm_address_t(peer.address))
        let isSamePort = moved.hasPorts(of: record)
        kind = isHere ? isSamePort ? .nothing : .inPlace : .replacement
        guard let spi = ESPSPI(rawValue: UInt32(bigEndian: record.state.id.spi)),
            let destination = IPAddress(xfrm: moved.destination[...], family: record.state.family)
        else { throw Record.unreadable }
        id = SecurityAssociation.ID(destination: destination, spi: spi)
        switch kind {
        case .nothing: break
        case .inPlace: change.append(moved.message(XFRM_MSG_UPDSA), step: "XFRM_MSG_UPDSA")
        case .replacement:
            guard record.hasKeys else {
                let text = "the kernel does not hand out keys: lockdown"
                throw DataPlaneError(step: "XFRM_MSG_GETSA", code: EKEYREJECTED, text: text)
            }
            moved.continues = true
            if direction == .outbound { moved.skip(Self.skippedSequenceNumbers) }
            change.append(moved.message(XFRM_MSG_NEWSA), step: "XFRM_MSG_NEWSA")
            var old = record
            old.continues = true
            if direction == .outbound { old.skip(Self.skippedSequenceNumbers) }
            original.append(old.message(XFRM_MSG_NEWSA), step: "XFRM_MSG_NEWSA")
        }
    }

    /// Overwrites the keys.
    package mutating func wipe() {
        change.wipe()
        original.wipe()
    }
}

/// An association as the kernel tells it: attributes are windows on its answer, which belongs to the socket.
private struct Record {
    var state = xfrm_usersa_info()
    var encapsulation: xfrm_encap_tmpl?
    private var replay: xfrm_replay_state?
    private let attributes: [Int: ArraySlice<UInt8>]
    /// What was used of the lifetimes goes on counting.
    var continues = false

    static let unreadable = DataPlaneError(step: "XFRM_MSG_GETSA", code: EPROTO, text: "an answer of another form")

    /// Those that are handed on as they are; of the two forms of integrity algorithms the one that says the length.
    private static let keyed = [XFRMA_ALG_AEAD, XFRMA_ALG_CRYPT, XFRMA_ALG_AUTH_TRUNC].map { Int($0.rawValue) }
    private static let plain = [Int(XFRMA_REPLAY_ESN_VAL.rawValue), XFRMAttribute.mappingThreshold]

    init(_ payload: ArraySlice<UInt8>) throws(DataPlaneError) {
        var cursor = NetlinkCursor(payload)
        do throws(DecodeError) {
            try Self.fill(&state, from: try cursor.take(MemoryLayout<xfrm_usersa_info>.size))
            attributes = try cursor.attributes()
            if let bytes = attributes[Int(XFRMA_ENCAP.rawValue)] {
                var template = xfrm_encap_tmpl()
                try Self.fill(&template, from: bytes)
                encapsulation = template
            }
            if let bytes = attributes[Int(XFRMA_REPLAY_VAL.rawValue)] {
                var replay = xfrm_replay_state()
                try Self.fill(&replay, from: bytes)
                self.replay = replay
            }
        } catch {
            throw Self.unreadable
        }
        guard state.id.proto == UInt8(IPPROTO_ESP), Ownership.isOurs(requestID: state.reqid) else {
            throw Self.unreadable
        }
    }

    private static func fill<T>(_ structure: inout T, from bytes: ArraySlice<UInt8>) throws(DecodeError) {
        let size = MemoryLayout<T>.size
        guard bytes.count >= size else { throw .truncated(needed: size, available: bytes.count) }
        withUnsafeMutableBytes(of: &structure) { $0.copyBytes(from: bytes.prefix(size)) }
    }

    var destination: [UInt8] { withUnsafeBytes(of: state.id.daddr) { Array($0) } }

    /// The key follows an algorithm's fixed part: name, length in bits and, with some, another length.
    var hasKeys: Bool {
        var hasAny = false
        for type in Self.keyed {
            guard let value = attributes[type] else { continue }
            let fixed = type == Int(XFRMA_ALG_CRYPT.rawValue) ? 68 : 72
            guard value.dropFirst(fixed).contains(where: { $0 != 0 }) else { return false }
            hasAny = true
        }
        return hasAny
    }

    func hasPorts(of other: Record) -> Bool {
        encapsulation?.encap_sport == other.encapsulation?.encap_sport
            && encapsulation?.encap_dport == other.encapsulation?.encap_dport
    }

    mutating func skip(_ count: UInt32) {
        guard let oseq = replay?.oseq else { return }
        let (sum, isOver) = oseq.addingReportingOverflow(count)
        replay?.oseq = isOver ? .max : sum
    }

    func message(_ type: Int) -> NetlinkMessage {
        let flags = type == XFRM_MSG_NEWSA ? NLM_F_CREATE | NLM_F_EXCL : 0
        var message = NetlinkMessage(type: type, flags: flags)
        var state = state
        // Stands in the attribute, and must not stand in both.
        if attributes[Int(XFRMA_REPLAY_ESN_VAL.rawValue)] != nil { state.replay_window = 0 }
        message.append(state)
        for type in Self.keyed + Self.plain {
            if let value = attributes[type] { message.put(type, slice: value) }
        }
        if let encapsulation { message.put(Int(XFRMA_ENCAP.rawValue), structure: encapsulation) }
        if let replay { message.put(Int(XFRMA_REPLAY_VAL.rawValue), structure: replay) }
        if continues { message.put(Int(XFRMA_LTIME_VAL.rawValue), structure: state.curlft) }
        return message
    }
}

extension xfrm_address_t {
    fileprivate static func isEqual(_ a: xfrm_address_t, _ b: xfrm_address_t) -> Bool {
        withUnsafeBytes(of: a) { a in withUnsafeBytes(of: b) { a.elementsEqual($0) } }
    }
}
