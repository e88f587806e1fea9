// SPDX-License-Identifier: Apache-2.0

/// A cursor over received bytes: the one way in which bytes from the network are read.
///
/// Every read checks what is left and throws; none traps. A child structure is read through a
/// reader of its own, bounded by its declared length (``reader(_:)``), so it can never reach
/// past its end. Copying a reader costs one retain; the bytes are shared.
///
/// `@usableFromInline`, as all types with generic members on the way of a packet: without it `@inlinable` has no
/// effect in a package type, and other targets call the unspecialised function, thirty times slower.
@usableFromInline
package struct ByteReader: Sendable {
    @usableFromInline let bytes: [UInt8]
    @usableFromInline var position: Int
    @usableFromInline let end: Int

    @inlinable
    package init(_ bytes: [UInt8]) {
        self.bytes = bytes
        position = 0
        end = bytes.count
    }

    @inlinable
    package init(_ slice: ArraySlice<UInt8>) {
        self.init(Array(slice))
    }

    @inlinable
    init(_ bytes: [UInt8], from offset: Int, to end: Int) {
        self.bytes = bytes
        position = offset
        self.end = end
    }

    /// Position of the next byte, counted from the start of the whole datagram.
    @inlinable package var offset: Int { position }
    /// How many bytes are left.
    @inlinable package var remaining: Int { end - position }
    @inlinable package var isAtEnd: Bool { position == end }

    /// Takes the next `count` bytes.
    ///
    /// - Throws: ``DecodeError/truncated(needed:available:)``; the cursor then stays where it was.
    @inlinable
    package mutating func take(_ count: Int) throws(DecodeError) -> ArraySlice<UInt8> {
        guard count >= 0, count <= remaining else { throw .truncated(needed: count, available: remaining) }
        let slice = bytes[position..<position + count]
        position += count
        return slice
    }

    /// Takes the next `count` bytes as a reader of their own.
    ///
    /// - Throws: ``DecodeError/truncated(needed:available:)``; the cursor then stays where it was.
    @inlinable
    package mutating func reader(_ count: Int) throws(DecodeError) -> ByteReader {
        guard count >= 0, count <= remaining else { throw .truncated(needed: count, available: remaining) }
        let child = ByteReader(bytes, from: position, to: position + count)
        position += count
        return child
    }

    /// Takes a big-endian integer.
    @inlinable
    package mutating func integer<T: FixedWidthInteger & UnsignedInteger>(
        _: T.Type = T.self
    ) throws(DecodeError) -> T {
        let size = MemoryLayout<T>.size
        guard size <= end - position else { throw .truncated(needed: size, available: end - position) }
        var value: T = 0
        for index in position..<position + size { value = (value << 8) | T(truncatingIfNeeded: bytes[index]) }
        position += size
        return value
    }

    /// Takes everything that is left.
    @inlinable
    package mutating func rest() -> ArraySlice<UInt8> {
        defer { position = end }
        return bytes[position..<end]
    }

    /// The next byte, left in place; `nil` at the end.
    @inlinable package var next: UInt8? { position < end ? bytes[position] : nil }

    /// - Throws: ``DecodeError/trailing(_:)`` unless everything was read.
    @inlinable
    package func finish() throws(DecodeError) {
        guard isAtEnd else { throw .trailing(remaining) }
    }
}

/// Why bytes from the wire could not become a value.
@usableFromInline
package enum DecodeError: Error, Hashable, Sendable {
    case truncated(needed: Int, available: Int)
    /// A length field that cannot be right, whatever follows it.
    case invalidLength(Int)
    /// Bytes after the end of what was declared.
    case trailing(Int)
    /// A field with a value that the standard forbids; `field` is the standard's name for it.
    case invalidValue(field: String, value: UInt64)
}

extension DecodeError: CustomStringConvertible {
    @usableFromInline package var description: String {
        switch self {
        case .truncated(let needed, let available): "\(needed) bytes needed where \(available) are left"
        case .invalidLength(let length): "impossible length \(length)"
        case .trailing(let count): "\(count) bytes too many"
        case .invalidValue(let field, let value): "\(field) has the impossible value \(value)"
        }
    }
}
