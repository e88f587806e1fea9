// SPDX-License-Identifier: Apache-2.0
internal import CLinux
internal import CNetlink
internal import Glibc

/// One netlink message in the making: header, the family's fixed part, attributes. Built by libnl in a buffer of its
/// own that is wiped when the message goes away, for it may hold keys.
///
/// What is put in is ours and of known size, so running out of room is a mistake of ours and traps.
package struct NetlinkMessage: ~Copyable {
    private let message: OpaquePointer

    /// Room for everything we build; the largest is a security association with a replay window of 4,096.
    static let capacity = 2048

    /// - Parameter type: The family's message type: `XFRM_MSG_NEWSA`, say.
    package init(type: Int, flags: Int32) {
        guard let message = nlmsg_alloc_size(Self.capacity),
            nlmsg_put(message, 0, 0, Int32(type), 0, flags | NLM_F_REQUEST) != nil
        else { fatalError("no memory for a netlink message") }
        self.message = message
    }

    deinit {
        let header = nlmsg_hdr(message)
        if let header { explicit_bzero(header, Int(header.pointee.nlmsg_len)) }
        nlmsg_free(message)
    }

    /// Appends a fixed part, padded to four bytes.
    package mutating func append<Structure>(_ structure: Structure) {
        var structure = structure
        let result = withUnsafeMutableBytes(of: &structure) {
            nlmsg_append(message, $0.baseAddress, $0.count, Int32(NLMSG_ALIGNTO))
        }
        precondition(result == 0, "netlink message too long")
    }

    /// Puts an attribute of raw bytes.
    package mutating func put(_ attribute: Int, bytes: [UInt8]) {
        let result = bytes.withUnsafeBytes { nla_put(message, Int32(attribute), Int32($0.count), $0.baseAddress) }
        precondition(result == 0, "netlink message too long")
    }

    /// The same, out of a buffer of somebody else's: nothing of it stays behind.
    package mutating func put(_ attribute: Int, slice: ArraySlice<UInt8>) {
        let result = slice.withUnsafeBytes { nla_put(message, Int32(attribute), Int32($0.count), $0.baseAddress) }
        precondition(result == 0, "netlink message too long")
    }

    /// Puts a structure as an attribute, followed by `tail` bytes that `body` fills in: how the kernel writes
    /// structures with a flexible end.
    package mutating func put<Structure>(
        _ attribute: Int,
        structure: Structure,
        tail: Int = 0,
        _ body: (UnsafeMutableRawBufferPointer) -> Void = { _ in }
    ) {
        var structure = structure
        let size = MemoryLayout<Structure>.size
        guard let header = nla_reserve(message, Int32(attribute), Int32(size + tail)), let data = nla_data(header)
        else { preconditionFailure("netlink message too long") }
        withUnsafeBytes(of: &structure) { UnsafeMutableRawBufferPointer(start: data, count: size).copyMemory(from: $0) }
        let rest = UnsafeMutableRawBufferPointer(start: data + size, count: tail)
        rest.initializeMemory(as: UInt8.self, repeating: 0)
        body(rest)
    }

    package mutating func put(_ attribute: Int, u8 value: UInt8) {
        precondition(nla_put_u8(message, Int32(attribute), value) == 0, "netlink message too long")
    }

    package mutating func put(_ attribute: Int, u16 value: UInt16) {
        precondition(nla_put_u16(message, Int32(attribute), value) == 0, "netlink message too long")
    }

    /// In host order, as every family but netfilter has it.
    package mutating func put(_ attribute: Int, u32 value: UInt32) {
        precondition(nla_put_u32(message, Int32(attribute), value) == 0, "netlink message too long")
    }

    /// In network order, as netfilter has it.
    package mutating func put(_ attribute: Int, networkOrder value: UInt32) {
        put(attribute, u32: value.bigEndian)
    }

    package mutating func put(_ attribute: Int, string: String) {
        precondition(nla_put_string(message, Int32(attribute), string) == 0, "netlink message too long")
    }

    /// Puts an attribute that holds what `body` puts.
    package mutating func nest(_ attribute: Int, _ body: (inout NetlinkMessage) -> Void) {
        guard let start = nla_nest_start(message, Int32(attribute) | NLA_F_NESTED)
        else { preconditionFailure("netlink message too long") }
        body(&self)
        precondition(nla_nest_end(message, start) >= 0, "netlink message too long")
    }

    /// Appends the finished message, padded, to a batch.
    package func write(to bytes: inout [UInt8], sequence: UInt32) {
        guard let header = nlmsg_hdr(message) else { return }
        header.pointee.nlmsg_seq = sequence
        let length = Int(header.pointee.nlmsg_len)
        bytes.append(contentsOf: UnsafeRawBufferPointer(start: header, count: length))
        bytes.append(contentsOf: repeatElement(0, count: length.paddedToFour - length))
    }
}

extension Int {
    var paddedToFour: Int { (self + 3) & ~3 }
}
