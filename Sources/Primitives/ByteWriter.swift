// SPDX-License-Identifier: Apache-2.0

/// Growing output. Lengths are patched after what they measure was written, never computed by hand.
@usableFromInline
package struct ByteWriter: Sendable {
    @usableFromInline var storage: [UInt8] = []
    @inlinable package var bytes: [UInt8] { storage }

    @inlinable
    package init(reservingCapacity capacity: Int = 0) {
        storage.reserveCapacity(capacity)
    }

    @inlinable package var count: Int { storage.count }

    /// Appends a big-endian integer.
    @inlinable
    package mutating func integer<T: FixedWidthInteger & UnsignedInteger>(_ value: T) {
        for shift in stride(from: T.bitWidth - 8, through: 0, by: -8) {
            storage.append(UInt8(truncatingIfNeeded: value >> T(truncatingIfNeeded: shift)))
        }
    }

    @inlinable
    package mutating func append(_ more: some Sequence<UInt8>) {
        storage.append(contentsOf: more)
    }

    package mutating func append(_ secret: SecretBytes) {
        secret.withBytes { span in
            for index in span.indices { storage.append(span[index]) }
        }
    }

    package mutating func zeros(_ count: Int) {
        storage.append(contentsOf: repeatElement(0, count: count))
    }

    /// Runs `body`, then writes into the 16-bit field `position` bytes after the start of what
    /// `body` wrote how long that is, the field included. The bits of `flags` are kept above it.
    ///
    /// - Precondition: `body` writes at least the field and no more than the bits free of `flags` can count.
    @inlinable
    package mutating func lengthDelimited(
        lengthAt position: Int,
        flags: UInt16 = 0,
        _ body: (inout ByteWriter) -> Void
    ) {
        let start = storage.count
        body(&self)
        let length = storage.count - start
        precondition(length >= position + 2 && length <= 0xFFFF, "no room for the length field")
        let field = UInt16(length)
        precondition(field & flags == 0, "length \(length) runs into the flags")
        overwrite(field | flags, at: start + position)
    }

    /// - Precondition: The integer lies within what was written.
    @inlinable
    package mutating func overwrite<T: FixedWidthInteger & UnsignedInteger>(_ value: T, at offset: Int) {
        for (index, shift) in stride(from: T.bitWidth - 8, through: 0, by: -8).enumerated() {
            storage[offset + index] = UInt8(truncatingIfNeeded: value >> T(truncatingIfNeeded: shift))
        }
    }
}
