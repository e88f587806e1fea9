// SPDX-License-Identifier: Apache-2.0
package import Primitives

/// A cursor over bytes from the kernel: messages, fixed parts and attributes, in host order.
///
/// The kernel is trusted to mean well, not to have our version: everything is bounded, nothing traps.
package struct NetlinkCursor {
    private let bytes: ArraySlice<UInt8>
    private var offset: Int

    package init(_ bytes: ArraySlice<UInt8>) {
        self.bytes = bytes
        offset = bytes.startIndex
    }

    package var remaining: Int { bytes.endIndex - offset }

    package mutating func take(_ count: Int) throws(DecodeError) -> ArraySlice<UInt8> {
        guard count >= 0, count <= remaining else { throw .truncated(needed: count, available: remaining) }
        defer { offset += count }
        return bytes[offset..<offset + count]
    }

    /// Takes an integer in host order.
    package mutating func integer<T: FixedWidthInteger & UnsignedInteger>(_: T.Type = T.self) throws(DecodeError) -> T {
        T(hostOrder: try take(MemoryLayout<T>.size))
    }

    /// Takes an integer in network order.
    package mutating func networkInteger<T: FixedWidthInteger & UnsignedInteger>(
        _: T.Type = T.self
    ) throws(DecodeError) -> T {
        T(bigEndian: try integer())
    }

    package mutating func skip(_ count: Int) throws(DecodeError) {
        _ = try take(count)
    }

    package mutating func rest() -> ArraySlice<UInt8> {
        defer { offset = bytes.endIndex }
        return bytes[offset...]
    }

    /// Skips the padding after something of `length` bytes; at the very end there may be none.
    private mutating func skipPadding(after length: Int) {
        offset += min(length.paddedToFour - length, remaining)
    }

    /// Takes the next message; `nil` at the end.
    package mutating func message() throws(DecodeError) -> NetlinkReply? {
        guard remaining > 0 else { return nil }
        var header = self
        let length = Int(try header.integer(UInt32.self))
        guard length >= NetlinkReply.headerLength else { throw .invalidLength(length) }
        let type = try header.integer(UInt16.self)
        let flags = try header.integer(UInt16.self)
        let sequence = try header.integer(UInt32.self)
        let payload = try take(length).dropFirst(NetlinkReply.headerLength)
        skipPadding(after: length)
        return NetlinkReply(type: type, flags: flags, sequence: sequence, payload: payload)
    }

    /// Takes the next attribute; `nil` at the end.
    package mutating func attribute() throws(DecodeError) -> (type: Int, value: ArraySlice<UInt8>)? {
        guard remaining > 0 else { return nil }
        var header = self
        let length = Int(try header.integer(UInt16.self))
        guard length >= 4 else { throw .invalidLength(length) }
        // The two highest bits are flags: nested, network order.
        let type = Int(try header.integer(UInt16.self) & 0x3FFF)
        let value = try take(length).dropFirst(4)
        skipPadding(after: length)
        return (type, value)
    }

    /// Takes all attributes that are left; of several of one type the last counts.
    package mutating func attributes() throws(DecodeError) -> [Int: ArraySlice<UInt8>] {
        var all: [Int: ArraySlice<UInt8>] = [:]
        while let (type, value) = try attribute() { all[type] = value }
        return all
    }
}

/// A message of the kernel's, without its header.
package struct NetlinkReply {
    package static let headerLength = 16
    /// `NLMSG_ERROR` and `NLMSG_DONE`; the families' own types begin at 16.
    package static let errorType: UInt16 = 2
    package static let doneType: UInt16 = 3

    package var type: UInt16
    package var flags: UInt16
    package var sequence: UInt32
    package var payload: ArraySlice<UInt8>
}

extension FixedWidthInteger where Self: UnsignedInteger {
    /// From the bytes as they lie in memory; missing ones are zero.
    init(hostOrder bytes: ArraySlice<UInt8>) {
        var value: Self = 0
        withUnsafeMutableBytes(of: &value) { $0.copyBytes(from: bytes.prefix($0.count)) }
        self = value
    }
}
