// SPDX-License-Identifier: Apache-2.0
internal import Glibc

/// Key material: shared by reference, overwritten when the last holder lets go,
/// never printed, compared in constant time.
///
/// The bytes do not change after `init`, which is why sharing them is safe.
@usableFromInline
@safe package final class SecretBytes: @unchecked Sendable {
    @usableFromInline let storage: UnsafeMutableBufferPointer<UInt8>

    /// Copies `source`. The caller still owns the original, and should wipe it.
    package init(copying source: borrowing Span<UInt8>) {
        let storage = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: source.count)
        unsafe source.withUnsafeBufferPointer { _ = unsafe storage.initialize(fromContentsOf: $0) }
        unsafe self.storage = storage
    }

    /// Copies `source` and wipes it.
    @usableFromInline
    package convenience init(consuming source: inout [UInt8]) {
        self.init(copying: source.span)
        source.wipe()
    }

    @inlinable
    package convenience init(copying source: some Collection<UInt8>) {
        var bytes = Array(source)
        self.init(consuming: &bytes)
    }

    deinit {
        if let base = unsafe storage.baseAddress { unsafe explicit_bzero(base, storage.count) }
        unsafe storage.deallocate()
    }

    package var count: Int { unsafe storage.count }

    /// Lends the bytes for as long as `body` runs.
    @inlinable
    package func withBytes<R, E: Error>(_ body: (Span<UInt8>) throws(E) -> R) throws(E) -> R {
        // The span does not hold on to the object; without this a temporary could be gone before `body` ends.
        defer { withExtendedLifetime(self) {} }
        return try unsafe body(storage.span)
    }

    /// The bytes from `offset` on, as a secret of their own.
    ///
    /// - Precondition: The range lies within the secret.
    package func slice(from offset: Int, count: Int) -> SecretBytes {
        withBytes { SecretBytes(copying: $0.extracting(offset..<offset + count)) }
    }
}

extension SecretBytes: Hashable {
    @usableFromInline
    package static func == (a: SecretBytes, b: SecretBytes) -> Bool {
        guard a.count == b.count else { return false }
        var difference: UInt8 = 0
        for i in 0..<a.count { unsafe difference |= a.storage[i] ^ b.storage[i] }
        return difference == 0
    }

    /// Only the length takes part: a hash of the bytes would tell something about them.
    @usableFromInline
    package func hash(into hasher: inout Hasher) {
        hasher.combine(count)
    }
}

extension SecretBytes: CustomStringConvertible, CustomReflectable {
    @usableFromInline package var description: String { "<\(count) secret bytes>" }
    @usableFromInline package var customMirror: Mirror { Mirror(self, children: [:]) }
}

extension Array where Element == UInt8 {
    /// Overwrites the bytes in a way the compiler does not optimise away.
    package mutating func wipe() {
        unsafe withUnsafeMutableBytes { buffer in
            if let base = buffer.baseAddress { unsafe explicit_bzero(base, buffer.count) }
        }
    }

    /// Compares without telling by its duration where the difference lies.
    @inlinable
    package func equalsInConstantTime(_ other: some Collection<UInt8>) -> Bool {
        guard count == other.count else { return false }
        var difference: UInt8 = 0
        for (a, b) in zip(self, other) { difference |= a ^ b }
        return difference == 0
    }
}
